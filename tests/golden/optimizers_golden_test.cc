// A hundred steps of the optimizer plugins against those of another implementation
// (make_optimizers.py), in f64 and in f32: the host's training programs on the backends of the
// processor, whose memory holds parameters, gradients and states from step to step.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/passes/place.h"
#include "core/plugin/plugin_host.h"
#include "core/program/rewrite.h"
#include "core/runtime/executable.h"
#include "core/train/accumulate.h"
#include "core/train/update.h"
#include "tests/golden/golden_case.h"
#include "tests/support/devices.h"

namespace flame::golden_test {
namespace {

using testing_support::numbers_of;
using testing_support::tensor_of;

constexpr double kTolerance = 1e-12;
constexpr double kF32Tolerance = 1e-5;
constexpr int64_t kSteps = 100;

const std::vector<std::pair<std::string, Shape>> kParameters = {
    {"w1", Shape{5, 3}}, {"b1", Shape{5}}, {"w2", Shape{2, 5}}, {"b2", Shape{2}}};

HostTensor scalar(double value, DType dtype) {
  return tensor_of({dtype, Shape()}, {value});
}

// The network of make_optimizers.py.
Program network(DType dtype) {
  ProgramBuilder builder;
  const ValueId x = builder.input("x", {dtype, Shape{4, 3}});
  const ValueId target = builder.input("target", {dtype, Shape{4, 2}});
  std::map<std::string, ValueId> p;
  for (const auto &[name, shape] : kParameters)
    p[name] = builder.parameter(name, {dtype, shape}, true);
  const auto op = [&](std::string_view name, std::vector<ValueId> inputs) {
    return builder.add(name, inputs, {})[0];
  };
  const ValueId hidden = op("gelu", {op("linear", {x, p["w1"], p["b1"]})});
  builder.output("loss", op("mse", {op("linear", {hidden, p["w2"], p["b2"]}), target}));
  return *builder.finish();
}

// One network, one optimizer, and their memory.
class Training {
 public:
  Training(const Json &json, PluginHost &host, DType dtype = DType::kF64,
           const std::string &backend = "reference")
      : json_(json), dtype_(dtype), device_(testing_support::device(backend)), store_(device_) {
    note(build(host));
    if (failure_.empty()) note(fill_memory());
  }

  const std::string &failure() const { return failure_; }
  double loss() { return read("loss", *accumulate_, scalar(0, dtype_))[0]; }
  double norm() { return read(std::string(kGradientNormName), *update_, scalar(0, dtype_))[0]; }

  void step(int64_t index) {
    for (int64_t part = 0; part < micro_batches(); ++part) note(add_batch(index, part));
    note(take_step(index));
  }

  std::vector<double> parameter(const std::string &name) {
    for (const FlatGroup &group : layout_) {
      const std::vector<double> flat =
          read(parameters_name(group.name), *update_, zeros({dtype_, group.shape()}));
      for (const FlatSlice &part : group.slices) {
        if (part.parameter != name) continue;
        const auto start = flat.begin() + part.offset;
        return {start, start + part.type.shape.element_count()};
      }
    }
    return {};
  }

 private:
  int64_t micro_batches() const { return json_.find("micro") ? *json_.find("micro")->as_int() : 1; }
  bool clips() const { return json_.find("max_norm") != nullptr; }
  static HostTensor zeros(const TensorType &type, double value = 0) {
    const auto count = static_cast<size_t>(type.shape.element_count());
    return tensor_of(type, std::vector<double>(count, value));
  }

  void note(const Status &status) {
    if (!status.ok() && failure_.empty()) failure_ = status.error().text();
  }

  Status build(PluginHost &host) {
    const Program model = network(dtype_);
    FLAME_ASSIGN(layout_, flat_layout(model, groups()));
    FLAME_ASSIGN(const AccumulateProgram accumulate,
                 build_accumulate(model, {"loss", layout_, dtype_}));
    FLAME_ASSIGN(const PluginOptimizer optimizer, start_optimizer(host));
    UpdateRequest request{{}, dtype_, clips()};
    for (const FlatGroup &group : layout_) request.groups.push_back({group, &optimizer});
    FLAME_ASSIGN(const UpdateProgram update, build_update(request));
    states_ = update.states;
    FLAME_ASSIGN(accumulate_, executable(accumulate.program, accumulate.placement));
    FLAME_ASSIGN(update_, executable(update.program, update.placement));
    FLAME_ASSIGN(stream_, device_.create_stream());
    return {};
  }

  Result<std::unique_ptr<Executable>> executable(const Program &program,
                                                 const PlaceRequest &placement) {
    FLAME_TRY(validate(program));
    FLAME_ASSIGN(const Program plain, expand_all(program));
    FLAME_ASSIGN(PlacedProgram placed, place(plain, device_, placement));
    return Executable::make(std::move(placed), store_);
  }

  std::vector<TrainedGroup> groups() {
    const Json *list = json_.find("groups");
    rates_.assign(1, 1.0);
    if (!list) return {};
    rates_.clear();
    std::vector<TrainedGroup> groups;
    for (const Json &group : *list->as_array()) {
      groups.push_back({"group" + std::to_string(groups.size()), {}});
      for (const Json &name : *group.find("parameters")->as_array())
        groups.back().parameters.push_back(*name.as_string());
      rates_.push_back(group.find("rate")->as_number());
    }
    return groups;
  }

  // The case's options over the defaults of the component.
  Result<PluginOptimizer> start_optimizer(PluginHost &host) {
    const Catalogue catalogue = Catalogue::scan({FLAME_PLUGINS});
    const std::string name = *json_.find("optimizer")->as_string();
    FLAME_ASSIGN(const Catalogue::Match match, catalogue.find("optimizer", name));
    FLAME_ASSIGN(const StartedComponent started, host.start(match));
    AttributeList options;
    for (const OptionSpec &spec : started.component->options) {
      OptionValue value = default_value(spec);
      if (const Json *given = json_.find("options")->find(spec.name)) {
        value.items.clear();
        const Json::Array single = {*given};
        for (const Json &item : given->as_array() ? *given->as_array() : single) {
          value.items.push_back(item.as_bool() ? Scalar(*item.as_bool())
                                               : Scalar(item.as_number()));
        }
      }
      options.add(spec, value);
    }
    return PluginOptimizer::create(started.table<flame_optimizer_interface>(), started.plugin->id(),
                                   name, options);
  }

  Status write(const Executable &program, const std::string &name, const HostTensor &tensor) {
    FLAME_TRY(program.write(stream_, name, tensor.bytes));
    return stream_.synchronize();
  }
  std::vector<double> read(const std::string &name, const Executable &program, HostTensor tensor) {
    note(program.read(stream_, name, tensor.bytes));
    note(stream_.synchronize());
    return numbers_of(tensor);
  }

  Status fill_memory() {
    for (const FlatGroup &group : layout_) {
      std::vector<double> flat(static_cast<size_t>(group.size), 0.0);
      for (const FlatSlice &part : group.slices) {
        const auto known =
            std::ranges::find(kParameters, part.parameter, &std::pair<std::string, Shape>::first);
        const Draw draw{part.type, known - kParameters.begin() + 1, 1 << 20, -0.5, 0x1p-20};
        std::ranges::copy(numbers_of(draw.tensor()), flat.begin() + part.offset);
      }
      const TensorType type{dtype_, group.shape()};
      FLAME_TRY(write(*update_, parameters_name(group.name), tensor_of(type, flat)));
      // What a sum begins with must not matter.
      FLAME_TRY(write(*update_, gradient_name(group.name), zeros(type, std::nan(""))));
    }
    for (const StateBuffer &state : states_)
      FLAME_TRY(write(*update_, state.name, zeros(state.type, state.initial)));
    const double micro = static_cast<double>(micro_batches());
    FLAME_TRY(write(*update_, std::string(kStepName), scalar(0, DType::kI64)));
    FLAME_TRY(write(*accumulate_, std::string(kLossScaleName), scalar(8, dtype_)));
    FLAME_TRY(write(*update_, std::string(kDivisorName), scalar(8 * micro, dtype_)));
    if (!clips()) return {};
    const double max_norm = json_.find("max_norm")->as_number();
    return write(*update_, std::string(kMaxNormName), scalar(max_norm, dtype_));
  }

  Status add_batch(int64_t step, int64_t part) {
    const int64_t seed = 1000 + 2 * (step * micro_batches() + part);
    const auto batch = [&](int64_t from, const Shape &shape) {
      return Draw{{dtype_, shape}, from, 1 << 20, -2, 0x1p-18}.tensor();
    };
    FLAME_TRY(write(*accumulate_, "x", batch(seed, Shape{4, 3})));
    FLAME_TRY(write(*accumulate_, "target", batch(seed + 1, Shape{4, 2})));
    FLAME_TRY(
        write(*accumulate_, std::string(kFirstName), scalar(part == 0 ? 1 : 0, DType::kBool)));
    return accumulate_->run(stream_);
  }

  Status take_step(int64_t index) {
    for (size_t g = 0; g < layout_.size(); ++g) {
      const double rate = json_.find("rate")->as_number() * rates_[g] *
                          (1 - static_cast<double>(index) / (2.0 * kSteps));
      FLAME_TRY(write(*update_, learning_rate_name(layout_[g].name), scalar(rate, dtype_)));
    }
    return update_->run(stream_);
  }

  const Json &json_;
  DType dtype_;
  Device &device_;
  TensorStore store_;
  std::vector<FlatGroup> layout_;
  std::vector<double> rates_;
  std::vector<StateBuffer> states_;
  std::unique_ptr<Executable> accumulate_;
  std::unique_ptr<Executable> update_;
  DeviceStream stream_;
  std::string failure_;
};

class OptimizerGolden : public testing::TestWithParam<Json> {
 protected:
  OptimizerGolden() : host_(settings()) {}
  ~OptimizerGolden() override {
    std::error_code ignored;
    std::filesystem::remove_all(verdicts(), ignored);
  }

  static std::filesystem::path verdicts() {
    return std::filesystem::path(testing::TempDir()) / ("flame-golden-" + std::to_string(getpid()));
  }
  static PluginHost::Settings settings() {
    return {.lock = {}, .verdicts = VerdictCache(verdicts()), .trial = {}};
  }

  PluginHost host_;

  // The largest error over everything that was kept on the way, relative to its largest number.
  void compare(DType dtype, double tolerance, const std::string &backend = "reference") {
    Training training(GetParam(), host_, dtype, backend);
    ASSERT_EQ(training.failure(), "");
    double worst = 0;
    const auto expect = [&](const std::vector<double> &seen, const std::vector<double> &expected) {
      const double error = relative_error(seen, expected);
      EXPECT_LE(error, tolerance);
      worst = std::max(worst, error);
    };
    int64_t step = 0;
    for (const Json &kept : *GetParam().find("kept")->as_array()) {
      while (step < *kept.find("step")->as_int()) training.step(step++);
      ASSERT_EQ(training.failure(), "");
      SCOPED_TRACE("after step " + std::to_string(step));
      for (const auto &[name, numbers] : *kept.find("parameters")->as_object()) {
        SCOPED_TRACE(name);
        expect(training.parameter(name), *read_numbers(numbers));
      }
      expect({training.loss()}, {kept.find("loss")->as_number()});
      expect({training.norm()}, {kept.find("norm")->as_number()});
    }
    EXPECT_EQ(step, kSteps);
    char text[32];
    std::snprintf(text, sizeof(text), "%.2e", worst);
    RecordProperty("error", text);
  }
  // bitsandbytes has its table of codes in f32. Prodigy's step size is made of its parameters'
  // rounding errors, until they have moved.
  double tolerance() const {
    const std::string &optimizer = *GetParam().find("optimizer")->as_string();
    return optimizer == "adamw8bit" ? kF32Tolerance : optimizer == "prodigy" ? 1e-9 : kTolerance;
  }
};

TEST_P(OptimizerGolden, TakesTheSameHundredSteps) {
  compare(DType::kF64, tolerance());
}

TEST_P(OptimizerGolden, TakesTheSameHundredStepsInF32) {
  const Json *other = GetParam().find("error_in_f32");
  if (other && other->as_number() > kF32Tolerance) {
    GTEST_SKIP() << "the other implementation itself is off by " << other->as_number();
  }
  compare(DType::kF32, kF32Tolerance);
  compare(DType::kF32, kF32Tolerance, "onednn");
}

std::vector<Json> all_cases() {
  const Result<Json> json = read_golden("optimizers.json");
  const Json *cases = json.ok() ? json->find("cases") : nullptr;
  return cases && cases->as_array() ? *cases->as_array() : std::vector<Json>();
}

std::string test_name(const testing::TestParamInfo<Json> &info) {
  std::string name =
      *info.param.find("optimizer")->as_string() + "_" + *info.param.find("name")->as_string();
  for (char &c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Optimizers, OptimizerGolden, testing::ValuesIn(all_cases()), test_name);

class QuantizedMoments : public OptimizerGolden {};

// "8-bit Optimizers via Block-wise Quantization" finds the steps of Adam 4 % off in the mean.
TEST_P(QuantizedMoments, StayCloseToThoseOf32Bits) {
  Json::Object options = *GetParam().as_object();
  for (auto &[name, value] : options) {
    if (name == "optimizer") value = Json(std::string("adamw"));
  }
  const Json wide(options);
  Training narrow_run(GetParam(), host_, DType::kF32), wide_run(wide, host_, DType::kF32);
  Training start(wide, host_, DType::kF32);
  for (int64_t step = 0; step < kSteps; ++step) {
    narrow_run.step(step);
    wide_run.step(step);
  }
  ASSERT_EQ(narrow_run.failure() + wide_run.failure() + start.failure(), "");
  double apart = 0, moved = 0;
  for (const auto &[name, shape] : kParameters) {
    const std::vector<double> narrow = narrow_run.parameter(name), right = wide_run.parameter(name);
    const std::vector<double> begun = start.parameter(name);
    for (size_t i = 0; i < right.size(); ++i) {
      apart += (narrow[i] - right[i]) * (narrow[i] - right[i]);
      moved += (right[i] - begun[i]) * (right[i] - begun[i]);
    }
  }
  EXPECT_LE(std::sqrt(apart / moved), 0.04);
  EXPECT_GT(apart, 0);
  RecordProperty("apart", std::to_string(std::sqrt(apart / moved)));
}

std::vector<Json> cases_of(const std::string &optimizer) {
  std::vector<Json> cases;
  for (const Json &c : all_cases()) {
    if (*c.find("optimizer")->as_string() == optimizer) cases.push_back(c);
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Optimizers, QuantizedMoments, testing::ValuesIn(cases_of("adamw8bit")),
                         test_name);

TEST(OptimizerGoldenFile, HasCasesOfEveryOptimizer) {
  std::map<std::string, int> cases;
  for (const Json &c : all_cases()) ++cases[*c.find("optimizer")->as_string()];
  EXPECT_GE(cases["sgd"], 7);
  EXPECT_GE(cases["adam"], 4);
  EXPECT_GE(cases["adamw"], 5);
  EXPECT_GE(cases["adamw8bit"], 3);
  EXPECT_GE(cases["lion"], 3);
  EXPECT_GE(cases["adafactor"], 6);
  EXPECT_GE(cases["prodigy"], 5);
}

}  // namespace
}  // namespace flame::golden_test

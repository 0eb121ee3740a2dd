// A hundred steps of the optimizer plugins against those of another implementation
// (make_optimizers.py), in f64, through the training programs of the host.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/plugin/plugin_host.h"
#include "core/train/accumulate.h"
#include "core/train/update.h"
#include "tests/golden/golden_case.h"

namespace flame::golden_test {
namespace {

using testing_support::evaluate;
using testing_support::numbers_of;
using testing_support::tensor_of;

constexpr double kTolerance = 1e-12;
constexpr int64_t kSteps = 100;

const std::vector<std::pair<std::string, Shape>> kParameters = {
    {"w1", Shape{5, 3}}, {"b1", Shape{5}}, {"w2", Shape{2, 5}}, {"b2", Shape{2}}};

HostTensor scalar(double value, DType dtype = DType::kF64) {
  return tensor_of({dtype, Shape()}, {value});
}

// The network of make_optimizers.py.
Program network() {
  ProgramBuilder builder;
  const ValueId x = builder.input("x", {DType::kF64, Shape{4, 3}});
  const ValueId target = builder.input("target", {DType::kF64, Shape{4, 2}});
  std::map<std::string, ValueId> p;
  for (const auto &[name, shape] : kParameters)
    p[name] = builder.parameter(name, {DType::kF64, shape}, true);
  const auto op = [&](std::string_view name, std::vector<ValueId> inputs) {
    return builder.add(name, inputs, {})[0];
  };
  const ValueId hidden = op("gelu", {op("linear", {x, p["w1"], p["b1"]})});
  builder.output("loss", op("mse", {op("linear", {hidden, p["w2"], p["b2"]}), target}));
  return *builder.finish();
}

// One network, one optimizer, and their buffers.
class Training {
 public:
  Training(const Json &json, PluginHost &host) : json_(json) {
    build(host);
    if (failure_.empty()) fill_buffers();
  }

  const std::string &failure() const { return failure_; }
  double loss() const { return loss_; }
  double norm() const { return numbers_of(buffers_.at(std::string(kGradientNormName)))[0]; }

  void step(int64_t index) {
    const int64_t micro = micro_batches();
    for (int64_t part = 0; part < micro && failure_.empty(); ++part) add_batch(index, part);
    if (!failure_.empty()) return;
    for (size_t g = 0; g < layout_.size(); ++g) {
      const double rate = json_.find("rate")->as_number() * rates_[g] *
                          (1 - static_cast<double>(index) / (2.0 * kSteps));
      buffers_[learning_rate_name(layout_[g].name)] = scalar(rate);
    }
    run(update_.program, update_.replaced);
  }

  std::vector<double> parameter(const std::string &name) const {
    for (const FlatGroup &group : layout_) {
      const std::vector<double> flat = numbers_of(buffers_.at(parameters_name(group.name)));
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

  void build(PluginHost &host) {
    const Status status = try_build(host);
    if (!status.ok()) failure_ = status.error().text();
  }

  Status try_build(PluginHost &host) {
    const Program model = network();
    FLAME_ASSIGN(layout_, flat_layout(model, groups()));
    FLAME_ASSIGN(accumulate_, build_accumulate(model, {"loss", layout_, DType::kF64}));
    FLAME_TRY(validate(accumulate_.program));
    FLAME_ASSIGN(PluginOptimizer optimizer, start_optimizer(host));
    UpdateRequest request{{}, DType::kF64, clips()};
    for (const FlatGroup &group : layout_) request.groups.push_back({group, &optimizer});
    FLAME_ASSIGN(update_, build_update(request));
    return validate(update_.program);
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

  void fill_buffers() {
    for (const FlatGroup &group : layout_) {
      std::vector<double> flat(static_cast<size_t>(group.size), 0.0);
      for (const FlatSlice &part : group.slices) {
        const auto known =
            std::ranges::find(kParameters, part.parameter, &std::pair<std::string, Shape>::first);
        const Draw draw{part.type, known - kParameters.begin() + 1, 1 << 20, -0.5, 0x1p-20};
        std::ranges::copy(numbers_of(draw.tensor()), flat.begin() + part.offset);
      }
      const TensorType type{DType::kF64, group.shape()};
      buffers_[parameters_name(group.name)] = tensor_of(type, flat);
      // What a sum begins with must not matter.
      buffers_[gradient_name(group.name)] =
          tensor_of(type, std::vector<double>(flat.size(), std::nan("")));
    }
    for (const StateBuffer &state : update_.states) {
      const auto count = static_cast<size_t>(state.type.shape.element_count());
      buffers_[state.name] = tensor_of(state.type, std::vector<double>(count, state.initial));
    }
    buffers_[std::string(kStepName)] = scalar(0, DType::kI64);
    buffers_[std::string(kLossScaleName)] = scalar(8);
    buffers_[std::string(kDivisorName)] = scalar(8.0 * static_cast<double>(micro_batches()));
    if (clips()) buffers_[std::string(kMaxNormName)] = scalar(json_.find("max_norm")->as_number());
  }

  void add_batch(int64_t step, int64_t part) {
    const int64_t seed = 1000 + 2 * (step * micro_batches() + part);
    const auto batch = [](int64_t from, const Shape &shape) {
      return Draw{{DType::kF64, shape}, from, 1 << 20, -2, 0x1p-18}.tensor();
    };
    buffers_["x"] = batch(seed, Shape{4, 3});
    buffers_["target"] = batch(seed + 1, Shape{4, 2});
    buffers_[std::string(kFirstName)] = scalar(part == 0 ? 1 : 0, DType::kBool);
    run(accumulate_.program, accumulate_.replaced);
    if (failure_.empty()) loss_ = numbers_of(buffers_.at("loss"))[0];
  }

  void run(const Program &program, const std::vector<Replacement> &replaced) {
    Result<TensorMap> answers = evaluate(program, buffers_);
    if (!answers.ok()) return void(failure_ = answers.error().text());
    for (const Replacement &pair : replaced) buffers_[pair.input] = answers->at(pair.output);
    for (const auto &[name, tensor] : *answers) buffers_[name] = tensor;
  }

  const Json &json_;
  std::vector<FlatGroup> layout_;
  std::vector<double> rates_;
  AccumulateProgram accumulate_;
  UpdateProgram update_;
  TensorMap buffers_;
  double loss_ = 0;
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
};

TEST_P(OptimizerGolden, TakesTheSameHundredSteps) {
  Training training(GetParam(), host_);
  ASSERT_EQ(training.failure(), "");
  double worst = 0;
  const auto expect = [&](const std::vector<double> &seen, const std::vector<double> &expected) {
    const double error = relative_error(seen, expected);
    EXPECT_LE(error, kTolerance);
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

TEST(OptimizerGoldenFile, HasCasesOfEveryOptimizer) {
  std::map<std::string, int> cases;
  for (const Json &c : all_cases()) ++cases[*c.find("optimizer")->as_string()];
  EXPECT_GE(cases["sgd"], 7);
  EXPECT_GE(cases["adam"], 4);
  EXPECT_GE(cases["adamw"], 5);
}

}  // namespace
}  // namespace flame::golden_test

// The model plugins against other implementations: recordings that make_models.py wrote, run on the
// backends in f64 and in f32.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/base/json.h"
#include "core/io/safetensors.h"
#include "core/passes/differentiate.h"
#include "core/plugin/plugin_host.h"
#include "core/plugin/plugin_model.h"
#include "core/program/rewrite.h"
#include "core/runtime/evaluate.h"
#include "core/tensor/numbers.h"
#include "tests/support/devices.h"

namespace flame::golden_test {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(FLAME_SOURCE_DIR) / "tests/golden/recordings";
// Below this share of the largest gradient a gradient is 0 in exact arithmetic.
constexpr double kNothing = 1e-12;

// PyTorch's order of a tensor, and ours: images have their channels last.
std::vector<uint32_t> to_ours(size_t rank) {
  return rank == 4 ? std::vector<uint32_t>{0, 2, 3, 1} : std::vector<uint32_t>{};
}

HostTensor permuted(const HostTensor &tensor, const std::vector<uint32_t> &axes) {
  if (axes.empty()) return tensor;
  const Shape &from = tensor.type.shape;
  std::vector<int64_t> sizes;
  for (const uint32_t axis : axes) sizes.push_back(from[axis]);
  HostTensor out{{tensor.type.dtype, *Shape::make(sizes)}, {}};
  std::vector<int64_t> strides(axes.size(), 1);
  for (size_t axis = axes.size() - 1; axis > 0; --axis)
    strides[axis - 1] = strides[axis] * from[axis];
  const std::vector<double> numbers = numbers_of(tensor);
  std::vector<double> moved;
  std::vector<int64_t> place(axes.size(), 0);
  for (size_t count = 0; count < numbers.size(); ++count) {
    int64_t at = 0;
    for (size_t i = 0; i < axes.size(); ++i) at += place[i] * strides[axes[i]];
    moved.push_back(numbers[at]);
    for (size_t i = axes.size(); i-- > 0 && ++place[i] == sizes[i];) place[i] = 0;
  }
  return tensor_of(out.type, moved);
}

// The program with f64 in the place of f32.
Result<Program> widened(const Program &program) {
  const auto wide = [](const TensorType &type) {
    return TensorType{type.dtype == DType::kF32 ? DType::kF64 : type.dtype, type.shape};
  };
  const auto wide_name = [](std::string name) { return name == "f32" ? "f64" : name; };
  ProgramBuilder builder;
  std::vector<ValueId> map(program.values().size(), 0);
  for (const NamedValue &input : program.inputs())
    map[input.value] = builder.input(input.name, wide(program.type(input.value)));
  for (const Parameter &parameter : program.parameters())
    map[parameter.value] =
        builder.parameter(parameter.name, wide(program.type(parameter.value)), false);
  for (const Node &node : program.nodes()) {
    Attributes attributes = node.attributes;
    if (attributes.find("dtype")) attributes.set("dtype", wide_name(attributes.text("dtype")));
    if (attributes.find("dtypes")) {
      std::vector<std::string> names = attributes.texts("dtypes");
      for (std::string &name : names) name = wide_name(name);
      attributes.set("dtypes", std::move(names));
    }
    std::vector<ValueId> inputs;
    for (const ValueId input : node.inputs) inputs.push_back(map[input]);
    const std::vector<ValueId> outputs = builder.add(node.op->name, inputs, attributes);
    for (size_t i = 0; i < node.outputs.size(); ++i) map[node.outputs[i]] = outputs[i];
  }
  for (const NamedValue &output : program.outputs()) builder.output(output.name, map[output.value]);
  return builder.finish();
}

Scalar scalar_of(const OptionSpec &spec, const Json &json) {
  if (const bool *flag = json.as_bool()) return *flag;
  if (const std::string *text = json.as_string()) return *text;
  if (spec.type == OptionType::kFloat) return json.as_number();
  return *json.as_int();
}

// A published configuration over the defaults of the component; every key is an option.
Result<AttributeList> options_of(const ComponentSpec &component, const Json &config) {
  AttributeList list;
  for (const OptionSpec &spec : component.options) {
    const Json *given = config.find(spec.name);
    OptionValue value = default_value(spec);
    if (given && !given->is_null()) {
      value.items.clear();
      const Json::Array single = {*given};
      for (const Json &item : given->as_array() ? *given->as_array() : single)
        value.items.push_back(scalar_of(spec, item));
    }
    if (!value.items.empty()) list.add(spec, value);
  }
  for (const auto &[key, value] : *config.as_object())
    if (!component.find_option(key)) return config_error("'" + key + "' is no option");
  return list;
}

struct Kind {
  const char *component;
  const char *program;
};

Result<Kind> kind_of(const std::string &model) {
  if (model == "sdxl.unet") return Kind{"sdxl", "unet"};
  if (model == "sdxl.vae.encoder") return Kind{"sdxl-vae", "encoder"};
  if (model == "sdxl.vae.decoder") return Kind{"sdxl-vae", "decoder"};
  if (model == "clip_l") return Kind{"clip-l", "text"};
  if (model == "clip_g") return Kind{"clip-g", "text"};
  return config_error("no model is called " + model);
}

// The sizes of the program, from the shapes of the recorded inputs.
std::vector<std::pair<std::string, int64_t>> sizes_of(const SafetensorsFile &file) {
  std::vector<std::pair<std::string, int64_t>> sizes;
  for (const char *image : {"input/sample", "input/latent"}) {
    if (const StoredTensor *found = file.find(image))
      sizes = {{"batch", found->shape[0]}, {"height", found->shape[2]}, {"width", found->shape[3]}};
  }
  for (const char *text : {"input/encoder_hidden_states", "input/input_ids"}) {
    const StoredTensor *found = file.find(text);
    if (!found) continue;
    if (sizes.empty()) sizes = {{"batch", found->shape[0]}};
    sizes.emplace_back("tokens", found->shape[1]);
  }
  return sizes;
}

// One recording and its model.
class Recording {
 public:
  Recording(const std::string &name, PluginHost &host) : name_(name) { note(open(host)); }
  const std::string &failure() const { return failure_; }

  struct Errors {
    double outputs = 0, gradients = 0;
    std::string worst_output, worst_gradient;
    size_t compared = 0;
  };

  Errors compare(const std::string &backend, DType dtype) {
    Errors errors;
    note(run(backend, dtype, errors));
    return errors;
  }

 private:
  void note(const Status &status) {
    if (!status.ok() && failure_.empty()) failure_ = name_ + ": " + status.error().text();
  }

  Status open(PluginHost &host) {
    FLAME_ASSIGN(SafetensorsFile file, SafetensorsFile::open(kFolder / (name_ + ".safetensors")));
    file_.emplace(std::move(file));
    const fs::path own = kFolder / (name_ + ".weights.safetensors");
    const fs::path shared = kFolder / (name_.substr(0, name_.rfind('_')) + ".weights.safetensors");
    FLAME_ASSIGN(SafetensorsFile weights, SafetensorsFile::open(fs::exists(own) ? own : shared));
    weights_.emplace(std::move(weights));
    FLAME_ASSIGN(const Kind kind, kind_of(*file_->find_metadata("flame.model")));
    FLAME_ASSIGN(const Json config,
                 parse_json(*file_->find_metadata("flame.config"), "flame.config"));
    const Catalogue catalogue = Catalogue::scan({FLAME_PLUGINS});
    FLAME_ASSIGN(const Catalogue::Match match, catalogue.find("model", kind.component));
    FLAME_ASSIGN(const StartedComponent started, host.start(match));
    FLAME_ASSIGN(const AttributeList options, options_of(*started.component, config));
    FLAME_ASSIGN(const PluginModel model,
                 PluginModel::create(started.table<flame_model_interface>(), started.plugin->id(),
                                     kind.component, options));
    FLAME_ASSIGN(program_, model.build(kind.program, sizes_of(*file_)));
    return {};
  }

  // The recorded tensor in our order and the type that the program wants.
  Result<HostTensor> stored(const SafetensorsFile &file, const std::string &key, DType dtype) {
    const StoredTensor *found = file.find(key);
    if (!found) return config_error("there is no " + key);
    FLAME_ASSIGN(const HostTensor tensor, file.read(*found));
    const HostTensor ours = permuted(tensor, to_ours(tensor.type.shape.rank()));
    return tensor_of({dtype, ours.type.shape}, numbers_of(ours));
  }

  Status run(const std::string &backend, DType dtype, Errors &errors) {
    Program program = program_;
    if (dtype == DType::kF64) {
      FLAME_ASSIGN(program, widened(program));
    }
    GradientRequest request;
    request.cotangents_are_one = false;
    for (const NamedValue &output : program.outputs()) request.of.push_back(output.name);
    std::map<std::string, std::string> wanted;  // the program's output to the recorded key
    for (const StoredTensor &tensor : file_->tensors()) {
      for (const char *part : {"grad/input/", "grad/param/"}) {
        if (!tensor.name.starts_with(part)) continue;
        const std::string name = tensor.name.substr(std::string(part).size());
        request.with_respect_to.push_back(name);
        wanted[request.prefix + name] = tensor.name;
      }
      if (tensor.name.starts_with("output/")) wanted[tensor.name.substr(7)] = tensor.name;
    }
    FLAME_ASSIGN(const Gradients whole, differentiate(program, request));
    TensorMap given;
    for (const NamedValue &input : whole.program.inputs()) {
      const bool cotangent = input.name.starts_with("cotangent.");
      const std::string key =
          cotangent ? "cotangent/" + input.name.substr(10) : "input/" + input.name;
      FLAME_ASSIGN(given[input.name], stored(*file_, key, whole.program.type(input.value).dtype));
    }
    for (const Parameter &parameter : whole.program.parameters()) {
      FLAME_ASSIGN(given[parameter.name], stored(*weights_, parameter.name, dtype));
    }
    FLAME_ASSIGN(const TensorMap answers,
                 evaluate(testing_support::device(backend), whole.program, given));
    return judge(answers, wanted, errors);
  }

  Status judge(const TensorMap &answers, const std::map<std::string, std::string> &wanted,
               Errors &errors) {
    double largest = 0;
    const auto norm = [](const std::vector<double> &numbers) {
      double sum = 0;
      for (const double x : numbers) sum += x * x;
      return std::sqrt(sum);
    };
    for (const auto &[name, key] : wanted) {
      if (!key.starts_with("grad/param/")) continue;
      FLAME_ASSIGN(const HostTensor expected, stored(*file_, key, DType::kF64));
      largest = std::max(largest, norm(numbers_of(expected)));
    }
    for (const auto &[name, key] : wanted) {
      FLAME_ASSIGN(const HostTensor expected, stored(*file_, key, DType::kF64));
      const HostTensor &seen = answers.at(name);
      if (seen.type.shape != expected.type.shape)
        return config_error(key + " is " + expected.type.text() + ", but " + seen.type.text());
      std::vector<double> difference = numbers_of(seen);
      const std::vector<double> right = numbers_of(expected);
      for (size_t i = 0; i < right.size(); ++i) difference[i] -= right[i];
      const bool nothing = norm(right) < kNothing * largest;
      const double error = norm(difference) / (nothing ? largest : norm(right));
      const bool output = key.starts_with("output/");
      double &worst = output ? errors.outputs : errors.gradients;
      if (!(error < worst)) {
        worst = error;
        (output ? errors.worst_output : errors.worst_gradient) = key;
      }
      ++errors.compared;
    }
    return {};
  }

  std::string name_, failure_;
  std::optional<SafetensorsFile> file_, weights_;
  Program program_;
};

class ModelsGolden : public testing::TestWithParam<std::string> {
 protected:
  void expect(const std::string &backend, DType dtype, double outputs, double gradients) {
    Recording recording(GetParam(), host_);
    const Recording::Errors errors = recording.compare(backend, dtype);
    ASSERT_EQ(recording.failure(), "");
    EXPECT_GT(errors.compared, 10u);
    EXPECT_LE(errors.outputs, outputs) << errors.worst_output;
    EXPECT_LE(errors.gradients, gradients) << errors.worst_gradient;
    char text[120];
    std::snprintf(text, sizeof(text), "outputs %.1e, gradients %.1e (%s)", errors.outputs,
                  errors.gradients, errors.worst_gradient.c_str());
    RecordProperty("error", text);
    std::printf("%s %s: %s\n", GetParam().c_str(), backend.c_str(), text);
  }

  PluginHost host_{{}};
};

TEST_P(ModelsGolden, IsTheSameInF64) {
  expect("reference", DType::kF64, 1e-12, 1e-12);
}
TEST_P(ModelsGolden, IsTheSameInF32) {
  expect("onednn", DType::kF32, 1e-5, 5e-5);
}

std::string test_name(const testing::TestParamInfo<std::string> &info) {
  return info.param;
}

INSTANTIATE_TEST_SUITE_P(Recordings, ModelsGolden,
                         testing::Values("sdxl_unet_a", "sdxl_unet_b", "sdxl_vae_a_encoder",
                                         "sdxl_vae_a_decoder", "sdxl_vae_b_encoder",
                                         "sdxl_vae_b_decoder", "clip_l_a", "clip_l_b", "clip_g_a",
                                         "clip_g_b"),
                         test_name);

}  // namespace
}  // namespace flame::golden_test

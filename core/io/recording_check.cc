#include "core/io/recording_check.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "core/base/terminal.h"
#include "core/base/text.h"
#include "core/io/recording_compare.h"
#include "core/io/weight_loader.h"
#include "core/passes/differentiate.h"
#include "core/passes/precision.h"
#include "core/runtime/conformance/program_check.h"
#include "core/runtime/evaluate.h"
#include "core/tensor/convert.h"
#include "core/tensor/gather.h"

namespace flame {
namespace {

constexpr int64_t kToChannelsLast[] = {0, 2, 3, 1};
const std::string kAdapter = "adapter/";  // before the key of a tensor of the adapter's file
constexpr int64_t kToChannelsFirst[] = {0, 3, 1, 2};

using Sizes = std::vector<std::pair<std::string, int64_t>>;

HostTensor channels_last(const HostTensor &tensor) {
  return tensor.type.shape.rank() == 4 ? permuted(tensor, kToChannelsLast) : tensor;
}
HostTensor channels_first(const HostTensor &tensor) {
  return tensor.type.shape.rank() == 4 ? permuted(tensor, kToChannelsFirst) : tensor;
}

HostTensor converted(const HostTensor &tensor, DType dtype) {
  HostTensor made{{dtype, tensor.type.shape}, {}};
  made.bytes.resize(static_cast<size_t>(made.type.size_bytes()));
  convert_elements(tensor.type.dtype, tensor.bytes, dtype, made.bytes);
  return made;
}

// What programs are built for: the sizes of pictures, and of the text beside them.
Sizes sizes_of(const Recording &recording) {
  int64_t batch = 1, height = 1, width = 1, tokens = 1;
  for (const auto &[name, tensor] : recording.inputs) {
    const Shape &shape = tensor.type.shape;
    if (shape.rank() > 0) batch = shape[0];
    if (shape.rank() == 4) {
      height = shape[2];
      width = shape[3];
    }
    const bool ids = shape.rank() == 2 && tensor.type.dtype == DType::kI64;
    if (shape.rank() == 3 || ids) tokens = shape[1];
  }
  return {{"batch", batch}, {"height", height}, {"width", width}, {"tokens", tokens}};
}

class Checker {
 public:
  Checker(Device &device, const PluginModel &model, const Recording &recording,
          const RecordingSettings &settings)
      : device_(device), model_(model), recording_(recording), settings_(settings) {}

  Result<RecordingCheck> check(const std::vector<WeightSet> &weights) {
    FLAME_TRY(build());
    FLAME_TRY(match(weights));
    FLAME_TRY(add_adapter());
    FLAME_TRY(prepare());
    FLAME_ASSIGN(TensorMap given, read_weights(match_, program_));
    give_inputs(given);
    give_adapter(given);
    FLAME_ASSIGN(const TensorMap answers, evaluate(device_, program_, given));
    given.clear();
    compare(answers);
    return std::move(check_);
  }

 private:
  Error misfit(const std::vector<std::string> &problems) const {
    return config_error(fmt::format("the recording does not fit the model '{}':\n  {}",
                                    model_.component(), join(problems, "\n  ")),
                        "is it a recording of this model, with its configuration?");
  }

  Status build() {
    std::string program = recording_.program;
    if (program.empty()) {
      if (model_.programs().size() > 1)
        return misfit({fmt::format("it names no program, and the model has {}",
                                   join(model_.programs(), ", "))});
      program = model_.programs().front();
    }
    FLAME_ASSIGN(program_, model_.build(program, sizes_of(recording_)));
    return check_values();
  }

  // Names and shapes of inputs and outputs, all that is wrong at once.
  Status check_values() const {
    std::vector<std::string> problems;
    for (const NamedValue &input : program_.inputs()) {
      const auto found = recording_.inputs.find(input.name);
      const TensorType &type = program_.type(input.value);
      if (found == recording_.inputs.end()) {
        problems.push_back(fmt::format("input/{} is missing: {}", input.name, type.text()));
      } else {
        check_type(problems, "input/" + input.name, found->second, type);
      }
    }
    for (const auto &[name, tensor] : recording_.inputs) {
      if (!program_.find_input(name))
        problems.push_back(fmt::format("input/{} is no input of the model", printable(name)));
    }
    for (const auto &[name, tensor] : recording_.outputs) {
      const NamedValue *output = program_.find_output(name);
      if (!output) {
        problems.push_back(fmt::format("output/{} is no output of the model", printable(name)));
      } else {
        check_type(problems, "output/" + name, tensor, program_.type(output->value));
      }
    }
    if (problems.empty()) return {};
    return misfit(problems);
  }

  static void check_type(std::vector<std::string> &problems, const std::string &name,
                         const HostTensor &recorded, const TensorType &type) {
    Shape shape = type.shape;
    if (shape.rank() == 4) shape = {shape[0], shape[3], shape[1], shape[2]};
    if (shape != recorded.type.shape) {
      problems.push_back(fmt::format("{} is {}, expected {}", printable(name),
                                     recorded.type.shape.text(), shape.text()));
    } else if (!is_float(type.dtype) && is_float(recorded.type.dtype)) {
      problems.push_back(fmt::format("{} is {}, expected whole numbers", printable(name),
                                     name_of(recorded.type.dtype)));
    }
  }

  Status match(const std::vector<WeightSet> &weights) {
    std::vector<WantedParameter> wanted;
    for (const Parameter &parameter : program_.parameters())
      wanted.push_back({parameter.name, program_.type(parameter.value)});
    FLAME_ASSIGN(auto best, match_best(model_, wanted, weights));
    match_ = std::move(best.second);
    if (auto error = mismatch_error(match_, weights[best.first], false)) return *error;
    check_.weights = fmt::format("{}, layout '{}'", match_.set_name, match_.layout->name);
    FLAME_TRY(find_unused());
    return {};
  }

  // What no program of the model reads.
  Status find_unused() {
    std::set<std::string> used;
    FLAME_ASSIGN(const std::vector<WantedParameter> all, parameters_of(model_));
    const auto layout = static_cast<size_t>(match_.layout - model_.layouts().data());
    for (const WantedParameter &parameter : all) {
      FLAME_ASSIGN(const WeightSource source,
                   model_.source(layout, parameter.name, parameter.type.shape));
      used.insert(match_.prefix + source.key);
    }
    std::ranges::copy_if(match_.extra, std::back_inserter(check_.unused),
                         [&](const std::string &name) { return !used.contains(name); });
    return {};
  }

  // The parameters that a tensor of the file was made of.
  std::vector<const PlacedWeight *> parts_of(const std::string &key) const {
    std::vector<const PlacedWeight *> parts;
    for (const PlacedWeight &weight : match_.placed) {
      if (weight.entry.tensor->name == key) parts.push_back(&weight);
    }
    return parts;
  }

  Status add_adapter() {
    if (settings_.adapter.empty()) {
      if (recording_.adapter_gradients.empty()) return {};
      return misfit({"it holds gradients of an adapter (grad/adapter/…), but no adapter is given"});
    }
    FLAME_ASSIGN(pairs_, place_adapter(settings_.adapter, model_, match_.placed));
    FLAME_ASSIGN(program_, with_adapter(program_, pairs_));
    return {};
  }

  void give_adapter(TensorMap &given) const {
    for (const PlacedPair &placed : pairs_) {
      for (const auto &[key, tensor] : {std::pair(&placed.pair->down_key, &placed.pair->down),
                                        std::pair(&placed.pair->up_key, &placed.pair->up)}) {
        const std::string name = kAdapter + *key;
        const Parameter *parameter = program_.find_parameter(name);
        given[name] = converted(channels_last(*tensor), program_.type(parameter->value).dtype);
      }
    }
  }

  void ask_adapter_gradients(GradientRequest &request, std::vector<std::string> &problems) const {
    for (const auto &[key, tensor] : recording_.adapter_gradients) {
      const Parameter *parameter = program_.find_parameter(kAdapter + key);
      if (!parameter) {
        problems.push_back(fmt::format("grad/adapter/{}: the adapter has no such tensor of a pair",
                                       printable(key)));
      } else {
        check_type(problems, "grad/adapter/" + key, tensor, program_.type(parameter->value));
        request.with_respect_to.push_back(parameter->name);
      }
    }
  }

  Status prepare() {
    if (!recording_.cotangents.empty()) FLAME_TRY(add_gradients());
    if (settings_.dtype == DType::kF64) {
      FLAME_ASSIGN(program_, conformance::widened_program(program_));
    } else if (settings_.dtype != DType::kF32) {
      FLAME_ASSIGN(program_, apply_precision(program_, {settings_.dtype}));
    }
    return {};
  }

  Status add_gradients() {
    GradientRequest request;
    request.cotangents_are_one = false;
    for (const auto &[name, tensor] : recording_.cotangents) request.of.push_back(name);
    std::vector<std::string> problems;
    for (const auto &[name, tensor] : recording_.input_gradients) {
      if (is_float(program_.type(program_.find_input(name)->value).dtype)) {
        request.with_respect_to.push_back(name);
      } else {
        problems.push_back(fmt::format("grad/input/{}: the model takes whole numbers there", name));
      }
    }
    for (const auto &[key, tensor] : recording_.weight_gradients) {
      const auto parts = parts_of(key);
      if (parts.empty()) {
        problems.push_back(
            fmt::format("grad/param/{}: the weights have no such tensor, or the "
                        "program does not read it",
                        printable(key)));
      } else if (parts.front()->entry.tensor->shape != tensor.type.shape) {
        problems.push_back(fmt::format("grad/param/{} is {}, but the weight {}", printable(key),
                                       tensor.type.shape.text(),
                                       parts.front()->entry.tensor->shape.text()));
      }
      for (const PlacedWeight *part : parts) request.with_respect_to.push_back(part->parameter);
    }
    ask_adapter_gradients(request, problems);
    if (!problems.empty()) return misfit(problems);
    prefix_ = request.prefix;
    if (request.with_respect_to.empty()) return {};
    FLAME_ASSIGN(Gradients gradients, differentiate(program_, request));
    program_ = std::move(gradients.program);
    return {};
  }

  void give_inputs(TensorMap &given) const {
    for (const NamedValue &input : program_.inputs()) {
      constexpr std::string_view kCotangent = "cotangent.";
      const auto recorded = recording_.inputs.find(input.name);
      const HostTensor &tensor =
          recorded != recording_.inputs.end()
              ? recorded->second
              : recording_.cotangents.at(input.name.substr(kCotangent.size()));
      given[input.name] = converted(channels_last(tensor), program_.type(input.value).dtype);
    }
  }

  // The gradient of a whole tensor of the file, put together from those of its parameters.
  HostTensor file_gradient(const std::string &key, const TensorMap &answers) const {
    const auto parts = parts_of(key);
    const Shape &shape = parts.front()->entry.tensor->shape;
    HostTensor whole{{DType::kF64, shape}, {}};
    whole.bytes.resize(static_cast<size_t>(whole.type.size_bytes()));
    for (const PlacedWeight *part : parts) {
      const HostTensor rows =
          rows_of(part->source, converted(answers.at(prefix_ + part->parameter), DType::kF64));
      const size_t row_bytes = part->source.row_count
                                   ? rows.bytes.size() / static_cast<size_t>(part->source.row_count)
                                   : 0;
      if (rows.bytes.empty()) continue;
      std::memcpy(whole.bytes.data() + row_bytes * static_cast<size_t>(part->source.first_row),
                  rows.bytes.data(), rows.bytes.size());
    }
    return whole;
  }

  void compare(const TensorMap &answers) {
    bool in_f64 = true;
    const auto add = [&](std::string name, const HostTensor &recorded, const HostTensor &seen) {
      in_f64 &= recorded.type.dtype == DType::kF64;
      check_.tensors.push_back(compare_recorded(std::move(name), recorded, seen));
    };
    for (const auto &[name, tensor] : recording_.outputs)
      add("output/" + name, tensor, channels_first(answers.at(name)));
    for (const auto &[name, tensor] : recording_.input_gradients)
      add("grad/input/" + name, tensor, channels_first(answers.at(prefix_ + name)));
    for (const auto &[key, tensor] : recording_.weight_gradients)
      add("grad/param/" + key, tensor, file_gradient(key, answers));
    for (const auto &[key, tensor] : recording_.adapter_gradients)
      add("grad/adapter/" + key, tensor, channels_first(answers.at(prefix_ + kAdapter + key)));
    judge_recorded(check_, recording_tolerance(settings_), in_f64);
  }

  Device &device_;
  const PluginModel &model_;
  const Recording &recording_;
  const RecordingSettings &settings_;
  Program program_;
  WeightMatch match_;
  std::vector<PlacedPair> pairs_;
  std::string prefix_;
  RecordingCheck check_;
};

}  // namespace

Result<RecordingCheck> check_recording(Device &device, const PluginModel &model,
                                       const Recording &recording,
                                       const std::vector<WeightSet> &weights,
                                       const RecordingSettings &settings) {
  return Checker(device, model, recording, settings).check(weights);
}

}  // namespace flame

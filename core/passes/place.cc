#include "core/passes/place.h"

#include <fmt/core.h>

#include <algorithm>
#include <unordered_map>

#include "core/ops/catalogue/catalogue.h"
#include "core/passes/arena.h"
#include "core/passes/in_place.h"

namespace flame {
namespace {

constexpr uint64_t kSmallBytes = uint64_t{4} << 20;
constexpr uint32_t kStepsKept = 6;

std::string types_of(const std::vector<PlacedTensor> &tensors) {
  std::string text;
  for (const PlacedTensor &tensor : tensors) {
    text += (text.empty() ? "" : ", ") + tensor.typed.type().text();
  }
  return text;
}

// Gives each value of a program its place, op by op.
class Placer {
 public:
  Placer(const Program &program, Target &target, const PlaceRequest &request)
      : program_(program), target_(target), request_(request), values_(program.values().size()) {}

  Result<PlacedProgram> run() {
    made_.compact = request_.compact;
    for (const NamedValue &input : program_.inputs()) {
      if (request_.shares_all) {
        made_.inputs.push_back(
            {input.name, values_[input.value] = fresh(program_.type(input.value))});
        made_.storages.back().given = true;
        continue;
      }
      made_.inputs.push_back({input.name, external(input.name, class_of(input.name), input.value)});
    }
    for (const Parameter &parameter : program_.parameters()) {
      const MemoryClass memory =
          parameter.trainable ? MemoryClass::kAdapters : MemoryClass::kWeights;
      made_.parameters.push_back(
          {parameter.name, external(parameter.name, memory, parameter.value)});
    }
    for (const Node &node : program_.nodes()) FLAME_TRY(add(node));
    FLAME_TRY(place_outputs());
    FLAME_TRY(prepare());
    set_lifetimes(made_);
    share_storages(made_);
    set_offsets();
    return std::move(made_);
  }

 private:
  MemoryClass class_of(const std::string &input) const {
    for (const auto &[name, memory] : request_.classes) {
      if (name == input) return memory;
    }
    return MemoryClass::kInputs;
  }

  uint32_t new_storage(uint64_t size, MemoryClass memory) {
    Storage &storage = made_.storages.emplace_back();
    storage.size_bytes = size;
    storage.memory_class = memory;
    return static_cast<uint32_t>(made_.storages.size() - 1);
  }
  PlacedTensor fresh(const TensorType &type) {
    return {new_storage(static_cast<uint64_t>(type.size_bytes()), MemoryClass::kActivations),
            TypedView::contiguous(type)};
  }
  PlacedTensor external(const std::string &name, MemoryClass memory, ValueId value) {
    const PlacedTensor tensor = fresh(program_.type(value));
    make_external(tensor.storage, name, memory);
    return values_[value] = tensor;
  }
  void make_external(uint32_t storage, const std::string &name, MemoryClass memory) {
    made_.storages[storage].external = true;
    made_.storages[storage].name = name;
    made_.storages[storage].memory_class = memory;
  }

  Status add(const Node &node) {
    std::vector<PlacedTensor> inputs;
    for (const ValueId input : node.inputs) inputs.push_back(values_[input]);
    if (node.op->group == OpGroup::kView) {
      FLAME_ASSIGN(values_[node.outputs[0]], resolved(node, inputs[0]));
      return {};
    }
    std::vector<PlacedTensor> outputs;
    for (const ValueId output : node.outputs) {
      outputs.push_back(values_[output] = fresh(program_.type(output)));
    }
    FLAME_TRY(make_acceptable(node, inputs, outputs));
    made_.steps.push_back({node.op,
                           node.attributes,
                           std::move(inputs),
                           std::move(outputs),
                           {},
                           {},
                           node.place,
                           false});
    return {};
  }

  // The value of a view op: the same bytes, or those of a copy where strides cannot express it.
  Result<PlacedTensor> resolved(const Node &node, const PlacedTensor &input) {
    const Shape &shape = program_.type(node.outputs[0]).shape;
    if (const auto view = node.op->resolve(input.typed.view, node.attributes, shape)) {
      return PlacedTensor{input.storage, {input.typed.dtype, *view}};
    }
    FLAME_ASSIGN(const PlacedTensor copy, contiguous(input, node.place));
    const auto view = node.op->resolve(copy.typed.view, node.attributes, shape);
    if (view) return PlacedTensor{copy.storage, {copy.typed.dtype, *view}};
    return Error{ErrorKind::kFailed,
                 fmt::format("op '{}' at {}: a contiguous tensor has no such view", node.op->name,
                             node.place->text()),
                 ""};
  }

  // Replaces inputs that the target cannot take as they lie by contiguous copies, as few as it
  // takes.
  Status make_acceptable(const Node &node, std::vector<PlacedTensor> &inputs,
                         const std::vector<PlacedTensor> &outputs) {
    FLAME_ASSIGN(const std::string refusal, refusal_of(node, inputs, outputs));
    if (refusal.empty()) return {};
    std::vector<PlacedTensor> plain = inputs;
    std::vector<size_t> strided;
    for (size_t i = 0; i < plain.size(); ++i) {
      if (plain[i].typed.view.is_contiguous()) continue;
      strided.push_back(i);
      plain[i].typed = TypedView::contiguous(plain[i].typed.type());
    }
    FLAME_ASSIGN(const std::string reason,
                 strided.empty() ? Result<std::string>(refusal) : refusal_of(node, plain, outputs));
    if (!reason.empty()) {
      return Error{ErrorKind::kBadConfig,
                   fmt::format("backend '{}' cannot do op '{}' on {} at {}: {}", target_.name(),
                               node.op->name, types_of(plain), node.place->text(), reason),
                   "choose another backend or precision"};
    }
    for (const size_t i : strided) {
      const TypedView copied = plain[i].typed;
      plain[i].typed = inputs[i].typed;
      FLAME_ASSIGN(const std::string needed, refusal_of(node, plain, outputs));
      if (!needed.empty()) plain[i].typed = copied;
    }
    for (const size_t i : strided) {
      if (plain[i].typed == inputs[i].typed) continue;
      FLAME_ASSIGN(inputs[i], contiguous(inputs[i], node.place));
    }
    return {};
  }

  // Why the target refuses, or "".
  Result<std::string> refusal_of(const Node &node, const std::vector<PlacedTensor> &inputs,
                                 const std::vector<PlacedTensor> &outputs) {
    FLAME_ASSIGN(const OpAnswer answer, target_.probe(node.op->name, node.attributes,
                                                      views_of(inputs), views_of(outputs)));
    if (answer.info) return std::string();
    return answer.reason.empty() ? "it gives no reason" : answer.reason;
  }

  // A copy without gaps; the same one for all who need it.
  Result<PlacedTensor> contiguous(const PlacedTensor &tensor,
                                  const std::shared_ptr<const Place> &place) {
    std::vector<PlacedTensor> &known = copies_[tensor.storage];
    for (size_t i = 0; i + 1 < known.size(); i += 2) {
      if (known[i].typed == tensor.typed) return known[i + 1];
    }
    const PlacedTensor copy = fresh(tensor.typed.type());
    push_copy(tensor, copy, place);
    copies_[tensor.storage].push_back(tensor);
    copies_[tensor.storage].push_back(copy);
    return copy;
  }

  void push_copy(const PlacedTensor &from, const PlacedTensor &to,
                 const std::shared_ptr<const Place> &place) {
    made_.steps.push_back({copy_,
                           {{"dtype", std::string(name_of(from.typed.dtype))}},
                           {from},
                           {to},
                           {},
                           {},
                           place,
                           true});
  }

  // Behind the questions of all ops, so that a target may begin in the background what it will need.
  Status prepare() {
    for (; prepared_ < made_.steps.size(); ++prepared_) {
      Step &step = made_.steps[prepared_];
      const Result<OpInfo> info = target_.prepare(step.op->name, step.attributes,
                                                  views_of(step.inputs), views_of(step.outputs));
      if (!info.ok()) {
        Error error = info.error();
        error.what =
            fmt::format("op '{}' at {}: {}", step.op->name, step.place->text(), error.what);
        return error;
      }
      step.info = *info;
      if (info->workspace_size) {
        const uint32_t storage = new_storage(info->workspace_size, MemoryClass::kWorkspace);
        made_.steps[prepared_].workspace = storage;
      }
    }
    return {};
  }

  // The names of `replaces` as outputs and what they go into.
  const std::string *replaced_by(const std::string &output) const {
    for (const Replacement &replacement : request_.replaces) {
      if (replacement.output == output) return &replacement.input;
    }
    return nullptr;
  }
  const PlacedTensor *find_external(const std::string &name) const {
    for (const auto *list : {&made_.inputs, &made_.parameters}) {
      for (const PlacedName &entry : *list) {
        if (entry.name == name) return &entry.tensor;
      }
    }
    return nullptr;
  }

  Status check_replaces() const {
    for (const auto &[input, output] : request_.replaces) {
      const NamedValue *from = program_.find_output(output);
      const PlacedTensor *to = find_external(input);
      if (!from || !to) {
        return Error{
            ErrorKind::kFailed,
            fmt::format("the output '{}' cannot replace '{}': the program has no {} '{}'", output,
                        input, from ? "input or parameter" : "output", from ? input : output),
            ""};
      }
      if (program_.type(from->value) != to->typed.type()) {
        return Error{
            ErrorKind::kFailed,
            fmt::format("the output '{}' is {} and cannot replace '{}', which is {}", output,
                        program_.type(from->value).text(), input, to->typed.type().text()),
            ""};
      }
    }
    return {};
  }

  bool is_whole_and_own(const PlacedTensor &tensor) const {
    return !made_.storages[tensor.storage].external && tensor.typed.view.offset == 0 &&
           tensor.typed.view.is_contiguous() &&
           static_cast<uint64_t>(tensor.typed.type().size_bytes()) ==
               made_.storages[tensor.storage].size_bytes;
  }

  Status place_outputs() {
    FLAME_TRY(check_replaces());
    const auto end = std::make_shared<const Place>(Place{"outputs", "", 0});
    for (const NamedValue &output : program_.outputs()) {
      PlacedTensor tensor = values_[output.value];
      const bool replaces = replaced_by(output.name) != nullptr;
      if (replaces ? made_.storages[tensor.storage].external : !is_whole_and_own(tensor)) {
        const PlacedTensor copy = fresh(tensor.typed.type());
        push_copy(tensor, copy, end);
        tensor = copy;
      }
      if (request_.shares_all) {
        made_.storages[tensor.storage].kept = true;
      } else if (!replaces) {
        make_external(tensor.storage, output.name, MemoryClass::kOutputs);
      }
      made_.outputs.push_back({output.name, tensor});
    }
    // What may stand in place is known now.
    FLAME_TRY(prepare());
    for (PlacedName &output : made_.outputs) {
      const std::string *input = replaced_by(output.name);
      if (!input) continue;
      const PlacedTensor into = *find_external(*input);
      if (!is_whole_and_own(output.tensor) || !redirect(made_, output.tensor.storage, into)) {
        push_copy(output.tensor, into, end);
      }
      output.tensor = into;
    }
    return {};
  }

  // Where steps may run side by side, small values keep their place a little longer: whoever took it
  // at once would have to wait for those who read it last.
  uint32_t kept_until(const Storage &storage) const {
    if (!target_.branches() || request_.compact || storage.size_bytes > kSmallBytes)
      return storage.last_step;
    const auto last = static_cast<uint32_t>(made_.steps.size() - 1);
    return std::min(storage.last_step + kStepsKept, std::max(last, storage.last_step));
  }

  void set_offsets() {
    std::vector<ArenaItem> items;
    std::vector<uint32_t> owners;
    for (uint32_t i = 0; i < made_.storages.size(); ++i) {
      const Storage &storage = made_.storages[i];
      if (storage.external) continue;
      items.push_back({storage.size_bytes, storage.first_step, kept_until(storage), 0});
      owners.push_back(i);
    }
    const ArenaSize size = assign_offsets(items);
    for (size_t i = 0; i < items.size(); ++i) made_.storages[owners[i]].offset = items[i].offset;
    made_.arena_bytes = size.bytes;
    made_.live_bytes = size.live_bytes;
  }

  const Program &program_;
  Target &target_;
  const PlaceRequest &request_;
  const OpDefinition *copy_ = find_op("copy");
  std::vector<PlacedTensor> values_;
  // For each storage: a tensor in it and its copy, in turn.
  std::unordered_map<uint32_t, std::vector<PlacedTensor>> copies_;
  PlacedProgram made_;
  size_t prepared_ = 0;  // steps whose info is known
};

}  // namespace

Result<PlacedProgram> place(const Program &program, Target &target, const PlaceRequest &request) {
  return Placer(program, target, request).run();
}

}  // namespace flame

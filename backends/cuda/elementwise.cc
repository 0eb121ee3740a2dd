#include "backends/cuda/elementwise.h"

#include <algorithm>

#include "backends/cuda/map_body.h"

namespace flame::cuda {
namespace {

constexpr int kThreads = 256;
// From so many elements on, a thread keeps several packs on their way.
constexpr int64_t kLarge = int64_t{1} << 20;

// How a tensor is read or written at kVector neighbours.
enum class Access {
  kPack,    // side by side, aligned
  kRepeat,  // one element for all
  kSingle,  // each where it lies
  kFirst,   // first of pairs: they and their seconds are one pack of twice as many
  kSecond,
};

struct Operand {
  std::string name;  // "x0" or "y0"
  const ElementwiseView *view;
  Access access;
  std::string pair = "";  // of kFirst and kSecond: the name of the first
};

// Where the operand's value k stands in its pack.
std::string place_text(const Operand &operand) {
  switch (operand.access) {
    case Access::kRepeat:
      return operand.name + ".at[0]";
    case Access::kFirst:
      return operand.pair + ".at[2 * k]";
    case Access::kSecond:
      return operand.pair + ".at[2 * k + 1]";
    default:
      return operand.name + ".at[k]";
  }
}

// Whether all floats are of 16 bits or less, so that their rounding hides that of quick functions.
bool is_narrow(const std::vector<flame_dtype> &types) {
  return std::all_of(types.begin(), types.end(), [](flame_dtype dtype) {
    return class_of_dtype(dtype) != ScalarClass::kFloat || FLAME_DTYPE_BYTES(dtype) <= 2;
  });
}

// The text of one kernel, made from the work.
class Writer {
 public:
  Writer(std::string_view code, const ElementwiseWork &work) : work_(work) {
    std::string error;
    const auto count = static_cast<uint32_t>(work.inputs.size());
    if (!read_map_code(code, count, code_, error)) throw flame::unsupported("map: ", error);
    if (code_.outputs.size() != work.outputs.size()) {
      throw flame::unsupported("map: the code has ", code_.outputs.size(), " outputs, the op ",
                               work.outputs.size());
    }
    std::vector<Sizes> strides;
    for (const ElementwiseView &view : work.outputs) strides.push_back(view.strides);
    for (const ElementwiseView &view : work.inputs) strides.push_back(view.strides);
    axes_ = merged_axes(work.shape, strides, AxisOrder::kByFirst);
    count_ = element_count(axes_);
    choose_vector();
    for (size_t k = 0; k < work.outputs.size(); ++k)
      outputs_.push_back({flame::text("y", k), &work.outputs[k], access_of(k)});
    for (size_t k = 0; k < work.inputs.size(); ++k)
      inputs_.push_back({flame::text("x", k), &work.inputs[k], access_of(work.outputs.size() + k)});
    find_pairs(outputs_);
    find_pairs(inputs_);
    unroll_ = count_ >= kLarge && packed_count() <= 3 ? 2 : 1;
  }

  KernelLaunch launch() const {
    KernelLaunch launch;
    launch.source = {"map.cu", definitions(), "map", false};
    launch.threads = kThreads;
    launch.blocks = block_count(count_, int64_t{kThreads} * unroll_ * vector_);
    for (const Operand &input : inputs_)
      launch.arguments.push_back(input_argument(input.view->tensor, bytes_before(*input.view)));
    for (const Operand &output : outputs_)
      launch.arguments.push_back(output_argument(output.view->tensor, bytes_before(*output.view)));
    launch.arguments.push_back(number_argument(count_));
    return launch;
  }

 private:
  static int64_t bytes_before(const ElementwiseView &view) {
    return view.offset * int64_t{FLAME_DTYPE_BYTES(view.dtype)};
  }

  const ElementwiseView &view_of(size_t tensor) const {
    const size_t outputs = work_.outputs.size();
    return tensor < outputs ? work_.outputs[tensor] : work_.inputs[tensor - outputs];
  }
  size_t tensor_count() const { return work_.outputs.size() + work_.inputs.size(); }
  int64_t inner_stride(size_t tensor) const {
    return axes_.empty() ? 0 : axes_.back().strides[tensor];
  }

  // As many neighbours as make 16 bytes of the narrowest tensor; fewer if there are many tensors,
  // whose elements all wait in registers.
  void choose_vector() {
    int64_t narrowest = 16;
    int64_t neighbours = 0;
    for (size_t tensor = 0; tensor < tensor_count(); ++tensor) {
      if (inner_stride(tensor) != 1) continue;
      narrowest = std::min<int64_t>(narrowest, FLAME_DTYPE_BYTES(view_of(tensor).dtype));
      ++neighbours;
    }
    if (neighbours == 0) return;
    vector_ = std::min<int64_t>(16 / narrowest, 8);
    while (vector_ > 2 && vector_ * neighbours > 48) vector_ /= 2;
    const bool one_axis = axes_.size() == 1;  // its end is done one by one
    while (vector_ > 1 && !one_axis && axes_.back().size % vector_ != 0) vector_ /= 2;
    const auto packs = [&] {
      for (size_t tensor = 0; tensor < tensor_count(); ++tensor)
        if (access_of(tensor) == Access::kPack) return true;
      return false;
    };
    while (vector_ > 1 && !packs()) vector_ /= 2;
  }

  Access access_of(size_t tensor) const {
    if (inner_stride(tensor) == 0) return Access::kRepeat;
    bool aligned = inner_stride(tensor) == 1 && view_of(tensor).offset % vector_ == 0;
    for (size_t axis = 0; axis + 1 < axes_.size(); ++axis)
      aligned = aligned && axes_[axis].strides[tensor] % vector_ == 0;
    return aligned ? Access::kPack : Access::kSingle;
  }

  // Two views of one tensor whose elements stand in turns.
  void find_pairs(std::vector<Operand> &operands) const {
    if (vector_ == 1) return;
    for (Operand &first : operands) {
      for (Operand &second : operands) {
        const ElementwiseView &a = *first.view;
        const ElementwiseView &b = *second.view;
        const bool in_turns = a.tensor == b.tensor && a.strides == b.strides &&
                              b.offset == a.offset + 1 && begins_pairs(a);
        if (!in_turns || first.access != Access::kSingle) continue;
        first.access = Access::kFirst;
        second.access = Access::kSecond;
        first.pair = second.pair = first.name;
      }
    }
  }

  // Neighbours two apart, and every other step a whole number of packs of pairs.
  bool begins_pairs(const ElementwiseView &view) const {
    if (axes_.empty() || view.offset % (2 * vector_) != 0) return false;
    for (size_t tensor = 0; tensor < tensor_count(); ++tensor) {
      if (&view_of(tensor) != &view) continue;
      for (size_t axis = 0; axis + 1 < axes_.size(); ++axis)
        if (axes_[axis].strides[tensor] % (2 * vector_) != 0) return false;
      return inner_stride(tensor) == 2;
    }
    return false;
  }

  size_t packed_count() const {
    const auto packed = [](const Operand &each) { return each.access == Access::kPack; };
    return static_cast<size_t>(std::count_if(inputs_.begin(), inputs_.end(), packed) +
                               std::count_if(outputs_.begin(), outputs_.end(), packed));
  }

  std::string definitions() const {
    std::vector<flame_dtype> in, out;
    for (const Operand &input : inputs_) in.push_back(input.view->dtype);
    for (const Operand &output : outputs_) out.push_back(output.view->dtype);
    Definitions made;
    made.flag("kNarrow", is_narrow(in) && is_narrow(out));
    made.line("#include \"functions.cuh\"").line(index_types(needs_wide_index(axes_)));
    made.alias("Real", computes_in_double(in, out) ? "double" : "float");
    made.number("kVector", vector_).number("kUnroll", unroll_).number("kThreads", kThreads);
    made.line(arguments())
        .line(offsets())
        .line(alignment())
        .line(work(map_body(code_, in, out, places())));
    return made.text();
  }

  std::vector<std::string> places() const {
    std::vector<std::string> out;
    for (const Operand &output : outputs_) out.push_back(place_text(output));
    return out;
  }

  std::string arguments() const {
    std::string text = "struct Arguments {\n";
    for (const Operand &each : inputs_)
      text += flame::text("  const ", kernel_type(each.view->dtype), " *", each.name, ";\n");
    for (const Operand &each : outputs_)
      text += flame::text("  ", kernel_type(each.view->dtype), " *", each.name, ";\n");
    return text + "  long long count;\n};";
  }

  std::string offsets() const {
    std::string text;
    for (size_t k = 0; k < outputs_.size(); ++k)
      text += offset_function("offset_" + outputs_[k].name, axes_, k);
    for (size_t k = 0; k < inputs_.size(); ++k)
      text += offset_function("offset_" + inputs_[k].name, axes_, outputs_.size() + k);
    return text;
  }

  std::string alignment() const {
    std::string text = "inline bool takes_vectors(const Arguments &a) {\n  return true";
    for (const auto *operands : {&inputs_, &outputs_}) {
      for (const Operand &each : *operands) {
        if (each.access == Access::kPack)
          text += flame::text(" && takes_packs<kVector>(a.", each.name, ")");
        if (each.access == Access::kFirst)
          text += flame::text(" && takes_packs<2 * kVector>(a.", each.name, ")");
      }
    }
    return text + ";\n}";
  }

  static std::string pack_text(const Operand &operand) {
    const char *count = operand.access == Access::kRepeat  ? "1"
                        : operand.access == Access::kFirst ? "2 * kCount"
                                                           : "kCount";
    return flame::text("Pack<", kernel_type(operand.view->dtype), ", ", count, "> ", operand.name,
                       ";\n");
  }

  static std::string load_text(const Operand &input) {
    const std::string &x = input.name;
    switch (input.access) {
      case Access::kPack:
        return flame::text("    ", x, " = load_pack<kCount>(a.", x, " + offset_", x, "(i));\n");
      case Access::kRepeat:
        return flame::text("    ", x, ".at[0] = a.", x, "[offset_", x, "(i)];\n");
      case Access::kFirst:
        return flame::text("    ", x, " = load_pairs<kCount>(a.", x, " + offset_", x, "(i));\n");
      case Access::kSecond:
        return "";
      case Access::kSingle:
        break;
    }
    return flame::text("    for (int k = 0; k < kCount; ++k) ", x, ".at[k] = a.", x, "[offset_", x,
                       "(i + k)];\n");
  }

  static std::string store_text(const Operand &output) {
    const std::string &y = output.name;
    if (output.access == Access::kPack)
      return flame::text("    store_pack(a.", y, " + offset_", y, "(i), ", y, ");\n");
    if (output.access == Access::kFirst)
      return flame::text("    store_pairs<kCount>(a.", y, " + offset_", y, "(i), ", y, ");\n");
    if (output.access == Access::kSecond) return "";
    return flame::text("    for (int k = 0; k < kCount; ++k) a.", y, "[offset_", y,
                       "(i + k)] = ", y, ".at[k];\n");
  }

  std::string work(const std::string &body) const {
    std::string members, loads, values, results, stores;
    for (const Operand &input : inputs_) {
      if (input.access != Access::kSecond) members += "  " + pack_text(input);
      loads += load_text(input);
      values += flame::text("      const ", type_of_class(class_of_dtype(input.view->dtype)), " v_",
                            input.name, " = number(", place_text(input), ");\n");
    }
    for (const Operand &output : outputs_) {
      if (output.access != Access::kSecond) results += "    " + pack_text(output);
      stores += store_text(output);
    }
    return flame::text("template <int kCount>\nstruct Work {\n", members,
                       "  void load(const Arguments &a, Index i) {\n", loads, "  }\n",
                       "  void finish(const Arguments &a, Index i) {\n", results,
                       "#pragma unroll\n    for (int k = 0; k < kCount; ++k) {\n", values, body,
                       "    }\n", stores, "  }\n};");
  }

  const ElementwiseWork &work_;
  MapCode code_;
  Axes axes_;  // of the outputs, then the inputs
  int64_t count_ = 0;
  int64_t vector_ = 1;
  int64_t unroll_ = 1;
  std::vector<Operand> inputs_;
  std::vector<Operand> outputs_;
};

bool lies_as(const ElementwiseWork &work, const ElementwiseView &input,
             const ElementwiseView &output) {
  if (input.dtype != output.dtype || input.offset != output.offset) return false;
  for (size_t axis = 0; axis < work.shape.size(); ++axis) {
    if (work.shape[axis] != 1 && input.strides[axis] != output.strides[axis]) return false;
  }
  return true;
}

}  // namespace

ElementwiseView whole_view(uint32_t number, const flame_tensor &tensor, const Sizes &shape) {
  return {number, tensor.dtype, broadcast_strides(tensor, shape)};
}

KernelLaunch elementwise_launch(std::string_view code, const ElementwiseWork &work) {
  return Writer(code, work).launch();
}

std::unique_ptr<OpPlan> plan_elementwise(std::string_view code, const ElementwiseWork &work) {
  auto plan = std::make_unique<KernelPlan>();
  plan->add(elementwise_launch(code, work));
  return plan;
}

std::unique_ptr<OpPlan> plan_elementwise(const flame::Op &op, std::string_view code) {
  ElementwiseWork work;
  work.shape = sizes_of(op.output(0));
  for (uint32_t i = 0; i < op.input_count(); ++i)
    work.inputs.push_back(whole_view(i, op.input(i), work.shape));
  for (uint32_t i = 0; i < op.output_count(); ++i)
    work.outputs.push_back(whole_view(i, op.output(i), work.shape));
  std::unique_ptr<OpPlan> plan = plan_elementwise(code, work);
  plan->info.flags |= FLAME_OP_IN_PLACE;
  for (uint32_t i = 0; i < op.input_count() && i < 64; ++i) {
    if (lies_as(work, work.inputs[i], work.outputs[0])) plan->info.in_place_mask |= 1ull << i;
  }
  return plan;
}

}  // namespace flame::cuda

#include "backends/onednn/elementwise_plan.h"

#include <omp.h>

#include <algorithm>
#include <string>

#include "backends/onednn/elementwise_pairs.h"
#include "backends/onednn/elementwise_program.h"
#include "backends/onednn/elementwise_steps.h"

namespace flame::onednn {
namespace {

constexpr int64_t kBlock = 1024;  // values; a handful of blocks fits the first cache
// Blocks do not begin at the same place of a page: a reading of one would wait for a writing of another.
constexpr int64_t kSlotBytes = kBlock * 8 + 576;
constexpr int64_t kParallelElements = 32768;  // fewer are done before other threads wake up
// Outputs larger than this go past the caches, which could not hold them for the next op anyway.
constexpr int64_t kStreamBytes = int64_t{16} << 20;

class ElementwisePlan : public OpPlan {
 public:
  ElementwisePlan(const MapCode &code, ElementwiseWork work)
      : work_(std::move(work)), nest_(work_.shape, all_strides(), kBlock) {
    ElementwiseTypes types;
    for (const ElementwiseView &output : work_.outputs) {
      std::vector<bool> &shared = types.shared.emplace_back();
      for (const ElementwiseView &input : work_.inputs) {
        shared.push_back(work_.in_place && lie_alike(input, output));
      }
    }
    for (size_t i = 0; i < work_.inputs.size(); ++i) {
      types.inputs.push_back(work_.inputs[i].dtype);
      types.repeats.push_back(std::all_of(work_.inputs[i].strides.begin(),
                                          work_.inputs[i].strides.end(),
                                          [](int64_t stride) { return stride == 0; }));
      if (types.shared[0][i] && work_.inputs[i].tensor < 64)
        info.in_place_mask |= uint64_t{1} << work_.inputs[i].tensor;
    }
    const LoopNest::Block first = nest_.block(0);
    for (size_t i = 0; i < work_.outputs.size(); ++i) {
      const flame_dtype dtype = work_.outputs[i].dtype;
      const bool dense = nest_.element_count() > 0 && nest_.layout(first, i).is_dense();
      const bool large = nest_.element_count() * int64_t{FLAME_DTYPE_BYTES(dtype)} >= kStreamBytes;
      streamed_.push_back(dense && large);
      types.outputs.push_back(dtype);
      types.direct.push_back(dense && !large);
    }
    // An output that only repeats an input is read when others have been stored.
    const bool repeats_input = std::ranges::any_of(code.outputs, [](const MapOperand &operand) {
      return operand.kind == MapOperand::Kind::kInput;
    });
    if (work_.in_place && !repeats_input) info.flags |= FLAME_OP_IN_PLACE;
    program_ = compile(code, types);
  }

 private:
  // The values and slots of one thread.
  struct Thread {
    char *memory;
    void **slots;
    const void **loaded;  // what stands in the slot of each input, if it was loaded
    char *slot(Slot number) const { return memory + int64_t{number} * kSlotBytes; }
    char *output_buffer() const { return memory - kSlotBytes; }
  };

  std::vector<Sizes> all_strides() const {
    std::vector<Sizes> strides;
    for (const ElementwiseView &view : work_.outputs) strides.push_back(view.strides);
    for (const ElementwiseView &view : work_.inputs) strides.push_back(view.strides);
    return strides;
  }

  bool lie_alike(const ElementwiseView &input, const ElementwiseView &output) const {
    if (input.offset != output.offset || input.dtype != output.dtype) return false;
    for (size_t axis = 0; axis < work_.shape.size(); ++axis) {
      if (work_.shape[axis] != 1 && input.strides[axis] != output.strides[axis]) return false;
    }
    return true;
  }

  int64_t pointer_bytes() const {
    const size_t count = program_.slot_count + program_.inputs.size();
    return static_cast<int64_t>((count * sizeof(void *) + 63) / 64 * 64);
  }
  int64_t thread_bytes() const {
    return pointer_bytes() + (int64_t{program_.slot_count} + 1) * kSlotBytes;
  }

  void prepare(Engine &engine) override {
    scratch_ = reserve(static_cast<uint64_t>(thread_bytes() * engine.threads));
  }

  void execute(const Run &run) override {
    const int64_t blocks = nest_.block_count();
    if (nest_.element_count() == 0) return;
#pragma omp parallel if (nest_.element_count() >= kParallelElements)
    {
      const int64_t threads = omp_get_num_threads();
      const int64_t me = omp_get_thread_num();
      const Thread thread = start(run.scratch<char>(scratch_) + me * thread_bytes());
      for (int64_t i = blocks * me / threads; i < blocks * (me + 1) / threads; ++i)
        run_block(run, nest_.block(i), thread);
      stream_fence();
    }
  }

  Thread start(char *memory) const {
    Thread thread;
    thread.slots = reinterpret_cast<void **>(memory);
    thread.loaded = const_cast<const void **>(thread.slots + program_.slot_count);
    thread.memory = memory + pointer_bytes() + kSlotBytes;
    for (Slot slot = 0; slot < program_.slot_count; ++slot) thread.slots[slot] = thread.slot(slot);
    std::fill_n(thread.loaded, program_.inputs.size(), nullptr);
    for (const auto &constant : program_.constants) fill_constant(constant, thread);
    return thread;
  }

  static void fill_constant(const ElementwiseProgram::Constant &constant, const Thread &thread) {
    const bool computes_in_f32 = constant.value_class >= ValueClass::kF32;
    const BlockLayout everywhere{1, kBlock, 0, 0};
    const void *from = computes_in_f32 ? static_cast<const void *>(&constant.number)
                                       : static_cast<const void *>(&constant.integer);
    // A number goes to f32 by one rounding.
    const auto narrow = static_cast<float>(constant.number);
    if (constant.value_class == ValueClass::kF32) from = &narrow;
    constexpr flame_dtype kTypes[] = {FLAME_DTYPE_U8, FLAME_DTYPE_I64, FLAME_DTYPE_F32,
                                      FLAME_DTYPE_F64};
    load_block(kTypes[static_cast<int>(constant.value_class)], from, everywhere,
               constant.value_class, thread.slot(constant.slot));
  }

  // The next block of a dense tensor mostly lies behind this one. It is asked for now, as the loops
  // of this block leave the memory idle.
  static void prefetch(const char *from, int64_t bytes) {
    for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(from + i);
  }

  // An input that lies like values is read where it is; else it is loaded, once if it repeats.
  void load_input(const Run &run, const LoopNest::Block &block, size_t i,
                  const Thread &thread) const {
    const ElementwiseView &view = work_.inputs[i];
    const size_t tensor = work_.outputs.size() + i;
    const int64_t bytes = FLAME_DTYPE_BYTES(view.dtype);
    const char *from =
        run.input<char>(view.tensor) + (view.offset + nest_.offset(block, tensor)) * bytes;
    const BlockLayout layout = nest_.layout(block, tensor);
    if (layout.is_dense()) prefetch(from + layout.count() * bytes, layout.count() * bytes);
    if (layout.is_dense() && view.dtype != FLAME_DTYPE_BOOL &&
        is_stored_as(view.dtype, program_.inputs[i])) {
      thread.slots[i] = const_cast<char *>(from);
      return;
    }
    thread.slots[i] = thread.slot(static_cast<Slot>(i));
    const bool whole = layout.rows == first_.rows && layout.columns == first_.columns;
    if (whole && thread.loaded[i] == from) return;
    load_block(view.dtype, from, layout, program_.inputs[i], thread.slots[i]);
    thread.loaded[i] = whole ? from : nullptr;
  }

  void run_block(const Run &run, const LoopNest::Block &block, const Thread &thread) const {
    const int64_t count = block.rows * block.columns;
    for (size_t i = 0; i < work_.inputs.size(); ++i) load_input(run, block, i, thread);
    for (size_t k = 0; k < work_.outputs.size(); ++k) {
      if (program_.outputs[k].direct)
        thread.slots[program_.outputs[k].slot] = output_place(run, block, k);
    }
    void *const *slots = thread.slots;
    for (const ElementwiseProgram::Step &step : program_.steps) run_one(step, slots, count);
    // Output 0 last: it may stand in the memory of an input that another output repeats.
    for (size_t k = work_.outputs.size(); k-- > 0;) {
      if (!program_.outputs[k].direct) store_output(run, block, k, thread);
    }
  }

  static void run_one(const ElementwiseProgram::Step &step, void *const *slots, int64_t count) {
    using Kind = ElementwiseProgram::Step::Kind;
    const void *a = slots[step.operands[0]];
    const void *b = slots[step.operands[1]];
    const void *c = slots[step.operands[2]];
    void *out = slots[step.out];
    switch (step.kind) {
      case Kind::kFunction:
        return run_step(step.function, step.value_class, step.repeats, a, b, c, out, count);
      case Kind::kConvert:
        return convert_values(step.from, a, count, step.value_class, out);
      case Kind::kPair:
        return run_f32_pair({step.function, step.second, step.swapped, step.repeats}, a, b, c, out,
                            count);
    }
  }

  char *output_place(const Run &run, const LoopNest::Block &block, size_t k) const {
    const ElementwiseView &view = work_.outputs[k];
    const int64_t bytes = FLAME_DTYPE_BYTES(view.dtype);
    return run.output<char>(view.tensor) + (view.offset + nest_.offset(block, k)) * bytes;
  }

  void store_output(const Run &run, const LoopNest::Block &block, size_t k,
                    const Thread &thread) const {
    const ElementwiseProgram::Output &output = program_.outputs[k];
    const flame_dtype dtype = work_.outputs[k].dtype;
    const BlockLayout layout = nest_.layout(block, k);
    const void *values = thread.slots[output.slot];
    char *to = output_place(run, block, k);
    if (!streamed_[k] || !layout.is_dense())
      return store_block(output.value_class, values, dtype, to, layout);
    if (!is_stored_as(dtype, output.value_class)) {
      store_row(output.value_class, values, layout.count(), dtype, thread.output_buffer(), 1);
      values = thread.output_buffer();
    }
    stream_copy(values, layout.count() * int64_t{FLAME_DTYPE_BYTES(dtype)}, to);
  }

  ElementwiseWork work_;
  LoopNest nest_;
  LoopNest::Block first_ = nest_.block(0);
  ElementwiseProgram program_;
  std::vector<bool> streamed_;
  uint64_t scratch_ = 0;
};

}  // namespace

ElementwiseView whole_view(uint32_t number, const flame_tensor &tensor, const Sizes &shape) {
  return {number, tensor.dtype, broadcast_strides(tensor, shape)};
}

std::unique_ptr<OpPlan> plan_elementwise(std::string_view code, ElementwiseWork work) {
  MapCode read;
  std::string error;
  const auto count = static_cast<uint32_t>(work.inputs.size());
  if (!read_map_code(code, count, read, error)) throw flame::unsupported("map: ", error);
  if (read.outputs.size() != work.outputs.size()) {
    throw flame::unsupported("map: the code has ", read.outputs.size(), " outputs, the op ",
                             work.outputs.size());
  }
  return std::make_unique<ElementwisePlan>(read, std::move(work));
}

std::unique_ptr<OpPlan> plan_elementwise(const flame::Op &op, std::string_view code) {
  ElementwiseWork work;
  work.shape = shape_of(op.output(0));
  work.in_place = true;
  for (uint32_t i = 0; i < op.input_count(); ++i)
    work.inputs.push_back(whole_view(i, op.input(i), work.shape));
  for (uint32_t i = 0; i < op.output_count(); ++i)
    work.outputs.push_back(whole_view(i, op.output(i), work.shape));
  return plan_elementwise(code, std::move(work));
}

}  // namespace flame::onednn

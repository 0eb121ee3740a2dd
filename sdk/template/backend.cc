// A backend: the processor, with plain loops, for a handful of ops in f32.
//
// A backend says for each op whether it can do it (probe), makes the expensive choices once (plan)
// and then only enqueues work (run). What it refuses, it refuses with a reason: the host then asks
// for the op in other words, or tells the user. Begin here, and add ops one by one.
#include <algorithm>
#include <cstring>
#include <functional>
#include <new>

#include "flame/op_checks.hpp"
#include "flame/plugin.hpp"

namespace {

using flame::TensorView;

// This device does its work at once, so that its streams have nothing to wait for. A device with
// queues keeps its queue in here.
class ImmediateStream : public flame::Stream {
 public:
  void record(flame::Event &) override {}
  void wait(flame::Event &) override {}
  void synchronize() override {}
};

// --- The ops: plain loops over views, whatever the strides. -------------------------------------

void run_fill(float value, flame::TensorList, flame::TensorList outputs) {
  for (float &element : TensorView<float>(*outputs[0])) element = value;
}

void run_copy(flame::TensorList inputs, flame::TensorList outputs) {
  const TensorView<const float> from(*inputs[0]);
  const TensorView<float> to(*outputs[0]);
  std::copy(from.begin(), from.end(), to.begin());
}

struct Transposes {
  bool a = false, b = false;
};

// c[i, j] = Σₖ a[i, k] · b[k, j], summed in f64.
void run_matmul(Transposes transposes, flame::TensorList inputs, flame::TensorList outputs) {
  const TensorView<const float> a(*inputs[0]), b(*inputs[1]);
  const TensorView<float> c(*outputs[0]);
  const int64_t inner = a.size(transposes.a ? 0 : 1);
  for (int64_t i = 0; i < c.size(0); ++i) {
    for (int64_t j = 0; j < c.size(1); ++j) {
      double sum = 0;
      for (int64_t k = 0; k < inner; ++k) {
        const double left = transposes.a ? a(k, i) : a(i, k);
        sum += left * (transposes.b ? b(j, k) : b(k, j));
      }
      c(i, j) = static_cast<float>(sum);
    }
  }
}

// --- What can be done: probe and plan ask the same function, so that they never differ. ----------

using Work = std::function<void(flame::TensorList, flame::TensorList)>;

void expect(const flame::Op &op, uint32_t inputs, uint32_t outputs) {
  if (op.input_count() == inputs && op.output_count() == outputs) return;
  throw flame::unsupported(op.name(), " takes ", inputs, " inputs and gives ", outputs,
                           " outputs, not ", op.input_count(), " and ", op.output_count());
}

void expect_f32(const flame::Op &op) {
  const auto check = [&](const flame_tensor &tensor) {
    if (tensor.dtype == FLAME_DTYPE_F32) return;
    throw flame::unsupported(op.name(), " is done in f32 only, not in ",
                             flame::dtype_name(tensor.dtype));
  };
  for (uint32_t i = 0; i < op.input_count(); ++i) check(op.input(i));
  for (uint32_t i = 0; i < op.output_count(); ++i) check(op.output(i));
}

Work fill_of(const flame::Op &op) {
  expect(op, 0, 1);
  flame::expect_attributes(op, {"value", "dtype", "shape"});
  const auto value = static_cast<float>(op.attributes().number("value"));
  return [value](auto inputs, auto outputs) { run_fill(value, inputs, outputs); };
}

Work copy_of(const flame::Op &op) {
  expect(op, 1, 1);
  flame::expect_attributes(op, {"dtype"});
  if (!flame::same_shape(op.input(0), op.output(0))) {
    throw flame::unsupported("copy from ", flame::to_text(op.input(0)), " to ",
                             flame::to_text(op.output(0)), ": the shapes differ");
  }
  return run_copy;
}

Work matmul_of(const flame::Op &op) {
  expect(op, 2, 1);
  flame::expect_attributes(op, {"transpose_a", "transpose_b", "dtype"});
  if (op.input(0).rank != 2 || op.input(1).rank != 2 || op.output(0).rank != 2) {
    throw flame::unsupported("matmul is done for matrices only, not for ",
                             flame::to_text(op.input(0)), " and ", flame::to_text(op.input(1)));
  }
  const Transposes transposes = {op.attributes().flag("transpose_a", false),
                                 op.attributes().flag("transpose_b", false)};
  return [transposes](auto inputs, auto outputs) { run_matmul(transposes, inputs, outputs); };
}

// The work of an op, or unsupported() with the reason.
Work work_of(const flame::Op &op) {
  expect_f32(op);
  if (op.name() == "fill") return fill_of(op);
  if (op.name() == "copy") return copy_of(op);
  if (op.name() == "matmul") return matmul_of(op);
  throw flame::unsupported("this backend does fill, copy and matmul, not ", op.name());
}

class PlainPlan : public flame::Plan {
 public:
  explicit PlainPlan(Work work) : work_(std::move(work)) {}
  void run(const flame::Call &, flame::TensorList inputs, flame::TensorList outputs) override {
    work_(inputs, outputs);
  }

 private:
  Work work_;
};

// --- The device. ---------------------------------------------------------------------------------

class Processor : public flame::Device {
 public:
  struct Options {
    uint64_t memory = uint64_t{4} << 30;

    void describe(flame::OptionTable &table) {
      table.size("memory", memory, "The most that the device gives out at a time.")
          .minimum(1 << 20);
    }
  };

  // What answers now. A device that is missing is no error: give none, and log why.
  static std::vector<flame::DeviceInfo> devices() {
    return {{"processor", "plain loops in f32", FLAME_DEVICE_CPU, 0, 0}};
  }

  Processor(uint32_t, const Options &options) : limit_(options.memory) {}

  void *allocate(uint64_t size) override {
    const uint64_t left = limit_ - used_;
    if (size > left) {
      throw flame::out_of_memory(size, " bytes were asked for, but ", left, " of ", limit_,
                                 " are left; raise the option 'memory' of the backend");
    }
    char *block = static_cast<char *>(::operator new(size + kHeader, kAlignment));
    std::memcpy(block, &size, sizeof size);
    used_ += size;
    return block + kHeader;
  }
  void release(void *memory) noexcept override {
    char *block = static_cast<char *>(memory) - kHeader;
    uint64_t size = 0;
    std::memcpy(&size, block, sizeof size);
    used_ -= size;
    ::operator delete(block, kAlignment);
  }
  void upload(const flame::Call &, const void *from, void *to, uint64_t size) override {
    std::memcpy(to, from, size);
  }
  void download(const flame::Call &, const void *from, void *to, uint64_t size) override {
    std::memcpy(to, from, size);
  }

  std::unique_ptr<flame::Stream> create_stream() override {
    return std::make_unique<ImmediateStream>();
  }
  std::unique_ptr<flame::Event> create_event() override { return std::make_unique<flame::Event>(); }

  flame::OpInfo probe(const flame::Call &, const flame::Op &op) const override {
    work_of(op);
    return kInfo;
  }
  std::unique_ptr<flame::Plan> plan(const flame::Call &, const flame::Op &op) override {
    auto plan = std::make_unique<PlainPlan>(work_of(op));
    plan->info = kInfo;
    return plan;
  }

 private:
  static constexpr std::align_val_t kAlignment{256};
  static constexpr uint64_t kHeader = 256;  // in front of each block: its size
  // One thread, one order: the same bits every time. No workspace, nothing in place.
  static constexpr flame::OpInfo kInfo = {FLAME_OP_DETERMINISTIC, 0, 0};

  uint64_t limit_;
  uint64_t used_ = 0;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.example.backend").version("0.1.0").vendor("Example").license("Apache-2.0");
  plugin.summary("A backend to begin with.");
  plugin.add<Processor>("example-cpu", "The processor, with plain loops for a few ops.");
}

// Plans that are launches of kernels of our own, one after the other.
#pragma once

#include <vector>

#include "backends/cuda/op_plan.h"

namespace flame::cuda {

// One argument of a kernel: 8 bytes.
struct Argument {
  enum class Kind : uint8_t {
    kInput,
    kOutput,
    kWorkspace,
    kNumber
  };
  Kind kind;
  uint32_t index = 0;  // of the input or output
  int64_t value = 0;   // bytes from there, or the number
};

inline Argument input_argument(uint32_t index, int64_t bytes = 0) {
  return {Argument::Kind::kInput, index, bytes};
}
inline Argument output_argument(uint32_t index, int64_t bytes = 0) {
  return {Argument::Kind::kOutput, index, bytes};
}
inline Argument workspace_argument(uint64_t offset) {
  return {Argument::Kind::kWorkspace, 0, static_cast<int64_t>(offset)};
}
inline Argument number_argument(int64_t number) {
  return {Argument::Kind::kNumber, 0, number};
}

constexpr int64_t kMostRows = 65535;

struct KernelLaunch {
  KernelSource source;
  uint32_t blocks = 1;   // along x
  uint32_t rows = 1;     // along y: kMostRows at most
  uint32_t threads = 1;  // of a block
  uint32_t shared_bytes =
      0;  // beyond what the kernel declares; allow_shared() before the first run
  // Its blocks may begin before the plan's launch ahead of it has ended: the kernel itself waits for
  // that one's memory, and the one ahead says when. From sm_90 on.
  bool overlaps = false;
  // The kernel's parameters in order: pointers and long longs alone, or one struct of such.
  std::vector<Argument> arguments;
};

// A kernel of a plan that does more than launch: its arguments are made at each run.
class OwnKernel {
 public:
  OwnKernel() = default;
  explicit OwnKernel(KernelSource source) : source_(std::move(source)) {}

  const KernelSource &source() const { return source_; }
  void prepare(Context &context) { kernel_ = context.kernel(source_); }
  // The kernel's parameters in order, each of 8 bytes. Nothing happens without blocks.
  void run(CUstream stream, int64_t blocks, uint32_t threads,
           std::initializer_list<uint64_t> arguments) const;

 private:
  KernelSource source_;
  std::shared_ptr<const Kernel> kernel_;
};

// Lets the kernel have the shared memory that the launch names.
void allow_shared(const KernelLaunch &launch, const Kernel &kernel);

// Enqueues one launch.
void enqueue(const KernelLaunch &launch, const Kernel &kernel, const Run &run,
             const std::string &op);

class KernelPlan : public OpPlan {
 public:
  // A launch without blocks is left out: there is nothing to do.
  void add(KernelLaunch launch);
  using OpPlan::reserve;

  const std::vector<KernelLaunch> &launches() const { return launches_; }
  std::vector<KernelSource> kernels() const override;

 private:
  void prepare(Context &context) override;
  void execute(const Run &run) override;

  std::vector<KernelLaunch> launches_;
  std::vector<std::shared_ptr<const Kernel>> kernels_;
};

// Blocks of `each` for `count` things, at most `most`, at least 0.
uint32_t block_count(int64_t count, int64_t each, int64_t most = INT32_MAX);

}  // namespace flame::cuda

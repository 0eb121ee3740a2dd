// Thousands of steps: nothing is allocated, nothing grows, and two runs give the same bits.
#include <gtest/gtest.h>
#include <link.h>
#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <new>

#include "core/ops/catalogue/terms.h"
#include "core/passes/differentiate.h"
#include "core/passes/place.h"
#include "core/program/program_builder.h"
#include "core/program/rewrite.h"
#include "core/runtime/executable.h"
#include "tests/support/devices.h"
#include "tests/support/evaluate.h"

namespace {

std::atomic<uint64_t> allocation_count{0};
// Where oneDNN's code lies: its primitives make small lists of their own in each run, which no
// caller can prevent.
std::atomic<uintptr_t> onednn_begin{0}, onednn_end{0};

void find_onednn() {
  dl_iterate_phdr(
      [](dl_phdr_info *info, size_t, void *) {
        if (!std::strstr(info->dlpi_name, "libdnnl")) return 0;
        onednn_begin = info->dlpi_addr;
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const ElfW(Phdr) &part = info->dlpi_phdr[i];
          if (part.p_type == PT_LOAD) onednn_end = info->dlpi_addr + part.p_vaddr + part.p_memsz;
        }
        return 1;
      },
      nullptr);
}

}  // namespace

// Counts what the program and its plugins allocate: their `new` is this one.
static void *counted_malloc(size_t size, const void *return_address) noexcept {
  const auto caller = reinterpret_cast<uintptr_t>(return_address);
  if (caller < onednn_begin || caller >= onednn_end) ++allocation_count;
  return std::malloc(size ? size : 1);
}
__attribute__((visibility("default"))) void *operator new(size_t size,
                                                          const std::nothrow_t &) noexcept {
  return counted_malloc(size, __builtin_return_address(0));
}
__attribute__((visibility("default"))) void *operator new(size_t size) {
  if (void *memory = counted_malloc(size, __builtin_return_address(0))) return memory;
  throw std::bad_alloc();
}
__attribute__((visibility("default"))) void operator delete(void *memory) noexcept {
  std::free(memory);
}
__attribute__((visibility("default"))) void operator delete(void *memory, size_t) noexcept {
  std::free(memory);
}

namespace flame {
namespace {

using testing_support::device;
using testing_support::tensor_of;

const TensorType kInput{DType::kF32, {4, 6}};
const TensorType kFirst{DType::kF32, {6, 8}};
const TensorType kSecond{DType::kF32, {8, 3}};

std::vector<double> some_numbers(int64_t count, int seed) {
  std::vector<double> numbers;
  for (int64_t i = 0; i < count; ++i) {
    numbers.push_back(0.05 * static_cast<double>((i * 37 + seed * 11) % 23 - 11));
  }
  return numbers;
}

// A step of gradient descent of two layers: loss, gradients and new weights, all one program.
Result<Program> training_step() {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", kInput));
  const Term a = builder.term(builder.input("a", kFirst));
  const Term b = builder.term(builder.input("b", kSecond));
  const Term y = matmul(map("tanh x0", {matmul(x, a)}), b);
  builder.output("loss", mean(y * y, {0, 1}).id());
  FLAME_ASSIGN(const Program forward, builder.finish());
  FLAME_ASSIGN(const Gradients gradients, differentiate(forward, {{"loss"}, {"a", "b"}}));

  ProgramBuilder whole;
  ProgramCopy copy(gradients.program, whole);
  for (const Node &node : gradients.program.nodes()) copy.add(node, whole);
  copy.outputs();
  for (const char *name : {"a", "b"}) {
    const auto at = [&](ValueId value) { return whole.term(copy.at(value)); };
    const Term weight = at(gradients.program.find_input(name)->value);
    const Term gradient = at(gradients.program.find_output(std::string("gradient.") + name)->value);
    whole.output(std::string("new ") + name,
                 map("mul x1 -0.01; add x0 t0", {weight, gradient}).id());
  }
  return whole.finish();
}

class LongRun : public testing::TestWithParam<const char *> {
 protected:
  void SetUp() override {
    const Result<Program> program = training_step();
    ASSERT_TRUE(program.ok()) << program.error().text();
    const Result<Program> plain = expand_all(*program);
    auto placed = place(*plain, device_, {{{"a", "new a"}, {"b", "new b"}}, {}});
    ASSERT_TRUE(placed.ok()) << placed.error().text();
    auto made = Executable::make(std::move(*placed), store_);
    ASSERT_TRUE(made.ok()) << made.error().text();
    executable_ = std::move(*made);
    stream_ = *device_.create_stream();
  }
  void start() {
    write("x", tensor_of(kInput, some_numbers(24, 1)));
    write("a", tensor_of(kFirst, some_numbers(48, 2)));
    write("b", tensor_of(kSecond, some_numbers(24, 3)));
  }
  void write(const char *name, const HostTensor &tensor) {
    ASSERT_TRUE(executable_->write(stream_, name, tensor.bytes).ok());
  }
  void steps(int count) {
    for (int i = 0; i < count; ++i) ASSERT_TRUE(executable_->run(stream_).ok());
    ASSERT_TRUE(stream_.synchronize().ok());
  }
  std::vector<std::byte> weights() {
    std::vector<std::byte> bytes(48 * sizeof(float));
    EXPECT_TRUE(executable_->read(stream_, "a", bytes).ok());
    EXPECT_TRUE(stream_.synchronize().ok());
    return bytes;
  }

  Device &device_ = device(GetParam());
  TensorStore store_{device_};
  std::unique_ptr<Executable> executable_;
  DeviceStream stream_;
};

uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

TEST_P(LongRun, AllocatesNothingAfterTheFirstStep) {
  find_onednn();
  start();
  steps(1);
  const uint64_t before = allocation_count;
  steps(100);
  EXPECT_EQ(allocation_count, before);
}

TEST_P(LongRun, KeepsItsMemoryOverTenThousandSteps) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the address sanitizer keeps what is freed";
#endif
  start();
  steps(100);
  const uint64_t before = resident_bytes();
  const size_t in_use = mallinfo2().uordblks;
  steps(9900);
  EXPECT_LE(resident_bytes(), before + (1 << 20));
  EXPECT_EQ(mallinfo2().uordblks, in_use);
}

TEST_P(LongRun, GivesTheSameBitsTwice) {
  start();
  steps(200);
  const std::vector<std::byte> first = weights();
  start();
  steps(200);
  EXPECT_EQ(weights(), first);
}

TEST_P(LongRun, Learns) {
  start();
  steps(1);
  const auto loss = [&] {
    float value = 0;
    EXPECT_TRUE(
        executable_->read(stream_, "loss", std::as_writable_bytes(std::span(&value, 1))).ok());
    EXPECT_TRUE(stream_.synchronize().ok());
    return value;
  };
  const float first = loss();
  steps(500);
  EXPECT_LT(loss(), 0.9F * first);
  EXPECT_GT(loss(), 0.0F);
}

// Not the reference backend: it is written to be read, and its kernels allocate.
INSTANTIATE_TEST_SUITE_P(Backends, LongRun, testing::Values("onednn"),
                         [](const auto &info) { return std::string(info.param); });

}  // namespace
}  // namespace flame

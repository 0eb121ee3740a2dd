// How near a map comes to the speed of copying: chains of elementwise ops over 16 Mi f32, and
// memcpy with the same threads in the same run. "Busy" is the time of the processor, which says more
// on a machine that others use.
#include <fmt/core.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "flame/attribute.hpp"
#include "flame/tensor.hpp"
#include "tests/backends/opened_backend.h"

namespace {

using flame::backend_test::OpenedBackend;

constexpr int64_t kCount = int64_t{16} << 20;
constexpr int kRuns = 15;

// One thing that is measured, and what it took.
struct Measured {
  std::string name;
  std::function<void()> work;
  double share_of_bytes;  // of those of the f32 tensors
  std::vector<double> seconds = {};
  std::vector<double> busy = {};  // of the processor, all threads together

  double median() const { return seconds[seconds.size() / 2]; }
  double median_busy() const { return busy[busy.size() / 2]; }
};

// In turns, so that whatever else the machine does meets all of them.
void measure(std::vector<Measured> &all) {
  for (int run = -1; run < kRuns; ++run) {
    for (Measured &one : all) {
      const auto start = std::chrono::steady_clock::now();
      const std::clock_t busy = std::clock();
      one.work();
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
      if (run < 0) continue;
      one.seconds.push_back(took.count());
      one.busy.push_back(static_cast<double>(std::clock() - busy) / CLOCKS_PER_SEC);
    }
  }
  for (Measured &one : all) {
    std::sort(one.seconds.begin(), one.seconds.end());
    std::sort(one.busy.begin(), one.busy.end());
  }
}

void copy_with_all_threads(const char *from, char *to, int64_t bytes) {
#pragma omp parallel
  {
    const int64_t threads = omp_get_num_threads();
    const int64_t first = bytes * omp_get_thread_num() / threads;
    const int64_t last = bytes * (omp_get_thread_num() + 1) / threads;
    std::memcpy(to + first, from + first, static_cast<size_t>(last - first));
  }
}

flame_tensor tensor_of(void *data, flame_dtype dtype) {
  static constexpr int64_t kShape[] = {kCount};
  static constexpr int64_t kStrides[] = {1};
  return {sizeof(flame_tensor),
          dtype,
          1,
          FLAME_DEVICE_CPU,
          kShape,
          kStrides,
          data,
          0,
          static_cast<uint64_t>(kCount) * FLAME_DTYPE_BYTES(dtype)};
}

// A map of one input and one output.
class Map {
 public:
  Map(OpenedBackend &backend, std::string code, flame_dtype dtype, void *from, void *to)
      : backend_(backend),
        code_(std::move(code)),
        x_(tensor_of(from, dtype)),
        y_(tensor_of(to, dtype)) {}

  void run() const {
    const flame_tensor *const tensors[] = {&x_, &y_};
    const std::vector<std::string> dtypes = {std::string(flame::dtype_name(x_.dtype))};
    const flame::AttributeArray attributes(
        std::vector<flame::Attribute>{{"code", code_}, {"dtypes", dtypes}});
    const flame_op op = {sizeof op,        1,       1,           attributes.size(),
                         FLAME_STR("map"), tensors, tensors + 1, attributes.data()};
    if (backend_.run(op)) throw std::runtime_error(backend_.message());
  }

 private:
  OpenedBackend &backend_;
  std::string code_;
  flame_tensor x_, y_;
};

}  // namespace

int main() {
  OpenedBackend backend(FLAME_PLUGIN_FOLDER "/onednn.so");
  std::vector<float> from(kCount, 0.5f), to(kCount, 1.0f);
  const auto bytes = static_cast<int64_t>(kCount * sizeof(float));
  std::vector<Measured> all;
  all.push_back({"memcpy, f32",
                 [&] {
                   copy_with_all_threads(reinterpret_cast<char *>(from.data()),
                                         reinterpret_cast<char *>(to.data()), bytes);
                 },
                 1});
  const auto add = [&](const char *name, const char *code, flame_dtype dtype) {
    const Map map(backend, code, dtype, from.data(), to.data());
    all.push_back({name, [map] { map.run(); }, dtype == FLAME_DTYPE_F32 ? 1.0 : 0.5});
  };
  const char *const arithmetic =
      "mul x0 0.5; add t0 1.0; sub t1 x0; max t2 -2.0; square t3; mul t4 0.25; add t5 x0; min t6 "
      "3.0";
  const char *const functions =
      "mul x0 0.5; add t0 1.0; silu t1; mul t2 x0; sub t3 0.5; exp t4; add t5 x0; min t6 3.0";
  add("one addition, f32", "add x0 1.0", FLAME_DTYPE_F32);
  add("8 arithmetic functions, f32", arithmetic, FLAME_DTYPE_F32);
  add("8 functions, silu and exp in it, f32", functions, FLAME_DTYPE_F32);
  add("gelu, f32", "gelu x0", FLAME_DTYPE_F32);
  add("8 arithmetic functions, bf16", arithmetic, FLAME_DTYPE_BF16);
  add("8 functions, silu and exp in it, bf16", functions, FLAME_DTYPE_BF16);
  measure(all);

  fmt::print("{} elements, {} threads, {} runs\n", kCount, omp_get_max_threads(), kRuns);
  fmt::print("{:<40} {:>10} {:>14} {:>10} {:>14}\n", "", "median ms", "of memcpy", "busy ms",
             "of memcpy");
  for (const Measured &one : all) {
    fmt::print("{:<40} {:>10.2f} {:>14.2f} {:>10.2f} {:>14.2f}\n", one.name, one.median() * 1e3,
               all[0].median() * one.share_of_bytes / one.median(), one.median_busy() * 1e3,
               all[0].median_busy() * one.share_of_bytes / one.median_busy());
  }
}

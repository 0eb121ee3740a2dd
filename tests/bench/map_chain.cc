// How near a map comes to the speed of copying: chains of elementwise ops over 16 Mi f32, and
// memcpy with the same threads in the same run. Prints medians.
#include <fmt/core.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "flame/attribute.hpp"
#include "flame/tensor.hpp"
#include "tests/backends/opened_backend.h"

namespace {

using flame::backend_test::OpenedBackend;

constexpr int64_t kCount = int64_t{16} << 20;
constexpr int kRuns = 31;

template <typename Work>
double median_seconds(const Work &work) {
  std::vector<double> seconds;
  work();
  for (int i = 0; i < kRuns; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[kRuns / 2];
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

double seconds_of(OpenedBackend &backend, const char *code, flame_dtype dtype, void *from,
                  void *to) {
  const flame_tensor x = tensor_of(from, dtype);
  const flame_tensor y = tensor_of(to, dtype);
  const flame_tensor *const inputs[] = {&x};
  const flame_tensor *const outputs[] = {&y};
  const std::vector<std::string> dtypes = {std::string(flame::dtype_name(dtype))};
  const flame::AttributeArray attributes(
      std::vector<flame::Attribute>{{"code", code}, {"dtypes", dtypes}});
  const flame_op op = {sizeof op,        1,      1,       attributes.size(),
                       FLAME_STR("map"), inputs, outputs, attributes.data()};
  return median_seconds([&] {
    if (backend.run(op)) throw std::runtime_error(backend.message());
  });
}

}  // namespace

int main() {
  OpenedBackend backend(FLAME_PLUGIN_FOLDER "/onednn.so");
  std::vector<float> from(kCount, 0.5f), to(kCount, 1.0f);
  const auto bytes = static_cast<int64_t>(kCount * sizeof(float));
  const double copied = median_seconds([&] {
    copy_with_all_threads(reinterpret_cast<char *>(from.data()),
                          reinterpret_cast<char *>(to.data()), bytes);
  });
  const auto print = [&](const char *name, double seconds, double share_of_bytes) {
    const double moved = 2e-9 * static_cast<double>(bytes) * share_of_bytes;
    fmt::print("{:<44} {:7.2f} ms {:7.1f} GB/s {:5.2f} of memcpy\n", name, seconds * 1e3,
               moved / seconds, copied * share_of_bytes / seconds);
  };
  fmt::print("{} elements, {} threads, medians of {} runs\n", kCount, omp_get_max_threads(), kRuns);
  print("memcpy, f32", copied, 1);
  const char *const arithmetic =
      "mul x0 0.5; add t0 1.0; sub t1 x0; max t2 -2.0; square t3; mul t4 0.25; add t5 x0; min t6 "
      "3.0";
  const char *const functions =
      "mul x0 0.5; add t0 1.0; silu t1; mul t2 x0; sub t3 0.5; exp t4; add t5 x0; min t6 3.0";
  const auto run = [&](const char *code, flame_dtype dtype) {
    return seconds_of(backend, code, dtype, from.data(), to.data());
  };
  print("map of 8 arithmetic functions, f32", run(arithmetic, FLAME_DTYPE_F32), 1);
  print("map of 8 functions, silu and exp in it, f32", run(functions, FLAME_DTYPE_F32), 1);
  print("map of gelu, f32", run("gelu x0", FLAME_DTYPE_F32), 1);
  print("map of 8 arithmetic functions, bf16", run(arithmetic, FLAME_DTYPE_BF16), 0.5);
  print("map of 8 functions, silu and exp in it, bf16", run(functions, FLAME_DTYPE_BF16), 0.5);
}

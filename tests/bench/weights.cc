// How long weights take from a file to where programs want them, and how much memory that takes.
//
//   ninja -C build/release bench_weights
//   build/release/tests/bench/bench_weights FILE MODEL[,MODEL…] [BACKEND] [TYPE]
#include <fmt/core.h>
#include <sys/resource.h>

#include <chrono>

#include "core/cli/weights_models.h"
#include "core/io/weight_loader.h"
#include "core/plugin/backends.h"

namespace {

using namespace flame;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double peak_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

Status measure(const std::vector<std::string> &words) {
  const DType dtype = *dtype_from_name(words.size() > 3 ? words[3] : "bf16");
  const Catalogue catalogue = Catalogue::scan({FLAME_PLUGIN_FOLDER});
  PluginHost host({});
  FLAME_ASSIGN(const auto device,
               open_device(host, catalogue, {words.size() > 2 ? words[2] : "onednn"}));
  FLAME_ASSIGN(const DeviceStream stream, device->create_stream());
  const auto start = std::chrono::steady_clock::now();
  FLAME_ASSIGN(const auto models, cli::choose_models(host, catalogue, words[1], {}, words[0]));
  fmt::print("models built       {:7.3f} s\n", seconds_since(start));
  const auto opening = std::chrono::steady_clock::now();
  FLAME_ASSIGN(const auto sets, open_weights(words[0]));
  FLAME_ASSIGN(const auto matched, cli::match_models(models, sets));
  fmt::print("opened and matched {:7.3f} s\n", seconds_since(opening));
  std::vector<DeviceMemory> memory;
  std::vector<WeightJob> jobs;
  uint64_t bytes = 0;
  for (const auto &entry : matched) {
    for (const PlacedWeight &weight : entry.match.placed) {
      const TensorType type{dtype, weight.type.shape};
      FLAME_ASSIGN(DeviceMemory made, device->allocate(static_cast<uint64_t>(type.size_bytes())));
      bytes += made.size();
      jobs.push_back({&weight, dtype, made.data()});
      memory.push_back(std::move(made));
    }
  }
  const double before = peak_mib();
  const auto loading = std::chrono::steady_clock::now();
  FLAME_TRY(load_weights(jobs, *device, stream));
  const double seconds = seconds_since(loading);
  const double own = device->readable_by_processor() ? static_cast<double>(bytes) / (1 << 20) : 0;
  fmt::print("loaded             {:7.3f} s, {:.2f} GB as {} on {}: {:.2f} GB/s\n", seconds,
             static_cast<double>(bytes) / 1e9, name_of(dtype), device->name(),
             static_cast<double>(bytes) / 1e9 / seconds);
  fmt::print("host memory beyond the weights' own: {:.0f} MiB (peak {:.0f}, before {:.0f})\n",
             peak_mib() - before - own, peak_mib(), before);
  return {};
}

}  // namespace

int main(int count, char **values) {
  const std::vector<std::string> words(values + 1, values + count);
  if (words.size() < 2) {
    fmt::print(stderr, "usage: bench_weights FILE MODEL[,MODEL…] [BACKEND] [TYPE]\n");
    return 2;
  }
  const flame::Status status = measure(words);
  if (!status.ok()) fmt::print(stderr, "{}\n", status.error().text());
  return status.ok() ? 0 : 1;
}

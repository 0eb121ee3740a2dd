#include "backends/cuda/group_norm_cluster.h"

#include <algorithm>
#include <bit>

namespace flame::cuda {
namespace {

constexpr int64_t kMostThreads = 512;
constexpr int64_t kMostHeld = 96 << 10;  // bytes of x in a block's shared memory
constexpr int64_t kMostCluster = 8;
constexpr int64_t kMostBundle = 4;

struct ClusterLayout {
  int64_t bundle, cluster, vector, place_threads, threads, block_places;
  int64_t held;  // bytes
  int64_t blocks;
  int64_t cost;  // bytes that the busiest multiprocessor reads
};

// What is read where `bytes` of each place are wanted: memory comes in pieces of 32 bytes.
int64_t bytes_read(int64_t bytes) {
  return bytes % 32 == 0 ? bytes : bytes / 32 * 32 + 64;
}

std::optional<ClusterLayout> layout_of(const NormShape &shape, int64_t bundle, int64_t cluster,
                                       const Target &target) {
  const int64_t size = FLAME_DTYPE_BYTES(shape.dtype);
  const int64_t width = shape.channels / shape.groups;
  const int64_t slice = bundle * width;
  ClusterLayout layout;
  layout.bundle = bundle;
  layout.cluster = cluster;
  layout.vector = static_cast<int64_t>(
      std::bit_floor(static_cast<uint64_t>(std::min(width, std::min<int64_t>(16 / size, 8)))));
  while (shape.channels % layout.vector != 0 || slice % layout.vector != 0) layout.vector /= 2;
  const int64_t packs = slice / layout.vector;
  if (packs > kMostThreads) return std::nullopt;
  layout.block_places = (shape.places + cluster - 1) / cluster;
  layout.place_threads = std::min(kMostThreads / packs, layout.block_places);
  layout.threads = (packs * layout.place_threads + 31) / 32 * 32;
  const int64_t trips = (layout.block_places + layout.place_threads - 1) / layout.place_threads;
  layout.held = trips * layout.threads * layout.vector * size;
  if (layout.held > kMostHeld) return std::nullopt;
  layout.blocks = shape.images * (shape.groups / bundle) * cluster;
  const int64_t turns = (layout.blocks + target.multiprocessors - 1) / target.multiprocessors;
  layout.cost = turns * layout.block_places * bytes_read(slice * size);
  return layout;
}

}  // namespace

std::optional<KernelLaunch> group_norm_cluster_launch(const NormShape &shape, double epsilon,
                                                      const Target &target) {
  if (target.capability < 90 || shape.dtype == FLAME_DTYPE_F64) return std::nullopt;
  std::optional<ClusterLayout> best;
  for (int64_t bundle = 1; bundle <= kMostBundle; bundle *= 2) {
    if (shape.groups % bundle != 0) break;
    for (int64_t cluster = 1; cluster <= std::min(kMostCluster, shape.places); cluster *= 2) {
      const std::optional<ClusterLayout> layout = layout_of(shape, bundle, cluster, target);
      if (layout && layout->blocks <= INT32_MAX && (!best || layout->cost < best->cost))
        best = layout;
    }
  }
  if (!best) return std::nullopt;
  Definitions made = norm_definitions(shape, best->vector);
  made.number("kBundle", best->bundle).number("kCluster", best->cluster);
  made.number("kBlockPlaces", best->block_places).number("kPlaceThreads", best->place_threads);
  made.number("kThreads", best->threads).real("kEpsilon", epsilon);
  KernelLaunch launch;
  launch.source = {"group_norm_cluster.cu", made.text(), "group_norm_cluster"};
  launch.threads = static_cast<uint32_t>(best->threads);
  launch.shared_bytes = static_cast<uint32_t>(best->held);
  launch.blocks = static_cast<uint32_t>(best->blocks);
  return launch;
}

}  // namespace flame::cuda

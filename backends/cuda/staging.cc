#include "backends/cuda/staging.h"

#include <algorithm>
#include <cstring>

namespace flame::cuda {
namespace {

constexpr uint64_t kBlockBytes = uint64_t{8} << 20;
// Less than this the driver copies into its own command buffers at once.
constexpr uint64_t kSmall = 65536;

// The function for several attributes: of memory that the driver does not know it gives 0, where the
// one for a single attribute fails.
bool is_pinned(const void *memory) {
  unsigned type = 0;
  CUpointer_attribute asked[] = {CU_POINTER_ATTRIBUTE_MEMORY_TYPE};
  void *answers[] = {&type};
  const auto address = reinterpret_cast<CUdeviceptr>(memory);
  return driver().pointer_attributes(1, asked, answers, address) == CUDA_SUCCESS &&
         type == CU_MEMORYTYPE_HOST;
}

}  // namespace

Staging::~Staging() {
  for (const Block &block : blocks_) {
    if (block.travelled) driver().destroy_event(block.travelled);
    if (block.memory) driver().release_pinned(block.memory);
  }
}

void Staging::upload(CUstream stream, const void *from, void *to, uint64_t size) {
  auto target = reinterpret_cast<CUdeviceptr>(to);
  if (size <= kSmall || is_pinned(from))
    return check(driver().upload(target, from, size, stream), "cuMemcpyHtoDAsync", "upload");
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto *bytes = static_cast<const char *>(from);
  while (size != 0) {
    Block &block = blocks_[next_];
    next_ = 1 - next_;
    if (!block.memory) {
      check(driver().allocate_pinned(&block.memory, kBlockBytes, CU_MEMHOSTALLOC_PORTABLE),
            "cuMemHostAlloc", "staging for uploads");
      check(driver().create_event(&block.travelled, CU_EVENT_DISABLE_TIMING), "cuEventCreate");
    } else {
      check(driver().synchronize_event(block.travelled), "cuEventSynchronize", "upload");
    }
    const uint64_t part = std::min(size, kBlockBytes);
    std::memcpy(block.memory, bytes, part);
    check(driver().upload(target, block.memory, part, stream), "cuMemcpyHtoDAsync", "upload");
    check(driver().record_event(block.travelled, stream), "cuEventRecord", "upload");
    bytes += part;
    target += part;
    size -= part;
  }
}

}  // namespace flame::cuda

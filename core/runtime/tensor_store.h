// The memory that outlives a run: inputs, parameters and states by name, shared by the executables
// of one training, and the one arena that they take turns in.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/passes/placed_program.h"
#include "core/runtime/device.h"

namespace flame {

// A piece of a block of memory, which lives as long as anybody holds a piece of it.
struct MemoryPiece {
  std::shared_ptr<const DeviceMemory> block;
  uint64_t offset = 0;
  uint64_t size = 0;

  std::byte *data() const { return block && size ? block->data() + offset : nullptr; }
};

// Pieces of one block, in the order of the sizes and aligned to 256 bytes each. Devices round every
// allocation up, so one for many tensors takes what the tensors take.
Result<std::vector<MemoryPiece>> allocate_block(const Device &device,
                                                std::span<const uint64_t> sizes);

// One device's. Not thread-safe. Executables hold what they use, so the store may end first; the
// device outlives both.
class TensorStore {
 public:
  explicit TensorStore(Device &device) : device_(device) {}
  TensorStore(const TensorStore &) = delete;
  TensorStore &operator=(const TensorStore &) = delete;

  Device &device() { return device_; }

  struct Wanted {
    std::string name;
    uint64_t size_bytes = 0;
  };
  // The tensors of those names; the ones that are not there are made in one block, with undefined
  // content. Error: one is there with another size, or there is no memory.
  Result<std::vector<MemoryPiece>> tensors(std::span<const Wanted> wanted);
  Result<MemoryPiece> tensor(const std::string &name, uint64_t size_bytes);
  // The arena with at least that size. Executables that were made with a smaller one keep theirs:
  // make the one with the largest arena first.
  Result<std::shared_ptr<const DeviceMemory>> arena(uint64_t size_bytes);

  // What is allocated now: each tensor rounded up to 256 bytes, and the arena.
  uint64_t allocated_bytes() const;

 private:
  Device &device_;
  std::map<std::string, MemoryPiece> tensors_;
  std::shared_ptr<const DeviceMemory> arena_;
};

}  // namespace flame

#include "core/runtime/tensor_store.h"

#include <fmt/core.h>

namespace flame {

Result<std::vector<MemoryPiece>> allocate_block(const Device &device,
                                                std::span<const uint64_t> sizes) {
  std::vector<MemoryPiece> pieces;
  uint64_t end = 0;
  for (const uint64_t size : sizes) {
    pieces.push_back({nullptr, end, size});
    end += allocated_bytes(size);
  }
  FLAME_ASSIGN(DeviceMemory made, device.allocate(end));
  const auto block = std::make_shared<const DeviceMemory>(std::move(made));
  for (MemoryPiece &piece : pieces) piece.block = block;
  return pieces;
}

Result<std::vector<MemoryPiece>> TensorStore::tensors(std::span<const Wanted> wanted) {
  std::vector<uint64_t> sizes;
  std::vector<std::string> names;
  std::map<std::string, uint64_t> known;
  for (const Wanted &each : wanted) {
    const auto held = tensors_.find(each.name);
    const bool is_held = held != tensors_.end();
    const auto [at, is_new] =
        known.emplace(each.name, is_held ? held->second.size : each.size_bytes);
    if (at->second != each.size_bytes) {
      return Error{ErrorKind::kFailed,
                   fmt::format("'{}' has {} bytes in one program and {} in another", each.name,
                               at->second, each.size_bytes),
                   "give tensors of different types different names"};
    }
    if (is_held || !is_new) continue;
    sizes.push_back(each.size_bytes);
    names.push_back(each.name);
  }
  if (!names.empty()) {
    FLAME_ASSIGN(const std::vector<MemoryPiece> made, allocate_block(device_, sizes));
    for (size_t i = 0; i < names.size(); ++i) tensors_[names[i]] = made[i];
  }
  std::vector<MemoryPiece> pieces;
  for (const Wanted &each : wanted) pieces.push_back(tensors_[each.name]);
  return pieces;
}

Result<MemoryPiece> TensorStore::tensor(const std::string &name, uint64_t size_bytes) {
  const Wanted wanted[] = {{name, size_bytes}};
  FLAME_ASSIGN(const std::vector<MemoryPiece> pieces, tensors(wanted));
  return pieces.front();
}

Result<std::shared_ptr<const DeviceMemory>> TensorStore::arena(uint64_t size_bytes) {
  if (!arena_ || arena_->size() < size_bytes) {
    FLAME_ASSIGN(DeviceMemory made, device_.allocate(size_bytes));
    arena_ = std::make_shared<const DeviceMemory>(std::move(made));
  }
  return arena_;
}

uint64_t TensorStore::allocated_bytes() const {
  uint64_t sum = arena_ ? arena_->size() : 0;
  for (const auto &[name, piece] : tensors_) sum += flame::allocated_bytes(piece.size);
  return sum;
}

}  // namespace flame

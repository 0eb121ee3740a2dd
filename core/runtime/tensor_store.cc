#include "core/runtime/tensor_store.h"

#include <fmt/core.h>

namespace flame {

Result<std::shared_ptr<DeviceMemory>> TensorStore::tensor(const std::string &name,
                                                          uint64_t size_bytes) {
  std::shared_ptr<DeviceMemory> &memory = tensors_[name];
  if (!memory) {
    Result<DeviceMemory> made = device_.allocate(size_bytes);
    if (!made.ok()) {
      Error error = made.error();
      error.what = fmt::format("memory for '{}': {}", name, error.what);
      return error;
    }
    memory = std::make_shared<DeviceMemory>(std::move(*made));
  }
  if (memory->size() == size_bytes) return memory;
  return Error{ErrorKind::kFailed,
               fmt::format("'{}' has {} bytes in one program and {} in another", name,
                           memory->size(), size_bytes),
               "give tensors of different types different names"};
}

Result<std::shared_ptr<DeviceMemory>> TensorStore::arena(uint64_t size_bytes) {
  if (!arena_ || arena_->size() < size_bytes) {
    FLAME_ASSIGN(DeviceMemory made, device_.allocate(size_bytes));
    arena_ = std::make_shared<DeviceMemory>(std::move(made));
  }
  return arena_;
}

uint64_t TensorStore::allocated_bytes() const {
  uint64_t sum = arena_ ? arena_->size() : 0;
  for (const auto &[name, memory] : tensors_) sum += memory ? memory->size() : 0;
  return sum;
}

}  // namespace flame

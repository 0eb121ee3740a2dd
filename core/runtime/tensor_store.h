// The memory that outlives a run: inputs, parameters and states by name, shared by the executables
// of one training, and the one arena that they take turns in.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>

#include "core/runtime/device.h"

namespace flame {

// One device's. Not thread-safe. Executables hold what they use, so the store may end first; the
// device outlives both.
class TensorStore {
 public:
  explicit TensorStore(Device &device) : device_(device) {}
  TensorStore(const TensorStore &) = delete;
  TensorStore &operator=(const TensorStore &) = delete;

  Device &device() { return device_; }

  // The tensor of that name, made with undefined content if it is not there. Error: it is there
  // with another size, or there is no memory.
  Result<std::shared_ptr<DeviceMemory>> tensor(const std::string &name, uint64_t size_bytes);
  // The arena with at least that size. Executables that were made with a smaller one keep theirs:
  // make the one with the largest arena first.
  Result<std::shared_ptr<DeviceMemory>> arena(uint64_t size_bytes);

  // What is allocated now.
  uint64_t allocated_bytes() const;

 private:
  Device &device_;
  std::map<std::string, std::shared_ptr<DeviceMemory>> tensors_;
  std::shared_ptr<DeviceMemory> arena_;
};

}  // namespace flame

// A set of parameters as the host hands it to an exporter, from numbers of the test.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "flame/host.h"

namespace flame::exporter_test {

struct Given {
  std::string name = "picture";
  flame_dtype dtype = FLAME_DTYPE_U8;
  std::vector<int64_t> shape = {};
  std::vector<double> numbers = {};  // may be left out where nobody is to read them
};

class GivenTensors {
 public:
  explicit GivenTensors(std::vector<Given> tensors)
      : tensors_(std::move(tensors)), table_{sizeof table_, 0, this, count, describe, read} {
    for (const Given &tensor : tensors_) {
      std::vector<int64_t> strides(tensor.shape.size(), 1);
      // Of sizes that no picture has they wrap; nobody follows them.
      for (size_t axis = strides.size(); axis-- > 1;)
        strides[axis - 1] = static_cast<int64_t>(static_cast<uint64_t>(strides[axis]) *
                                                 static_cast<uint64_t>(tensor.shape[axis]));
      strides_.push_back(strides);
    }
  }
  GivenTensors(const GivenTensors &) = delete;
  GivenTensors &operator=(const GivenTensors &) = delete;

  const flame_parameters *get() const { return &table_; }
  void fail_reading() { fails_ = true; }
  int reads() const { return reads_; }

 private:
  static GivenTensors &of(void *self) { return *static_cast<GivenTensors *>(self); }
  static uint64_t count(void *self) noexcept { return of(self).tensors_.size(); }
  static flame_status describe(void *self, flame_call *, uint64_t index, flame_str *name,
                               flame_tensor *view) noexcept {
    const Given &tensor = of(self).tensors_[index];
    *name = {tensor.name.data(), tensor.name.size()};
    *view = {view->struct_size,
             tensor.dtype,
             static_cast<uint32_t>(tensor.shape.size()),
             FLAME_DEVICE_CPU,
             tensor.shape.data(),
             of(self).strides_[index].data(),
             nullptr,
             0,
             0};
    return FLAME_OK;
  }
  template <typename Number>
  static void copy(const std::vector<double> &numbers, void *into) {
    for (size_t i = 0; i < numbers.size(); ++i) {
      const auto number = static_cast<Number>(numbers[i]);
      memcpy(static_cast<char *>(into) + i * sizeof number, &number, sizeof number);
    }
  }
  static flame_status read(void *self, flame_call *call, uint64_t index,
                           const flame_tensor *into) noexcept {
    ++of(self).reads_;
    if (of(self).fails_) {
      call->fail(call->sink, FLAME_ERROR_DEVICE_LOST, FLAME_STR("the device is gone"));
      return FLAME_ERROR_DEVICE_LOST;
    }
    const std::vector<double> &numbers = of(self).tensors_[index].numbers;
    if (into->dtype == FLAME_DTYPE_U8) copy<uint8_t>(numbers, into->data);
    if (into->dtype == FLAME_DTYPE_F32) copy<float>(numbers, into->data);
    if (into->dtype == FLAME_DTYPE_F64) copy<double>(numbers, into->data);
    return FLAME_OK;
  }

  std::vector<Given> tensors_;
  std::vector<std::vector<int64_t>> strides_;
  bool fails_ = false;
  int reads_ = 0;
  flame_parameters table_;
};

}  // namespace flame::exporter_test

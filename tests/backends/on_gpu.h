// A test on the first GPU; skipped where none answers.
#pragma once

#include <gmock/gmock.h>

#include "backends/cuda/device.h"

namespace flame::cuda {

using Bytes = std::vector<char>;

class OnGpu : public testing::Test {
 protected:
  void SetUp() override {
    if (Gpu::devices().empty()) GTEST_SKIP() << "no GPU answers";
    device_ = std::make_unique<Gpu>(0, Gpu::Options{});
    stream_ = device_->create_stream();
    call_.struct_size = sizeof call_;
    call_.fail = [](void *, flame_status, flame_str message) noexcept {
      ADD_FAILURE() << flame::view(message);
    };
    call_.flags = FLAME_CALL_DETERMINISTIC;
    call_.stream = reinterpret_cast<flame_stream *>(stream_.get());
  }
  void TearDown() override {
    for (void *memory : memory_) device_->release(memory);
    memory_.clear();
  }

  flame::Call call() const { return flame::Call(&call_); }

  // Memory until the test's end, or drop_memory().
  void *allocate(uint64_t size) {
    memory_.push_back(device_->allocate(size + 1));
    return memory_.back();
  }
  void drop_memory() {
    stream_->synchronize();
    TearDown();
  }

  // The same tensor with memory of the device, `offset` bytes into its buffer.
  flame_tensor on_device(flame_tensor tensor, uint64_t offset = 0) {
    tensor.byte_offset = offset;
    tensor.buffer_size = offset + size_of(tensor);
    tensor.data = allocate(tensor.buffer_size);
    return tensor;
  }
  static uint64_t size_of(const flame_tensor &tensor) {
    return static_cast<uint64_t>(flame::element_count(tensor)) *
           static_cast<uint64_t>(FLAME_DTYPE_BYTES(tensor.dtype));
  }

  void fill(const flame_tensor &tensor, const Bytes &bytes) {
    device_->upload(call(), bytes.data(), static_cast<char *>(tensor.data) + tensor.byte_offset,
                    bytes.size());
  }
  Bytes content(const flame_tensor &tensor) {
    Bytes out(size_of(tensor));
    device_->download(call(), static_cast<char *>(tensor.data) + tensor.byte_offset, out.data(),
                      out.size());
    stream_->synchronize();
    return out;
  }

  // The plan of an op, with its workspace in the call.
  std::unique_ptr<flame::Plan> plan(const flame_op &op) {
    device_->probe(call(), flame::Op(&op));
    std::unique_ptr<flame::Plan> made = device_->plan(call(), flame::Op(&op));
    call_.workspace = allocate(made->info.workspace_size);
    call_.workspace_size = made->info.workspace_size;
    return made;
  }

  std::unique_ptr<Gpu> device_;
  std::unique_ptr<flame::Stream> stream_;
  flame_call call_ = {};

 private:
  std::vector<void *> memory_;
};

}  // namespace flame::cuda

// An op and its tensors as a backend gets them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ops/catalogue/abi_attributes.h"
#include "core/tensor/view.h"
#include "flame/op.h"

namespace flame {

// A C list of tensors; without data until set_data(). Owns shapes and strides. Movable, and its
// pointers stay valid then.
class AbiTensors {
 public:
  AbiTensors() = default;
  // `device` goes into flame_tensor.device.
  AbiTensors(std::span<const TypedView> views, uint32_t device);

  // The buffer that tensor `index` lies in; a backend sees the part of it that begins at most 255
  // bytes before the tensor's lowest element.
  void set_data(size_t index, void *buffer, uint64_t buffer_size);

  const flame_tensor *const *data() const { return pointers_.data(); }
  uint32_t count() const { return static_cast<uint32_t>(tensors_.size()); }

 private:
  std::vector<TypedView> views_;
  std::vector<flame_tensor> tensors_;
  std::vector<const flame_tensor *> pointers_;
};

// The same bytes for the same op, attributes, types, shapes, strides and offsets behind a multiple
// of 256 bytes, and for no other.
std::string op_signature(std::string_view name, const Attributes &attributes,
                         std::span<const TypedView> inputs, std::span<const TypedView> outputs);

// The op for probe and plan: name, attributes and views, all of which outlive the object except the
// views.
class AbiOp {
 public:
  AbiOp(std::string_view name, const Attributes &attributes, std::span<const TypedView> inputs,
        std::span<const TypedView> outputs, uint32_t device);
  AbiOp(const AbiOp &) = delete;
  AbiOp &operator=(const AbiOp &) = delete;

  const flame_op *get() const { return &op_; }

 private:
  AbiAttributes attributes_;
  AbiTensors inputs_;
  AbiTensors outputs_;
  flame_op op_{};
};

}  // namespace flame

#include "core/ops/catalogue/abi_op.h"

#include "core/base/flame_text.h"

namespace flame {
namespace {

constexpr int64_t kBufferAlignment = 256;  // of flame.memory/1

void append(std::string &text, int64_t number) {
  text.append(reinterpret_cast<const char *>(&number), sizeof number);
}

void append(std::string &text, std::string_view part) {
  append(text, static_cast<int64_t>(part.size()));
  text += part;
}

// Where the buffer begins that a backend is told of: as near to the tensor as memory is aligned to,
// so that equal slices of one tensor lie alike and share a plan.
int64_t base_bytes(const TypedView &typed) {
  const auto touched = typed.view.extent();
  if (!touched) return 0;
  return touched->first * size_bytes(typed.dtype) / kBufferAlignment * kBufferAlignment;
}

int64_t offset_bytes(const TypedView &typed) {
  return typed.view.offset * size_bytes(typed.dtype) - base_bytes(typed);
}

void append(std::string &text, std::span<const TypedView> tensors) {
  append(text, static_cast<int64_t>(tensors.size()));
  for (const TypedView &typed : tensors) {
    const View &view = typed.view;
    append(text, static_cast<int64_t>(typed.dtype));
    append(text, static_cast<int64_t>(view.shape.rank()));
    append(text, offset_bytes(typed));
    for (size_t axis = 0; axis < view.shape.rank(); ++axis) {
      append(text, view.shape[axis]);
      append(text, view.strides[axis]);
    }
  }
}

}  // namespace

std::string op_signature(std::string_view name, const Attributes &attributes,
                         std::span<const TypedView> inputs, std::span<const TypedView> outputs) {
  std::string text;
  append(text, name);
  for (const auto &[attribute, value] : attributes.entries()) {
    append(text, attribute);
    append(text, text_of(value));
  }
  append(text, inputs);
  append(text, outputs);
  return text;
}

AbiTensors::AbiTensors(std::span<const TypedView> views, uint32_t device)
    : views_(views.begin(), views.end()) {
  tensors_.reserve(views_.size());
  for (const TypedView &typed : views_) {
    flame_tensor &tensor = tensors_.emplace_back();
    tensor.struct_size = sizeof tensor;
    tensor.dtype = to_abi(typed.dtype);
    tensor.rank = static_cast<uint32_t>(typed.view.shape.rank());
    tensor.device = device;
    tensor.shape = typed.view.shape.begin();
    tensor.strides = typed.view.strides.data();
    tensor.data = nullptr;
    tensor.byte_offset = static_cast<uint64_t>(offset_bytes(typed));
    tensor.buffer_size = typed.reach_bytes() - static_cast<uint64_t>(base_bytes(typed));
    pointers_.push_back(&tensor);
  }
}

void AbiTensors::set_data(size_t index, void *buffer, uint64_t buffer_size) {
  const int64_t base = base_bytes(views_[index]);
  tensors_[index].data = buffer ? static_cast<char *>(buffer) + base : nullptr;
  tensors_[index].buffer_size = buffer_size - static_cast<uint64_t>(base);
}

AbiOp::AbiOp(std::string_view name, const Attributes &attributes, std::span<const TypedView> inputs,
             std::span<const TypedView> outputs, uint32_t device)
    : attributes_(attributes), inputs_(inputs, device), outputs_(outputs, device) {
  op_.struct_size = sizeof op_;
  op_.input_count = inputs_.count();
  op_.output_count = outputs_.count();
  op_.attribute_count = attributes_.count();
  op_.name = flame_text(name);
  op_.inputs = inputs_.data();
  op_.outputs = outputs_.data();
  op_.attributes = attributes_.data();
}

}  // namespace flame

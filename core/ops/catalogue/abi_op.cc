#include "core/ops/catalogue/abi_op.h"

#include "core/base/flame_text.h"

namespace flame {
namespace {

void append(std::string &text, int64_t number) {
  text.append(reinterpret_cast<const char *>(&number), sizeof number);
}

void append(std::string &text, std::string_view part) {
  append(text, static_cast<int64_t>(part.size()));
  text += part;
}

void append(std::string &text, std::span<const TypedView> tensors) {
  append(text, static_cast<int64_t>(tensors.size()));
  for (const auto &[dtype, view] : tensors) {
    append(text, static_cast<int64_t>(dtype));
    append(text, static_cast<int64_t>(view.shape.rank()));
    append(text, view.offset);
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
    tensor.byte_offset = static_cast<uint64_t>(typed.view.offset * size_bytes(typed.dtype));
    tensor.buffer_size = typed.reach_bytes();
    pointers_.push_back(&tensor);
  }
}

void AbiTensors::set_data(size_t index, void *buffer, uint64_t buffer_size) {
  tensors_[index].data = buffer;
  tensors_[index].buffer_size = buffer_size;
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

#include "recording_builder.h"

#include <charconv>

#include "fake_host.h"

namespace flame_test {
namespace {

RecordingBuilder &of(void *self) {
  return *static_cast<RecordingBuilder *>(self);
}

std::string number(double value) {
  char digits[32];
  return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

std::string attribute_text(const flame_attribute &attribute) {
  switch (attribute.kind) {
    case FLAME_ATTRIBUTE_INT:
      return std::to_string(attribute.value.i);
    case FLAME_ATTRIBUTE_FLOAT:
      return number(attribute.value.f);
    case FLAME_ATTRIBUTE_BOOL:
      return attribute.value.i ? "true" : "false";
    case FLAME_ATTRIBUTE_STRING:
      return text(attribute.value.s);
    case FLAME_ATTRIBUTE_INTS: {
      std::string out = "[";
      for (uint32_t i = 0; i < attribute.count; ++i) {
        out += (i ? " " : "") + std::to_string(attribute.value.is[i]);
      }
      return out + "]";
    }
    default:
      return "?";
  }
}

}  // namespace

RecordingBuilder::RecordingBuilder() {
  table_ = {sizeof table_, 0,        this,       input,     parameter, op,
            output,        describe, push_scope, pop_scope, start};
}

flame_value RecordingBuilder::add(std::string text, flame_dtype dtype, std::vector<int64_t> shape) {
  Known known = {std::move(text), dtype, std::move(shape), {}};
  known.strides.assign(known.shape.size(), 1);
  for (size_t axis = known.shape.size(); axis-- > 1;) {
    known.strides[axis - 1] = known.strides[axis] * known.shape[axis];
  }
  values_.push_back(std::move(known));
  return static_cast<flame_value>(values_.size());
}

flame_status RecordingBuilder::input(void *self, flame_call *, flame_str name, flame_dtype dtype,
                                     uint32_t rank, const int64_t *shape,
                                     flame_value *out) noexcept {
  *out = of(self).add(text(name), dtype, {shape, shape + rank});
  return FLAME_OK;
}

flame_status RecordingBuilder::parameter(void *self, flame_call *, flame_str name, uint32_t use,
                                         flame_dtype dtype, uint32_t rank, const int64_t *shape,
                                         flame_value *out) noexcept {
  std::string full;
  for (const std::string &scope : of(self).scopes) full += scope + ".";
  full += text(name);
  of(self).parameters.push_back(full + (use == FLAME_PARAMETER_TRAINABLE ? " trained" : " frozen"));
  *out = of(self).add(full, dtype, {shape, shape + rank});
  return FLAME_OK;
}

flame_status RecordingBuilder::op(void *self, flame_call *call, const flame_node *node,
                                  flame_value *outputs) noexcept {
  RecordingBuilder &builder = of(self);
  if (!builder.fails_with.empty()) {
    call->fail(call->sink, FLAME_ERROR_INVALID_ARGUMENT, str(builder.fails_with));
    return FLAME_ERROR_INVALID_ARGUMENT;
  }
  std::string made = text(node->name) + "(";
  flame_dtype dtype = FLAME_DTYPE_F32;
  std::vector<int64_t> shape;
  for (uint32_t i = 0; i < node->input_count; ++i) {
    const Known &input = builder.values_[node->inputs[i] - 1];
    made += (i ? ", " : "") + input.text;
    if (input.shape.size() > shape.size() || i == 0) shape = input.shape;
    if (i == 0) dtype = input.dtype;
  }
  for (uint32_t i = 0; i < node->attribute_count; ++i) {
    const flame_attribute &attribute = node->attributes[i];
    made +=
        (made.back() == '(' ? "" : ", ") + text(attribute.name) + "=" + attribute_text(attribute);
  }
  made += ")";
  if (text(node->name) == "linear") shape.back() = builder.values_[node->inputs[1] - 1].shape[0];
  builder.places.push_back(text(node->file) + ":" + std::to_string(node->line));
  for (uint32_t i = 0; i < node->output_count; ++i) {
    outputs[i] =
        builder.add(node->output_count == 1 ? made : made + "#" + std::to_string(i), dtype, shape);
  }
  return FLAME_OK;
}

flame_status RecordingBuilder::output(void *self, flame_call *, flame_str name,
                                      flame_value value) noexcept {
  of(self).outputs[text(name)] = of(self).text_of(value);
  return FLAME_OK;
}

flame_status RecordingBuilder::describe(void *self, flame_call *, flame_value value,
                                        flame_tensor *out) noexcept {
  const Known &known = of(self).values_[value - 1];
  *out = {out->struct_size,
          known.dtype,
          static_cast<uint32_t>(known.shape.size()),
          0,
          known.shape.data(),
          known.strides.data(),
          nullptr,
          0,
          0};
  return FLAME_OK;
}

flame_status RecordingBuilder::push_scope(void *self, flame_call *, flame_str name) noexcept {
  of(self).scopes.push_back(text(name));
  return FLAME_OK;
}

flame_status RecordingBuilder::pop_scope(void *self, flame_call *) noexcept {
  of(self).scopes.pop_back();
  return FLAME_OK;
}

flame_status RecordingBuilder::start(void *self, flame_call *, flame_value parameter,
                                     uint32_t initial, double scale) noexcept {
  static constexpr const char *kKinds[] = {"constant", "uniform", "normal"};
  of(self).starts[of(self).text_of(parameter)] = std::string(kKinds[initial]) + " " + number(scale);
  return FLAME_OK;
}

}  // namespace flame_test

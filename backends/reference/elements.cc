#include "backends/reference/elements.h"

#include <cmath>
#include <cstdlib>
#include <cstring>

#include "flame/small_floats.hpp"

namespace flame::reference {

ScalarClass class_of_dtype(flame_dtype dtype) {
  if (dtype == FLAME_DTYPE_BOOL) return ScalarClass::kBool;
  const bool integer =
      dtype == FLAME_DTYPE_I64 || dtype == FLAME_DTYPE_I32 || dtype == FLAME_DTYPE_U8;
  return integer ? ScalarClass::kInteger : ScalarClass::kFloat;
}

bool is_double(flame_dtype dtype) {
  return dtype == FLAME_DTYPE_F64;
}

double as_number(const Element &element) {
  return element.type == ScalarClass::kFloat ? element.number
                                             : static_cast<double>(element.integer);
}

int64_t as_integer(const Element &element) {
  if (element.type != ScalarClass::kFloat) return element.integer;
  if (std::isnan(element.number)) return 0;
  if (element.number >= 0x1p63) return INT64_MAX;
  if (element.number <= -0x1p63) return INT64_MIN;
  return static_cast<int64_t>(element.number);
}

bool as_truth(const Element &element) {
  return element.type == ScalarClass::kFloat ? element.number != 0 : element.integer != 0;
}

Element element_of(double number) {
  return {ScalarClass::kFloat, 0, number};
}
Element element_of(int64_t integer) {
  return {ScalarClass::kInteger, integer, 0};
}
Element element_of(bool truth) {
  return {ScalarClass::kBool, truth ? 1 : 0, 0};
}

void *address(const flame_tensor &tensor, const Index &index) {
  int64_t place = 0;
  for (uint32_t axis = 0; axis < tensor.rank; ++axis) place += index[axis] * tensor.strides[axis];
  const int64_t bytes = place * static_cast<int64_t>(FLAME_DTYPE_BYTES(tensor.dtype));
  return static_cast<char *>(tensor.data) + static_cast<int64_t>(tensor.byte_offset) + bytes;
}

namespace {

template <typename T>
T read(const void *from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

template <typename T>
void write(void *to, T value) {
  std::memcpy(to, &value, sizeof(T));
}

// A float beyond the range of a narrow integer gives its bound; an integer keeps its low bits.
int64_t narrowed(const Element &element, int64_t least, int64_t most) {
  const int64_t value = as_integer(element);
  if (element.type != ScalarClass::kFloat) return value;
  return value < least ? least : value > most ? most : value;
}

}  // namespace

Element load(const flame_tensor &tensor, const Index &index) {
  const void *from = address(tensor, index);
  switch (tensor.dtype) {
    case FLAME_DTYPE_F64:
      return element_of(read<double>(from));
    case FLAME_DTYPE_F32:
      return element_of(static_cast<double>(read<float>(from)));
    case FLAME_DTYPE_F16:
      return element_of(decode_float(kFormatF16, read<uint16_t>(from)));
    case FLAME_DTYPE_BF16:
      return element_of(decode_float(kFormatBF16, read<uint16_t>(from)));
    case FLAME_DTYPE_F8_E4M3:
      return element_of(decode_float(kFormatF8E4M3, read<uint8_t>(from)));
    case FLAME_DTYPE_F8_E5M2:
      return element_of(decode_float(kFormatF8E5M2, read<uint8_t>(from)));
    case FLAME_DTYPE_I64:
      return element_of(read<int64_t>(from));
    case FLAME_DTYPE_I32:
      return element_of(int64_t{read<int32_t>(from)});
    case FLAME_DTYPE_U8:
      return element_of(int64_t{read<uint8_t>(from)});
    case FLAME_DTYPE_BOOL:
      return element_of(read<uint8_t>(from) != 0);
    default:
      std::abort();  // the caller has checked the type
  }
}

void store(const flame_tensor &tensor, const Index &index, const Element &element) {
  void *to = address(tensor, index);
  switch (tensor.dtype) {
    case FLAME_DTYPE_F64:
      return write(to, as_number(element));
    case FLAME_DTYPE_F32:
      return write(to, static_cast<float>(as_number(element)));
    case FLAME_DTYPE_F16:
      return write(to, static_cast<uint16_t>(encode_float(kFormatF16, as_number(element))));
    case FLAME_DTYPE_BF16:
      return write(to, static_cast<uint16_t>(encode_float(kFormatBF16, as_number(element))));
    case FLAME_DTYPE_F8_E4M3:
      return write(to, static_cast<uint8_t>(encode_float(kFormatF8E4M3, as_number(element))));
    case FLAME_DTYPE_F8_E5M2:
      return write(to, static_cast<uint8_t>(encode_float(kFormatF8E5M2, as_number(element))));
    case FLAME_DTYPE_I64:
      return write(to, as_integer(element));
    case FLAME_DTYPE_I32:
      return write(to, static_cast<int32_t>(narrowed(element, INT32_MIN, INT32_MAX)));
    case FLAME_DTYPE_U8:
      return write(to, static_cast<uint8_t>(narrowed(element, 0, UINT8_MAX)));
    case FLAME_DTYPE_BOOL:
      return write(to, static_cast<uint8_t>(as_truth(element)));
    default:
      std::abort();
  }
}

int64_t element_count(const flame_tensor &tensor) {
  int64_t count = 1;
  for (uint32_t axis = 0; axis < tensor.rank; ++axis) count *= tensor.shape[axis];
  return count;
}

bool next_index(const flame_tensor &tensor, Index &index) {
  for (uint32_t axis = tensor.rank; axis-- > 0;) {
    if (++index[axis] < tensor.shape[axis]) return true;
    index[axis] = 0;
  }
  return false;
}

const flame_attribute &attribute(const flame_op &op, std::string_view name) {
  for (uint32_t i = 0; i < op.attribute_count; ++i) {
    const flame_str known = op.attributes[i].name;
    if (std::string_view(known.data, known.size) == name) return op.attributes[i];
  }
  std::abort();  // attributes are complete
}

int64_t integer_attribute(const flame_op &op, std::string_view name) {
  return attribute(op, name).value.i;
}

double number_attribute(const flame_op &op, std::string_view name) {
  return attribute(op, name).value.f;
}

std::string_view text_attribute(const flame_op &op, std::string_view name) {
  const flame_str text = attribute(op, name).value.s;
  return {text.data, text.size};
}

Index list_attribute(const flame_op &op, std::string_view name) {
  const flame_attribute &list = attribute(op, name);
  return {list.value.is, list.value.is + list.count};
}

}  // namespace flame::reference

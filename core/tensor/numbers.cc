#include "core/tensor/numbers.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "flame/small_floats.hpp"

namespace flame {
namespace {

template <typename T>
T load(const std::byte *bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

template <typename T>
void save(T value, std::byte *bytes) {
  std::memcpy(bytes, &value, sizeof value);
}

template <typename T>
void save_whole(double number, std::byte *bytes) {
  constexpr double kLeast = static_cast<double>(std::numeric_limits<T>::min());
  constexpr double kBeyond = static_cast<double>(std::numeric_limits<T>::max()) + 1;
  if (std::isnan(number)) return save(T{0}, bytes);
  if (number <= kLeast) return save(std::numeric_limits<T>::min(), bytes);
  save(number >= kBeyond ? std::numeric_limits<T>::max() : static_cast<T>(number), bytes);
}

}  // namespace

double number_at(DType dtype, const std::byte *bytes) {
  switch (dtype) {
    case DType::kF64:
      return load<double>(bytes);
    case DType::kF32:
      return static_cast<double>(load<float>(bytes));
    case DType::kF16:
      return decode_float(kFormatF16, load<uint16_t>(bytes));
    case DType::kBF16:
      return decode_float(kFormatBF16, load<uint16_t>(bytes));
    case DType::kF8E4M3:
      return decode_float(kFormatF8E4M3, load<uint8_t>(bytes));
    case DType::kF8E5M2:
      return decode_float(kFormatF8E5M2, load<uint8_t>(bytes));
    case DType::kI64:
      return static_cast<double>(load<int64_t>(bytes));
    case DType::kI32:
      return load<int32_t>(bytes);
    case DType::kU8:
    case DType::kBool:
      return load<uint8_t>(bytes);
  }
  return 0;
}

void store_number(DType dtype, double number, std::byte *bytes) {
  switch (dtype) {
    case DType::kF64:
      return save(number, bytes);
    case DType::kF32:
      return save(static_cast<float>(number), bytes);
    case DType::kF16:
      return save(static_cast<uint16_t>(encode_float(kFormatF16, number)), bytes);
    case DType::kBF16:
      return save(static_cast<uint16_t>(encode_float(kFormatBF16, number)), bytes);
    case DType::kF8E4M3:
      return save(static_cast<uint8_t>(encode_float(kFormatF8E4M3, number)), bytes);
    case DType::kF8E5M2:
      return save(static_cast<uint8_t>(encode_float(kFormatF8E5M2, number)), bytes);
    case DType::kI64:
      return save_whole<int64_t>(number, bytes);
    case DType::kI32:
      return save_whole<int32_t>(number, bytes);
    case DType::kU8:
      return save_whole<uint8_t>(number, bytes);
    case DType::kBool:
      return save(static_cast<uint8_t>(number != 0), bytes);
  }
}

std::vector<double> numbers_of(const HostTensor &tensor) {
  const auto step = static_cast<size_t>(size_bytes(tensor.type.dtype));
  std::vector<double> numbers(tensor.bytes.size() / step);
  for (size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = number_at(tensor.type.dtype, tensor.bytes.data() + i * step);
  return numbers;
}

HostTensor tensor_of(const TensorType &type, std::span<const double> numbers) {
  const auto step = static_cast<size_t>(size_bytes(type.dtype));
  HostTensor tensor{type, std::vector<std::byte>(numbers.size() * step)};
  for (size_t i = 0; i < numbers.size(); ++i)
    store_number(type.dtype, numbers[i], tensor.bytes.data() + i * step);
  return tensor;
}

}  // namespace flame

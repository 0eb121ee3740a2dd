// Ops and tensors as a backend sees them.
#include "core/ops/catalogue/abi_op.h"

#include <gtest/gtest.h>

#include <array>

namespace flame {
namespace {

// Four rows of 64 floats, so that each begins at a multiple of 256 bytes.
const TypedView kRows = TypedView::contiguous({DType::kF32, {4, 64}});

TypedView part(size_t axis, int64_t start, int64_t count, int64_t step = 1) {
  return {kRows.dtype, slice(kRows.view, axis, start, count, step)};
}

std::string signature_of(const TypedView &view) {
  return op_signature("copy", {}, {&view, 1}, {&kRows, 1});
}

TEST(OpSignature, IsThatOfAnEqualSlice) {
  EXPECT_EQ(signature_of(part(0, 0, 2)), signature_of(part(0, 1, 2)));
  EXPECT_EQ(signature_of(part(0, 1, 2, -1)), signature_of(part(0, 3, 2, -1)));
  EXPECT_NE(signature_of(part(0, 0, 2)), signature_of(part(0, 0, 3)));
  EXPECT_NE(signature_of(part(0, 0, 2)), signature_of(part(0, 1, 2, -1)));
  // Elsewhere within 256 bytes is otherwise aligned.
  EXPECT_NE(signature_of(part(1, 0, 8)), signature_of(part(1, 8, 8)));
}

TEST(AbiTensors, LieWhereTheirViewsSay) {
  std::array<float, 256> numbers{};
  for (const TypedView &view : {kRows, part(0, 2, 1), part(0, 3, 3, -1), part(1, 17, 5)}) {
    AbiTensors tensors({&view, 1}, FLAME_DEVICE_CPU);
    const flame_tensor &tensor = *tensors.data()[0];
    const uint64_t planned_offset = tensor.byte_offset, planned_size = tensor.buffer_size;
    tensors.set_data(0, numbers.data(), sizeof numbers);
    const auto *begin = static_cast<const std::byte *>(tensor.data);
    const auto *whole = reinterpret_cast<const std::byte *>(numbers.data());
    EXPECT_EQ(begin + tensor.byte_offset, whole + view.view.offset * 4);
    EXPECT_EQ(tensor.byte_offset, planned_offset);
    EXPECT_GE(tensor.buffer_size, planned_size);
    // All that it touches lies in the buffer that it names.
    const auto [first, last] = *view.view.extent();
    EXPECT_LE(begin, whole + first * 4);
    EXPECT_EQ(begin + tensor.buffer_size, whole + sizeof numbers);
    EXPECT_GE(begin + planned_size, whole + (last + 1) * 4);
  }
}

TEST(AbiTensors, WithoutElementsNeedNoMemory) {
  const TypedView none = part(0, 3, 0);
  AbiTensors tensors({&none, 1}, FLAME_DEVICE_CPU);
  tensors.set_data(0, nullptr, 0);
  EXPECT_EQ(tensors.data()[0]->data, nullptr);
  EXPECT_EQ(tensors.data()[0]->buffer_size, 0u);
}

}  // namespace
}  // namespace flame

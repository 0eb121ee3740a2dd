#include "core/tensor/gather.h"

#include <array>
#include <cstring>

namespace flame {
namespace {

// Copies elements of a fixed size in the order of a view.
template <typename Element>
void gather(const View &view, std::span<const std::byte> from, std::span<std::byte> to) {
  const Shape &shape = view.shape;
  const size_t rank = shape.rank();
  const int64_t inner = rank ? shape[rank - 1] : 1;
  const int64_t stride = rank ? view.strides[rank - 1] : 1;
  std::array<int64_t, kMaxRank> index{};
  auto *target = to.data();
  for (int64_t left = shape.element_count(); left > 0; left -= inner) {
    int64_t offset = view.offset;
    for (size_t axis = 0; axis + 1 < rank; ++axis) offset += index[axis] * view.strides[axis];
    const std::byte *source = from.data() + offset * static_cast<int64_t>(sizeof(Element));
    for (int64_t i = 0; i < inner; ++i, target += sizeof(Element))
      std::memcpy(target, source + i * stride * static_cast<int64_t>(sizeof(Element)),
                  sizeof(Element));
    for (size_t axis = rank - 1; rank > 1 && axis-- > 0;) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}

}  // namespace

void gather_elements(const View &view, int64_t element_bytes, std::span<const std::byte> from,
                     std::span<std::byte> to) {
  switch (element_bytes) {
    case 1:
      return gather<uint8_t>(view, from, to);
    case 2:
      return gather<uint16_t>(view, from, to);
    case 4:
      return gather<uint32_t>(view, from, to);
    default:
      return gather<uint64_t>(view, from, to);
  }
}

HostTensor permuted(const HostTensor &tensor, std::span<const int64_t> axes) {
  const View view = permute(View::contiguous(tensor.type.shape), axes);
  HostTensor made{{tensor.type.dtype, view.shape}, std::vector<std::byte>(tensor.bytes.size())};
  gather_elements(view, size_bytes(tensor.type.dtype), tensor.bytes, made.bytes);
  return made;
}

}  // namespace flame

#include "core/io/weight_fingerprint.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/sha256.h"

namespace flame {
namespace {

constexpr uint64_t kPieceBytes = 4096;

}  // namespace

Result<std::string> weight_fingerprint(const WeightMatch &match) {
  std::string text = match.component + "\n";
  std::string piece;
  for (const PlacedWeight &weight : match.placed) {
    const StoredTensor &tensor = *weight.entry.tensor;
    text += fmt::format("{} {}\n", weight.parameter, tensor.type_text());
    const uint64_t size = std::min(kPieceBytes, tensor.size_bytes);
    for (const uint64_t start :
         {uint64_t{0}, (tensor.size_bytes - size) / 2, tensor.size_bytes - size}) {
      piece.resize(size);
      FLAME_TRY(weight.entry.file->read(
          tensor, start, std::as_writable_bytes(std::span(piece.data(), piece.size()))));
      text += piece;
    }
  }
  return sha256(text);
}

}  // namespace flame

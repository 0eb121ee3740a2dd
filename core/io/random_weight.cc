// Random weights.
#include <cmath>
#include <cstring>
#include <thread>

#include "core/io/weight_writer.h"
#include "core/runtime/conformance/fill.h"
#include "core/tensor/convert.h"
#include "flame/philox.hpp"

namespace flame {
namespace {

constexpr size_t kPieceElements = size_t{1} << 20;  // a multiple of the four of a block
constexpr size_t kThreads = 4;

// One draw of the generator: who draws is told by the upper and the lower half of a name's hash.
struct Draw {
  int64_t seed;
  int64_t counter;
  uint32_t stream;
};

void fill_piece(const Draw &draw, size_t first, std::span<float> piece, float reach) {
  for (size_t i = 0; i < piece.size(); i += 4) {
    const PhiloxWords words = random_words(draw.seed, draw.counter, draw.stream, (first + i) / 4);
    for (size_t k = 0; k < std::min<size_t>(4, piece.size() - i); ++k)
      piece[i + k] = reach * static_cast<float>(2 * uniform_of(words[k]) - 1);
  }
}

// Pieces in turn over threads: which thread makes which number does not change it.
void fill_random(const Draw &draw, float reach, HostTensor &tensor) {
  const auto count = static_cast<size_t>(tensor.type.shape.element_count());
  const auto step = static_cast<size_t>(size_bytes(tensor.type.dtype));
  const auto work = [&](size_t thread, size_t threads) {
    std::vector<float> piece;
    for (size_t first = thread * kPieceElements; first < count; first += threads * kPieceElements) {
      piece.resize(std::min(kPieceElements, count - first));
      fill_piece(draw, first, piece, reach);
      convert_elements(DType::kF32, std::as_bytes(std::span(piece)), tensor.type.dtype,
                       std::span(tensor.bytes).subspan(first * step, piece.size() * step));
    }
  };
  if (count <= kPieceElements) return work(0, 1);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kThreads; ++i) threads.emplace_back(work, i, kThreads);
  for (std::thread &thread : threads) thread.join();
}

}  // namespace

HostTensor random_weight(std::string_view component, const WantedParameter &parameter,
                         uint64_t seed, DType dtype) {
  HostTensor tensor{{dtype, parameter.type.shape}, {}};
  tensor.bytes.resize(static_cast<size_t>(tensor.type.size_bytes()));
  const Shape &shape = parameter.type.shape;
  const int64_t count = shape.element_count();
  if (count == 0) return tensor;
  if (shape.rank() < 2) {
    const std::vector<float> same(static_cast<size_t>(count),
                                  parameter.name.ends_with("bias") ? 0.0f : 1.0f);
    convert_elements(DType::kF32, std::as_bytes(std::span(same)), dtype, tensor.bytes);
    return tensor;
  }
  const uint64_t hash = conformance::hash_of(std::string(component) + "/" + parameter.name);
  const Draw draw{static_cast<int64_t>(seed), static_cast<int64_t>(hash >> 32),
                  static_cast<uint32_t>(hash)};
  const double fan_in = static_cast<double>(count / shape[0]);
  fill_random(draw, static_cast<float>(std::sqrt(3 / fan_in)), tensor);
  return tensor;
}

}  // namespace flame

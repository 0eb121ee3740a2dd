// random: uniform or normal numbers, or bits, from Philox; the same on every backend. Compiled
// without contraction, as flame/philox.hpp asks.
#include "backends/onednn/made_values.h"
#include "flame/op_checks.hpp"
#include "flame/philox.hpp"

namespace flame::onednn {
namespace {

enum class Kind {
  kUniform,
  kNormal,
  kBits
};

Kind kind_of(std::string_view name) {
  if (name == "uniform") return Kind::kUniform;
  if (name == "normal") return Kind::kNormal;
  if (name == "bits") return Kind::kBits;
  throw flame::unsupported("random of the kind '", name, "' is not known here");
}

// The four numbers of a block of words.
template <typename Number>
std::array<Number, 4> four_of(Kind kind, const PhiloxWords &words) {
  std::array<Number, 4> four{};
  for (size_t lane = 0; lane < 4; ++lane) {
    if (kind == Kind::kBits) four[lane] = static_cast<Number>(words[lane]);
    if (kind == Kind::kUniform) four[lane] = static_cast<Number>(uniform_of(words[lane]));
  }
  for (size_t pair = 0; kind == Kind::kNormal && pair < 4; pair += 2) {
    const auto [cosine, sine] = normal_pair(words[pair], words[pair + 1]);
    four[pair] = static_cast<Number>(cosine);
    four[pair + 1] = static_cast<Number>(sine);
  }
  return four;
}

// `first` is a multiple of four.
template <typename Number>
void make(Kind kind, int64_t seed, int64_t counter, uint32_t stream, int64_t first, int64_t count,
          void *values) {
  auto *numbers = static_cast<Number *>(values);
  for (int64_t i = 0; i < count; i += 4) {
    const auto block = static_cast<uint64_t>((first + i) / 4);
    const auto four = four_of<Number>(kind, random_words(seed, counter, stream, block));
    for (int64_t lane = 0; lane < 4 && i + lane < count; ++lane)
      numbers[i + lane] = four[static_cast<size_t>(lane)];
  }
}

}  // namespace

std::unique_ptr<OpPlan> plan_random(const flame::Op &op) {
  expect_attributes(op, {"kind", "shape", "stream", "dtype"});
  const Kind kind = kind_of(op.attributes().string("kind"));
  const auto stream = static_cast<uint32_t>(op.attributes().integer("stream"));
  const bool whole = class_of(op.output(0).dtype) == ValueClass::kInteger;
  return plan_made_values(op, [=](const Run &run, int64_t first, int64_t count, void *values) {
    const int64_t seed = *run.input<int64_t>(0);
    const int64_t counter = *run.input<int64_t>(1);
    const auto make_numbers = whole ? make<int64_t> : make<double>;
    make_numbers(kind, seed, counter, stream, first, count, values);
  });
}

}  // namespace flame::onednn

#include "core/runtime/conformance/fill.h"

#include <cmath>
#include <limits>

#include "core/ops/catalogue/catalogue.h"
#include "core/runtime/conformance/layout.h"
#include "core/tensor/numbers.h"
#include "flame/philox.hpp"

namespace flame::conformance {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kSpecials[] = {kInfinity, -kInfinity, std::numeric_limits<double>::quiet_NaN(),
                                0.0,       -0.0,       3e38,
                                -3e38,     1e-40,      -1e-40,
                                1e-6,      -1.0,       1.0,
                                2.5,       -88.5,      89.0,
                                -255.5};

constexpr int64_t kLargeWhole = int64_t{1} << 40;

// A whole number from `least` to `most`, evenly.
double whole(uint32_t word, int64_t least, int64_t most) {
  return static_cast<double>(least) +
         std::floor(uniform_of(word) * static_cast<double>(most - least + 1));
}

double number_of(Content content, DType dtype, int64_t limit, const PhiloxWords &words,
                 uint64_t place) {
  const uint32_t word = words[place];
  const auto normal = [&] {
    return normal_pair(words[place & 2], words[(place & 2) + 1])[place & 1];
  };
  const bool narrow = is_float(dtype) && size_bytes(dtype) < 4;
  switch (content) {
    case Content::kPositive:
      return 0.5 + 1.5 * uniform_of(word);
    case Content::kWide:
      return 20 * normal();
    case Content::kLarge:
      return is_float(dtype) ? 1e5 * normal() : whole(word, -kLargeWhole, kLargeWhole);
    case Content::kWhole:
      return whole(word, narrow ? -2 : -4, narrow ? 2 : 4);
    case Content::kTies:
      return whole(word, -1, 1);
    case Content::kSpecial:
      return word % 2 ? normal() : kSpecials[(word >> 4) % std::size(kSpecials)];
    case Content::kIndices:
      return whole(word, -1, limit);
    case Content::kTruths:
      return word & 1;
    default:
      return dtype == DType::kBool ? word & 1 : is_float(dtype) ? normal() : whole(word, -4, 4);
  }
}

// The tensor with its first slice along the repeated axis in place of all others.
HostTensor repeat(const HostTensor &tensor) {
  const Shape &shape = tensor.type.shape;
  const std::optional<size_t> axis = repeated_axis(shape);
  if (!axis || shape.element_count() == 0) return tensor;
  int64_t inner = size_bytes(tensor.type.dtype);
  for (size_t i = *axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  const int64_t outer = inner * shape[*axis];
  HostTensor repeated = tensor;
  for (int64_t at = 0; at < static_cast<int64_t>(tensor.bytes.size()); ++at) {
    repeated.bytes[static_cast<size_t>(at)] =
        tensor.bytes[static_cast<size_t>(at / outer * outer + at % inner)];
  }
  return repeated;
}

using Answers = std::vector<std::vector<HostTensor>>;  // of each forward op

Result<std::vector<HostTensor>> run_forward(const ForwardOp &forward,
                                            const std::vector<HostTensor> &filled,
                                            const Oracle &oracle) {
  std::vector<HostTensor> operands;
  std::vector<TensorType> types;
  for (const size_t operand : forward.operands) {
    operands.push_back(filled[operand]);
    types.push_back(filled[operand].type);
  }
  FLAME_ASSIGN(const OpCall call, infer_op(forward.op, types, forward.attributes));
  return oracle.answers(call, operands, false);
}

}  // namespace

uint64_t hash_of(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

std::vector<double> numbers_for(Content content, const TensorType &type, int64_t limit,
                                uint64_t seed) {
  std::vector<double> numbers(static_cast<size_t>(type.shape.element_count()));
  PhiloxWords words{};
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (i % 4 == 0) words = random_words(static_cast<int64_t>(seed), 0, 0, i / 4);
    numbers[i] = number_of(content, type.dtype, limit, words, i % 4);
  }
  return numbers;
}

Result<std::vector<HostTensor>> fill_inputs(const TypedCase &c, bool repeated,
                                            const Oracle &oracle) {
  std::vector<HostTensor> filled(c.source.inputs.size());
  const uint64_t seed = hash_of(c.name);
  for (size_t i = 0; i < filled.size(); ++i) {
    const CaseOperand &operand = c.source.inputs[i];
    if (operand.content == Content::kForward) continue;
    const Content content = operand.content == Content::kOfCase ? c.content : operand.content;
    const TensorType &type = c.call.inputs[i];
    filled[i] = tensor_of(type, numbers_for(content, type, operand.limit, seed + i));
    if (repeated) filled[i] = repeat(filled[i]);
  }
  Answers answers(c.source.forward.size());
  for (size_t i = 0; i < filled.size(); ++i) {
    const CaseOperand &operand = c.source.inputs[i];
    if (operand.content != Content::kForward) continue;
    std::vector<HostTensor> &made = answers[operand.forward];
    if (made.empty()) {
      FLAME_ASSIGN(made, run_forward(c.source.forward[operand.forward], filled, oracle));
    }
    filled[i] = tensor_of(c.call.inputs[i], numbers_of(made[operand.output]));
    // It may no longer be the forward op's answer then; the gradient's formula takes any numbers.
    if (repeated) filled[i] = repeat(filled[i]);
  }
  return filled;
}

}  // namespace flame::conformance

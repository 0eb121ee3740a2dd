#include "tests/mutants/honest_kernels.h"

#include <cmath>
#include <limits>
#include <vector>

#include "backends/reference/elements.h"

namespace flame::mutants {
namespace {

using reference::element_of;
using reference::Index;
using reference::number_at;

void put(const flame_tensor &tensor, const Index &index, double number) {
  reference::store(tensor, index, element_of(number));
}

// The index of channel `c` of a row.
Index in_row(const Index &row, int64_t c) {
  Index index = row;
  index.push_back(c);
  return index;
}

int64_t channels_of(const flame_tensor &x) {
  return x.shape[x.rank - 1];
}

}  // namespace

void run_layer_norm(const flame_op &op, const LayerNormBugs &bugs) {
  const flame_tensor &x = *op.inputs[0];
  const double eps = reference::number_attribute(op, "eps") * bugs.eps_factor;
  const int64_t channels = channels_of(x);
  reference::for_each_index(*op.outputs[1], [&](const Index &row) {
    double mean = 0;
    for (int64_t c = 0; c < channels; ++c) mean += number_at(x, in_row(row, c));
    mean /= static_cast<double>(channels);
    double squares = 0;
    for (int64_t c = 0; c < channels; ++c)
      squares += std::pow(number_at(x, in_row(row, c)) - mean, 2);
    const bool fewer = bugs.unbiased && channels > 1;
    const double rstd = 1 / std::sqrt(squares / static_cast<double>(channels - fewer) + eps);
    put(*op.outputs[1], row, mean);
    put(*op.outputs[2], row, rstd);
    for (int64_t c = 0; c < channels; ++c) {
      double y = (number_at(x, in_row(row, c)) - mean) * rstd;
      if (op.input_count > 1) y *= number_at(*op.inputs[1], {c});
      if (op.input_count > 2) y += number_at(*op.inputs[2], {c});
      put(*op.outputs[0], in_row(row, c), y);
    }
  });
}

void run_layer_norm_grad(const flame_op &op, bool mean_term_missing) {
  const flame_tensor &dy = *op.inputs[0];
  const flame_tensor &x = *op.inputs[1];
  const int64_t channels = channels_of(x);
  std::vector<double> dweight(static_cast<size_t>(channels)), dbias(dweight);
  reference::for_each_index(*op.inputs[2], [&](const Index &row) {
    const double mean = number_at(*op.inputs[2], row);
    const double rstd = number_at(*op.inputs[3], row);
    const auto normal = [&](int64_t c) { return (number_at(x, in_row(row, c)) - mean) * rstd; };
    const auto g = [&](int64_t c) {
      const double weight = op.input_count > 4 ? number_at(*op.inputs[4], {c}) : 1;
      return number_at(dy, in_row(row, c)) * weight;
    };
    double mean_g = 0, mean_product = 0;
    for (int64_t c = 0; c < channels; ++c) {
      mean_g += g(c) / static_cast<double>(channels);
      mean_product += g(c) * normal(c) / static_cast<double>(channels);
      dweight[static_cast<size_t>(c)] += number_at(dy, in_row(row, c)) * normal(c);
      dbias[static_cast<size_t>(c)] += number_at(dy, in_row(row, c));
    }
    if (mean_term_missing) mean_g = 0;
    for (int64_t c = 0; c < channels; ++c) {
      const double addend = op.input_count > 5 ? number_at(*op.inputs[5], in_row(row, c)) : 0;
      put(*op.outputs[0], in_row(row, c),
          rstd * (g(c) - mean_g - normal(c) * mean_product) + addend);
    }
  });
  if (op.output_count < 3) return;
  for (int64_t c = 0; c < channels; ++c) {
    put(*op.outputs[1], {c}, dweight[static_cast<size_t>(c)]);
    put(*op.outputs[2], {c}, dbias[static_cast<size_t>(c)]);
  }
}

void run_attention(const flame_op &op, const AttentionBugs &bugs) {
  const flame_tensor &q = *op.inputs[0];
  const flame_tensor &k = *op.inputs[1];
  const flame_tensor &v = *op.inputs[2];
  const flame_tensor &lse = *op.outputs[1];
  const double scale = bugs.scale_missing ? 1 : reference::number_attribute(op, "scale");
  const bool causal = reference::integer_attribute(op, "causal") != 0;
  const int64_t keys = k.shape[1] - (bugs.last_key_dropped && k.shape[1] > 1);
  constexpr double kNever = -std::numeric_limits<double>::infinity();
  const auto masked = [&](const Index &place, double score) {
    if (op.input_count < 4) return score;
    const flame_tensor &mask = *op.inputs[3];
    Index index(place.end() - mask.rank, place.end());
    for (uint32_t axis = 0; axis < mask.rank; ++axis) {
      if (mask.shape[axis] == 1) index[axis] = 0;
    }
    const double value = number_at(mask, index);
    if (mask.dtype != FLAME_DTYPE_BOOL) return score + value;
    return value != 0 ? score : kNever;
  };
  reference::for_each_index(lse, [&](const Index &row) {
    const int64_t b = row[0], h = row[1], i = row[2];
    std::vector<double> scores;
    double largest = kNever;
    for (int64_t j = 0; j < keys; ++j) {
      double score = 0;
      for (int64_t d = 0; d < q.shape[3]; ++d)
        score += number_at(q, {b, i, h, d}) * number_at(k, {b, j, h, d});
      score = causal && j > i ? kNever : masked({b, h, i, j}, score * scale);
      largest = std::fmax(largest, score);
      scores.push_back(score);
    }
    double total = 0;
    for (double &score : scores) {
      score = score == kNever ? 0 : std::exp(score - largest);
      total += score;
    }
    put(lse, row, total == 0 ? kNever : largest + std::log(total));
    for (int64_t e = 0; e < v.shape[3]; ++e) {
      double y = 0;
      for (int64_t j = 0; j < keys; ++j)
        y += scores[static_cast<size_t>(j)] * number_at(v, {b, j, h, e});
      put(*op.outputs[0], {b, i, h, e}, total == 0 ? 0 : y / total);
    }
  });
}

}  // namespace flame::mutants

// attention: y = softmax(scale · q · kᵀ + mask) · v for each head, and the logarithms of the sums.
//
// For a block of queries, the blocks of keys are walked with a running maximum and sum; what was
// summed before is scaled down when the maximum rises.
#include "backends/onednn/attention.h"

#include <omp.h>

#include <cmath>
#include <limits>

#include "backends/onednn/vector_math.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// What is known of a query's scores so far.
struct Softmax {
  float most = -kInfinity;
  float sum = 0;
};

// scores become exp(scores - most); gives the factor for what was summed before.
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] float add_scores(
    float *scores, int64_t count, Softmax &row) {
  float most = row.most;
#pragma omp simd reduction(max : most)
  for (int64_t j = 0; j < count; ++j) most = scores[j] > most ? scores[j] : most;
  const float base = most == -kInfinity ? 0.0f : most;  // of a row without keys so far
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t j = 0; j < count; ++j) {
    scores[j] = exp_f32(scores[j] - base);
    sum += scores[j];
  }
  const float factor = exp_f32(row.most - base);
  row = {most, row.sum * factor + sum};
  return factor;
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void scale_row(
    const float *from, float factor, int64_t count, float *to) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) to[i] = from[i] * factor;
}

class Attention : public OpPlan {
 public:
  explicit Attention(const flame::Op &op)
      : scale_(static_cast<float>(op.attributes().number("scale"))),
        q_(op, "q", op.input(0)),
        k_(op, "k", op.input(1)),
        v_(op, "v", op.input(2)),
        y_(op, "y", op.output(0)),
        mask_(op, 3) {}

 private:
  // A thread's buffers.
  struct Buffers {
    float *q, *k, *v, *scores, *sums;
  };

  void prepare(Engine &engine) override {
    const auto floats = [](int64_t rows, int64_t columns) {
      return (static_cast<uint64_t>(rows * columns) * sizeof(float) + 63) / 64 * 64;
    };
    q_size_ = floats(kQueriesOfBlock, q_.columns);
    k_size_ = floats(kKeysOfBlock, k_.columns);
    v_size_ = floats(kKeysOfBlock, v_.columns);
    scores_size_ = floats(kQueriesOfBlock, kKeysOfBlock);
    sums_size_ = floats(kQueriesOfBlock, v_.columns);
    thread_size_ = q_size_ + k_size_ + v_size_ + scores_size_ + sums_size_;
    buffers_ = reserve(thread_size_ * static_cast<uint64_t>(engine.threads));
  }

  Buffers buffers(const Run &run) const {
    char *at =
        run.scratch<char>(buffers_) + thread_size_ * static_cast<uint64_t>(omp_get_thread_num());
    const auto next = [&](uint64_t size) {
      at += size;
      return reinterpret_cast<float *>(at - size);
    };
    return {next(q_size_), next(k_size_), next(v_size_), next(scores_size_), next(sums_size_)};
  }

  void execute(const Run &run) override {
    const int64_t blocks = (q_.rows + kQueriesOfBlock - 1) / kQueriesOfBlock;
    const int64_t tasks = q_.batch * q_.heads * blocks;
#pragma omp parallel for schedule(static)
    for (int64_t task = 0; task < tasks; ++task) {
      const int64_t head = task / blocks;
      run_block(run, head / q_.heads, head % q_.heads, task % blocks * kQueriesOfBlock);
    }
  }

  void run_block(const Run &run, int64_t image, int64_t head, int64_t query) const {
    const Buffers mine = buffers(run);
    const int64_t queries = std::min(kQueriesOfBlock, q_.rows - query);
    const Block q = q_.read(run.input<char>(0), image, head, query, queries, mine.q);
    const Block scores = {mine.scores, kKeysOfBlock};
    const Block sums = {mine.sums, v_.columns};
    Softmax rows[kQueriesOfBlock];
    const int64_t last_key = mask_.visible_keys(query + queries, k_.rows);
    for (int64_t key = 0; key < last_key; key += kKeysOfBlock) {
      const int64_t keys = std::min(kKeysOfBlock, last_key - key);
      const Block k = k_.read(run.input<char>(1), image, head, key, keys, mine.k);
      const Block v = v_.read(run.input<char>(2), image, head, key, keys, mine.v);
      multiply(false, true, queries, keys, q_.columns, scale_, q, k, 0, scores);
      mask_.add_to(run, image, head, query, queries, key, keys, scores);
      for (int64_t i = 0; i < queries; ++i) {
        const float factor = add_scores(scores.data + i * scores.stride, keys, rows[i]);
        float *sum = sums.data + i * sums.stride;
        if (key > 0) scale_row(sum, factor, v_.columns, sum);
      }
      multiply(false, false, queries, v_.columns, keys, 1, scores, v, key > 0, sums);
    }
    if (last_key == 0) std::fill_n(sums.data, queries * sums.stride, 0.0f);
    store(run, image, head, query, queries, rows, sums);
  }

  void store(const Run &run, int64_t image, int64_t head, int64_t query, int64_t queries,
             const Softmax *rows, Block sums) const {
    const Block y = y_.write(run.output<char>(0), image, head, query, sums.data);
    float *lse = run.output<float>(1) + (image * q_.heads + head) * q_.rows + query;
    for (int64_t i = 0; i < queries; ++i) {
      const bool has_keys = rows[i].most != -kInfinity;
      const float factor = has_keys ? 1.0f / rows[i].sum : 0.0f;
      scale_row(sums.data + i * sums.stride, factor, v_.columns, y.data + i * y.stride);
      lse[i] = has_keys ? rows[i].most + std::log(rows[i].sum) : -kInfinity;
    }
    y_.finish(y, run.output<char>(0), image, head, query, queries);
  }

  float scale_;
  Heads q_, k_, v_, y_;
  Mask mask_;
  uint64_t q_size_ = 0, k_size_ = 0, v_size_ = 0, scores_size_ = 0, sums_size_ = 0;
  uint64_t thread_size_ = 0;
  uint64_t buffers_ = 0;
};

}  // namespace

std::unique_ptr<OpPlan> plan_attention(const flame::Op &op) {
  expect_attributes(op, {"scale", "causal"});
  for (uint32_t i = 0; i < 3; ++i) expect_float(op, op.input(i));
  expect_contiguous(op, "y", op.output(0));
  expect_contiguous(op, "lse", op.output(1));
  return std::make_unique<Attention>(op);
}

}  // namespace flame::onednn

// attention_grad: with p = exp(scale · q · kᵀ + mask - lse), dv = pᵀ · dy, da = p · (dy · vᵀ - δ),
// dq = scale · da · k and dk = scale · daᵀ · q.
//
// One thread takes one head and walks its blocks of keys, and for each the blocks of queries, so
// that dk and dv are finished block by block and dq grows in one order.
#include <omp.h>

#include <limits>

#include "backends/onednn/attention.h"
#include "backends/onednn/vector_math.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// scores become p, and dp becomes scale · da.
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void grad_of_row(
    float *scores, float *dp, int64_t count, float lse, float delta, float scale) {
#pragma omp simd
  for (int64_t j = 0; j < count; ++j) {
    const float p = exp_f32(scores[j] - lse);
    scores[j] = p;
    dp[j] = p * (dp[j] - delta) * scale;
  }
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] float dot(const float *a,
                                                                                const float *b,
                                                                                int64_t count) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

enum Input : uint32_t {
  kDy,
  kQ,
  kK,
  kV,
  kY,
  kLse,
  kMask
};
enum Output : uint32_t {
  kDq,
  kDk,
  kDv
};

class AttentionGrad : public OpPlan {
 public:
  explicit AttentionGrad(const flame::Op &op)
      : scale_(static_cast<float>(op.attributes().number("scale"))),
        dy_(op, "dy", op.input(kDy)),
        q_(op, "q", op.input(kQ)),
        k_(op, "k", op.input(kK)),
        v_(op, "v", op.input(kV)),
        y_(op, "y", op.input(kY)),
        dq_(op, "dq", op.output(kDq)),
        dk_(op, "dk", op.output(kDk)),
        dv_(op, "dv", op.output(kDv)),
        mask_(op, kMask) {
    place(query_buffer_, kQueriesOfBlock * q_.columns);
    place(dy_buffer_, kQueriesOfBlock * v_.columns);
    place(key_buffer_, kKeysOfBlock * k_.columns);
    place(value_buffer_, kKeysOfBlock * v_.columns);
    place(dk_buffer_, kKeysOfBlock * k_.columns);
    place(dv_buffer_, kKeysOfBlock * v_.columns);
    place(scores_buffer_, kQueriesOfBlock * kKeysOfBlock);
    place(dp_buffer_, kQueriesOfBlock * kKeysOfBlock);
    place(delta_buffer_, q_.rows);
    place(dq_buffer_, q_.dtype == FLAME_DTYPE_F32 ? 0 : q_.rows * q_.columns);
  }

 private:
  void place(uint64_t &offset, int64_t floats) {
    offset = Workspace(thread_size_).reserve(static_cast<uint64_t>(floats) * sizeof(float));
  }

  void prepare(Engine &engine) override {
    thread_size_ = (thread_size_ + 63) / 64 * 64;
    buffers_ = reserve(thread_size_ * static_cast<uint64_t>(engine.threads));
  }

  // What one head needs at every step.
  struct Head {
    const Run &run;
    int64_t image;
    int64_t head;
    char *buffers;

    float *buffer(uint64_t offset) const { return reinterpret_cast<float *>(buffers + offset); }
  };

  void execute(const Run &run) override {
    const int64_t tasks = q_.batch * q_.heads;
#pragma omp parallel for schedule(static)
    for (int64_t task = 0; task < tasks; ++task) {
      char *buffers =
          run.scratch<char>(buffers_) + thread_size_ * static_cast<uint64_t>(omp_get_thread_num());
      run_head({run, task / q_.heads, task % q_.heads, buffers});
    }
  }

  void run_head(const Head &head) const {
    const Run &run = head.run;
    char *dq_data = run.output<char>(kDq);
    const Block dq = dq_.write(dq_data, head.image, head.head, 0, head.buffer(dq_buffer_));
    set_deltas(head);
    for (int64_t key = 0; key < k_.rows; key += kKeysOfBlock) run_keys(head, key, dq);
    if (k_.rows == 0) {
      for (int64_t i = 0; i < q_.rows; ++i) std::fill_n(dq.data + i * dq.stride, q_.columns, 0.0f);
    }
    dq_.finish(dq, dq_data, head.image, head.head, 0, q_.rows);
  }

  // δ[i] = Σ dy[i] · y[i].
  void set_deltas(const Head &head) const {
    float *delta = head.buffer(delta_buffer_);
    for (int64_t query = 0; query < q_.rows; query += kQueriesOfBlock) {
      const int64_t queries = std::min(kQueriesOfBlock, q_.rows - query);
      const Block dy = dy_.read(head.run.input<char>(kDy), head.image, head.head, query, queries,
                                head.buffer(dy_buffer_));
      // The keys' buffer is free here, and holds more rows than the queries' block.
      const Block y = y_.read(head.run.input<char>(kY), head.image, head.head, query, queries,
                              head.buffer(value_buffer_));
      for (int64_t i = 0; i < queries; ++i) {
        delta[query + i] = dot(dy.data + i * dy.stride, y.data + i * y.stride, v_.columns);
      }
    }
  }

  void run_keys(const Head &head, int64_t key, Block dq) const {
    const Run &run = head.run;
    const int64_t keys = std::min(kKeysOfBlock, k_.rows - key);
    const auto read = [&](const Heads &of, uint32_t input, int64_t row, int64_t count,
                          uint64_t buffer) {
      return of.read(run.input<char>(input), head.image, head.head, row, count,
                     head.buffer(buffer));
    };
    const Block k = read(k_, kK, key, keys, key_buffer_);
    const Block v = read(v_, kV, key, keys, value_buffer_);
    const Block dk =
        dk_.write(run.output<char>(kDk), head.image, head.head, key, head.buffer(dk_buffer_));
    const Block dv =
        dv_.write(run.output<char>(kDv), head.image, head.head, key, head.buffer(dv_buffer_));
    const Block scores = {head.buffer(scores_buffer_), kKeysOfBlock};
    const Block dp = {head.buffer(dp_buffer_), kKeysOfBlock};
    for (int64_t query = 0; query < q_.rows; query += kQueriesOfBlock) {
      const int64_t queries = std::min(kQueriesOfBlock, q_.rows - query);
      const float again = query > 0;
      const Block q = read(q_, kQ, query, queries, query_buffer_);
      const Block dy = read(dy_, kDy, query, queries, dy_buffer_);
      multiply(false, true, queries, keys, q_.columns, scale_, q, k, 0, scores);
      mask_.add_to(run, head.image, head.head, query, queries, key, keys, scores);
      set_products(queries, keys, dy, v, dp);
      set_gradients(head, query, queries, keys, scores, dp);
      multiply(true, false, keys, v_.columns, queries, 1, scores, dy, again, dv);
      multiply(true, false, keys, k_.columns, queries, 1, dp, q, again, dk);
      multiply(false, false, queries, q_.columns, keys, 1, dp, k, key > 0,
               {dq.data + query * dq.stride, dq.stride});
    }
    if (q_.rows == 0) {
      for (int64_t j = 0; j < keys; ++j) std::fill_n(dk.data + j * dk.stride, k_.columns, 0.0f);
      for (int64_t j = 0; j < keys; ++j) std::fill_n(dv.data + j * dv.stride, v_.columns, 0.0f);
    }
    dk_.finish(dk, run.output<char>(kDk), head.image, head.head, key, keys);
    dv_.finish(dv, run.output<char>(kDv), head.image, head.head, key, keys);
  }

  // dp = dy · vᵀ. A single key has p = 1 and y = v: summed as δ is, da is exactly 0.
  void set_products(int64_t queries, int64_t keys, Block dy, Block v, Block dp) const {
    if (k_.rows > 1) return multiply(false, true, queries, keys, v_.columns, 1, dy, v, 0, dp);
    for (int64_t i = 0; i < queries; ++i) {
      dp.data[i * dp.stride] = dot(dy.data + i * dy.stride, v.data, v_.columns);
    }
  }

  void set_gradients(const Head &head, int64_t query, int64_t queries, int64_t keys, Block scores,
                     Block dp) const {
    const float *lse =
        head.run.input<float>(kLse) + (head.image * q_.heads + head.head) * q_.rows + query;
    const float *delta = head.buffer(delta_buffer_) + query;
    for (int64_t i = 0; i < queries; ++i) {
      // A row without keys: every p is 0.
      const float base = lse[i] == -kInfinity ? kInfinity : lse[i];
      grad_of_row(scores.data + i * scores.stride, dp.data + i * dp.stride, keys, base, delta[i],
                  scale_);
    }
  }

  float scale_;
  Heads dy_, q_, k_, v_, y_, dq_, dk_, dv_;
  Mask mask_;
  uint64_t query_buffer_ = 0, dy_buffer_ = 0, key_buffer_ = 0, value_buffer_ = 0;
  uint64_t dk_buffer_ = 0, dv_buffer_ = 0, scores_buffer_ = 0, dp_buffer_ = 0;
  uint64_t delta_buffer_ = 0, dq_buffer_ = 0;
  uint64_t thread_size_ = 0;
  uint64_t buffers_ = 0;
};

}  // namespace

std::unique_ptr<OpPlan> plan_attention_grad(const flame::Op &op) {
  expect_attributes(op, {"scale", "causal", "mask_gradient"});
  if (op.attributes().flag("mask_gradient")) {
    throw flame::unsupported("attention_grad gives no gradient of the mask here");
  }
  for (uint32_t i = kDy; i <= kLse; ++i) expect_float(op, op.input(i));
  expect_contiguous(op, "lse", op.input(kLse));
  for (uint32_t i = 0; i < op.output_count(); ++i)
    expect_contiguous(op, flame::text("output ", i), op.output(i));
  return std::make_unique<AttentionGrad>(op);
}

}  // namespace flame::onednn

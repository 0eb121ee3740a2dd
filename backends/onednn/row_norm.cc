#include "backends/onednn/row_norm.h"

#include <omp.h>

#include <cmath>

#include "backends/onednn/blocks.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {
namespace {

// Sums of this many rows are made in f32, and those added up in f64.
constexpr int64_t kRowsOfBlock = 64;

struct Statistics {
  float mean;
  float rstd;
};

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] Statistics statistics_of(
    const float *x, int64_t count, bool centred, float eps) {
  const auto divisor = static_cast<float>(count);
  float mean = 0;
  if (centred) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < count; ++i) sum += x[i];
    mean = sum / divisor;
  }
  float squares = 0;
#pragma omp simd reduction(+ : squares)
  for (int64_t i = 0; i < count; ++i) squares += (x[i] - mean) * (x[i] - mean);
  return {mean, 1.0f / std::sqrt(squares / divisor + eps)};
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void normalize_row(
    const float *x, Statistics row, const float *weight, const float *bias, float *y,
    int64_t count) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    y[i] = (x[i] - row.mean) * row.rstd * weight[i] + bias[i];
  }
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void grad_of_row(
    const float *dy, const float *x, Statistics row, bool centred, const float *weight, float *dx,
    int64_t count) {
  float sum = 0;
  float projection = 0;
#pragma omp simd reduction(+ : sum, projection)
  for (int64_t i = 0; i < count; ++i) {
    const float g = dy[i] * weight[i];
    sum += g;
    projection += g * ((x[i] - row.mean) * row.rstd);
  }
  const float mean_g = centred ? sum / static_cast<float>(count) : 0.0f;
  const float mean_projection = projection / static_cast<float>(count);
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    const float normal = (x[i] - row.mean) * row.rstd;
    dx[i] = row.rstd * (dy[i] * weight[i] - mean_g - normal * mean_projection);
  }
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void add_weight_grad(
    const float *dy, const float *x, Statistics row, float *dweight, float *dbias, int64_t count) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    dweight[i] += dy[i] * ((x[i] - row.mean) * row.rstd);
    dbias[i] += dy[i];
  }
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void add_up(
    const float *block, double *total, int64_t count) {
  for (int64_t i = 0; i < count; ++i) total[i] += static_cast<double>(block[i]);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void add_row(
    const float *added, float *dx, int64_t count) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) dx[i] += added[i];
}

// The rows of a tensor, and the size of a buffer for one of them.
struct Rows {
  flame_dtype dtype;
  int64_t width;
  int64_t count;
  uint64_t buffer_size;

  explicit Rows(const flame_tensor &x)
      : dtype(x.dtype),
        width(x.shape[x.rank - 1]),
        count(1),
        buffer_size((static_cast<uint64_t>(width) * sizeof(float) + 63) / 64 * 64) {
    for (uint32_t axis = 0; axis + 1 < x.rank; ++axis) count *= x.shape[axis];
  }
  int64_t row_bytes() const { return width * FLAME_DTYPE_BYTES(dtype); }
};

class RowNorm : public OpPlan {
 public:
  RowNorm(const flame::Op &op, bool centred)
      : centred_(centred),
        eps_(static_cast<float>(op.attributes().number("eps"))),
        rows_(op.input(0)),
        weight_(op, 1, rows_.width, 1.0f),
        bias_(op, 2, rows_.width, 0.0f) {
    info.in_place_mask = 1;
  }

 private:
  void prepare(Engine &engine) override {
    const Workspace workspace(info.workspace_size);
    weight_.reserve(workspace);
    bias_.reserve(workspace);
    buffers_ = reserve(rows_.buffer_size * static_cast<uint64_t>(engine.threads));
  }

  void execute(const Run &run) override {
    const float *weight = weight_.get(run);
    const float *bias = bias_.get(run);
    auto *means = centred_ ? run.output<float>(1) : nullptr;
    auto *rstds = run.output<float>(centred_ ? 2 : 1);
    const char *x = run.input<char>(0);
    char *y = run.output<char>(0);
    const int64_t bytes = rows_.row_bytes();
    const int64_t width = rows_.width;
#pragma omp parallel for schedule(static) if (rows_.count * width > 4096)
    for (int64_t row = 0; row < rows_.count; ++row) {
      const auto thread = static_cast<uint64_t>(omp_get_thread_num());
      auto *buffer = run.scratch<float>(buffers_ + thread * rows_.buffer_size);
      const Block from = read_block(rows_.dtype, x + row * bytes, 1, width, width, buffer);
      const Block to = write_block(rows_.dtype, y + row * bytes, width, width, buffer);
      const Statistics statistics = statistics_of(from.data, width, centred_, eps_);
      if (means) means[row] = statistics.mean;
      rstds[row] = statistics.rstd;
      normalize_row(from.data, statistics, weight, bias, to.data, width);
      finish_block(rows_.dtype, to, 1, width, width, y + row * bytes);
    }
  }

  bool centred_;
  float eps_;
  Rows rows_;
  VectorInput weight_;
  VectorInput bias_;
  uint64_t buffers_ = 0;
};

class RowNormGrad : public OpPlan {
 public:
  RowNormGrad(const flame::Op &op, bool centred)
      : centred_(centred),
        weight_gradient_(op.attributes().flag("weight_gradient")),
        addend_(centred ? 5 : 4),
        adds_(op.input_count() > addend_),
        rows_(op.input(1)),
        weight_(op, addend_ - 1, rows_.width, 1.0f) {}

 private:
  // What each thread has: buffers of rows, sums of a block and sums of all its rows.
  struct Thread {
    float *rows[4];
    float *block[2];
    double *total[2];
  };

  void prepare(Engine &engine) override {
    threads_ = engine.threads;
    weight_.reserve(Workspace(info.workspace_size));
    buffers_ = reserve(thread_size() * static_cast<uint64_t>(threads_));
  }

  uint64_t thread_size() const { return rows_.buffer_size * 10; }

  Thread thread(const Run &run, int number) const {
    char *at = run.scratch<char>(buffers_ + thread_size() * static_cast<uint64_t>(number));
    Thread mine;
    for (float *&row : mine.rows) {
      row = reinterpret_cast<float *>(at);
      at += rows_.buffer_size;
    }
    for (float *&block : mine.block) {
      block = reinterpret_cast<float *>(at);
      at += rows_.buffer_size;
    }
    for (double *&total : mine.total) {
      total = reinterpret_cast<double *>(at);
      at += 2 * rows_.buffer_size;
    }
    return mine;
  }

  void execute(const Run &run) override {
    const float *weight = weight_.get(run);
    // As many shares of the rows as threads, so that sums have one order whatever runs them.
#pragma omp parallel for schedule(static)
    for (int share = 0; share < threads_; ++share) run_share(run, share, weight);
    if (weight_gradient_) store_sums(run);
  }

  void run_share(const Run &run, int share, const float *weight) const {
    const Thread mine = thread(run, share);
    const int64_t first = rows_.count * share / threads_;
    const int64_t last = rows_.count * (share + 1) / threads_;
    for (double *total : mine.total) std::fill_n(total, rows_.width, 0.0);
    for (int64_t row = first; row < last; row += kRowsOfBlock) {
      run_rows(run, row, std::min(row + kRowsOfBlock, last), mine, weight);
      if (!weight_gradient_) continue;
      for (int i = 0; i < 2; ++i) add_up(mine.block[i], mine.total[i], rows_.width);
    }
  }

  void run_rows(const Run &run, int64_t first, int64_t last, const Thread &mine,
                const float *weight) const {
    const flame_dtype dtype = rows_.dtype;
    const int64_t width = rows_.width;
    const auto *means = centred_ ? run.input<float>(2) : nullptr;
    const auto *rstds = run.input<float>(centred_ ? 3 : 2);
    for (float *block : mine.block) std::fill_n(block, width, 0.0f);
    for (int64_t row = first; row < last; ++row) {
      const int64_t at = row * rows_.row_bytes();
      const Statistics statistics = {means ? means[row] : 0.0f, rstds[row]};
      const float *dy =
          read_block(dtype, run.input<char>(0) + at, 1, width, width, mine.rows[0]).data;
      const float *x =
          read_block(dtype, run.input<char>(1) + at, 1, width, width, mine.rows[1]).data;
      char *to = run.output<char>(0) + at;
      const Block dx = write_block(dtype, to, width, width, mine.rows[2]);
      if (weight_gradient_) add_weight_grad(dy, x, statistics, mine.block[0], mine.block[1], width);
      grad_of_row(dy, x, statistics, centred_, weight, dx.data, width);
      if (adds_) {
        const char *added = run.input<char>(addend_) + at;
        add_row(read_block(dtype, added, 1, width, width, mine.rows[3]).data, dx.data, width);
      }
      finish_block(dtype, dx, 1, width, width, to);
    }
  }

  void store_sums(const Run &run) const {
    const Thread result = thread(run, 0);
    for (int i = 0; i < (centred_ ? 2 : 1); ++i) {
      for (int share = 1; share < threads_; ++share) {
        const double *more = thread(run, share).total[i];
        for (int64_t k = 0; k < rows_.width; ++k) result.total[i][k] += more[k];
      }
      for (int64_t k = 0; k < rows_.width; ++k) {
        result.rows[0][k] = static_cast<float>(result.total[i][k]);
      }
      from_f32(rows_.dtype, result.rows[0], rows_.width,
               run.output<char>(static_cast<uint32_t>(i + 1)));
    }
  }

  bool centred_;
  bool weight_gradient_;
  uint32_t addend_;  // its number, if there is one
  bool adds_;
  Rows rows_;
  VectorInput weight_;
  int threads_ = 1;
  uint64_t buffers_ = 0;
};

}  // namespace

std::unique_ptr<OpPlan> plan_row_norm(const flame::Op &op, bool centred) {
  expect_attributes(op, {"eps"});
  expect_floats(op);
  expect_all_contiguous(op);
  return std::make_unique<RowNorm>(op, centred);
}

std::unique_ptr<OpPlan> plan_row_norm_grad(const flame::Op &op, bool centred) {
  expect_attributes(op, {"weight_gradient"});
  expect_floats(op);
  expect_all_contiguous(op);
  return std::make_unique<RowNormGrad>(op, centred);
}

}  // namespace flame::onednn

// group_norm: y = activation((x - mean) · rstd · weight + bias), the statistics over groups of
// channels of an image.
#include "backends/onednn/group_norm.h"

#include <omp.h>

#include <cmath>

#include "backends/onednn/vector_math.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {
namespace {

// sums[c] += Σ of the rows.
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void add_rows(
    Block x, int64_t rows, int64_t channels, float *sums) {
  for (int64_t row = 0; row < rows; ++row) {
    const float *from = x.data + row * x.stride;
#pragma omp simd
    for (int64_t c = 0; c < channels; ++c) sums[c] += from[c];
  }
}

// sums[c] += Σ (x - mean[c])².
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void add_squares(
    Block x, int64_t rows, int64_t channels, const float *mean, float *sums) {
  for (int64_t row = 0; row < rows; ++row) {
    const float *from = x.data + row * x.stride;
#pragma omp simd
    for (int64_t c = 0; c < channels; ++c) sums[c] += (from[c] - mean[c]) * (from[c] - mean[c]);
  }
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void normalize_rows(
    Block x, int64_t rows, int64_t channels, const float *mean, const float *scale,
    const float *bias, bool silu, Block y) {
  for (int64_t row = 0; row < rows; ++row) {
    const float *from = x.data + row * x.stride;
    float *to = y.data + row * y.stride;
    if (silu) {
#pragma omp simd
      for (int64_t c = 0; c < channels; ++c) {
        const float z = (from[c] - mean[c]) * scale[c] + bias[c];
        to[c] = z / (1.0f + exp_f32(-z));
      }
    } else {
#pragma omp simd
      for (int64_t c = 0; c < channels; ++c) to[c] = (from[c] - mean[c]) * scale[c] + bias[c];
    }
  }
}

class GroupNorm : public OpPlan {
 public:
  explicit GroupNorm(const flame::Op &op)
      : silu_(is_silu(op)),
        eps_(op.attributes().number("eps")),
        grouping_(op.input(0), op.attributes().integer("groups")),
        weight_(op, 1, grouping_.channels, 1.0f),
        bias_(op, 2, grouping_.channels, 0.0f) {
    info.in_place_mask = 1;
  }

 private:
  // A thread's vectors of one slice.
  struct Vectors {
    float *sum;
    float *mean;
    float *scale;
    float *block;
    double *total;
  };

  uint64_t vector_size() const {
    return (static_cast<uint64_t>(grouping_.most_channels()) * sizeof(float) + 63) / 64 * 64;
  }

  uint64_t thread_size() const {
    return vector_size() * (5 + static_cast<uint64_t>(Grouping::kRowsOfBlock));
  }

  void prepare(Engine &engine) override {
    const Workspace workspace(info.workspace_size);
    weight_.reserve(workspace);
    bias_.reserve(workspace);
    vectors_ = reserve(thread_size() * static_cast<uint64_t>(engine.threads));
  }

  void execute(const Run &run) override {
    const float *weight = weight_.get(run);
    const float *bias = bias_.get(run);
    const int64_t tasks = grouping_.tasks();
#pragma omp parallel for schedule(static)
    for (int64_t task = 0; task < tasks; ++task) {
      const Slice slice(grouping_, task);
      char *at =
          run.scratch<char>(vectors_) + thread_size() * static_cast<uint64_t>(omp_get_thread_num());
      const auto next = [&](uint64_t count) {
        at += vector_size() * count;
        return reinterpret_cast<float *>(at - vector_size() * count);
      };
      Vectors vectors = {next(1), next(1), next(1), nullptr, nullptr};
      vectors.total = reinterpret_cast<double *>(next(2));
      vectors.block = reinterpret_cast<float *>(at);
      run_slice(run, slice, weight + slice.first_channel, bias + slice.first_channel, vectors);
    }
  }

  void run_slice(const Run &run, const Slice &slice, const float *weight, const float *bias,
                 const Vectors &vectors) const {
    const char *x = run.input<char>(0);
    char *y = run.output<char>(0);
    auto *means = run.output<float>(1) + slice.image * grouping_.groups + slice.first_group;
    auto *rstds = run.output<float>(2) + slice.image * grouping_.groups + slice.first_group;
    const int64_t channels = slice.channel_count;

    sum_blocks(slice, vectors, [&](int64_t place, int64_t rows) {
      add_rows(slice.read(x, place, rows, vectors.block), rows, channels, vectors.sum);
    });
    for_each_group(slice, [&](int64_t group, int64_t first) {
      means[group] = static_cast<float>(group_mean(slice, vectors, first));
      std::fill_n(vectors.mean + first, grouping_.width, means[group]);
    });
    sum_blocks(slice, vectors, [&](int64_t place, int64_t rows) {
      add_squares(slice.read(x, place, rows, vectors.block), rows, channels, vectors.mean,
                  vectors.sum);
    });
    for_each_group(slice, [&](int64_t group, int64_t first) {
      rstds[group] = static_cast<float>(1.0 / std::sqrt(group_mean(slice, vectors, first) + eps_));
      for (int64_t c = first; c < first + grouping_.width; ++c) {
        vectors.scale[c] = rstds[group] * weight[c];
      }
    });
    slice.for_each_block([&](int64_t place, int64_t rows) {
      const Block from = slice.read(x, place, rows, vectors.block);
      const Block to = slice.write(y, place, vectors.block);
      normalize_rows(from, rows, channels, vectors.mean, vectors.scale, bias, silu_, to);
      slice.finish(to, y, place, rows);
    });
  }

  // total[c] = Σ over the places, where add(place, rows) adds a block to sum[c].
  template <typename Add>
  static void sum_blocks(const Slice &slice, const Vectors &vectors, const Add &add) {
    std::fill_n(vectors.total, slice.channel_count, 0.0);
    slice.for_each_block([&](int64_t place, int64_t rows) {
      std::fill_n(vectors.sum, slice.channel_count, 0.0f);
      add(place, rows);
      for (int64_t c = 0; c < slice.channel_count; ++c) {
        vectors.total[c] += static_cast<double>(vectors.sum[c]);
      }
    });
  }

  template <typename Body>
  void for_each_group(const Slice &slice, const Body &body) const {
    for (int64_t group = 0; group < slice.group_count; ++group) {
      body(group, group * grouping_.width);
    }
  }

  double group_mean(const Slice &slice, const Vectors &vectors, int64_t first) const {
    double sum = 0;
    for (int64_t c = first; c < first + grouping_.width; ++c) sum += vectors.total[c];
    return sum / slice.group_size();
  }

  bool silu_;
  double eps_;
  Grouping grouping_;
  VectorInput weight_;
  VectorInput bias_;
  uint64_t vectors_ = 0;
};

}  // namespace

std::unique_ptr<OpPlan> plan_group_norm(const flame::Op &op) {
  expect_attributes(op, {"groups", "activation", "eps"});
  expect_floats(op);
  expect_all_contiguous(op);
  return std::make_unique<GroupNorm>(op);
}

}  // namespace flame::onednn

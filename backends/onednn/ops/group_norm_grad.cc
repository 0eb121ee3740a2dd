// group_norm_grad: dx = rstd · (g - mean g - x̂ · mean(g · x̂)) + addend with g = dy · activation'(z) ·
// weight and z = x̂ · weight + bias.
#include <omp.h>

#include "backends/onednn/group_norm.h"
#include "backends/onednn/vector_math.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {
namespace {

// What the loops over a slice's channels read.
struct Channels {
  const float *weight;
  const float *bias;
  float *mean;
  float *rstd;
  float *mean_g;           // mean g of the channel's group
  float *mean_projection;  // mean(g · x̂)
  bool silu;
};

[[gnu::always_inline]] inline float derivative(float dy, float normal, float weight, float bias) {
  const float z = normal * weight + bias;
  const float share = sigmoid_f32(z);
  return dy * share * (1.0f + z * (1.0f - share));
}

// projections[c] += Σ dz · x̂ and sums[c] += Σ dz. With silu dz is kept.
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void add_rows(
    Block dy, Block x, int64_t rows, int64_t channels, const Channels &of, Block dz,
    float *projections, float *sums) {
  for (int64_t row = 0; row < rows; ++row) {
    const float *dy_row = dy.data + row * dy.stride;
    const float *x_row = x.data + row * x.stride;
    float *dz_row = dz.data + row * dz.stride;
    if (of.silu) {
#pragma omp simd
      for (int64_t c = 0; c < channels; ++c) {
        const float normal = (x_row[c] - of.mean[c]) * of.rstd[c];
        dz_row[c] = derivative(dy_row[c], normal, of.weight[c], of.bias[c]);
        projections[c] += dz_row[c] * normal;
        sums[c] += dz_row[c];
      }
    } else {
#pragma omp simd
      for (int64_t c = 0; c < channels; ++c) {
        projections[c] += dy_row[c] * ((x_row[c] - of.mean[c]) * of.rstd[c]);
        sums[c] += dy_row[c];
      }
    }
  }
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void derive_rows(
    Block dy, Block x, int64_t rows, int64_t channels, const Channels &of, Block dz) {
  for (int64_t row = 0; row < rows; ++row) {
    const float *dy_row = dy.data + row * dy.stride;
    const float *x_row = x.data + row * x.stride;
    float *dz_row = dz.data + row * dz.stride;
#pragma omp simd
    for (int64_t c = 0; c < channels; ++c) {
      const float normal = (x_row[c] - of.mean[c]) * of.rstd[c];
      dz_row[c] = derivative(dy_row[c], normal, of.weight[c], of.bias[c]);
    }
  }
}

// dx may stand where dz is.
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void grad_of_rows(
    Block dz, Block x, int64_t rows, int64_t channels, const Channels &of, Block dx) {
  for (int64_t row = 0; row < rows; ++row) {
    const float *dz_row = dz.data + row * dz.stride;
    const float *x_row = x.data + row * x.stride;
    float *dx_row = dx.data + row * dx.stride;
#pragma omp simd
    for (int64_t c = 0; c < channels; ++c) {
      const float normal = (x_row[c] - of.mean[c]) * of.rstd[c];
      dx_row[c] =
          of.rstd[c] * (dz_row[c] * of.weight[c] - of.mean_g[c] - normal * of.mean_projection[c]);
    }
  }
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void add_to_rows(
    Block added, int64_t rows, int64_t channels, Block dx) {
  for (int64_t row = 0; row < rows; ++row) {
    const float *from = added.data + row * added.stride;
    float *to = dx.data + row * dx.stride;
#pragma omp simd
    for (int64_t c = 0; c < channels; ++c) to[c] += from[c];
  }
}

class GroupNormGrad : public OpPlan {
 public:
  explicit GroupNormGrad(const flame::Op &op)
      : silu_(is_silu(op)),
        weight_gradient_(op.attributes().flag("weight_gradient")),
        adds_(op.input_count() > kAddend),
        grouping_(op.input(1), op.attributes().integer("groups")),
        weight_(op, 4, grouping_.channels, 1.0f),
        bias_(op, 5, grouping_.channels, 0.0f) {}

 private:
  static constexpr uint32_t kAddend = 6;
  // A thread's vectors of one slice, as many as Channels and the sums need.
  static constexpr uint64_t kVectors = 6;

  uint64_t vector_size() const {
    return (static_cast<uint64_t>(grouping_.most_channels()) * sizeof(float) + 63) / 64 * 64;
  }
  uint64_t block_size() const {
    return vector_size() * static_cast<uint64_t>(Grouping::kRowsOfBlock);
  }
  uint64_t thread_size() const { return vector_size() * kVectors + block_size() * 3; }

  void prepare(Engine &engine) override {
    const Workspace workspace(info.workspace_size);
    weight_.reserve(workspace);
    bias_.reserve(workspace);
    vectors_ = reserve(thread_size() * static_cast<uint64_t>(engine.threads));
    // For each image and channel: Σ dz · x̂, then for each the Σ dz.
    totals_ = reserve(2 * total_count() * sizeof(double));
    row_ = reserve(static_cast<uint64_t>(grouping_.channels) * sizeof(float));
  }

  uint64_t total_count() const {
    return static_cast<uint64_t>(grouping_.images * grouping_.channels);
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
      const auto vector = [&](uint64_t i) {
        return reinterpret_cast<float *>(at + vector_size() * i);
      };
      const Channels channels = {weight + slice.first_channel,
                                 bias + slice.first_channel,
                                 vector(0),
                                 vector(1),
                                 vector(2),
                                 vector(3),
                                 silu_};
      run_slice(run, slice, channels, vector(4), vector(5), vector(kVectors));
    }
    if (!weight_gradient_) return;
    store_sums(run, 0);
    store_sums(run, 1);
  }

  void run_slice(const Run &run, const Slice &slice, const Channels &channels, float *projections,
                 float *sums, float *buffers) const {
    const char *dy = run.input<char>(0);
    const char *x = run.input<char>(1);
    char *dx = run.output<char>(0);
    float *more = buffers + block_size() / sizeof(float);
    float *last = more + block_size() / sizeof(float);
    const int64_t count = slice.channel_count;
    const int64_t first = slice.image * grouping_.groups + slice.first_group;
    for (int64_t c = 0; c < count; ++c) {
      channels.mean[c] = run.input<float>(2)[first + c / grouping_.width];
      channels.rstd[c] = run.input<float>(3)[first + c / grouping_.width];
    }
    double *projection_totals = totals(run, 0, slice);
    double *sum_totals = totals(run, 1, slice);
    std::fill_n(projection_totals, count, 0.0);
    std::fill_n(sum_totals, count, 0.0);
    // dz is kept where dx will stand, if that is f32; else it is made again.
    const bool keeps = silu_ && grouping_.dtype == FLAME_DTYPE_F32;
    slice.for_each_block([&](int64_t place, int64_t rows) {
      std::fill_n(projections, count, 0.0f);
      std::fill_n(sums, count, 0.0f);
      add_rows(slice.read(dy, place, rows, buffers), slice.read(x, place, rows, more), rows, count,
               channels, slice.write(dx, place, buffers), projections, sums);
      for (int64_t c = 0; c < count; ++c) {
        projection_totals[c] += static_cast<double>(projections[c]);
        sum_totals[c] += static_cast<double>(sums[c]);
      }
    });
    set_means(slice, channels, projection_totals, channels.mean_projection);
    set_means(slice, channels, sum_totals, channels.mean_g);
    slice.for_each_block([&](int64_t place, int64_t rows) {
      const Block to = slice.write(dx, place, buffers);
      const Block from = slice.read(x, place, rows, more);
      Block dz = keeps ? to : slice.read(dy, place, rows, buffers);
      if (silu_ && !keeps) derive_rows(dz, from, rows, count, channels, dz);
      grad_of_rows(dz, from, rows, count, channels, to);
      if (adds_) {
        const char *addend = run.input<char>(kAddend);
        add_to_rows(slice.read(addend, place, rows, last), rows, count, to);
      }
      slice.finish(to, dx, place, rows);
    });
  }

  double *totals(const Run &run, uint64_t which, const Slice &slice) const {
    return run.scratch<double>(totals_) + which * total_count() + slice.image * grouping_.channels +
           slice.first_channel;
  }

  // For each channel the mean over its group of what the totals hold, times the weight.
  void set_means(const Slice &slice, const Channels &channels, const double *total,
                 float *means) const {
    for (int64_t first = 0; first < slice.channel_count; first += grouping_.width) {
      double sum = 0;
      for (int64_t c = first; c < first + grouping_.width; ++c) {
        sum += total[c] * static_cast<double>(channels.weight[c]);
      }
      std::fill_n(means + first, grouping_.width, static_cast<float>(sum / slice.group_size()));
    }
  }

  // dweight (which = 0) or dbias (1): the totals summed over the images.
  void store_sums(const Run &run, uint32_t which) const {
    const double *total = run.scratch<double>(totals_) + which * total_count();
    auto *row = run.scratch<float>(row_);
    for (int64_t c = 0; c < grouping_.channels; ++c) {
      double sum = 0;
      for (int64_t image = 0; image < grouping_.images; ++image) {
        sum += total[image * grouping_.channels + c];
      }
      row[c] = static_cast<float>(sum);
    }
    from_f32(grouping_.dtype, row, grouping_.channels, run.output<char>(which + 1));
  }

  bool silu_;
  bool weight_gradient_;
  bool adds_;  // what stands in its addend
  Grouping grouping_;
  VectorInput weight_;
  VectorInput bias_;
  uint64_t vectors_ = 0;
  uint64_t totals_ = 0;
  uint64_t row_ = 0;
};

}  // namespace

std::unique_ptr<OpPlan> plan_group_norm_grad(const flame::Op &op) {
  expect_attributes(op, {"groups", "activation", "weight_gradient"});
  expect_floats(op);
  expect_all_contiguous(op);
  return std::make_unique<GroupNormGrad>(op);
}

}  // namespace flame::onednn

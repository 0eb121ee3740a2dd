// attention: y = softmax(scale · q · kᵀ + mask) · v, and the logarithms of the rows' sums.
#include <optional>

#include "backends/cuda/short_attention.h"
#include "flame/log.hpp"
#include "flame/op_checks.hpp"

namespace flame::cuda {
namespace {

class Attention : public OpPlan {
 public:
  Attention(const flame::Op &op, const Target &target)
      : scale_(op.attributes().number("scale")),
        tf32_(target.tf32 && op.input(0).dtype == FLAME_DTYPE_F32),
        q_(op, "q", op.input(0)),
        k_(op, "k", op.input(1)),
        v_(op, "v", op.input(2)),
        y_(op, "y", op.output(0)),
        mask_(op, 3) {
    Definitions made;
    made.type("T", q_.dtype).alias("A", accumulator_type(q_.dtype));
    mask_.define(made);
    made.number("kKeys", k_.rows).number("kThreads", kScoreThreads);
    softmax_ = OwnKernel({"attention_softmax.cu", made.text(), "attention_softmax"});
    if (suits_short_attention(q_, k_, v_, mask_)) short_.emplace(q_, k_, v_, mask_, scale_);
  }

  std::vector<KernelSource> kernels() const override {
    if (is_empty()) return {};
    std::vector<KernelSource> sources;
    if (short_) sources = short_->kernels();
    sources.push_back(softmax_.source());
    return sources;
  }

 private:
  bool is_empty() const { return q_.batch * q_.rows * q_.heads == 0; }

  void prepare(Context &context) override {
    if (is_empty()) return;
    uint64_t library_size = 0;
    if (short_) {
      short_->prepare(context);
    } else if (suits_cudnn(q_, k_, v_, mask_)) {
      std::string reason;
      const AttentionShape shape = {q_.dtype,    scale_,      mask_.causal, true,
                                    q_.layout(), k_.layout(), v_.layout(),  y_.layout()};
      graph_ = context.cudnn().attention(shape, reason);
      if (graph_) library_size = graph_->workspace_size();
      if (!graph_) flame::log_debug("cuDNN does not take the attention: ", reason);
    }
    prepare_slices(context);
    if (info.workspace_size < library_size) info.workspace_size = library_size;
  }

  // Also what runs if an address suits neither the short kernel nor cuDNN.
  void prepare_slices(Context &context) {
    softmax_.prepare(context);
    slice_ = slice_rows(q_, k_, graph_ || short_);
    if (k_.rows == 0) return;
    const flame_dtype score = score_type(q_.dtype);
    const auto batch = [&](int64_t rows) { return MatrixStrides{k_.rows, 1, rows * k_.rows}; };
    scores_of_.prepare(context, q_.rows, slice_, [&](int64_t rows) {
      MatrixStrides keys = k_.matrices();
      std::swap(keys.row, keys.column);
      return ProductShape{q_.dtype,      score, rows,        k_.rows, q_.columns,    q_.heads,
                          q_.matrices(), keys,  batch(rows), scale_,  Addend::kNone, tf32_};
    });
    y_of_.prepare(context, q_.rows, slice_, [&](int64_t rows) {
      return ProductShape{q_.dtype,      q_.dtype, rows,          v_.columns,
                          k_.rows,       q_.heads, batch(rows),   v_.matrices(),
                          y_.matrices(), 1,        Addend::kNone, tf32_};
    });
    const auto count = static_cast<uint64_t>(slice_ * q_.heads * k_.rows);
    scores_ = reserve(count * FLAME_DTYPE_BYTES(score));
    p_ = q_.dtype == score ? scores_ : reserve(count * FLAME_DTYPE_BYTES(q_.dtype));
    products_ = reserve(std::max(scores_of_.workspace_size(), y_of_.workspace_size()));
  }

  void execute(const Run &run) override {
    if (is_empty()) return;
    if ((graph_ || short_) && run_whole(run)) return;
    for (int64_t image = 0; image < q_.batch; ++image) {
      for (int64_t row = 0; row < q_.rows; row += slice_)
        run_slice(run, image, row, std::min(slice_, q_.rows - row));
    }
    if (k_.rows > 0) return;
    const flame_tensor &y = *run.outputs[0];
    check(driver().fill_bytes(
              reinterpret_cast<CUdeviceptr>(address_of(y)), 0,
              static_cast<uint64_t>(flame::element_count(y)) * FLAME_DTYPE_BYTES(y.dtype),
              run.stream),
          "cuMemsetD8Async");
  }

  // False if an address is no multiple of 16.
  bool run_whole(const Run &run) {
    addresses_ = {address_of(*run.inputs[0]), address_of(*run.inputs[1]),
                  address_of(*run.inputs[2]), address_of(*run.outputs[0]),
                  address_of(*run.outputs[1])};
    for (const void *address : addresses_) {
      if (reinterpret_cast<uint64_t>(address) % 16 != 0) return false;
    }
    if (short_) {
      short_->run(run.stream, {address_of(*run.inputs[0]), address_of(*run.inputs[1]),
                               address_of(*run.inputs[2]), address_of(*run.outputs[0]),
                               address_of(*run.outputs[1])});
    } else {
      graph_->run(run.stream, addresses_, run.workspace);
    }
    return true;
  }

  void run_slice(const Run &run, int64_t image, int64_t row, int64_t rows) {
    const char *q = address_of(*run.inputs[0]) + q_.offset(image, row);
    const char *k = address_of(*run.inputs[1]) + k_.offset(image, 0);
    const char *v = address_of(*run.inputs[2]) + v_.offset(image, 0);
    char *y = address_of(*run.outputs[0]) + y_.offset(image, row);
    char *scores = run.workspace + scores_;
    char *p = run.workspace + p_;
    char *lse = address_of(*run.outputs[1]) +
                image * q_.heads * q_.rows * FLAME_DTYPE_BYTES(score_type(q_.dtype));
    char *workspace = run.workspace + products_;
    if (k_.rows > 0) scores_of_.of(rows).run(run.stream, q, k, {}, scores, workspace);
    softmax_.run(
        run.stream, rows * q_.heads, kScoreThreads,
        {reinterpret_cast<uint64_t>(scores), reinterpret_cast<uint64_t>(p),
         reinterpret_cast<uint64_t>(lse), mask_.address(run, image), static_cast<uint64_t>(rows),
         static_cast<uint64_t>(row), static_cast<uint64_t>(q_.rows)});
    if (k_.rows > 0) y_of_.of(rows).run(run.stream, p, v, {}, y, workspace);
  }

  double scale_;
  bool tf32_;
  Heads q_, k_, v_, y_;
  Mask mask_;
  std::optional<ShortAttention> short_;
  std::unique_ptr<CudnnGraph> graph_;
  std::vector<void *> addresses_;
  OwnKernel softmax_;
  SlicedProduct scores_of_, y_of_;
  int64_t slice_ = 0;
  uint64_t scores_ = 0, p_ = 0, products_ = 0;
};

}  // namespace

std::unique_ptr<OpPlan> plan_attention(const flame::Op &op, const Target &target) {
  expect_attributes(op, {"scale", "causal"});
  expect_attention(op);
  expect_contiguous(op, "y", op.output(0));
  expect_contiguous(op, "lse", op.output(1));
  return std::make_unique<Attention>(op, target);
}

}  // namespace flame::cuda

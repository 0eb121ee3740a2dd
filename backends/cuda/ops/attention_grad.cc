// attention_grad: with p = exp(scale · q · kᵀ + mask - lse), dv = pᵀ · dy, da = p · (dy · vᵀ - δ),
// dq = scale · da · k and dk = scale · daᵀ · q.
#include <optional>

#include "backends/cuda/short_attention.h"
#include "flame/log.hpp"
#include "flame/op_checks.hpp"

namespace flame::cuda {
namespace {

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

constexpr int64_t kMostBlocks = 4096;

MatrixStrides transposed(MatrixStrides strides) {
  std::swap(strides.row, strides.column);
  return strides;
}

class AttentionGrad : public OpPlan {
 public:
  AttentionGrad(const flame::Op &op, const Target &target)
      : scale_(op.attributes().number("scale")),
        deterministic_(target.deterministic),
        tf32_(target.tf32 && op.input(kQ).dtype == FLAME_DTYPE_F32),
        dy_(op, "dy", op.input(kDy)),
        q_(op, "q", op.input(kQ)),
        k_(op, "k", op.input(kK)),
        v_(op, "v", op.input(kV)),
        y_(op, "y", op.input(kY)),
        dq_(op, "dq", op.output(kDq)),
        dk_(op, "dk", op.output(kDk)),
        dv_(op, "dv", op.output(kDv)),
        mask_(op, kMask) {
    Definitions made;
    made.type("T", q_.dtype).alias("A", accumulator_type(q_.dtype));
    mask_.define(made);
    made.number("kKeys", k_.rows).number("kThreads", kScoreThreads);
    made.number("kColumns", v_.columns);
    made.line(flame::text("constexpr long long kYHead = ", y_.head_stride,
                          "ll, kYRow = ", y_.row_stride, "ll, kDyHead = ", dy_.head_stride,
                          "ll, kDyRow = ", dy_.row_stride, "ll;"));
    rows_ = OwnKernel({"attention_grad.cu", made.text(), "attention_grad"});
    store_ = OwnKernel({"attention_grad.cu", made.text(), "store_sums"});
    const bool even = y_.is_even() && dy_.is_even();
    if (even && has_scores() && suits_short_attention(q_, k_, v_, mask_))
      short_.emplace(dy_, q_, k_, v_, y_, mask_, scale_, target);
    asks_cudnn_ = !short_ && even && suits_cudnn(q_, k_, v_, mask_);
    if (asks_cudnn_ && !deterministic_) info.flags &= ~FLAME_OP_DETERMINISTIC;
  }

  std::vector<KernelSource> kernels() const override {
    if (!has_scores()) return {};
    std::vector<KernelSource> sources;
    if (short_) sources = short_->kernels();
    sources.push_back(rows_.source());
    return sources;
  }

 private:
  bool has_scores() const { return q_.batch * q_.rows * q_.heads * k_.rows > 0; }

  void prepare(Context &context) override {
    if (!has_scores()) return;
    uint64_t library_size = 0;
    if (short_) {
      short_->prepare(context);
      library_size = short_->workspace_size();
    }
    if (asks_cudnn_) {
      std::string reason;
      const AttentionShape shape = {q_.dtype,    scale_,      mask_.causal, deterministic_,
                                    q_.layout(), k_.layout(), v_.layout(),  y_.layout()};
      graph_ = context.cudnn().attention_grad(shape, dy_.layout(), reason);
      if (graph_) library_size = graph_->workspace_size();
      if (!graph_) flame::log_debug("cuDNN does not take the attention_grad: ", reason);
    }
    prepare_slices(context);
    if (info.workspace_size < library_size) info.workspace_size = library_size;
  }

  void prepare_slices(Context &context) {
    rows_.prepare(context);
    slice_ = slice_rows(q_, k_, graph_ || short_);
    const flame_dtype score = score_type(q_.dtype);
    // Sums over slices are held in the type of the arithmetic, and stored once.
    sums_apart_ = slice_ < q_.rows && score != q_.dtype;
    if (sums_apart_) store_.prepare(context);
    prepare_products(context, score);
    const auto count = static_cast<uint64_t>(slice_ * q_.heads * k_.rows);
    scores_ = reserve(count * FLAME_DTYPE_BYTES(score));
    dp_ = reserve(count * FLAME_DTYPE_BYTES(score));
    p_ = q_.dtype == score ? scores_ : reserve(count * FLAME_DTYPE_BYTES(q_.dtype));
    da_ = q_.dtype == score ? dp_ : reserve(count * FLAME_DTYPE_BYTES(q_.dtype));
    const auto keys = static_cast<uint64_t>(k_.rows * k_.heads * FLAME_DTYPE_BYTES(score));
    dk_sums_ = reserve(sums_apart_ ? keys * static_cast<uint64_t>(k_.columns) : 0);
    dv_sums_ = reserve(sums_apart_ ? keys * static_cast<uint64_t>(v_.columns) : 0);
    uint64_t most = 0;
    for (const SlicedProduct *product :
         {&scores_of_, &dp_of_, &dq_of_, &dk_of_, &dv_of_, &dk_more_, &dv_more_})
      most = std::max(most, product->workspace_size());
    products_ = reserve(most);
  }

  void prepare_products(Context &context, flame_dtype score) {
    const flame_dtype sum = sums_apart_ ? score : q_.dtype;
    const auto batch = [&](int64_t rows) { return MatrixStrides{k_.rows, 1, rows * k_.rows}; };
    const auto prepare = [&](SlicedProduct &product, const SlicedProduct::Make &make) {
      product.prepare(context, q_.rows, slice_, make);
    };
    prepare(scores_of_, [&](int64_t rows) {
      return ProductShape{q_.dtype,    score,    rows,          k_.rows,
                          q_.columns,  q_.heads, q_.matrices(), transposed(k_.matrices()),
                          batch(rows), scale_,   Addend::kNone, tf32_};
    });
    prepare(dp_of_, [&](int64_t rows) {
      return ProductShape{q_.dtype,    score,    rows,           k_.rows,
                          v_.columns,  q_.heads, dy_.matrices(), transposed(v_.matrices()),
                          batch(rows), 1,        Addend::kNone,  tf32_};
    });
    prepare(dq_of_, [&](int64_t rows) {
      return ProductShape{q_.dtype,       q_.dtype, rows,          q_.columns,
                          k_.rows,        q_.heads, batch(rows),   k_.matrices(),
                          dq_.matrices(), scale_,   Addend::kNone, tf32_};
    });
    for (const bool first : {true, false}) {
      const Addend addend = first ? Addend::kNone : Addend::kMatrix;
      prepare(first ? dk_of_ : dk_more_, [&](int64_t rows) {
        return ProductShape{q_.dtype,
                            sum,
                            k_.rows,
                            q_.columns,
                            rows,
                            q_.heads,
                            transposed(batch(rows)),
                            q_.matrices(),
                            dk_.matrices(),
                            scale_,
                            addend,
                            tf32_};
      });
      prepare(first ? dv_of_ : dv_more_, [&](int64_t rows) {
        return ProductShape{q_.dtype,
                            sum,
                            k_.rows,
                            v_.columns,
                            rows,
                            q_.heads,
                            transposed(batch(rows)),
                            dy_.matrices(),
                            dv_.matrices(),
                            1,
                            addend,
                            tf32_};
      });
      if (slice_ == q_.rows) return;
    }
  }

  void execute(const Run &run) override {
    if (!has_scores()) return clear(run);
    if ((graph_ || short_) && run_whole(run)) return;
    for (int64_t image = 0; image < q_.batch; ++image) {
      for (int64_t row = 0; row < q_.rows; row += slice_)
        run_slice(run, image, row, std::min(slice_, q_.rows - row));
      if (!sums_apart_) continue;
      store_sums(run, dk_sums_, address_of(*run.outputs[kDk]) + dk_.offset(image, 0), k_.columns);
      store_sums(run, dv_sums_, address_of(*run.outputs[kDv]) + dv_.offset(image, 0), v_.columns);
    }
  }

  // No query sees a key.
  void clear(const Run &run) const {
    for (uint32_t i = 0; i < 3; ++i) {
      const flame_tensor &gradient = *run.outputs[i];
      const int64_t bytes = flame::element_count(gradient) * FLAME_DTYPE_BYTES(gradient.dtype);
      if (bytes == 0) continue;
      check(driver().fill_bytes(reinterpret_cast<CUdeviceptr>(address_of(gradient)), 0,
                                static_cast<size_t>(bytes), run.stream),
            "cuMemsetD8Async");
    }
  }

  // False if an address is no multiple of 16.
  bool run_whole(const Run &run) {
    addresses_.clear();
    for (const uint32_t input : {kQ, kK, kV, kY, kLse, kDy})
      addresses_.push_back(address_of(*run.inputs[input]));
    for (const uint32_t output : {kDq, kDk, kDv})
      addresses_.push_back(address_of(*run.outputs[output]));
    for (const void *address : addresses_) {
      if (reinterpret_cast<uint64_t>(address) % 16 != 0) return false;
    }
    if (short_) {
      const auto in = [&](Input input) { return address_of(*run.inputs[input]); };
      const auto out = [&](Output output) { return address_of(*run.outputs[output]); };
      short_->run(run.stream,
                  {in(kDy), in(kQ), in(kK), in(kV), in(kY), in(kLse), out(kDq), out(kDk), out(kDv)},
                  run.workspace);
    } else {
      graph_->run(run.stream, addresses_, run.workspace);
    }
    return true;
  }

  void run_slice(const Run &run, int64_t image, int64_t row, int64_t rows) {
    const auto at = [&](uint64_t offset) { return run.workspace + offset; };
    const char *q = address_of(*run.inputs[kQ]) + q_.offset(image, row);
    const char *k = address_of(*run.inputs[kK]) + k_.offset(image, 0);
    const char *v = address_of(*run.inputs[kV]) + v_.offset(image, 0);
    const char *dy = address_of(*run.inputs[kDy]) + dy_.offset(image, row);
    char *dq = address_of(*run.outputs[kDq]) + dq_.offset(image, row);
    char *dk = sums_apart_ ? at(dk_sums_) : address_of(*run.outputs[kDk]) + dk_.offset(image, 0);
    char *dv = sums_apart_ ? at(dv_sums_) : address_of(*run.outputs[kDv]) + dv_.offset(image, 0);
    char *workspace = at(products_);
    const CUstream stream = run.stream;
    scores_of_.of(rows).run(stream, q, k, {}, at(scores_), workspace);
    dp_of_.of(rows).run(stream, dy, v, {}, at(dp_), workspace);
    run_rows(run, image, row, rows);
    dq_of_.of(rows).run(stream, at(da_), k, {}, dq, workspace);
    SlicedProduct &dk_of = row == 0 ? dk_of_ : dk_more_;
    SlicedProduct &dv_of = row == 0 ? dv_of_ : dv_more_;
    dk_of.of(rows).run(stream, at(da_), q, {row == 0 ? nullptr : dk}, dk, workspace);
    dv_of.of(rows).run(stream, at(p_), dy, {row == 0 ? nullptr : dv}, dv, workspace);
  }

  void run_rows(const Run &run, int64_t image, int64_t row, int64_t rows) const {
    const auto place = [](const void *address) { return reinterpret_cast<uint64_t>(address); };
    const char *lse = address_of(*run.inputs[kLse]) +
                      image * q_.heads * q_.rows * FLAME_DTYPE_BYTES(score_type(q_.dtype));
    rows_.run(
        run.stream, rows * q_.heads, kScoreThreads,
        {place(run.workspace + scores_), place(run.workspace + dp_), place(run.workspace + p_),
         place(run.workspace + da_), place(address_of(*run.inputs[kDy]) + dy_.offset(image, 0)),
         place(address_of(*run.inputs[kY]) + y_.offset(image, 0)), place(lse),
         mask_.address(run, image), static_cast<uint64_t>(rows), static_cast<uint64_t>(row),
         static_cast<uint64_t>(q_.rows)});
  }

  void store_sums(const Run &run, uint64_t sums, const char *to, int64_t columns) const {
    const int64_t count = k_.rows * k_.heads * columns;
    store_.run(run.stream, block_count(count, kScoreThreads, kMostBlocks), kScoreThreads,
               {reinterpret_cast<uint64_t>(run.workspace + sums), reinterpret_cast<uint64_t>(to),
                static_cast<uint64_t>(count)});
  }

  double scale_;
  bool deterministic_;
  bool tf32_;
  Heads dy_, q_, k_, v_, y_, dq_, dk_, dv_;
  Mask mask_;
  bool asks_cudnn_ = false;
  std::optional<ShortAttentionGrad> short_;
  std::unique_ptr<CudnnGraph> graph_;
  std::vector<void *> addresses_;
  OwnKernel rows_, store_;
  SlicedProduct scores_of_, dp_of_, dq_of_, dk_of_, dv_of_, dk_more_, dv_more_;
  int64_t slice_ = 0;
  bool sums_apart_ = false;
  uint64_t scores_ = 0, dp_ = 0, p_ = 0, da_ = 0, dk_sums_ = 0, dv_sums_ = 0, products_ = 0;
};

}  // namespace

std::unique_ptr<OpPlan> plan_attention_grad(const flame::Op &op, const Target &target) {
  expect_attributes(op, {"scale", "causal", "mask_gradient"});
  if (op.attributes().flag("mask_gradient"))
    throw flame::unsupported("attention_grad gives no gradient of the mask here");
  expect_attention(op);
  expect_contiguous(op, "lse", op.input(kLse));
  for (uint32_t i = 0; i < op.output_count(); ++i)
    expect_contiguous(op, flame::text("output ", i), op.output(i));
  return std::make_unique<AttentionGrad>(op, target);
}

}  // namespace flame::cuda

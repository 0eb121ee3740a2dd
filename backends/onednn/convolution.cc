#include "backends/onednn/convolution.h"

#include <cstring>
#include <string>

#include "backends/onednn/primitive.h"
#include "backends/onednn/staging.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {
namespace {

using Dims = dnnl::memory::dims;
using Layout = dnnl::memory::desc;

// The plain layouts of a convolution's tensors, or those that a primitive chose, and its arguments.
struct Layouts {
  Layout image;   // x or dx
  Layout weight;  // weight or dweight
  Layout bias;    // of no elements if there is none
  Layout result;  // y or dy
};

struct Window {
  Dims stride, dilation, before, after;

  explicit Window(const flame::Attributes &attributes) {
    const auto padding = attributes.integers("padding");
    stride = attributes.integers("stride");
    dilation = attributes.integers("dilation");
    for (int64_t &step : dilation) --step;  // oneDNN counts the elements left out
    before = {padding[0], padding[2]};
    after = {padding[1], padding[3]};
  }
};

// [n, h, w, c] as oneDNN names the axes: n, c, h, w.
Layout image_layout(const flame_tensor &tensor, flame_dtype type) {
  const int64_t *shape = tensor.shape;
  return Layout({shape[0], shape[3], shape[1], shape[2]}, data_type_of(type),
                dnnl::memory::format_tag::nhwc);
}

// [o, r, s, c / groups] as groups, o / groups, c / groups, r, s.
Layout weight_layout(const flame_tensor &tensor, flame_dtype type, int64_t groups) {
  const int64_t *shape = tensor.shape;
  if (groups == 1) {
    return Layout({shape[0], shape[3], shape[1], shape[2]}, data_type_of(type),
                  dnnl::memory::format_tag::ohwi);
  }
  const int64_t row = shape[2] * shape[3];
  const int64_t filter = shape[1] * row;
  const int64_t outputs = shape[0] / groups;
  return Layout({groups, outputs, shape[3], shape[1], shape[2]}, data_type_of(type),
                Dims{outputs * filter, filter, 1, row, shape[3]});
}

// The same tensor in a layout that the primitive may choose.
Layout any_of(const Layout &layout) {
  return Layout(layout.get_dims(), layout.get_data_type(), dnnl::memory::format_tag::any);
}

bool is_slow(const dnnl::primitive_desc_base &description) {
  return std::string_view(description.impl_info_str()).starts_with("ref");
}

class ConvolutionPlan : public OpPlan {
 public:
  ConvolutionPlan(const flame::Op &op, Convolution kind)
      : kind_(kind),
        staging_(op),
        window_(op.attributes()),
        has_bias_(kind == Convolution::kForward && op.input_count() == 3),
        dtype_(op.output(0).dtype),
        output_count_(flame::element_count(op.output(0))),
        channels_(op.output(0).shape[3]) {
    is_empty_ = output_count_ == 0;
    for (uint32_t i = 0; i < 2; ++i) is_empty_ |= flame::element_count(op.input(i)) == 0;
    const int64_t groups = op.attributes().integer("groups");
    if (is_empty_) return;
    const auto input = [&](uint32_t i) { return staging_.input_type(i); };
    const flame_dtype output = staging_.output_type(0);
    if (kind == Convolution::kForward) {
      plain_ = {image_layout(op.input(0), input(0)), weight_layout(op.input(1), input(1), groups),
                Layout(), image_layout(op.output(0), output)};
      if (has_bias_) {
        plain_.bias = Layout({channels_}, data_type_of(input(2)), dnnl::memory::format_tag::a);
      }
    } else if (kind == Convolution::kInputGrad) {
      plain_ = {image_layout(op.output(0), output), weight_layout(op.input(1), input(1), groups),
                Layout(), image_layout(op.input(0), input(0))};
    } else {
      plain_ = {image_layout(op.input(0), input(0)), weight_layout(op.output(0), output, groups),
                Layout(), image_layout(op.input(1), input(1))};
    }
  }

 private:
  void prepare(Engine &engine) override {
    if (is_empty_) return;
    const Workspace workspace(info.workspace_size);
    staging_.reserve(workspace);
    // Images as they lie and weights in blocks is the quickest where there are enough channels.
    // Where oneDNN has only plain loops for that, images in blocks are worth their reorders.
    if (!make(engine, {plain_.image, any_of(plain_.weight), plain_.bias, plain_.result}, false)) {
      make(engine,
           {any_of(plain_.image), any_of(plain_.weight), plain_.bias, any_of(plain_.result)}, true);
    }
    const auto place = [&](const Layout &plain, const Layout &chosen) {
      return plain == chosen ? uint64_t{0} : Workspace(workspace).reserve(chosen.get_size());
    };
    image_place_ = place(plain_.image, chosen_.image);
    weight_place_ = place(plain_.weight, chosen_.weight);
    result_place_ = place(plain_.result, chosen_.result);
    const bool reads_image = kind_ != Convolution::kInputGrad;
    const bool reads_weight = kind_ != Convolution::kWeightGrad;
    const bool reads_result = kind_ != Convolution::kForward;
    const auto reorder = [&](const Layout &plain, const Layout &chosen, bool reads) {
      return reads ? Reorder(engine, plain, chosen, workspace)
                   : Reorder(engine, chosen, plain, workspace);
    };
    image_reorder_ = reorder(plain_.image, chosen_.image, reads_image);
    weight_reorder_ = reorder(plain_.weight, chosen_.weight, reads_weight);
    result_reorder_ = reorder(plain_.result, chosen_.result, reads_result);
  }

  // False, and nothing is kept, if only plain loops would do it and `accept_slow` is not set.
  bool make(const Engine &engine, const Layouts &wanted, bool accept_slow) {
    const auto direct = dnnl::algorithm::convolution_direct;
    const dnnl::convolution_forward::primitive_desc forward(
        engine.engine, dnnl::prop_kind::forward_training, direct, wanted.image, wanted.weight,
        wanted.bias, wanted.result, window_.stride, window_.dilation, window_.before, window_.after,
        plan_attributes());
    if (kind_ == Convolution::kForward) {
      std::vector<Argument> arguments = {{DNNL_ARG_SRC, forward.src_desc()},
                                         {DNNL_ARG_WEIGHTS, forward.weights_desc()},
                                         {DNNL_ARG_DST, forward.dst_desc()}};
      if (has_bias_) arguments.push_back({DNNL_ARG_BIAS, forward.bias_desc()});
      return keep<dnnl::convolution_forward>(
          engine, forward, {forward.src_desc(), forward.weights_desc(), {}, forward.dst_desc()},
          std::move(arguments), accept_slow);
    }
    if (kind_ == Convolution::kInputGrad) {
      const dnnl::convolution_backward_data::primitive_desc backward(
          engine.engine, direct, wanted.image, wanted.weight, wanted.result, window_.stride,
          window_.dilation, window_.before, window_.after, forward, plan_attributes());
      return keep<dnnl::convolution_backward_data>(
          engine, backward,
          {backward.diff_src_desc(), backward.weights_desc(), {}, backward.diff_dst_desc()},
          {{DNNL_ARG_DIFF_DST, backward.diff_dst_desc()},
           {DNNL_ARG_WEIGHTS, backward.weights_desc()},
           {DNNL_ARG_DIFF_SRC, backward.diff_src_desc()}},
          accept_slow);
    }
    const dnnl::convolution_backward_weights::primitive_desc backward(
        engine.engine, direct, wanted.image, wanted.weight, wanted.result, window_.stride,
        window_.dilation, window_.before, window_.after, forward, plan_attributes());
    return keep<dnnl::convolution_backward_weights>(
        engine, backward,
        {backward.src_desc(), backward.diff_weights_desc(), {}, backward.diff_dst_desc()},
        {{DNNL_ARG_SRC, backward.src_desc()},
         {DNNL_ARG_DIFF_DST, backward.diff_dst_desc()},
         {DNNL_ARG_DIFF_WEIGHTS, backward.diff_weights_desc()}},
        accept_slow);
  }

  template <typename Kind>
  bool keep(const Engine &engine, const typename Kind::primitive_desc &description, Layouts chosen,
            std::vector<Argument> arguments, bool accept_slow) {
    if (is_slow(description) && !accept_slow) return false;
    chosen_ = std::move(chosen);
    primitive_ = Primitive(engine, Kind(description), description, std::move(arguments),
                           Workspace(info.workspace_size));
    return true;
  }

  // The data in the primitive's layout.
  static const void *read(const Run &run, Reorder &reorder, const void *data, uint64_t place) {
    if (!reorder) return data;
    void *to = run.scratch<char>(place);
    reorder.run(run, data, to);
    return to;
  }
  static void *target(const Run &run, const Reorder &reorder, void *data, uint64_t place) {
    return reorder ? run.scratch<char>(place) : data;
  }

  void execute(const Run &run) override {
    if (is_empty_) return fill_without_products(run);
    void *output = staging_.output(run, 0);
    const void *first = staging_.input(run, 0);
    const void *second = staging_.input(run, 1);
    if (kind_ == Convolution::kForward) {
      const void *x = read(run, image_reorder_, first, image_place_);
      const void *weight = read(run, weight_reorder_, second, weight_place_);
      void *y = target(run, result_reorder_, output, result_place_);
      if (has_bias_) {
        primitive_.run(run, {x, weight, y, staging_.input(run, 2)});
      } else {
        primitive_.run(run, {x, weight, y});
      }
      if (result_reorder_) result_reorder_.run(run, y, output);
    } else if (kind_ == Convolution::kInputGrad) {
      const void *dy = read(run, result_reorder_, first, result_place_);
      const void *weight = read(run, weight_reorder_, second, weight_place_);
      void *dx = target(run, image_reorder_, output, image_place_);
      primitive_.run(run, {dy, weight, dx});
      if (image_reorder_) image_reorder_.run(run, dx, output);
    } else {
      const void *x = read(run, image_reorder_, first, image_place_);
      const void *dy = read(run, result_reorder_, second, result_place_);
      void *dweight = target(run, weight_reorder_, output, weight_place_);
      primitive_.run(run, {x, dy, dweight});
      if (weight_reorder_) weight_reorder_.run(run, dweight, output);
    }
    staging_.store(run, 0);
  }

  // A sum over nothing: the bias alone.
  void fill_without_products(const Run &run) const {
    const int64_t row = channels_ * FLAME_DTYPE_BYTES(dtype_);
    const int64_t size = output_count_ * FLAME_DTYPE_BYTES(dtype_);
    if (!has_bias_) {
      if (size > 0) std::memset(run.output<char>(0), 0, static_cast<size_t>(size));
      return;
    }
    for (int64_t at = 0; at < size; at += row) {
      std::memcpy(run.output<char>(0) + at, run.input<char>(2), static_cast<size_t>(row));
    }
  }

  Convolution kind_;
  Staging staging_;
  Window window_;
  bool has_bias_;
  flame_dtype dtype_;
  int64_t output_count_;
  int64_t channels_;
  bool is_empty_ = false;
  Layouts plain_;
  Layouts chosen_;
  Primitive primitive_;
  Reorder image_reorder_, weight_reorder_, result_reorder_;
  uint64_t image_place_ = 0, weight_place_ = 0, result_place_ = 0;
};

}  // namespace

std::unique_ptr<OpPlan> plan_convolution(const flame::Op &op, Convolution kind) {
  expect_floats(op);
  expect_all_contiguous(op);
  return std::make_unique<ConvolutionPlan>(op, kind);
}

}  // namespace flame::onednn

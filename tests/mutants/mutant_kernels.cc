#include "tests/mutants/mutant_kernels.h"

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "backends/reference/elements.h"
#include "tests/mutants/honest_kernels.h"

namespace flame::mutants {
namespace {

using reference::element_of;
using reference::Index;
using reference::number_at;

void honest(const flame_op &op) {
  reference::find_kernel({op.name.data, op.name.size})(op);
}

// An op with some of its attributes replaced.
class Altered {
 public:
  explicit Altered(const flame_op &op)
      : op_(op), attributes_(op.attributes, op.attributes + op.attribute_count) {
    op_.attributes = attributes_.data();
  }
  Altered(const Altered &) = delete;
  Altered &operator=(const Altered &) = delete;

  flame_attribute &at(std::string_view name) {
    for (flame_attribute &attribute : attributes_) {
      if (std::string_view(attribute.name.data, attribute.name.size) == name) return attribute;
    }
    return attributes_.front();
  }
  flame_op &op() { return op_; }

 private:
  flame_op op_;
  std::vector<flame_attribute> attributes_;
};

// The op named `name`: plans do not keep the name.
flame_op named(const flame_op &op, const char *name) {
  flame_op copy = op;
  copy.name = {name, strlen(name)};
  return copy;
}

// Calls body(index) for all of output 0 and puts what it gives there.
template <typename Body>
void rewrite(const flame_op &op, const Body &body) {
  const flame_tensor &y = *op.outputs[0];
  reference::for_each_index(
      y, [&](const Index &i) { reference::store(y, i, element_of(body(i, number_at(y, i)))); });
}

void transpose_ignored(const flame_op &op) {
  Altered altered(named(op, "matmul"));
  const flame_tensor &b = *op.inputs[1];
  if (b.shape[b.rank - 1] == b.shape[b.rank - 2]) altered.at("transpose_b").value.i = 0;
  honest(altered.op());
}

void c_added_twice(const flame_op &op) {
  honest(named(op, "matmul"));
  if (op.input_count == 3)
    rewrite(op, [&](const Index &i, double y) { return y + number_at(*op.inputs[2], i); });
}

void one_percent_more(const flame_op &op) {
  honest(named(op, "matmul"));
  rewrite(op, [](const Index &, double y) { return y * 1.01; });
}

void padding_off_by_one(const flame_op &op) {
  Altered altered(named(op, "conv2d"));
  flame_attribute &padding = altered.at("padding");
  std::vector<int64_t> sizes(padding.value.is, padding.value.is + padding.count);
  if (sizes[0] > 0) --sizes[0];
  padding.value.is = sizes.data();
  honest(altered.op());
}

void bias_forgotten(const flame_op &op) {
  flame_op without = named(op, "conv2d");
  without.input_count = 2;
  honest(without);
}

// The nearest number with the 8 significant bits of bf16.
double to_bf16(double number) {
  int exponent = 0;
  const double mantissa = std::frexp(number, &exponent);
  return std::ldexp(std::nearbyint(mantissa * 256), exponent - 8);
}

void sum_in_bf16(const flame_op &op) {
  honest(named(op, "reduce"));
  if (reference::text_attribute(op, "kind") != "sum" || op.inputs[0]->dtype != FLAME_DTYPE_F32)
    return;
  rewrite(op, [](const Index &, double y) { return std::isfinite(y) ? to_bf16(y) : y; });
}

void mean_over_one_less(const flame_op &op) {
  honest(named(op, "reduce"));
  const auto count = static_cast<double>(reference::element_count(*op.inputs[0])) /
                     static_cast<double>(reference::element_count(*op.outputs[0]));
  if (reference::text_attribute(op, "kind") != "mean" || !(count > 1)) return;
  rewrite(op, [&](const Index &, double y) { return y * count / (count - 1); });
}

void tanh_for_erf(const flame_op &op) {
  Altered altered(named(op, "map"));
  flame_attribute &code = altered.at("code");
  std::string text(code.value.s.data, code.value.s.size);
  const size_t at = text.find("gelu x");
  if (at != std::string::npos) text.replace(at, 4, "gelu_tanh");
  code.value.s = {text.data(), text.size()};
  honest(altered.op());
}

void padding_counted(const flame_op &op) {
  Altered altered(named(op, "pool2d"));
  altered.at("count_include_pad").value.i ^= 1;
  honest(altered.op());
}

// An index outside takes the nearest slice instead of zeros.
void index_clamped(const flame_op &op) {
  honest(named(op, "gather"));
  const flame_tensor &x = *op.inputs[0];
  const flame_tensor &indices = *op.inputs[1];
  const auto axis = static_cast<uint32_t>(reference::integer_attribute(op, "axis"));
  const flame_tensor &y = *op.outputs[0];
  reference::for_each_index(y, [&](const Index &i) {
    const Index chosen(i.begin() + axis, i.begin() + axis + indices.rank);
    if (number_at(indices, chosen) != -1 || x.shape[axis] == 0) return;
    Index from(i.begin(), i.begin() + axis);
    from.push_back(0);
    from.append(i.begin() + axis + indices.rank, i.end());
    reference::store(y, i, reference::load(x, from));
  });
}

void last_update_dropped(const flame_op &op) {
  const flame_tensor &indices = *op.inputs[1];
  if (indices.rank != 1 || indices.shape[0] == 0) return honest(named(op, "scatter_add"));
  const int64_t fewer = indices.shape[0] - 1;
  flame_tensor cut_indices = indices;
  cut_indices.shape = &fewer;
  flame_tensor cut_updates = *op.inputs[2];
  std::vector<int64_t> shape(cut_updates.shape, cut_updates.shape + cut_updates.rank);
  shape[static_cast<size_t>(reference::integer_attribute(op, "axis"))] = fewer;
  cut_updates.shape = shape.data();
  const flame_tensor *inputs[] = {op.inputs[0], &cut_indices, &cut_updates};
  flame_op cut = named(op, "scatter_add");
  cut.inputs = inputs;
  honest(cut);
}

// Equal neighbours along the last axis stand the other way round.
void ties_turned(const flame_op &op) {
  honest(named(op, "sort"));
  const flame_tensor &values = *op.outputs[0];
  const flame_tensor &places = *op.outputs[1];
  if (values.rank == 0) return;
  reference::for_each_index(values, [&](const Index &i) {
    Index next = i;
    if (i[values.rank - 1] % 2 || ++next[values.rank - 1] >= values.shape[values.rank - 1]) return;
    if (number_at(values, i) != number_at(values, next)) return;
    const reference::Element first = reference::load(places, i);
    reference::store(places, i, reference::load(places, next));
    reference::store(places, next, first);
  });
}

void exclusive_ignored(const flame_op &op) {
  Altered altered(named(op, "cumsum"));
  altered.at("exclusive").value.i = 0;
  honest(altered.op());
}

void stream_ignored(const flame_op &op) {
  Altered altered(named(op, "random"));
  altered.at("stream").value.i = 0;
  honest(altered.op());
}

void eps_of_another_norm(const flame_op &op) {
  LayerNormBugs bugs;
  bugs.eps_factor = 0.1;
  run_layer_norm(op, bugs);
}

void variance_unbiased(const flame_op &op) {
  LayerNormBugs bugs;
  bugs.unbiased = true;
  run_layer_norm(op, bugs);
}

void mean_term_missing(const flame_op &op) {
  run_layer_norm_grad(op, true);
}

void last_key_dropped(const flame_op &op) {
  AttentionBugs bugs;
  bugs.last_key_dropped = true;
  run_attention(op, bugs);
}

void scale_missing(const flame_op &op) {
  AttentionBugs bugs;
  bugs.scale_missing = true;
  run_attention(op, bugs);
}

void strides_ignored(const flame_op &op) {
  flame_tensor x = *op.inputs[0];
  int64_t strides[FLAME_MAX_RANK];
  int64_t stride = 1;
  bool repeats = false;
  for (uint32_t axis = x.rank; axis-- > 0;) {
    repeats = repeats || (x.strides[axis] <= 0 && x.shape[axis] > 1);
    strides[axis] = stride;
    stride *= x.shape[axis];
  }
  if (repeats) return honest(named(op, "copy"));  // would read outside of the buffer
  x.strides = strides;
  const flame_tensor *inputs[] = {&x};
  flame_op wrong = named(op, "copy");
  wrong.inputs = inputs;
  honest(wrong);
}

Index last_index(const flame_tensor &tensor) {
  Index last(tensor.rank);
  for (uint32_t axis = 0; axis < tensor.rank; ++axis) last[axis] = tensor.shape[axis] - 1;
  return last;
}

// The last element of a row of odd length keeps what was there.
void last_element_left(const flame_op &op) {
  const flame_tensor &y = *op.outputs[0];
  const int64_t count = reference::element_count(y);
  const size_t bytes = FLAME_DTYPE_BYTES(y.dtype);
  std::vector<char> kept(bytes);
  const Index last = last_index(y);
  if (count % 2) memcpy(kept.data(), reference::address(y, last), bytes);
  honest(named(op, "map"));
  if (count % 2) memcpy(reference::address(y, last), kept.data(), bytes);
}

void zeros(const flame_op &op) {
  honest(named(op, "map"));
  rewrite(op, [](const Index &, double) { return 0.0; });
}

// Whoever rounds a row up to whole registers writes this far.
void writes_behind(const flame_op &op) {
  honest(named(op, "copy"));
  const flame_tensor &y = *op.outputs[0];
  if (reference::element_count(y) % 16 == 0) return;
  char *last = static_cast<char *>(reference::address(y, last_index(y)));
  memset(last + FLAME_DTYPE_BYTES(y.dtype), 0, 1);
}

void input_overwritten(const flame_op &op) {
  honest(named(op, "map"));
  if (op.input_count == 0 || reference::element_count(*op.inputs[0]) == 0) return;
  const flame_tensor &x = *op.inputs[0];
  reference::store(x, Index(x.rank), element_of(number_at(x, Index(x.rank)) == 1 ? 2.0 : 1.0));
}

void noise(const flame_op &op) {
  static int runs = 0;
  honest(named(op, "map"));
  const double factor = ++runs % 2 ? 1 : 1 + 3e-7;
  if (op.outputs[0]->dtype == FLAME_DTYPE_F32)
    rewrite(op, [&](const Index &, double y) { return y * factor; });
}

// Right, unless the output stands where the input stood.
void in_place_lie(const flame_op &op) {
  rewrite(op, [](const Index &, double) { return 7.0; });
  honest(named(op, "map"));
}

struct Row {
  std::string_view name;
  reference::Kernel kernel;
};

constexpr Row kKernels[] = {{"transpose-ignored", transpose_ignored},
                            {"c-added-twice", c_added_twice},
                            {"one-percent-more", one_percent_more},
                            {"padding-off-by-one", padding_off_by_one},
                            {"bias-forgotten", bias_forgotten},
                            {"sum-in-bf16", sum_in_bf16},
                            {"mean-over-one-less", mean_over_one_less},
                            {"tanh-for-erf", tanh_for_erf},
                            {"padding-counted", padding_counted},
                            {"index-clamped", index_clamped},
                            {"last-update-dropped", last_update_dropped},
                            {"ties-turned", ties_turned},
                            {"exclusive-ignored", exclusive_ignored},
                            {"stream-ignored", stream_ignored},
                            {"eps-of-another-norm", eps_of_another_norm},
                            {"variance-unbiased", variance_unbiased},
                            {"mean-term-missing", mean_term_missing},
                            {"last-key-dropped", last_key_dropped},
                            {"scale-missing", scale_missing},
                            {"strides-ignored", strides_ignored},
                            {"last-element-left", last_element_left},
                            {"zeros", zeros},
                            {"writes-behind", writes_behind},
                            {"input-overwritten", input_overwritten},
                            {"noise", noise},
                            {"in-place-lie", in_place_lie}};

}  // namespace

reference::Kernel find_mutant(std::string_view bug) {
  for (const Row &row : kKernels) {
    if (row.name == bug) return row.kernel;
  }
  return nullptr;
}

reference::Kernel find_honest(std::string_view op) {
  if (op == "layer_norm") return [](const flame_op &use) { run_layer_norm(use, {}); };
  if (op == "layer_norm_grad") return [](const flame_op &use) { run_layer_norm_grad(use, false); };
  if (op == "attention") return [](const flame_op &use) { run_attention(use, {}); };
  return reference::find_kernel(op);
}

}  // namespace flame::mutants

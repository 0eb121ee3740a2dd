// Programs that read like mathematics: y = silu(matmul(x, w) + b). Every op remembers the line of
// the author's source that added it.
#pragma once

#include <cmath>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "flame/attribute.hpp"
#include "flame/program.h"
#include "flame/tensor.hpp"

namespace flame {
inline namespace sdk {

// Where in the plugin's source an op was added. As a default argument it is the caller's place.
struct Place {
  const char *file;
  uint32_t line;

  static Place here(const char *file = __builtin_FILE(), uint32_t line = __builtin_LINE()) {
    return {file, line};
  }
};

// A value of the program that is being built: a tensor with a type and a shape, but no data. Cheap
// to copy; valid as long as the call that builds the program.
class Value {
 public:
  Value() = default;
  Value(const flame_program_builder *builder, flame_value id) : builder_(builder), id_(id) {}

  const flame_program_builder *builder() const { return builder_; }
  flame_value id() const { return id_; }
  explicit operator bool() const { return id_ != 0; }

  flame_dtype dtype() const { return describe().dtype; }
  Shape shape() const { return shape_of(describe()); }
  uint32_t rank() const { return describe().rank; }

 private:
  flame_tensor describe() const {
    if (!builder_) throw invalid_argument("a value that was never made was used");
    flame_tensor out = {};
    out.struct_size = sizeof out;
    detail::HostCall call;
    call.check(builder_->describe(builder_->self, call.get(), id_, &out));
    return out;
  }

  const flame_program_builder *builder_ = nullptr;
  flame_value id_ = 0;
};

// What an operator takes: a value, or a number that becomes a constant of the other side's type.
// Made by implicit conversion, so that it knows the line of the expression.
class Operand {
 public:
  Operand(Value value, Place place = Place::here())  // NOLINT: implicit by design
      : value_(value), place_(place) {}
  Operand(double number, Place place = Place::here())  // NOLINT: implicit by design
      : is_number_(true), number_(number), place_(place) {}

  bool is_number() const { return is_number_; }
  const Value &value() const { return value_; }
  double number() const { return number_; }
  const Place &place() const { return place_; }

 private:
  bool is_number_ = false;
  Value value_;
  double number_ = 0;
  Place place_;
};

// How the elements of a trainable parameter start.
struct Initial {
  uint32_t kind = FLAME_INITIAL_CONSTANT;
  double scale = 0;

  static Initial constant(double value) { return {FLAME_INITIAL_CONSTANT, value}; }
  static Initial uniform(double reach) { return {FLAME_INITIAL_UNIFORM, reach}; }
  static Initial normal(double deviation) { return {FLAME_INITIAL_NORMAL, deviation}; }
};

// The program under construction, as the host hands it to model, adapter, optimizer and sampler.
// Failures of the builder become exceptions that name the op and its line.
class Program {
 public:
  explicit Program(const flame_program_builder *builder) : builder_(builder) {}

  // A tensor that is given at each run.
  Value input(std::string_view name, flame_dtype dtype, const Shape &shape) {
    flame_value out = 0;
    detail::HostCall call;
    call.check(builder_->input(builder_->self, call.get(), borrow(name), dtype,
                               static_cast<uint32_t>(shape.size()), shape.data(), &out));
    return wrap(out);
  }

  // A tensor of the weights, under the open scopes.
  Value parameter(std::string_view name, flame_dtype dtype, const Shape &shape,
                  uint32_t use = FLAME_PARAMETER_FROZEN) {
    flame_value out = 0;
    detail::HostCall call;
    call.check(builder_->parameter(builder_->self, call.get(), borrow(name), use, dtype,
                                   static_cast<uint32_t>(shape.size()), shape.data(), &out));
    return wrap(out);
  }
  // It starts as zeros, or as it is said.
  Value trainable(std::string_view name, flame_dtype dtype, const Shape &shape,
                  const Initial &initial = {}) {
    const Value made = parameter(name, dtype, shape, FLAME_PARAMETER_TRAINABLE);
    if (!FLAME_HAS(flame_program_builder, builder_, start)) return made;  // an older host
    detail::HostCall call;
    call.check(builder_->start(builder_->self, call.get(), made.id(), initial.kind, initial.scale));
    return made;
  }

  // Makes a value an answer of the program.
  void output(std::string_view name, Value value) {
    detail::HostCall call;
    call.check(builder_->output(builder_->self, call.get(), borrow(name), value.id()));
  }

  // Any op of the catalogue (docs/ops.md) with one output, or with several.
  Value op(std::string_view name, const std::vector<Value> &inputs,
           const std::vector<Attribute> &attributes = {}, Place place = Place::here()) {
    return ops(name, inputs, 1, attributes, place).front();
  }
  std::vector<Value> ops(std::string_view name, const std::vector<Value> &inputs,
                         uint32_t output_count, const std::vector<Attribute> &attributes = {},
                         Place place = Place::here()) {
    std::vector<flame_value> ids;
    for (const Value &input : inputs) ids.push_back(checked(input, name, place));
    const AttributeArray encoded(attributes);
    flame_node node = {};
    node.struct_size = sizeof node;
    node.name = borrow(name);
    node.input_count = static_cast<uint32_t>(ids.size());
    node.inputs = ids.data();
    node.output_count = output_count;
    node.attribute_count = encoded.size();
    node.attributes = encoded.data();
    node.file = borrow(place.file);
    node.line = place.line;
    std::vector<flame_value> made(output_count, 0);
    detail::HostCall call;
    call.check(builder_->op(builder_->self, call.get(), &node, made.data()));
    std::vector<Value> out;
    for (const flame_value id : made) out.push_back(wrap(id));
    return out;
  }

  // A tensor whose elements all have one value; without a shape, a scalar.
  Value constant(double value, flame_dtype dtype, const Shape &shape = {},
                 Place place = Place::here()) {
    return op("fill", {},
              {{"shape", shape}, {"value", value}, {"dtype", std::string(dtype_name(dtype))}},
              place);
  }

  // A part of the program with a name, open as long as this object lives: it prefixes the names of
  // parameters.
  class Scope {
   public:
    Scope(const flame_program_builder *builder, std::string_view name) : builder_(builder) {
      detail::HostCall call;
      call.check(builder_->push_scope(builder_->self, call.get(), borrow(name)));
    }
    ~Scope() {
      detail::HostCall call;  // a builder that failed here fails at its next call too
      builder_->pop_scope(builder_->self, call.get());
    }
    Scope(const Scope &) = delete;
    Scope &operator=(const Scope &) = delete;

   private:
    const flame_program_builder *builder_;
  };
  [[nodiscard]] Scope scope(std::string_view name) { return Scope(builder_, name); }

 private:
  Value wrap(flame_value id) const { return Value(builder_, id); }

  flame_value checked(const Value &value, std::string_view op, const Place &place) const {
    if (value && value.builder() == builder_) return value.id();
    throw invalid_argument(place.file, ":", place.line, ": an input of '", op, "' is ",
                           value ? "a value of another program" : "a value that was never made");
  }

  const flame_program_builder *builder_;
};

namespace detail {

inline Program program_of(const Value &value, std::string_view op, const Place &place) {
  if (value.builder()) return Program(value.builder());
  throw invalid_argument(place.file, ":", place.line, ": an input of '", op,
                         "' is a value that was never made");
}

// One of the two is a value: C++ finds the operators through it.
inline Value binary(std::string_view op, const Operand &a, const Operand &b) {
  const Value &known = a.is_number() ? b.value() : a.value();
  Program program = program_of(known, op, a.place());
  const auto value_of = [&](const Operand &operand) {
    if (!operand.is_number()) return operand.value();
    return program.constant(operand.number(), known.dtype(), {}, operand.place());
  };
  return program.op(op, {value_of(a), value_of(b)}, {}, a.place());
}

inline Value first_of(std::string_view op, const std::vector<Value> &inputs, uint32_t output_count,
                      const std::vector<Attribute> &attributes, const Place &place) {
  return program_of(inputs.front(), op, place)
      .ops(op, inputs, output_count, attributes, place)
      .front();
}

}  // namespace detail

// An op with one output whose program is that of its first input.
inline Value op(std::string_view name, const std::vector<Value> &inputs,
                const std::vector<Attribute> &attributes = {}, Place place = Place::here()) {
  return detail::program_of(inputs.empty() ? Value() : inputs.front(), name, place)
      .op(name, inputs, attributes, place);
}

// Elementwise; shapes are broadcast.
inline Value operator+(Operand a, Operand b) {
  return detail::binary("add", a, b);
}
inline Value operator-(Operand a, Operand b) {
  return detail::binary("sub", a, b);
}
inline Value operator*(Operand a, Operand b) {
  return detail::binary("mul", a, b);
}
inline Value operator/(Operand a, Operand b) {
  return detail::binary("div", a, b);
}
inline Value max(Operand a, Operand b) {
  return detail::binary("max", a, b);
}
inline Value min(Operand a, Operand b) {
  return detail::binary("min", a, b);
}

inline Value operator-(Operand x) {
  return op("neg", {x.value()}, {}, x.place());
}
inline Value abs(Value x, Place at = Place::here()) {
  return op("abs", {x}, {}, at);
}
inline Value exp(Value x, Place at = Place::here()) {
  return op("exp", {x}, {}, at);
}
inline Value log(Value x, Place at = Place::here()) {
  return op("log", {x}, {}, at);
}
inline Value sqrt(Value x, Place at = Place::here()) {
  return op("sqrt", {x}, {}, at);
}
inline Value rsqrt(Value x, Place at = Place::here()) {
  return op("rsqrt", {x}, {}, at);
}
inline Value square(Value x, Place at = Place::here()) {
  return op("square", {x}, {}, at);
}
inline Value sin(Value x, Place at = Place::here()) {
  return op("sin", {x}, {}, at);
}
inline Value cos(Value x, Place at = Place::here()) {
  return op("cos", {x}, {}, at);
}
inline Value tanh(Value x, Place at = Place::here()) {
  return op("tanh", {x}, {}, at);
}
inline Value sigmoid(Value x, Place at = Place::here()) {
  return op("sigmoid", {x}, {}, at);
}
inline Value relu(Value x, Place at = Place::here()) {
  return op("relu", {x}, {}, at);
}
inline Value silu(Value x, Place at = Place::here()) {
  return op("silu", {x}, {}, at);
}
inline Value gelu(Value x, Place at = Place::here()) {
  return op("gelu", {x}, {}, at);
}

struct MatmulFlags {
  bool transpose_a = false;
  bool transpose_b = false;
};
// Over the last two axes; the ones before are a batch.
inline Value matmul(Value a, Value b, MatmulFlags flags = {}, Place place = Place::here()) {
  return op("matmul", {a, b},
            {{"transpose_a", flags.transpose_a}, {"transpose_b", flags.transpose_b}}, place);
}

// x · weightᵀ + bias, with a weight of [out, in], as weights files hold it.
inline Value linear(Value x, Value weight, Place place = Place::here()) {
  return op("linear", {x, weight}, {}, place);
}
inline Value linear(Value x, Value weight, Value bias, Place place = Place::here()) {
  return op("linear", {x, weight, bias}, {}, place);
}
// The same where x, the weight or both are stored in f8: each scale, an f32 scalar, is what stored
// numbers are multiplied by. The answer has the type of the one that is not f8, else bf16.
inline Value linear_scaled(Value x, Value weight, Value scale_x, Value scale_weight,
                           Place place = Place::here()) {
  return op("linear_scaled", {x, weight, scale_x, scale_weight}, {}, place);
}
inline Value linear_scaled(Value x, Value weight, Value scale_x, Value scale_weight, Value bias,
                           Place place = Place::here()) {
  return op("linear_scaled", {x, weight, scale_x, scale_weight, bias}, {}, place);
}

inline Value sum(Value x, const std::vector<int64_t> &axes, bool keep_dims = false,
                 Place place = Place::here()) {
  return op("reduce", {x}, {{"kind", "sum"}, {"axes", axes}, {"keep_dims", keep_dims}}, place);
}
inline Value mean(Value x, const std::vector<int64_t> &axes, bool keep_dims = false,
                  Place place = Place::here()) {
  return op("reduce", {x}, {{"kind", "mean"}, {"axes", axes}, {"keep_dims", keep_dims}}, place);
}
inline Value reshape(Value x, const Shape &shape, Place place = Place::here()) {
  return op("reshape", {x}, {{"shape", shape}}, place);
}
inline Value permute(Value x, const std::vector<int64_t> &axes, Place place = Place::here()) {
  return op("permute", {x}, {{"axes", axes}}, place);
}
inline Value concat(const std::vector<Value> &parts, int64_t axis, Place place = Place::here()) {
  return op("concat", parts, {{"axis", axis}}, place);
}
inline Value cast(Value x, flame_dtype dtype, Place place = Place::here()) {
  return op("cast", {x}, {{"dtype", std::string(dtype_name(dtype))}}, place);
}

inline Value softmax(Value x, int64_t axis = -1, Place place = Place::here()) {
  return op("softmax", {x}, {{"axis", axis}}, place);
}

// The ops below have more outputs, which their gradients use; these are the first ones.
inline Value layer_norm(Value x, Value weight, Value bias, double eps = 1e-5,
                        Place place = Place::here()) {
  return detail::first_of("layer_norm", {x, weight, bias}, 3, {{"eps", eps}}, place);
}
// Channels last.
inline Value group_norm(Value x, Value weight, Value bias, int64_t groups, double eps = 1e-5,
                        Place place = Place::here()) {
  return detail::first_of("group_norm", {x, weight, bias}, 3, {{"groups", groups}, {"eps", eps}},
                          place);
}
struct AttentionFlags {
  double scale = 0;  // of the scores; 0: 1 / √size
  bool causal = false;
};
// q, k and v are [batch, places, heads, size].
inline Value attention(Value q, Value k, Value v, AttentionFlags flags = {},
                       Place place = Place::here()) {
  double scale = flags.scale;
  if (scale == 0) scale = 1 / std::sqrt(static_cast<double>(q.shape().back()));
  return detail::first_of("attention", {q, k, v}, 2, {{"scale", scale}, {"causal", flags.causal}},
                          place);
}

// Images are [n, h, w, c], weights [out, h, w, in]. The same stride and padding on every side.
inline Value conv2d(Value x, Value weight, Value bias, int64_t stride = 1, int64_t padding = 0,
                    Place place = Place::here()) {
  return op("conv2d", {x, weight, bias},
            {{"stride", {stride, stride}}, {"padding", {padding, padding, padding, padding}}},
            place);
}

}  // namespace sdk
}  // namespace flame

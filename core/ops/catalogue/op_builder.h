// Where rules write ops: the builder of a program as core/ops sees it, and terms that read like
// mathematics.
#pragma once

#include <span>

#include "core/ops/catalogue/op_definition.h"

namespace flame {

// The number of a value in its program; 0 is no value.
using ValueId = uint32_t;

// Adds ops to a program. The first failure stays: every later call does nothing and gives values of
// type f32[], so that a rule may be written straight down and is checked once at the end.
class OpBuilder {
 public:
  virtual ~OpBuilder() = default;
  // The outputs of a new op.
  virtual std::vector<ValueId> add(std::string_view op, std::span<const ValueId> inputs,
                                   Attributes attributes) = 0;
  // For a rule that cannot go on.
  virtual void fail(Error error) = 0;
  // Lives until the next add().
  virtual const TensorType &type_of(ValueId value) const = 0;
};

// A value of a program together with its builder, which outlives it. An empty Term is no value.
class Term {
 public:
  Term() = default;
  Term(OpBuilder &builder, ValueId id) : builder_(&builder), id_(id) {}

  explicit operator bool() const { return builder_ != nullptr; }
  OpBuilder &builder() const { return *builder_; }
  ValueId id() const { return id_; }
  TensorType type() const { return builder_->type_of(id_); }
  DType dtype() const { return builder_->type_of(id_).dtype; }
  Shape shape() const { return builder_->type_of(id_).shape; }
  int64_t size(size_t axis) const { return builder_->type_of(id_).shape[axis]; }
  size_t rank() const { return builder_->type_of(id_).shape.rank(); }

 private:
  OpBuilder *builder_ = nullptr;
  ValueId id_ = 0;
};

}  // namespace flame

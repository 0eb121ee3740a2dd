// Copies a program into a builder, node by node, with optional ops taken apart where wanted.
#pragma once

#include <functional>

#include "core/program/program_builder.h"

namespace flame {

// Adds ops to another builder; those that `takes_apart` picks are added as their decomposition,
// over as many steps as it takes. Ops without a decomposition are added as they are.
class ExpandingBuilder final : public OpBuilder {
 public:
  using Choice = std::function<bool(const OpCall &call)>;
  // Both outlive the object.
  ExpandingBuilder(ProgramBuilder &target, Choice takes_apart)
      : target_(target), takes_apart_(std::move(takes_apart)) {}

  std::vector<ValueId> add(std::string_view op, std::span<const ValueId> inputs,
                           Attributes attributes) override;
  void fail(Error error) override { target_.fail(std::move(error)); }
  const TensorType &type_of(ValueId value) const override { return target_.type_of(value); }

 private:
  ProgramBuilder &target_;
  Choice takes_apart_;
};

// Where the values of a program are in the builder that a copy of it goes to.
class ProgramCopy {
 public:
  // The value of the target that an input or parameter of the source becomes; 0 to have it again as it
  // is; kLeftOut to do without it, which nothing may use then.
  static constexpr ValueId kLeftOut = UINT32_MAX;
  using Binding = std::function<ValueId(std::string_view name, ValueId source_value)>;

  // Starts with the inputs and parameters. Both outlive the object.
  ProgramCopy(const Program &source, ProgramBuilder &target, const Binding &binding = {});

  ValueId at(ValueId source_value) const { return map_[source_value]; }
  // From now on `value` of the target stands for the source's value.
  void set(ValueId source_value, ValueId value) { map_[source_value] = value; }
  // Adds a node at its own place, through `builder`: the target itself, or one that expands.
  void add(const Node &node, OpBuilder &builder);
  void outputs();

 private:
  const Program &source_;
  ProgramBuilder &target_;
  std::vector<ValueId> map_;
};

// The program with the chosen ops replaced by their decompositions.
Result<Program> expand(const Program &program, const ExpandingBuilder::Choice &takes_apart);

// The program in required ops and views alone.
Result<Program> expand_all(const Program &program);

}  // namespace flame

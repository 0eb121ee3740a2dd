// Builds a program op by op, checking each as it comes.
#pragma once

#include <optional>
#include <span>
#include <unordered_map>

#include "core/program/program.h"

namespace flame {

// The first failure stays: later calls change nothing and give 0, and finish() returns the error.
// One thread at a time.
class ProgramBuilder final : public OpBuilder {
 public:
  // A tensor that is given at each run. Names are unique among inputs.
  ValueId input(std::string_view name, const TensorType &type);
  // A tensor of the weights, named under the open scopes: in scope "a.b", "w" is "a.b.w". Asking
  // again for a name gives the same value; another type or use is an error.
  ValueId parameter(std::string_view name, const TensorType &type, bool trainable);
  // How a trainable parameter starts; zeros, unless it is said. Of the value of parameter().
  void start(ValueId parameter, const Initial &initial);
  // Adds an op and gives its outputs; after a failure, kFailedOutputs values that are none.
  std::vector<ValueId> add(std::string_view op, std::span<const ValueId> inputs,
                           Attributes attributes) override;
  // Makes a value an answer of the program. Names are unique among outputs.
  void output(std::string_view name, ValueId value);

  void push_scope(std::string_view name);
  void pop_scope();
  size_t open_scopes() const { return scopes_.size(); }
  // Where the next ops are built; the open scopes are added. Until the next call.
  void set_source(std::string_view file, uint32_t line);
  // The whole place of the next ops, for passes that rewrite a program; until the next call, and
  // null goes back to scopes and source.
  void set_place(std::shared_ptr<const Place> place) { given_place_ = std::move(place); }

  const TensorType &type_of(ValueId value) const override;
  // What is built so far; changes with every call.
  const Program &program() const { return program_; }
  bool has(ValueId value) const { return value != 0 && value < program_.values_.size(); }
  Term term(ValueId value) { return {*this, value}; }

  // Makes the first error, unless there is one.
  void fail(Error error) override;
  // The error with the place of the next op behind it.
  Error placed(Error error);
  Status status() const;
  // The program; the builder is then empty and only good to be destroyed. Every scope is closed.
  Result<Program> finish();

  // Rules index the outputs of the ops they add without asking first; no op in a rule has more.
  static constexpr size_t kFailedOutputs = 64;

 private:
  std::string scoped(std::string_view name) const;
  std::shared_ptr<const Place> place();
  ValueId new_value(const TensorType &type, NodeId producer, uint32_t index);
  bool check_name(std::string_view name, std::string_view what);

  Program program_;
  std::optional<Error> error_;
  std::vector<std::string> scopes_;
  std::string file_;
  uint32_t line_ = 0;
  std::shared_ptr<const Place> place_;  // of scopes_, file_ and line_; null if they changed
  std::shared_ptr<const Place> given_place_;
  std::unordered_map<std::string, size_t> input_names_;
  std::unordered_map<std::string, size_t> parameter_names_;
  std::unordered_map<std::string, size_t> output_names_;
};

}  // namespace flame

#include "core/program/program_builder.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "core/base/terminal.h"
#include "core/ops/catalogue/catalogue.h"

namespace flame {
namespace {

// Far more than any model has; a plugin that runs wild is stopped before the memory is gone.
constexpr size_t kMaxValues = 1u << 26;
constexpr size_t kMaxNameBytes = 4096;
constexpr size_t kMaxScopes = 256;

}  // namespace

ValueId ProgramBuilder::input(std::string_view name, const TensorType &type) {
  if (error_ || !check_name(name, "input")) return 0;
  if (!input_names_.emplace(name, program_.inputs_.size()).second) {
    fail(plugin_error(fmt::format("there are two inputs '{}'", printable(name))));
    return 0;
  }
  const ValueId value = new_value(type, kNoNode, 0);
  program_.inputs_.push_back({std::string(name), value});
  return value;
}

ValueId ProgramBuilder::parameter(std::string_view name, const TensorType &type, bool trainable) {
  if (error_ || !check_name(name, "parameter")) return 0;
  const std::string full = scoped(name);
  const auto [found, fresh] = parameter_names_.emplace(full, program_.parameters_.size());
  if (fresh) {
    const ValueId value = new_value(type, kNoNode, 0);
    program_.parameters_.push_back({full, value, trainable, {}});
    return value;
  }
  const Parameter &known = program_.parameters_[found->second];
  if (program_.type(known.value) != type || known.trainable != trainable) {
    fail(plugin_error(fmt::format(
        "the parameter '{}' is asked for as {}{}, but before it was {}{}", printable(full),
        type.text(), trainable ? ", trainable" : ", frozen", program_.type(known.value).text(),
        known.trainable ? ", trainable" : ", frozen")));
    return 0;
  }
  return known.value;
}

void ProgramBuilder::start(ValueId parameter, const Initial &initial) {
  if (error_) return;
  // Asked for right behind the parameter: the search from the end is short.
  const auto found = std::find_if(program_.parameters_.rbegin(), program_.parameters_.rend(),
                                  [&](const Parameter &each) { return each.value == parameter; });
  if (found == program_.parameters_.rend() || !found->trainable) {
    return fail(plugin_error(
        fmt::format("value {} is told how to start, but it is no trainable parameter", parameter)));
  }
  if (!std::isfinite(initial.scale)) {
    return fail(plugin_error(fmt::format(
        "the parameter '{}' starts with a scale that is not finite", printable(found->name))));
  }
  found->initial = initial;
}

std::vector<ValueId> ProgramBuilder::add(std::string_view op, std::span<const ValueId> inputs,
                                         Attributes attributes) {
  const std::vector<ValueId> none(kFailedOutputs, 0);
  if (error_) return none;
  std::vector<TensorType> types;
  types.reserve(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!has(inputs[i])) {
      fail(placed(
          plugin_error(fmt::format("op '{}': operand {} is {}, which is no value of this program",
                                   printable(op), i, inputs[i]))));
      return none;
    }
    types.push_back(program_.type(inputs[i]));
  }
  Result<OpCall> call = infer_op(op, std::move(types), std::move(attributes));
  if (!call.ok()) {
    fail(placed(call.error()));
    return none;
  }
  const auto id = static_cast<NodeId>(program_.nodes_.size());
  Node node{call->op, {inputs.begin(), inputs.end()}, {}, std::move(call->attributes), place()};
  for (const TensorType &type : call->outputs) {
    node.outputs.push_back(new_value(type, id, static_cast<uint32_t>(node.outputs.size())));
  }
  if (error_) return none;
  program_.nodes_.push_back(std::move(node));
  return program_.nodes_.back().outputs;
}

void ProgramBuilder::output(std::string_view name, ValueId value) {
  if (error_ || !check_name(name, "output")) return;
  if (!has(value)) {
    return fail(plugin_error(fmt::format("the output '{}' is {}, which is no value of this program",
                                         printable(name), value)));
  }
  if (!output_names_.emplace(name, program_.outputs_.size()).second) {
    return fail(plugin_error(fmt::format("there are two outputs '{}'", printable(name))));
  }
  program_.outputs_.push_back({std::string(name), value});
}

void ProgramBuilder::push_scope(std::string_view name) {
  if (error_ || !check_name(name, "scope")) return;
  if (scopes_.size() == kMaxScopes)
    return fail(plugin_error(fmt::format("more than {} scopes are open", kMaxScopes)));
  scopes_.emplace_back(name);
  place_.reset();
}

void ProgramBuilder::pop_scope() {
  if (error_) return;
  if (scopes_.empty()) return fail(plugin_error("a scope is closed, but none is open"));
  scopes_.pop_back();
  place_.reset();
}

void ProgramBuilder::set_source(std::string_view file, uint32_t line) {
  if (file_ == file && line_ == line) return;
  file_ = file.substr(0, kMaxNameBytes);
  line_ = line;
  place_.reset();
}

const TensorType &ProgramBuilder::type_of(ValueId value) const {
  return program_.values_[value < program_.values_.size() ? value : 0].type;
}

void ProgramBuilder::fail(Error error) {
  if (!error_) error_ = std::move(error);
}

Status ProgramBuilder::status() const {
  if (error_) return *error_;
  return {};
}

Result<Program> ProgramBuilder::finish() {
  if (error_) return *error_;
  if (!scopes_.empty())
    return plugin_error(
        fmt::format("the scope '{}' is still open at the end", printable(scoped(""))));
  return std::move(program_);
}

std::string ProgramBuilder::scoped(std::string_view name) const {
  std::string full;
  for (const std::string &scope : scopes_) full += scope + '.';
  full += name;
  return full;
}

std::shared_ptr<const Place> ProgramBuilder::place() {
  if (given_place_) return given_place_;
  if (!place_) {
    std::string scope = scoped("");
    if (!scope.empty()) scope.pop_back();
    place_ = std::make_shared<const Place>(Place{std::move(scope), file_, line_});
  }
  return place_;
}

ValueId ProgramBuilder::new_value(const TensorType &type, NodeId producer, uint32_t index) {
  if (program_.values_.size() >= kMaxValues) {
    fail(plugin_error(fmt::format("the program has more than {} values", kMaxValues)));
    return 0;
  }
  program_.values_.push_back({type, producer, index});
  return static_cast<ValueId>(program_.values_.size() - 1);
}

Error ProgramBuilder::placed(Error error) {
  error.what += fmt::format(" ({})", printable(place()->text()));
  return error;
}

bool ProgramBuilder::check_name(std::string_view name, std::string_view what) {
  if (!name.empty() && name.size() <= kMaxNameBytes && name.find('\0') == std::string_view::npos)
    return true;
  fail(plugin_error(fmt::format("the name of {} {} has {} bytes, expected 1 to {} without NUL",
                                what.find_first_of("aeiou") == 0 ? "an" : "a", what, name.size(),
                                kMaxNameBytes)));
  return false;
}

}  // namespace flame

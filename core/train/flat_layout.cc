#include "core/train/flat_layout.h"

#include <fmt/core.h>

#include "core/base/suggest.h"
#include "core/base/terminal.h"
#include "core/ops/catalogue/terms.h"
#include "flame/optimizer.h"

namespace flame {
namespace {

using ParametersByName = std::unordered_map<std::string, const Parameter *>;

int64_t padded(int64_t size, int64_t multiple) {
  return (size + multiple - 1) / multiple * multiple;
}

Error unknown_parameter(const Program &program, const std::string &group, const std::string &name) {
  std::vector<std::string> known;
  for (const Parameter &parameter : program.parameters()) {
    if (parameter.trainable) known.push_back(parameter.name);
  }
  return config_error(fmt::format("the group '{}' trains '{}', which is no parameter of the model",
                                  printable(group), printable(name)),
                      did_you_mean(name, known));
}

// The names with those that the program puts behind each other, weights of one product, side by side
// in that order: their slices are then one.
std::vector<std::string> side_by_side(const Program &program, const TrainedGroup &group) {
  std::unordered_map<ValueId, const std::string *> names;
  for (const Parameter &parameter : program.parameters())
    if (parameter.trainable) names.emplace(parameter.value, &parameter.name);
  std::unordered_map<std::string, const Node *> joint_of;
  for (const Node &node : program.nodes()) {
    if (node.op->name != "concat" || node.attributes.integer("axis") != 0) continue;
    for (const ValueId input : node.inputs)
      if (names.count(input)) joint_of.emplace(*names.at(input), &node);
  }
  std::unordered_map<std::string, size_t> left;  // how often the group names it and has no place
  for (const std::string &name : group.parameters) ++left[name];
  std::vector<std::string> ordered;
  const auto take = [&](const std::string &name) {
    const auto found = left.find(name);
    if (found == left.end() || found->second == 0) return;
    --found->second;
    ordered.push_back(name);
  };
  for (const std::string &name : group.parameters) {
    const auto joint = joint_of.find(name);
    if (joint != joint_of.end() && left[name] > 0) {
      for (const ValueId input : joint->second->inputs)
        if (names.count(input)) take(*names.at(input));
    }
    take(name);
  }
  return ordered;
}

Result<FlatGroup> lay_out(const Program &program, const TrainedGroup &group,
                          const ParametersByName &parameters,
                          std::unordered_map<std::string, std::string> &group_of) {
  FlatGroup flat{group.name, {}, 0, group.memory_class};
  const auto refused = [&](const std::string &name, std::string_view why) {
    return config_error(
        fmt::format("the group '{}' trains '{}', {}", printable(group.name), printable(name), why));
  };
  for (const std::string &name : side_by_side(program, group)) {
    const auto found = parameters.find(name);
    if (found == parameters.end()) return unknown_parameter(program, group.name, name);
    const TensorType &type = program.type(found->second->value);
    if (!found->second->trainable) return refused(name, "which the model builds as frozen");
    if (!is_float(type.dtype) || is_f8(type.dtype)) {
      return refused(name, fmt::format("which is {}, expected f64, f32, bf16 or f16", type.text()));
    }
    const auto [other, fresh] = group_of.emplace(name, group.name);
    if (!fresh) {
      return refused(name, fmt::format("which is already in the group '{}'; a parameter is "
                                       "trained once",
                                       printable(other->second)));
    }
    const int64_t offset = padded(flat.size, kFlatAlignment);
    flat.slices.push_back({name, type, offset});
    flat.size = offset + type.shape.element_count();
    if (padded(flat.size, FLAME_GROUP_MULTIPLE) > kMaxElementCount)
      return refused(name, "and is then larger than a buffer can be");
  }
  flat.size = padded(flat.size, FLAME_GROUP_MULTIPLE);
  if (!flat.slices.empty()) return flat;
  return config_error(
      fmt::format("the group '{}' has no parameters to train", printable(group.name)),
      "let an adapter or a pattern choose some, or leave the group out");
}

TrainedGroup every_trainable(const Program &program) {
  TrainedGroup all{"all", {}};
  for (const Parameter &parameter : program.parameters()) {
    if (parameter.trainable) all.parameters.push_back(parameter.name);
  }
  return all;
}

}  // namespace

Result<std::vector<FlatGroup>> flat_layout(const Program &program,
                                           const std::vector<TrainedGroup> &groups) {
  if (groups.empty()) return flat_layout(program, {every_trainable(program)});
  ParametersByName parameters;
  for (const Parameter &parameter : program.parameters())
    parameters.emplace(parameter.name, &parameter);
  std::unordered_map<std::string, std::string> group_of;
  std::unordered_map<std::string, int> names;
  std::vector<FlatGroup> layout;
  for (const TrainedGroup &group : groups) {
    if (group.name.empty()) return config_error("a group of trained parameters has no name");
    if (++names[group.name] > 1) {
      return config_error(
          fmt::format("there are two groups of trained parameters '{}'", printable(group.name)));
    }
    FLAME_ASSIGN(FlatGroup flat, lay_out(program, group, parameters, group_of));
    layout.push_back(std::move(flat));
  }
  return layout;
}

void add_flat_views(ProgramBuilder &builder, const FlatGroup &group, ValueId buffer,
                    FlatViews &views) {
  for (const FlatSlice &part : group.slices) {
    const Term piece = slice(builder.term(buffer), 0, part.offset, part.type.shape.element_count());
    views[part.parameter] = cast(reshape(piece, part.type.shape), part.type.dtype).id();
  }
}

std::string parameters_name(std::string_view group) {
  return fmt::format("train.parameters.{}", group);
}
std::string gradient_name(std::string_view group) {
  return fmt::format("train.gradient.{}", group);
}
std::string state_name(std::string_view group, std::string_view state) {
  return fmt::format("train.state.{}.{}", group, state);
}
std::string shared_state_name(std::string_view group, std::string_view state) {
  return fmt::format("train.shared_state.{}.{}", group, state);
}
std::string average_name(std::string_view group) {
  return fmt::format("train.average.{}", group);
}
std::string learning_rate_name(std::string_view group) {
  return fmt::format("train.learning_rate.{}", group);
}

}  // namespace flame

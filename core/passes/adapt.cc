#include "core/passes/adapt.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_set>

#include "core/base/suggest.h"
#include "core/base/terminal.h"
#include "core/base/text.h"
#include "core/ops/catalogue/terms.h"
#include "core/program/rewrite.h"

namespace flame {
namespace {

constexpr std::string_view kWeightSuffix = ".weight";
constexpr size_t kShownNames = 6;

// Whether `pattern` stands for all of `name`: the states of a pattern after each character.
bool matches_whole(std::string_view pattern, std::string_view name) {
  std::vector<bool> reached(pattern.size() + 1, false);
  const auto spread = [&](std::vector<bool> &states) {
    for (size_t i = 0; i < pattern.size(); ++i) {
      if (states[i] && pattern[i] == '*') states[i + 1] = true;
    }
  };
  reached[0] = true;
  spread(reached);
  for (const char c : name) {
    std::vector<bool> next(pattern.size() + 1, false);
    for (size_t i = 0; i < pattern.size(); ++i) {
      if (!reached[i]) continue;
      const bool twice =
          (i + 1 < pattern.size() && pattern[i + 1] == '*') || (i > 0 && pattern[i - 1] == '*');
      if (pattern[i] != '*') {
        if (pattern[i] == c) next[i + 1] = true;
      } else if (c != '.' || twice) {
        next[i] = true;
      }
    }
    spread(next);
    reached = std::move(next);
  }
  return reached.back();
}

// The layer that a node is, before it is copied; its values are those of the source program.
struct Found {
  std::string name;
  bool linear = false;
  bool weight_is_transposed = false;  // [in, out]
};

// The parameter behind casts.
const Parameter *weight_of(const Program &program, const std::map<ValueId, const Parameter *> &all,
                           ValueId value) {
  for (NodeId at = program.value(value).producer; at != kNoNode;
       at = program.value(value).producer) {
    const std::string_view op = program.nodes()[at].op->name;
    if (op != "cast" && op != "copy") return nullptr;
    value = program.nodes()[at].inputs[0];
  }
  const auto found = all.find(value);
  return found == all.end() ? nullptr : found->second;
}

std::map<ValueId, const Parameter *> parameters_of(const Program &program) {
  std::map<ValueId, const Parameter *> all;
  for (const Parameter &parameter : program.parameters()) all[parameter.value] = &parameter;
  return all;
}

std::optional<Found> find_layer(const Program &program,
                                const std::map<ValueId, const Parameter *> &parameters,
                                const Node &node) {
  const std::string_view op = node.op->name;
  if (op != "linear" && op != "conv2d" && op != "matmul") return {};
  const Parameter *weight = weight_of(program, parameters, node.inputs[1]);
  if (!weight || !std::string_view(weight->name).ends_with(kWeightSuffix)) return {};
  Found found;
  found.name = weight->name.substr(0, weight->name.size() - kWeightSuffix.size());
  found.linear = op != "conv2d";
  if (op == "matmul") {
    const bool matrix = program.type(node.inputs[1]).shape.rank() == 2;
    if (!matrix || node.attributes.flag("transpose_a")) return {};
    found.weight_is_transposed = !node.attributes.flag("transpose_b");
  }
  return found;
}

// What a parameter belongs to, if it can learn.
std::optional<std::string_view> module_of(std::string_view parameter, const TensorType &type) {
  const size_t dot = parameter.rfind('.');
  if (dot == std::string_view::npos || !is_float(type.dtype)) return {};
  return parameter.substr(0, dot);
}

Error no_such_layer(const std::string &pattern, const std::vector<std::string> &names) {
  std::string hint = did_you_mean(pattern, names);
  if (hint.empty() && !names.empty()) {
    // Names whose last part is like the pattern's say more than the first ones.
    const std::string last = pattern.substr(pattern.rfind('.') + 1);
    std::vector<std::string> lasts;
    for (const std::string &name : names) {
      const std::string part = name.substr(name.rfind('.') + 1);
      if (std::ranges::find(lasts, part) == lasts.end()) lasts.push_back(part);
    }
    hint = did_you_mean(last, lasts);
    std::vector<std::string> shown(
        names.begin(),
        names.begin() + static_cast<std::ptrdiff_t>(std::min(kShownNames, names.size())));
    hint += fmt::format("{}there are {} layers: {}{}", hint.empty() ? "" : "; ", names.size(),
                        join(shown, ", "), names.size() > kShownNames ? ", …" : "");
  }
  return config_error(
      fmt::format("the pattern '{}' means no layer that can be adapted", printable(pattern)),
      std::move(hint));
}

class Adapter {
 public:
  Adapter(const Program &program, const AdaptRequest &request)
      : program_(program),
        request_(request),
        parameters_(parameters_of(program)),
        copy_(program, builder_, [this](std::string_view name, ValueId value) {
          return parameters_.contains(value) ? own_parameter(name, program_.type(value))
                                             : ValueId{0};
        }) {}

  Result<Adapted> run() {
    take_draws();
    for (const Node &node : program_.nodes()) {
      copy_.add(node, builder_);
      FLAME_TRY(builder_.status());
      const std::optional<Found> found = find_layer(program_, parameters_, node);
      if (!found) continue;
      const AdaptRule *rule = rule_for(found->name);
      if (rule && rule->adapt) FLAME_TRY(replace(node, *found, rule->adapt));
    }
    copy_.outputs();
    if (changed_.empty() && own_weights_.empty()) {
      return config_error("the adapter changes no layer of the program",
                          "give it patterns of layers that it can adapt");
    }
    Adapted adapted;
    FLAME_ASSIGN(adapted.program, finish());
    adapted.layers = std::move(changed_);
    adapted.own_weights = std::move(own_weights_);
    return adapted;
  }

 private:
  void take_draws() {
    if (!request_.first_stream) return;
    const TensorType whole{DType::kI64, Shape()};
    draw_ = Layer::Draw{*request_.first_stream, builder_.input(kDrawSeedInput, whole),
                        builder_.input(kDrawCounterInput, whole),
                        builder_.input(kDrawLearningInput, {DType::kF32, Shape()})};
  }

  Result<Program> finish() {
    FLAME_ASSIGN(Program program, builder_.finish());
    if (!draw_) return program;
    const ValueId of_draws[] = {draw_->seed, draw_->counter, draw_->learning};
    const auto draws = [&](ValueId value) {
      return std::ranges::find(of_draws, value) != std::end(of_draws);
    };
    for (const Node &node : program.nodes())
      if (std::ranges::any_of(node.inputs, draws)) return program;
    ProgramBuilder builder;
    ProgramCopy copy(program, builder, [&](std::string_view, ValueId value) {
      return draws(value) ? ProgramCopy::kLeftOut : 0;
    });
    for (const Node &node : program.nodes()) copy.add(node, builder);
    copy.outputs();
    return builder.finish();
  }

  const AdaptRule *rule_for(std::string_view name) const {
    for (size_t i = request_.rules.size(); i-- > 0;)
      if (matches_layer(request_.rules[i].pattern, name)) return &request_.rules[i];
    return nullptr;
  }

  ValueId own_parameter(std::string_view name, const TensorType &type) {
    const std::optional<std::string_view> module = module_of(name, type);
    const AdaptRule *rule = module ? rule_for(*module) : nullptr;
    const bool learns = rule && rule->own_weights;
    if (learns) own_weights_.emplace_back(name);
    if (learns && known_.emplace(*module).second) changed_.emplace_back(*module);
    return builder_.parameter(name, type, learns);
  }

  Status replace(const Node &node, const Found &found, const AdaptFunction &function) {
    static const Attributes kNone;
    Layer layer{found.name,
                found.linear ? "linear" : "conv2d",
                copy_.at(node.inputs[0]),
                copy_.at(node.inputs[1]),
                copy_.at(node.outputs[0]),
                found.linear ? &kNone : &node.attributes,
                draw_};
    if (draw_) ++draw_->stream;
    if (found.weight_is_transposed)
      layer.weight = permute(builder_.term(layer.weight), {1, 0}).id();
    builder_.push_scope(found.name);
    const size_t scopes = builder_.open_scopes();
    const Result<ValueId> made = function(builder_, layer);
    if (!made.ok()) return named(found, made.error());
    FLAME_TRY(builder_.status());
    if (builder_.open_scopes() != scopes)
      return named(found, plugin_error("the adapter opened a scope and did not close it"));
    builder_.pop_scope();
    builder_.set_source("", 0);
    return take(node, found, layer, *made);
  }

  Status take(const Node &node, const Found &found, const Layer &layer, ValueId made) {
    if (made == layer.output) return {};
    if (!builder_.has(made))
      return named(found, plugin_error("the adapter gives no value of the program"));
    if (builder_.type_of(made) != builder_.type_of(layer.output)) {
      return named(found, plugin_error(fmt::format("the adapter gives {}, expected {}",
                                                   builder_.type_of(made).text(),
                                                   builder_.type_of(layer.output).text())));
    }
    copy_.set(node.outputs[0], made);
    if (known_.insert(found.name).second) changed_.push_back(found.name);
    return {};
  }

  static Error named(const Found &found, Error error) {
    error.what = fmt::format("layer '{}': {}", printable(found.name), error.what);
    return error;
  }

  const Program &program_;
  const AdaptRequest &request_;
  std::map<ValueId, const Parameter *> parameters_;
  ProgramBuilder builder_;
  std::vector<std::string> changed_, own_weights_;
  std::set<std::string> known_;
  std::optional<Layer::Draw> draw_;  // of the next layer
  ProgramCopy copy_;                 // the last: it asks for the parameters as it is made
};

}  // namespace

Result<Program> frozen(const Program &program) {
  std::unordered_set<std::string_view> parameters;
  for (const Parameter &parameter : program.parameters()) parameters.insert(parameter.name);
  ProgramBuilder builder;
  ProgramCopy copy(program, builder, [&](std::string_view name, ValueId value) {
    return parameters.contains(name) ? builder.parameter(name, program.type(value), false) : 0;
  });
  for (const Node &node : program.nodes()) copy.add(node, builder);
  copy.outputs();
  return builder.finish();
}

bool matches_layer(std::string_view pattern, std::string_view name) {
  // What stands behind the last star ends the name. Without a star that is all: a preset has hundreds
  // of such patterns, and each is held against every layer.
  const size_t star = pattern.rfind('*');
  const std::string_view end = pattern.substr(star == std::string_view::npos ? 0 : star + 1);
  if (!name.ends_with(end)) return false;
  if (star == std::string_view::npos) {
    const size_t before = name.size() - end.size();
    return before == 0 || name[before - 1] == '.';
  }
  if (matches_whole(pattern, name)) return true;
  for (size_t dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.', dot + 1)) {
    if (matches_whole(pattern, name.substr(dot + 1))) return true;
  }
  return false;
}

std::vector<std::string> adaptable_layers(const Program &program, std::string_view op) {
  std::vector<std::string> names;
  std::set<std::string> known;
  const auto parameters = parameters_of(program);
  for (const Node &node : program.nodes()) {
    const std::optional<Found> found = find_layer(program, parameters, node);
    if (!found || (!op.empty() && found->linear != (op == "linear"))) continue;
    if (known.insert(found->name).second) names.push_back(found->name);
  }
  return names;
}

std::vector<std::string> modules_of(const Program &program) {
  std::vector<std::string> names;
  std::unordered_set<std::string_view> known;
  for (const Parameter &parameter : program.parameters()) {
    const auto module = module_of(parameter.name, program.type(parameter.value));
    if (module && known.insert(*module).second) names.emplace_back(*module);
  }
  return names;
}

Status check_patterns(const Program &program, const AdaptRequest &request) {
  const bool own_weights = std::ranges::any_of(request.rules, &AdaptRule::own_weights);
  const std::vector<std::string> names =
      own_weights ? modules_of(program) : adaptable_layers(program);
  for (const AdaptRule &rule : request.rules) {
    const auto meant = [&](const std::string &name) { return matches_layer(rule.pattern, name); };
    if (std::ranges::none_of(names, meant)) return no_such_layer(rule.pattern, names);
  }
  return {};
}

Result<Adapted> adapt(const Program &program, const AdaptRequest &request) {
  FLAME_TRY(check_patterns(program, request));
  return Adapter(program, request).run();
}

Result<LayerChoice> parse_layer_choice(std::string_view text) {
  LayerChoice choice;
  std::vector<std::string_view> words;
  for (size_t place = 0; place < text.size();) {
    const size_t start = text.find_first_not_of(' ', place);
    if (start == std::string_view::npos) break;
    place = std::min(text.find(' ', start), text.size());
    words.push_back(text.substr(start, place - start));
  }
  const auto wrong = [&](std::string_view reason) {
    return config_error(fmt::format("'{}' names no layers: {}", printable(text), reason),
                        "write PATTERN, !PATTERN, or PATTERN NAME=VALUE …, such as "
                        "\"mid_block.** rank=8\"");
  };
  if (words.empty()) return wrong("it is empty");
  choice.leave = words[0].front() == '!';
  choice.pattern = words[0].substr(choice.leave ? 1 : 0);
  if (choice.pattern.empty()) return wrong("the pattern is empty");
  for (size_t i = 1; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    if (equals == 0 || equals == std::string_view::npos || equals + 1 == words[i].size())
      return wrong(fmt::format("'{}' is not NAME=VALUE", printable(words[i])));
    choice.options.emplace_back(words[i].substr(0, equals), words[i].substr(equals + 1));
  }
  if (choice.leave && !choice.options.empty())
    return wrong("layers that are left alone take no options");
  return choice;
}

Result<AdaptRequest> own_weights_request(const std::vector<std::string> &layers) {
  AdaptRequest request;
  if (layers.empty()) request.rules.push_back({"**", {}, true});
  for (const std::string &text : layers) {
    FLAME_ASSIGN(const LayerChoice choice, parse_layer_choice(text));
    if (!choice.options.empty()) {
      return config_error(
          fmt::format("layers '{}': '{}' is an option of adapters, and these weights learn "
                      "themselves",
                      printable(text), printable(choice.options.front().first)),
          "leave it out, or take an adapter such as lora");
    }
    request.rules.push_back({choice.pattern, {}, !choice.leave});
  }
  return request;
}

}  // namespace flame

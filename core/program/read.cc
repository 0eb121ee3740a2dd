#include "core/program/read.h"

#include <fmt/core.h>

#include <algorithm>
#include <unordered_map>

#include "core/base/json.h"
#include "core/base/terminal.h"
#include "core/ops/catalogue/catalogue.h"
#include "core/program/print.h"
#include "core/program/program_builder.h"
#include "core/program/read_parts.h"

namespace flame {
namespace program_file {
namespace {

// Puts the program together in the order of the values' numbers.
class Reader {
 public:
  Result<Program> read(const Json &json) {
    FLAME_TRY(check_keys(json, {"format", "inputs", "parameters", "nodes", "outputs"}));
    FLAME_ASSIGN(const std::string format, text_member(json, "format"));
    if (format != kProgramFormat) {
      return config_error(
          fmt::format("the format is '{}', expected '{}'", printable(format), kProgramFormat));
    }
    FLAME_ASSIGN(inputs_, list_member(json, "inputs"));
    FLAME_ASSIGN(parameters_, list_member(json, "parameters"));
    FLAME_ASSIGN(const Json::Array *nodes, list_member(json, "nodes"));
    FLAME_ASSIGN(const Json::Array *outputs, list_member(json, "outputs"));
    for (size_t i = 0; i < nodes->size(); ++i) FLAME_TRY(add_node(i, (*nodes)[i]));
    FLAME_TRY(add_sources(uint64_t{kMaxLabel} + 1));
    for (size_t i = 0; i < outputs->size(); ++i) {
      const Status status = add_output((*outputs)[i]);
      if (!status.ok()) return with_place(status.error(), fmt::format("output {}", i));
    }
    return builder_.finish();
  }

 private:
  // An entry of "inputs", "parameters" or "outputs".
  struct Named {
    std::string name;
    uint32_t label = 0;
    TensorType type;
  };

  static Result<Named> read_named(const Json &json) {
    FLAME_ASSIGN(std::string name, text_member(json, "name"));
    const std::string place = fmt::format("'{}'", printable(name));
    FLAME_ASSIGN(const Json *value, at(place, member(json, "value")));
    FLAME_ASSIGN(const uint32_t label, at(place, read_label(*value)));
    FLAME_ASSIGN(const std::string text, at(place, text_member(json, "type")));
    FLAME_ASSIGN(const TensorType type, at(place, read_type(text)));
    return Named{std::move(name), label, type};
  }

  Status know(uint32_t label, ValueId value) {
    if (values_.emplace(label, value).second) return {};
    return config_error(fmt::format("the value {} is made twice", label));
  }

  Result<ValueId> find(uint32_t label) const {
    const auto found = values_.find(label);
    if (found != values_.end()) return found->second;
    return config_error(fmt::format("uses the value {}, which nothing before it makes", label));
  }

  Status add_input(const Json &json, const Named &named) {
    FLAME_TRY(check_keys(json, {"name", "value", "type"}));
    const ValueId value = builder_.input(named.name, named.type);
    FLAME_TRY(builder_.status());
    return know(named.label, value);
  }

  Status add_parameter(const Json &json, const Named &named) {
    FLAME_TRY(check_keys(json, {"name", "value", "type", "trainable"}));
    FLAME_ASSIGN(const Json *trainable, member(json, "trainable"));
    if (!trainable->as_bool())
      return with_place(wrong_kind(*trainable, "true or false"), "trainable");
    const size_t before = builder_.program().values().size();
    const ValueId value = builder_.parameter(named.name, named.type, *trainable->as_bool());
    FLAME_TRY(builder_.status());
    if (builder_.program().values().size() == before) {
      return config_error(fmt::format("there are two parameters '{}'", printable(named.name)));
    }
    return know(named.label, value);
  }

  using AddSource = Status (Reader::*)(const Json &, const Named &);

  // Adds the entries of a list up to the first whose number is not below `limit`.
  Status add_from(const Json::Array &list, size_t &next, uint64_t limit, std::string_view what,
                  AddSource add) {
    for (; next < list.size(); ++next) {
      const std::string place = fmt::format("{} {}", what, next);
      FLAME_ASSIGN(const Named named, at(place, read_named(list[next])));
      if (named.label >= limit) return {};
      const Status status = (this->*add)(list[next], named);
      if (!status.ok()) return with_place(status.error(), place);
    }
    return {};
  }

  // Adds the inputs and parameters that stand before value `limit`.
  Status add_sources(uint64_t limit) {
    while (true) {
      const uint64_t parameter = next_label(*parameters_, next_parameter_);
      const uint64_t input = next_label(*inputs_, next_input_);
      if (std::min(input, parameter) >= limit) break;
      if (input <= parameter) {
        FLAME_TRY(add_from(*inputs_, next_input_, std::min(parameter, limit), "input",
                           &Reader::add_input));
      } else {
        FLAME_TRY(add_from(*parameters_, next_parameter_, std::min(input, limit), "parameter",
                           &Reader::add_parameter));
      }
    }
    return {};
  }

  // 0 for an entry that is wrong, so that it is read next and refused; the end is behind all.
  static uint64_t next_label(const Json::Array &list, size_t next) {
    if (next >= list.size()) return UINT64_MAX;
    const Json *value = list[next].find("value");
    const Result<uint32_t> label = value ? read_label(*value) : Result<uint32_t>(0u);
    return label.ok() ? *label : 0;
  }

  Status add_node(size_t index, const Json &json) {
    const Result<std::string> op = json.as_object()
                                       ? text_member(json, "op")
                                       : Result<std::string>(wrong_kind(json, "an object"));
    if (!op.ok()) return with_place(op.error(), fmt::format("node {}", index));
    const std::string place = fmt::format("node {} ({})", index, printable(*op));
    const Status status = add_op(*op, json);
    return status.ok() ? status : Status(with_place(status.error(), place));
  }

  Status add_op(const std::string &name, const Json &json) {
    FLAME_TRY(check_keys(
        json, {"op", "inputs", "outputs", "types", "attributes", "scope", "file", "line"}));
    FLAME_ASSIGN(const std::vector<uint32_t> outputs, read_labels(json, "outputs"));
    FLAME_TRY(add_sources(outputs.empty() ? uint64_t{kMaxLabel} + 1 : outputs.front()));
    const OpDefinition *op = find_op(name);
    if (!op) return infer_op(name, {}, {}).error();
    FLAME_ASSIGN(const std::vector<uint32_t> input_labels, read_labels(json, "inputs"));
    std::vector<ValueId> inputs;
    for (const uint32_t label : input_labels) {
      FLAME_ASSIGN(const ValueId input, find(label));
      inputs.push_back(input);
    }
    FLAME_ASSIGN(const Json *attributes_json, member(json, "attributes"));
    FLAME_ASSIGN(Attributes attributes, read_attributes(*op, *attributes_json));
    FLAME_TRY(set_place(json));
    const std::vector<ValueId> made = builder_.add(name, inputs, std::move(attributes));
    FLAME_TRY(builder_.status());
    return check_outputs(json, outputs, made);
  }

  Status check_outputs(const Json &json, const std::vector<uint32_t> &labels,
                       const std::vector<ValueId> &made) {
    FLAME_ASSIGN(const Json::Array *types, list_member(json, "types"));
    if (labels.size() != made.size() || types->size() != made.size()) {
      return config_error(fmt::format("names {} outputs and {} types, but the op has {}",
                                      labels.size(), types->size(), made.size()));
    }
    for (size_t i = 0; i < made.size(); ++i) {
      const std::string type = builder_.type_of(made[i]).text();
      const std::string *given = (*types)[i].as_string();
      if (!given || *given != type) {
        return config_error(fmt::format("output {} is given as {}, but the op gives {}", i,
                                        given ? printable(*given) : kind_text((*types)[i]), type));
      }
      FLAME_TRY(know(labels[i], made[i]));
    }
    return {};
  }

  // Neighbouring ops of one place share it.
  Status set_place(const Json &json) {
    FLAME_ASSIGN(std::string scope, text_member(json, "scope"));
    FLAME_ASSIGN(std::string file, text_member(json, "file"));
    FLAME_ASSIGN(const Json *line, member(json, "line"));
    if (!line->as_int() || *line->as_int() < 0 || *line->as_int() > UINT32_MAX) {
      return with_place(wrong_kind(*line, "a line's number"), "line");
    }
    Place place{std::move(scope), std::move(file), static_cast<uint32_t>(*line->as_int())};
    const bool same = place_ && place_->scope == place.scope && place_->file == place.file &&
                      place_->line == place.line;
    if (!same) place_ = std::make_shared<const Place>(std::move(place));
    builder_.set_place(place_);
    return {};
  }

  Status add_output(const Json &json) {
    FLAME_TRY(check_keys(json, {"name", "value", "type"}));
    FLAME_ASSIGN(const Named named, read_named(json));
    FLAME_ASSIGN(const ValueId value, find(named.label));
    if (builder_.type_of(value) != named.type) {
      return config_error(fmt::format("'{}' is given as {}, but the value is {}",
                                      printable(named.name), named.type.text(),
                                      builder_.type_of(value).text()));
    }
    builder_.output(named.name, value);
    return builder_.status();
  }

  ProgramBuilder builder_;
  std::unordered_map<uint32_t, ValueId> values_;  // by their numbers in the file
  const Json::Array *inputs_ = nullptr;
  const Json::Array *parameters_ = nullptr;
  size_t next_input_ = 0;
  size_t next_parameter_ = 0;
  std::shared_ptr<const Place> place_;
};

}  // namespace
}  // namespace program_file

// A full training step of a large model is some 50 MiB.
static constexpr JsonLimits kLimits{.max_bytes = size_t{512} << 20, .max_depth = 8};

Result<Program> read_program(std::string_view json, std::string_view name) {
  FLAME_ASSIGN(const Json parsed, parse_json(json, name, kLimits));
  return program_file::at(name, program_file::Reader().read(parsed));
}

}  // namespace flame

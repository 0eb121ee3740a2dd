#include "core/program/print.h"

#include <fmt/core.h>

#include <cmath>

#include "core/base/json.h"
#include "core/base/terminal.h"

namespace flame {
namespace {

std::string list_of(const std::vector<ValueId> &values) {
  std::string text;
  for (const ValueId value : values) text += fmt::format("{}%{}", text.empty() ? "" : ", ", value);
  return text;
}

std::string types_of(const Program &program, const std::vector<ValueId> &values) {
  std::string text;
  for (const ValueId value : values)
    text += (text.empty() ? "" : ", ") + program.type(value).text();
  return text;
}

// "{axis: 1, step: 2}", or nothing if all are at their defaults.
std::string attributes_of(const Node &node) {
  std::string text;
  for (const auto &[name, value] : node.attributes.entries()) {
    const AttributeSpec *spec = node.op->find_attribute(name);
    if (spec && spec->default_value == value) continue;
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", name, text_of(value));
  }
  return text.empty() ? text : " {" + text + "}";
}

std::string quoted(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return "\"" + result + "\"";
}

Json ids_json(const std::vector<ValueId> &values) {
  Json list{Json::Array{}};
  for (const ValueId value : values) list.push(value);
  return list;
}

Json scalar_json(int64_t value) {
  return value;
}
Json scalar_json(bool value) {
  return value;
}
Json scalar_json(const std::string &value) {
  return value;
}
Json scalar_json(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

template <typename T>
Json scalar_json(const std::vector<T> &values) {
  Json list{Json::Array{}};
  for (const T &value : values) list.push(scalar_json(value));
  return list;
}

Json value_json(const AttributeValue &value) {
  return std::visit([](const auto &held) { return scalar_json(held); }, value);
}

Json named_json(const Program &program, std::string_view name, ValueId value) {
  Json entry;
  entry.set("name", name);
  entry.set("value", value);
  entry.set("type", program.type(value).text());
  return entry;
}

Json node_json(const Program &program, const Node &node) {
  Json attributes{Json::Object{}};
  for (const auto &[name, value] : node.attributes.entries())
    attributes.set(name, value_json(value));
  Json types{Json::Array{}};
  for (const ValueId output : node.outputs) types.push(program.type(output).text());
  Json entry;
  entry.set("op", node.op->name);
  entry.set("inputs", ids_json(node.inputs));
  entry.set("outputs", ids_json(node.outputs));
  entry.set("types", std::move(types));
  entry.set("attributes", std::move(attributes));
  entry.set("scope", node.place->scope);
  entry.set("file", node.place->file);
  entry.set("line", node.place->line);
  return entry;
}

}  // namespace

std::string to_text(const Program &program) {
  std::string text;
  for (const NamedValue &input : program.inputs()) {
    text += fmt::format("%{} = input \"{}\" : {}\n", input.value, printable(input.name),
                        program.type(input.value).text());
  }
  for (const Parameter &parameter : program.parameters()) {
    text += fmt::format("%{} = {}parameter \"{}\" : {}\n", parameter.value,
                        parameter.trainable ? "trainable " : "", printable(parameter.name),
                        program.type(parameter.value).text());
  }
  for (const Node &node : program.nodes()) {
    text += fmt::format("{} = {}({}){} : {}  # {}\n", list_of(node.outputs), node.op->name,
                        list_of(node.inputs), printable(attributes_of(node)),
                        types_of(program, node.outputs), printable(node.place->text()));
  }
  for (const NamedValue &output : program.outputs()) {
    text += fmt::format("output \"{}\" = %{}\n", printable(output.name), output.value);
  }
  return text;
}

std::string to_json(const Program &program, int indent) {
  Json inputs{Json::Array{}};
  for (const NamedValue &input : program.inputs())
    inputs.push(named_json(program, input.name, input.value));
  Json parameters{Json::Array{}};
  for (const Parameter &parameter : program.parameters()) {
    Json entry = named_json(program, parameter.name, parameter.value);
    parameters.push(std::move(entry.set("trainable", parameter.trainable)));
  }
  Json nodes{Json::Array{}};
  for (const Node &node : program.nodes()) nodes.push(node_json(program, node));
  Json outputs{Json::Array{}};
  for (const NamedValue &output : program.outputs())
    outputs.push(named_json(program, output.name, output.value));
  Json whole;
  whole.set("format", kProgramFormat);
  whole.set("inputs", std::move(inputs));
  whole.set("parameters", std::move(parameters));
  whole.set("nodes", std::move(nodes));
  whole.set("outputs", std::move(outputs));
  return whole.dump(indent) + "\n";
}

std::string to_dot(const Program &program) {
  std::string text = "digraph program {\n  node [shape=box];\n";
  const auto source = [&](const std::string &name, ValueId value) {
    const std::string label = printable(name) + " " + program.type(value).text();
    text += fmt::format("  v{} [shape=oval, label={}];\n", value, quoted(label));
  };
  const auto from = [&](ValueId value) {
    const NodeId producer = program.value(value).producer;
    return producer == kNoNode ? fmt::format("v{}", value) : fmt::format("n{}", producer);
  };
  for (const NamedValue &input : program.inputs()) source(input.name, input.value);
  for (const Parameter &parameter : program.parameters()) source(parameter.name, parameter.value);
  for (size_t id = 0; id < program.nodes().size(); ++id) {
    const Node &node = program.nodes()[id];
    const std::string label = std::string(node.op->name) + printable(attributes_of(node));
    text += fmt::format("  n{} [label={}];\n", id, quoted(label));
    for (const ValueId input : node.inputs) {
      text += fmt::format("  {} -> n{} [label={}];\n", from(input), id,
                          quoted(program.type(input).shape.text()));
    }
  }
  for (const NamedValue &output : program.outputs()) {
    text += fmt::format("  \"out {0}\" [shape=oval];\n  {1} -> \"out {0}\";\n", output.value,
                        from(output.value));
  }
  return text + "}\n";
}

}  // namespace flame

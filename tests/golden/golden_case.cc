#include "tests/golden/golden_case.h"

#include <fmt/core.h>

#include <cmath>

#include "core/base/file.h"

namespace flame::golden_test {
namespace {

Error wrong(std::string_view what) {
  return config_error(fmt::format("the golden file has no right {}", what));
}

Result<const Json *> member(const Json &object, std::string_view key) {
  const Json *found = object.find(key);
  if (!found) return wrong(key);
  return found;
}

Result<int64_t> integer(const Json &object, std::string_view key) {
  FLAME_ASSIGN(const Json *value, member(object, key));
  if (!value->as_int()) return wrong(key);
  return *value->as_int();
}

Result<double> number(const Json &object, std::string_view key) {
  FLAME_ASSIGN(const Json *value, member(object, key));
  if (!value->is_number()) return wrong(key);
  return value->as_number();
}

Result<std::string> text(const Json &object, std::string_view key) {
  FLAME_ASSIGN(const Json *value, member(object, key));
  if (!value->as_string()) return wrong(key);
  return *value->as_string();
}

Result<std::vector<int64_t>> integers(const Json &list) {
  std::vector<int64_t> values;
  if (!list.as_array()) return wrong("list");
  for (const Json &item : *list.as_array()) {
    if (!item.as_int()) return wrong("list of whole numbers");
    values.push_back(*item.as_int());
  }
  return values;
}

Result<AttributeValue> attribute(const Json &value) {
  if (const bool *flag = value.as_bool()) return AttributeValue(*flag);
  if (const int64_t *whole = value.as_int()) return AttributeValue(*whole);
  if (const std::string *word = value.as_string()) return AttributeValue(*word);
  if (value.is_number()) return AttributeValue(value.as_number());
  FLAME_ASSIGN(std::vector<int64_t> list, integers(value));
  return AttributeValue(std::move(list));
}

Result<Draw> read_draw(const Json &json) {
  Draw draw;
  FLAME_ASSIGN(const std::string dtype, text(json, "dtype"));
  FLAME_ASSIGN(const Json *sizes, member(json, "shape"));
  FLAME_ASSIGN(const std::vector<int64_t> list, integers(*sizes));
  FLAME_ASSIGN(draw.type.shape, Shape::make(list));
  if (!dtype_from_name(dtype)) return wrong("dtype");
  draw.type.dtype = *dtype_from_name(dtype);
  FLAME_ASSIGN(draw.seed, integer(json, "seed"));
  FLAME_ASSIGN(draw.levels, integer(json, "levels"));
  FLAME_ASSIGN(draw.offset, number(json, "offset"));
  FLAME_ASSIGN(draw.scale, number(json, "scale"));
  return draw;
}

// The members of an object whose keys are places: {"0": …, "2": …}.
Json::Object places(const Json &json, std::string_view key) {
  const Json *found = json.find(key);
  return found && found->as_object() ? *found->as_object() : Json::Object();
}

Result<OpCase> read_case(const Json &json) {
  OpCase c;
  FLAME_ASSIGN(c.op, text(json, "op"));
  FLAME_ASSIGN(c.name, text(json, "name"));
  for (const auto &[name, value] : places(json, "attributes")) {
    FLAME_ASSIGN(AttributeValue held, attribute(value));
    c.attributes.set(name, std::move(held));
  }
  FLAME_ASSIGN(const Json *inputs, member(json, "inputs"));
  FLAME_ASSIGN(const Json *outputs, member(json, "outputs"));
  if (!inputs->as_array() || !outputs->as_array()) return wrong("list of inputs and outputs");
  for (const Json &input : *inputs->as_array()) {
    FLAME_ASSIGN(Draw draw, read_draw(input));
    c.inputs.push_back(draw);
  }
  for (const Json &output : *outputs->as_array()) {
    FLAME_ASSIGN(std::vector<double> numbers, read_numbers(output));
    c.outputs.push_back(std::move(numbers));
  }
  for (const auto &[place, value] : places(json, "cotangents")) {
    FLAME_ASSIGN(c.cotangents[std::stoul(place)], read_draw(value));
  }
  for (const auto &[place, value] : places(json, "gradients")) {
    FLAME_ASSIGN(c.gradients[std::stoul(place)], read_numbers(value));
  }
  return c;
}

}  // namespace

uint64_t hash_of(int64_t seed, uint64_t index) {
  uint64_t x = (static_cast<uint64_t>(seed) << 32) + index + 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

HostTensor Draw::tensor() const {
  std::vector<double> numbers(static_cast<size_t>(type.shape.element_count()));
  for (size_t i = 0; i < numbers.size(); ++i) {
    const uint64_t step = hash_of(seed, i) % static_cast<uint64_t>(levels);
    numbers[i] = offset + scale * static_cast<double>(step);
  }
  return testing_support::tensor_of(type, numbers);
}

Result<std::vector<double>> read_numbers(const Json &list) {
  std::vector<double> numbers;
  if (!list.as_array()) return wrong("list of numbers");
  for (const Json &item : *list.as_array()) {
    if (!item.is_number()) return wrong("number");
    numbers.push_back(item.as_number());
  }
  return numbers;
}

Result<Json> read_golden(const std::string &file) {
  const std::string path = std::string(FLAME_SOURCE_DIR) + "/tests/golden/" + file;
  FLAME_ASSIGN(const std::string content, read_file(path, 16u << 20));
  return parse_json(content, path);
}

Result<std::vector<OpCase>> read_op_cases(const std::string &file) {
  FLAME_ASSIGN(const Json json, read_golden(file));
  FLAME_ASSIGN(const Json *list, member(json, "cases"));
  if (!list->as_array()) return wrong("list of cases");
  std::vector<OpCase> cases;
  for (const Json &item : *list->as_array()) {
    FLAME_ASSIGN(OpCase c, read_case(item));
    cases.push_back(std::move(c));
  }
  return cases;
}

double relative_error(const std::vector<double> &a, const std::vector<double> &b) {
  if (a.size() != b.size()) return std::nan("");
  double error = 0;
  double size = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    error += (a[i] - b[i]) * (a[i] - b[i]);
    size += b[i] * b[i];
  }
  return std::sqrt(size > 0 ? error / size : error);
}

}  // namespace flame::golden_test

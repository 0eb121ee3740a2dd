#include "core/plugin/attribute_list.h"

namespace flame {
namespace {

bool is_whole(OptionType type) {
  return type == OptionType::kInt || type == OptionType::kSize;
}
bool is_real(OptionType type) {
  return type == OptionType::kFloat || type == OptionType::kDuration;
}

}  // namespace

flame_str AttributeList::keep(std::string_view text) {
  texts_.emplace_back(text);
  return {texts_.back().data(), text.size()};
}

flame_attribute &AttributeList::append(uint32_t kind, std::string_view name, size_t count) {
  flame_attribute attribute{};
  attribute.kind = kind;
  attribute.count = static_cast<uint32_t>(count);
  attribute.name = keep(name);
  attributes_.push_back(attribute);
  return attributes_.back();
}

void AttributeList::add_int(std::string_view name, int64_t value) {
  append(FLAME_ATTRIBUTE_INT, name, 1).value.i = value;
}

void AttributeList::add_float(std::string_view name, double value) {
  append(FLAME_ATTRIBUTE_FLOAT, name, 1).value.f = value;
}

void AttributeList::add_string(std::string_view name, std::string_view value) {
  append(FLAME_ATTRIBUTE_STRING, name, 1).value.s = keep(value);
}

void AttributeList::add(const OptionSpec &spec, const OptionValue &value) {
  if (!spec.list) {
    const Scalar &item = value.items.front();
    if (is_whole(spec.type)) return add_int(spec.name, std::get<int64_t>(item));
    if (is_real(spec.type)) return add_float(spec.name, std::get<double>(item));
    if (spec.type != OptionType::kBool) return add_string(spec.name, std::get<std::string>(item));
    append(FLAME_ATTRIBUTE_BOOL, spec.name, 1).value.i = std::get<bool>(item) ? 1 : 0;
    return;
  }
  const size_t count = value.items.size();
  if (is_whole(spec.type)) {
    std::vector<int64_t> &numbers = ints_.emplace_back();
    for (const Scalar &item : value.items) numbers.push_back(std::get<int64_t>(item));
    append(FLAME_ATTRIBUTE_INTS, spec.name, count).value.is = numbers.data();
  } else if (is_real(spec.type)) {
    std::vector<double> &numbers = floats_.emplace_back();
    for (const Scalar &item : value.items) numbers.push_back(std::get<double>(item));
    append(FLAME_ATTRIBUTE_FLOATS, spec.name, count).value.fs = numbers.data();
  } else {
    std::vector<flame_str> &texts = strings_.emplace_back();
    for (const Scalar &item : value.items) texts.push_back(keep(std::get<std::string>(item)));
    append(FLAME_ATTRIBUTE_STRINGS, spec.name, count).value.ss = texts.data();
  }
}

}  // namespace flame

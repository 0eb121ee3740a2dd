// The parts of a program file: members of objects, numbers of values, types, attributes. Every error
// is kBadConfig and says what stands there and what was expected; who asks puts the place in front.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/base/result.h"
#include "core/ops/catalogue/catalogue.h"

namespace flame::program_file {

constexpr int64_t kMaxLabel = UINT32_MAX;

// The same error, with its place in the file in front.
Error with_place(Error error, std::string_view place);

// The result, its error with the place in front.
template <typename T>
Result<T> at(std::string_view place, Result<T> result) {
  if (result.ok()) return result;
  return with_place(result.error(), place);
}

// "a list", as messages name what stands there.
std::string_view kind_text(const Json &json);
Error wrong_kind(const Json &json, std::string_view expected);

// Which members an object may have.
Status check_keys(const Json &json, std::initializer_list<std::string_view> known);
// The member must be there, and of that kind.
Result<const Json *> member(const Json &json, std::string_view key);
Result<std::string> text_member(const Json &json, std::string_view key);
Result<const Json::Array *> list_member(const Json &json, std::string_view key);

// The number that stands for a value in this file, from 1 to kMaxLabel.
Result<uint32_t> read_label(const Json &json);
Result<std::vector<uint32_t>> read_labels(const Json &json, std::string_view key);

// "f32[2, 3]"
Result<TensorType> read_type(std::string_view text);
// Each attribute must be one of the op's and of its kind; which must be there the op knows.
Result<Attributes> read_attributes(const OpDefinition &op, const Json &json);

}  // namespace flame::program_file

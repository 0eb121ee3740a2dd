// Reads programs from their JSON form.
#pragma once

#include <string_view>

#include "core/program/program.h"

namespace flame {

// What to_json() in print.h writes; `name` is what the text is called in errors. The text may come
// from anywhere: each op is checked as if a plugin had built it, a key that is not known is
// refused, and every error is kBadConfig and names the place: "x.json: node 12 (conv2d): attribute
// 'stride': …". Values keep their numbers if they have the order that a builder gives; else they
// are only labels. Attributes at their default may be left out.
Result<Program> read_program(std::string_view json, std::string_view name);

}  // namespace flame

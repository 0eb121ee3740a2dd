#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

std::string_view name_of(Content content) {
  switch (content) {
    case Content::kOfCase:
      return "case";
    case Content::kNormal:
      return "normal";
    case Content::kPositive:
      return "positive";
    case Content::kWide:
      return "wide";
    case Content::kWhole:
      return "whole";
    case Content::kTies:
      return "ties";
    case Content::kSpecial:
      return "special";
    case Content::kIndices:
      return "indices";
    case Content::kTruths:
      return "truths";
    case Content::kForward:
      return "forward";
  }
  return {};
}

Attributes with(Attributes attributes, std::initializer_list<Attributes::Entry> more) {
  for (const Attributes::Entry &entry : more) attributes.set(entry.first, entry.second);
  return attributes;
}

}  // namespace flame::conformance

// The catalogue as text for people (docs/ops.md) and as data for authors (sdk/ops.json).
#pragma once

#include <string>

namespace flame {

std::string catalogue_markdown();
std::string catalogue_json();

}  // namespace flame

// Text for HTML and XML.
#pragma once

#include <string>
#include <string_view>

namespace flame {

// Fit for text and for an attribute in quotes of either kind. Control characters are the caller's.
std::string escape_markup(std::string_view text);

}  // namespace flame

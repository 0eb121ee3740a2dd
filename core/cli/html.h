// Text for pages of HTML.
#pragma once

#include <string>
#include <string_view>

namespace flame::cli {

// `text` as the content of an element or of an attribute in quotes: nothing in it is taken for
// markup, what is no UTF-8 becomes U+FFFD, and control characters are written as \xNN.
std::string html(std::string_view text);

}  // namespace flame::cli

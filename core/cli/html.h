// Text for pages of HTML.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace flame::cli {

// `text` as the content of an element or of an attribute in quotes: nothing in it is taken for
// markup, what is no UTF-8 becomes U+FFFD, and control characters are written as \xNN.
std::string html(std::string_view text);

// A page that loads nothing from anywhere, in the style of reports. `body` is HTML already.
std::string html_page(std::string_view title, const std::string &body);
// A heading and what stands under it, HTML already; nothing without content.
std::string html_section(std::string_view title, const std::string &content);
// Cells are HTML already; nothing without rows.
std::string html_table(const std::vector<std::string> &heads,
                       const std::vector<std::vector<std::string>> &rows);
// One entry of a <dl class="tiles">; the value is text. Nothing for an empty one.
std::string html_tile(std::string_view name, const std::string &value);

}  // namespace flame::cli

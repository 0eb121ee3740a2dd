#include "core/cli/html.h"

#include <fmt/core.h>

#include "core/base/markup.h"
#include "core/base/terminal.h"
#include "core/base/utf8.h"
#include "core/cli/report_style.h"

namespace flame::cli {
namespace {

constexpr std::string_view kUnknown = "\xef\xbf\xbd";

std::string as_utf8(std::string_view text) {
  std::string out;
  for (size_t wrong = find_invalid_utf8(text); wrong != std::string_view::npos;
       wrong = find_invalid_utf8(text)) {
    out.append(text.substr(0, wrong)).append(kUnknown);
    text.remove_prefix(wrong + 1);
  }
  return out.append(text);
}

}  // namespace

std::string html(std::string_view text) {
  return escape_markup(printable(as_utf8(text)));
}

std::string html_page(std::string_view title, const std::string &body) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
      "style-src 'unsafe-inline'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{} · flamehost</title>\n<style>{}</style></head>\n<body>\n{}"
      "<footer>Written by flamehost {}. This page loads nothing from anywhere.</footer>\n"
      "</body></html>\n",
      html(title), kReportStyle, body, FLAME_VERSION);
}

std::string html_section(std::string_view title, const std::string &content) {
  return content.empty() ? "" : fmt::format("<h2>{}</h2>\n{}\n", html(title), content);
}

std::string html_table(const std::vector<std::string> &heads,
                       const std::vector<std::vector<std::string>> &rows) {
  if (rows.empty()) return "";
  std::string text = "<div class=\"scroll\"><table><tr>";
  for (const std::string &head : heads) text += "<th>" + head + "</th>";
  text += "</tr>\n";
  for (const auto &row : rows) {
    text += "<tr>";
    for (const std::string &cell : row) text += "<td>" + cell + "</td>";
    text += "</tr>\n";
  }
  return text + "</table></div>\n";
}

std::string html_tile(std::string_view name, const std::string &value) {
  if (value.empty()) return "";
  return fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", name, html(value));
}

}  // namespace flame::cli

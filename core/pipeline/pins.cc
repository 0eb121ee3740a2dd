#include "core/pipeline/pins.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/suggest.h"
#include "core/base/terminal.h"
#include "core/pipeline/sections.h"
#include "core/plugin/option_value.h"

namespace flame {
namespace {

void apply_pin(const YamlMember &pin, const std::filesystem::path &folder, Catalogue &catalogue,
               std::vector<Diagnostic> &diagnostics) {
  OptionSpec library;
  library.type = OptionType::kPath;
  const YamlNode &node = *pin.value;
  if (node.kind != YamlNode::Kind::kScalar) {
    add_error(diagnostics, "bad-value", node.place,
              fmt::format("'plugins.{}' is {}", printable(pin.key), describe(node.kind)))
        .expected = "the path of its library";
    return;
  }
  const Result<Scalar> path = parse_scalar(library, node.text, node.quoted);
  if (!path.ok()) {
    add_error(diagnostics, "bad-value", node.place, path.error().what).expected =
        "the path of its library";
    return;
  }
  const auto file = (folder / std::get<std::string>(*path)).lexically_normal();
  const Status pinned = catalogue.pin(pin.key, file);
  if (pinned.ok()) return;
  std::vector<std::string> ids;
  for (const InstalledPlugin &plugin : catalogue.plugins()) ids.push_back(plugin.spec().id);
  const bool known = std::find(ids.begin(), ids.end(), pin.key) != ids.end();
  Diagnostic &diagnostic =
      add_error(diagnostics, "bad-pin", known ? node.place : pin.place, pinned.error().what);
  if (!known) diagnostic.suggestions = nearest(pin.key, ids);
  if (diagnostic.suggestions.empty()) diagnostic.hint = pinned.error().hint;
}

}  // namespace

void apply_pins(const YamlNode &root, const std::filesystem::path &folder, Catalogue &catalogue,
                std::vector<Diagnostic> &diagnostics) {
  const YamlMember *pins = root.find(kPinsKey);
  if (!pins) return;
  if (pins->value->kind != YamlNode::Kind::kMapping) {
    add_error(diagnostics, "bad-value", pins->value->place,
              fmt::format("'plugins' is {}", describe(pins->value->kind)))
        .expected = "plugin ids, each with the path of its library";
    return;
  }
  for (const YamlMember &pin : pins->value->members) {
    apply_pin(pin, folder, catalogue, diagnostics);
  }
}

}  // namespace flame

// The words that the tables of sections and built-in components are written in.
#pragma once

#include "core/pipeline/sections.h"

namespace flame {

// Short to write and to read: one option a line of the tables below.
struct Option : OptionSpec {
  Option(std::string_view option_name, OptionType option_type, std::string_view option_help) {
    name = option_name;
    type = option_type;
    help = option_help;
    since = "0.1.0";
  }
  Option &needed() { return required = true, *this; }
  Option &many() { return list = true, *this; }
  Option &in(std::string_view text) { return unit = text, *this; }
  Option &is(std::string_view text) { return default_text = std::string(text), *this; }
  Option &least(double value) { return minimum = value, *this; }
  Option &most(double value) { return maximum = value, *this; }
  Option &above(double value) { return minimum = value, exclusive_minimum = true, *this; }
  Option &one_of(std::vector<std::string> names) { return choices = std::move(names), *this; }
  Option &also(std::vector<std::string> names) { return aliases = std::move(names), *this; }
};

// The host's options of a section.
inline ComponentSpec own(std::string_view id, std::string_view summary,
                         std::vector<OptionSpec> options) {
  return {"section", std::string(id), std::string(summary), std::move(options)};
}

// A section that has a `use:` of its own name.
inline SectionSpec plain(std::string_view key, std::string_view summary) {
  SectionSpec section;
  section.key = key;
  section.kind = key;
  section.own = own(key, summary, {});
  return section;
}

// Each in a file of its own.
SectionSpec train_section();
SectionSpec sample_section();

}  // namespace flame

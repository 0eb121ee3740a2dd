#include "core/io/weight_match.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "core/base/terminal.h"
#include "core/base/text.h"
#include "core/io/weight_kinds.h"

namespace flame {
namespace {

constexpr size_t kGroupsShown = 8;

// Sizes that programs are built for where only their parameters count; the first that a model takes.
constexpr int64_t kSides[] = {64, 128, 16};
constexpr int64_t kTokens = 1;

bool matches(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, from = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++from;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

// Digits between dots as '*': "down.*.conv.weight".
std::string pattern_of(std::string_view name) {
  std::string pattern;
  for (size_t i = 0; i < name.size(); ++i) {
    const bool digit = std::isdigit(static_cast<unsigned char>(name[i]));
    if (!digit) {
      pattern += name[i];
    } else if (pattern.empty() || pattern.back() != '*') {
      pattern += '*';
    }
  }
  return pattern;
}

// Where each parameter would stand under one layout.
Result<std::vector<WeightSource>> sources_of(const PluginModel &model, size_t layout,
                                             const std::vector<WantedParameter> &wanted) {
  std::vector<WeightSource> sources;
  sources.reserve(wanted.size());
  for (const WantedParameter &parameter : wanted) {
    FLAME_ASSIGN(WeightSource source, model.source(layout, parameter.name, parameter.type.shape));
    sources.push_back(std::move(source));
  }
  return sources;
}

size_t count_found(const std::vector<WeightSource> &sources, const std::string &prefix,
                   const WeightSet &set) {
  size_t found = 0;
  std::string name;
  for (const WeightSource &source : sources) {
    name.assign(prefix).append(source.key);
    const WeightSet::Entry *entry = set.find(name);
    // A right shape counts more: the keys of some layouts are also keys of others.
    if (entry) found += entry->tensor->shape == source.shape ? 2 : 1;
  }
  return found;
}

// What stands under the prefix and was not read.
void sort_out_rest(const WeightSet &set, const std::set<std::string_view> &used,
                   WeightMatch &match) {
  for (const auto &[name, entry] : set.tensors()) {
    if (!name.starts_with(match.prefix) || used.contains(name)) continue;
    const std::string_view key = name.substr(match.prefix.size());
    const bool known = std::ranges::any_of(
        match.layout->ignored, [&](const std::string &pattern) { return matches(pattern, key); });
    (known ? match.ignored : match.extra).emplace_back(name);
  }
}

WeightMatch match_under(const PluginModel &model, const std::vector<WantedParameter> &wanted,
                        std::vector<WeightSource> sources, const ModelLayout &layout,
                        const std::string &prefix, const WeightSet &set) {
  WeightMatch match;
  match.component = model.component();
  match.set_name = set.name();
  match.layout = &layout;
  match.prefix = prefix;
  std::set<std::string_view> used;
  std::set<std::string> missing;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const WeightSet::Entry *entry = set.find(prefix + sources[i].key);
    if (!entry) {
      missing.insert(prefix + sources[i].key);
      continue;
    }
    const StoredTensor &tensor = *entry->tensor;
    const bool is_new = used.insert(tensor.name).second;
    if (tensor.shape == sources[i].shape && tensor.type->dtype) {
      if (is_new) match.used_bytes += tensor.size_bytes;
      match.placed.push_back({wanted[i].name, wanted[i].type, std::move(sources[i]), *entry});
    } else if (is_new) {
      const bool known = tensor.type->dtype.has_value();
      match.misshaped.push_back({tensor.name,
                                 known ? sources[i].shape.text() : "a type that is computed with",
                                 known ? tensor.shape.text() : std::string(tensor.type->name)});
    }
  }
  match.missing.assign(missing.begin(), missing.end());
  sort_out_rest(set, used, match);
  return match;
}

void add_group(std::vector<std::string> &lines, std::string_view title,
               const std::vector<std::string> &names) {
  if (names.empty()) return;
  lines.push_back(fmt::format("{} {}:", names.size(), title));
  for (const std::string &line : grouped_names(names, kGroupsShown)) lines.push_back("  " + line);
}

}  // namespace

Result<std::vector<WantedParameter>> parameters_of(const PluginModel &model) {
  std::vector<WantedParameter> wanted;
  std::set<std::string> known;
  // The conditions of a denoiser have no parameters, and sizes that only its parts know.
  const Result<DiffusionSpec> diffusion = model.diffusion();
  for (const std::string &name : model.programs()) {
    if (diffusion.ok() && name == diffusion->conditions) continue;
    std::optional<Result<Program>> program;
    for (const int64_t side : kSides) {
      if (program && program->ok()) break;
      Result<Program> built =
          model.build(name, {{"batch", 1}, {"height", side}, {"width", side}, {"tokens", kTokens}});
      if (!program || built.ok()) program = std::move(built);
    }
    if (!program->ok()) return program->error();
    for (const Parameter &parameter : (*program)->parameters()) {
      if (known.insert(parameter.name).second)
        wanted.push_back({parameter.name, (*program)->type(parameter.value)});
    }
  }
  return wanted;
}

Result<WeightMatch> match_weights(const PluginModel &model,
                                  const std::vector<WantedParameter> &wanted,
                                  const WeightSet &set) {
  size_t best = 0, best_count = 0;
  std::vector<WeightSource> best_sources;
  const std::string *best_prefix = nullptr;
  for (size_t layout = 0; layout < model.layouts().size(); ++layout) {
    FLAME_ASSIGN(const std::vector<WeightSource> sources, sources_of(model, layout, wanted));
    for (const std::string &prefix : model.layouts()[layout].prefixes) {
      const size_t count = count_found(sources, prefix, set);
      if (best_prefix && count <= best_count) continue;
      best = layout;
      best_count = count;
      best_prefix = &prefix;
      best_sources = sources;
    }
  }
  return match_under(model, wanted, std::move(best_sources), model.layouts()[best], *best_prefix,
                     set);
}

Result<std::pair<size_t, WeightMatch>> match_best(const PluginModel &model,
                                                  const std::vector<WantedParameter> &wanted,
                                                  const std::vector<WeightSet> &sets) {
  std::optional<std::pair<size_t, WeightMatch>> best;
  for (size_t i = 0; i < sets.size(); ++i) {
    FLAME_ASSIGN(WeightMatch match, match_weights(model, wanted, sets[i]));
    const bool better = !best || match.placed.size() > best->second.placed.size() ||
                        (match.placed.size() == best->second.placed.size() &&
                         match.extra.size() < best->second.extra.size());
    if (better) best.emplace(i, std::move(match));
  }
  return std::move(*best);
}

std::vector<std::string> grouped_names(const std::vector<std::string> &names, size_t most) {
  std::map<std::string, std::vector<const std::string *>> groups;
  for (const std::string &name : names) groups[pattern_of(name)].push_back(&name);
  std::vector<std::string> lines;
  for (const auto &[pattern, members] : groups) {
    if (lines.size() == most) {
      lines.push_back(fmt::format("and {} more patterns", groups.size() - most));
      break;
    }
    lines.push_back(members.size() == 1
                        ? printable(*members.front())
                        : fmt::format("{} ({} tensors, such as {})", printable(pattern),
                                      members.size(), printable(*members.front())));
  }
  return lines;
}

std::optional<Error> mismatch_error(const WeightMatch &match, const WeightSet &set,
                                    bool refuse_extra) {
  const bool extra = refuse_extra && !match.extra.empty();
  if (match.fits() && !extra) return std::nullopt;
  std::vector<std::string> lines = {
      fmt::format("{}: does not fit the model '{}' (read as the layout '{}'{})", match.set_name,
                  match.component, match.layout->name,
                  match.prefix.empty() ? "" : fmt::format(" under '{}'", printable(match.prefix)))};
  add_group(lines, "missing", match.missing);
  std::vector<std::string> misshaped;
  for (const MisshapedWeight &wrong : match.misshaped)
    misshaped.push_back(
        fmt::format("{} is {}, expected {}", wrong.name, wrong.found, wrong.expected));
  if (!misshaped.empty()) {
    lines.push_back(fmt::format("{} misshaped:", misshaped.size()));
    for (size_t i = 0; i < std::min(misshaped.size(), kGroupsShown); ++i)
      lines.push_back("  " + printable(misshaped[i]));
    if (misshaped.size() > kGroupsShown)
      lines.push_back(fmt::format("  and {} more", misshaped.size() - kGroupsShown));
  }
  if (extra) add_group(lines, "extra", match.extra);
  const std::vector<std::string> kinds = kinds_of(set);
  std::string hint = "give the weights of this model, or the configuration that they were made for";
  if (!kinds.empty()) hint = fmt::format("the file holds {}; {}", join(kinds, ", and "), hint);
  return config_error(join(lines, "\n  "), std::move(hint));
}

}  // namespace flame

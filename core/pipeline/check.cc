// Walks the tree of a pipeline file beside the tables.
#include "core/pipeline/check.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "core/base/suggest.h"
#include "core/base/terminal.h"
#include "core/base/text.h"
#include "core/pipeline/check_options.h"
#include "core/pipeline/components.h"
#include "core/pipeline/contradictions.h"
#include "core/pipeline/known_keys.h"
#include "core/pipeline/pins.h"

namespace flame {
namespace {

namespace fs = std::filesystem;

// "'train.optimizer' (adamw)", as messages name a mapping.
std::string mapping_name(std::string_view path, std::string_view use) {
  if (path.empty()) return "the pipeline file";
  return use.empty() ? fmt::format("'{}'", path) : fmt::format("'{}' ({})", path, printable(use));
}

// The command that prints what may stand in a mapping.
std::string schema_command(const SectionSpec &section, const ComponentSpec *component) {
  if (component) return fmt::format("flamehost schema {}.{}", component->kind, component->id);
  return section.key.empty() ? "flamehost schema" : "flamehost schema " + section.key;
}

class Checker {
 public:
  Checker(const fs::path &file, const YamlNode &root, const Catalogue &catalogue,
          std::vector<Diagnostic> &diagnostics)
      : file_(absolute(file)),
        catalogue_(std::make_shared<Catalogue>(catalogue)),
        root_(root),
        diagnostics_(diagnostics),
        options_(file_.parent_path(), diagnostics) {
    apply_pins(root, file_.parent_path(), *catalogue_, diagnostics);
    components_.emplace(*catalogue_);
    keys_.emplace(root, *components_);
  }

  Pipeline check() {
    Pipeline pipeline;
    pipeline.file = file_;
    pipeline.catalogue = catalogue_;
    pipeline.root = check_section(pipeline_sections(), root_, TextPlace{}, "");
    pipeline.run = check_run(pipeline.root);
    check_contradictions(root_, pipeline.root, diagnostics_);
    return pipeline;
  }

 private:
  // One mapping of the file while it is looked at.
  struct Mapping {
    Mapping(const SectionSpec &its_section, const YamlNode &its_node, const TextPlace &its_place,
            std::string its_path)
        : section(its_section), node(its_node), place(its_place), path(std::move(its_path)) {}

    const SectionSpec &section;
    const YamlNode &node;
    const TextPlace &place;  // of its key
    std::string path;
    std::string use;
    const ComponentSpec *component = nullptr;
    bool component_known = true;    // false: which options it takes cannot be said
    std::set<std::string> excused;  // keys that are there under a wrong name
  };

  static fs::path absolute(const fs::path &file) {
    std::error_code failed;
    const fs::path path = fs::absolute(file, failed);
    return (failed ? file : path).lexically_normal();
  }

  Diagnostic &report(std::string code, const TextPlace &place, std::string message) {
    return add_error(diagnostics_, std::move(code), place, std::move(message));
  }

  std::string check_run(const ResolvedSection &root) {
    const std::string *given = value_of<std::string>(root.options, "run");
    const std::string name = given ? *given : file_.stem().string();
    const std::string problem = run_name_problem(name);
    if (problem.empty()) return name;
    const YamlMember *run = root_.find("run");
    report("bad-value", run ? run->value->place : TextPlace{},
           fmt::format("'{}' cannot name the run: {}", printable(name), problem))
        .hint = run ? "" : "without 'run' the file's name is taken; write run: NAME";
    return {};
  }

  ResolvedSection check_section(const SectionSpec &section, const YamlNode &node,
                                const TextPlace &place, std::string path) {
    ResolvedSection resolved;
    resolved.spec = &section;
    resolved.path = path;
    resolved.place = place;
    Mapping mapping(section, node, place, std::move(path));
    if (node.kind != YamlNode::Kind::kMapping && !is_empty_root(mapping)) {
      refuse_shape(mapping);
      return resolved;
    }
    if (!section.kind.empty()) resolve_use(mapping, resolved);
    check_members(mapping, resolved);
    check_missing(mapping);
    options_.add_defaults(section.own, resolved.options);
    if (mapping.component) options_.add_defaults(*mapping.component, resolved.component_options);
    return resolved;
  }

  static bool is_empty_root(const Mapping &mapping) {
    return mapping.section.key.empty() && mapping.node.kind == YamlNode::Kind::kNull;
  }

  void refuse_shape(const Mapping &mapping) {
    const SectionSpec &section = mapping.section;
    const YamlNode &node = mapping.node;
    const bool scalar = node.kind == YamlNode::Kind::kScalar;
    Diagnostic &diagnostic = report(
        "bad-value", node.place,
        fmt::format("{} is {}", mapping_name(mapping.path, ""),
                    scalar ? fmt::format("the value '{}'", printable(node.text.substr(0, 60)))
                           : describe(node.kind)));
    diagnostic.expected =
        section.kind.empty() ? "a mapping of keys to values" : "a mapping, such as {use: …}";
    diagnostic.see = schema_command(section, nullptr);
    if (!scalar) return;
    const bool names_component =
        !section.kind.empty() && components_->find(section.kind, node.text).ok();
    const size_t colon = node.text.find(':');
    if (names_component) {
      diagnostic.hint =
          fmt::format("write {} {{use: {}}}", section.list ? "-" : section.key + ":", node.text);
    } else if (colon != std::string::npos && colon + 1 < node.text.size() && !node.quoted) {
      diagnostic.hint = "a blank belongs behind ':'";
    } else if (!section.key.empty() && node.text.find(' ') != std::string::npos) {
      diagnostic.hint = "a ':' belongs between key and value";
    }
  }

  void resolve_use(Mapping &mapping, ResolvedSection &resolved) {
    const SectionSpec &section = mapping.section;
    const YamlMember *use = find_use(mapping);
    if (use && use->value->kind != YamlNode::Kind::kScalar) {
      mapping.component_known = false;
      report("bad-value", use->value->place, fmt::format("'use' is {}", describe(use->value->kind)))
          .expected = use_expectation(section);
      return;
    }
    mapping.use = use ? use->value->text : section.default_use;
    resolved.use = mapping.use;
    if (mapping.use.empty() && !use) {
      mapping.component_known = false;  // check_missing says that it is
      return;
    }
    const Result<Catalogue::Match> match = components_->find(section.kind, mapping.use);
    if (match.ok()) {
      resolved.component = *match;
      mapping.component = match->component;
      return;
    }
    mapping.component_known = false;
    if (use) report_use(mapping, use->value->place, match.error());
  }

  // `use`, or what is there with one wrong letter and is reported as a wrong key.
  static const YamlMember *find_use(const Mapping &mapping) {
    if (const YamlMember *use = mapping.node.find("use")) return use;
    for (const YamlMember &member : mapping.node.members) {
      if (edit_distance(member.key, "use") == 1) return &member;
    }
    return nullptr;
  }

  std::string use_expectation(const SectionSpec &section) const {
    const std::vector<std::string> names = components_->short_references(section.kind);
    if (names.empty()) return fmt::format("a component of the kind {}", section.kind);
    return names.size() == 1 ? names.front() : "one of " + join(names, ", ");
  }

  void report_use(Mapping &mapping, const TextPlace &place, const Error &error) {
    const std::string &kind = mapping.section.kind;
    const std::vector<std::string> kinds =
        components_->kinds_of(mapping.use.substr(mapping.use.find('/') + 1));
    const std::string name = printable(mapping.use);
    if (std::find(kinds.begin(), kinds.end(), kind) != kinds.end() &&
        mapping.use.find('/') == std::string::npos) {
      report("ambiguous-component", place, error.what).hint = error.hint;
      return;
    }
    Diagnostic &diagnostic =
        report("unknown-component", place, fmt::format("no {} '{}' is installed", kind, name));
    diagnostic.expected = use_expectation(mapping.section);
    if (!kinds.empty() && kinds.front() != kind) {
      diagnostic.hint = fmt::format("'{}' is of the kind {}", name, kinds.front());
      return;
    }
    diagnostic.suggestions = nearest(mapping.use, components_->references(kind));
    if (diagnostic.suggestions.empty()) {
      diagnostic.hint = "install its plugin, or name the plugin's folder with --plugin-path";
      diagnostic.see = "flamehost plugins list";
    } else if (edit_distance(mapping.use, diagnostic.suggestions.front()) == 1) {
      // A slip of one letter: what stands beside it is checked as if it were right.
      const auto meant = components_->find(kind, diagnostic.suggestions.front());
      mapping.component = meant.ok() ? meant->component : nullptr;
      mapping.component_known = mapping.component != nullptr;
    }
  }

  void check_members(Mapping &mapping, ResolvedSection &resolved) {
    for (const YamlMember &member : mapping.node.members) {
      const SectionSpec *inner = mapping.section.find_section(member.key);
      const OptionSpec *own = mapping.section.own.find_option(member.key);
      const OptionSpec *option =
          mapping.component ? mapping.component->find_option(member.key) : nullptr;
      if (inner) {
        check_inner(*inner, member, child_path(mapping.path, member.key), resolved);
      } else if (own || option) {
        if (own) options_.check(*own, mapping.path, member, resolved.options);
        if (option) options_.check(*option, mapping.path, member, resolved.component_options);
      } else if (!is_other_key(mapping, member.key) && mapping.component_known) {
        report_unknown(mapping, member);
      }
    }
  }

  static bool is_other_key(const Mapping &mapping, std::string_view key) {
    return (key == "use" && !mapping.section.kind.empty()) ||
           (key == kPinsKey && mapping.section.key.empty());
  }

  void check_inner(const SectionSpec &section, const YamlMember &member, const std::string &path,
                   ResolvedSection &resolved) {
    const YamlNode &node = *member.value;
    if (!section.list) {
      resolved.sections.push_back(check_section(section, node, member.place, path));
      return;
    }
    if (node.kind != YamlNode::Kind::kSequence) {
      Diagnostic &diagnostic =
          report("bad-value", node.place, fmt::format("'{}' is {}", path, describe(node.kind)));
      diagnostic.expected = "a list";
      diagnostic.hint = "write each as a line of its own: - {use: …}";
      return;
    }
    for (size_t i = 0; i < node.items.size(); ++i) {
      const YamlNode &item = *node.items[i];
      resolved.sections.push_back(
          check_section(section, item, item.place, fmt::format("{}.{}", path, i)));
    }
  }

  void report_unknown(Mapping &mapping, const YamlMember &member) {
    const KeyAdvice advice =
        keys_->advise(member.key, mapping.path, mapping.section, mapping.component, mapping.node);
    Diagnostic &diagnostic =
        report("unknown-key", member.place,
               fmt::format("unknown key '{}' in {}", printable(member.key.substr(0, 60)),
                           mapping_name(mapping.path, mapping.use)));
    diagnostic.suggestions = advice.suggestions;
    diagnostic.hint = advice.hint;
    diagnostic.see = schema_command(mapping.section, mapping.component);
    if (!advice.suggestions.empty()) mapping.excused.insert(advice.suggestions.front());
    const size_t colon = member.key.find(':');
    if (member.value->kind == YamlNode::Kind::kNull && colon != std::string::npos) {
      diagnostic.suggestions.clear();
      diagnostic.hint =
          fmt::format("a blank belongs behind ':': {}: {}", printable(member.key.substr(0, colon)),
                      printable(member.key.substr(colon + 1, 40)));
      mapping.excused.insert(member.key.substr(0, colon));
    }
  }

  void check_missing(const Mapping &mapping) {
    if (!mapping.node.complete) return;
    const SectionSpec &section = mapping.section;
    if (!section.kind.empty() && section.default_use.empty() && !mapping.node.find("use")) {
      report_missing(mapping, "use", use_expectation(section));
    }
    check_missing_options(mapping, section.own);
    if (mapping.component) check_missing_options(mapping, *mapping.component);
    for (const SectionSpec &inner : section.sections) {
      if (inner.required && !mapping.node.find(inner.key)) {
        report_missing(mapping, inner.key, "a mapping, such as {use: …}");
      }
    }
  }

  void check_missing_options(const Mapping &mapping, const ComponentSpec &component) {
    for (const OptionSpec &option : component.options) {
      const bool twice = &component != &mapping.section.own &&
                         mapping.section.own.find_option(option.name) != nullptr;
      if (!option.required || twice || mapping.node.find(option.name)) continue;
      report_missing(mapping, option.name, list_expectation(option) + ": " + option.help);
    }
  }

  void report_missing(const Mapping &mapping, const std::string &key, std::string expected) {
    if (mapping.excused.contains(key)) return;
    Diagnostic &diagnostic =
        report("missing-key", mapping.place,
               fmt::format("'{}' is missing in {}", key, mapping_name(mapping.path, mapping.use)));
    diagnostic.expected = std::move(expected);
    diagnostic.see = schema_command(mapping.section, mapping.component);
  }

  fs::path file_;
  std::shared_ptr<Catalogue> catalogue_;
  const YamlNode &root_;
  std::vector<Diagnostic> &diagnostics_;
  OptionChecker options_;
  std::optional<Components> components_;
  std::optional<KnownKeys> keys_;
};

}  // namespace

Pipeline check_tree(const std::filesystem::path &file, const YamlNode &root,
                    const Catalogue &catalogue, std::vector<Diagnostic> &diagnostics) {
  return Checker(file, root, catalogue, diagnostics).check();
}

}  // namespace flame

#include "core/pipeline/override.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>

#include "core/base/terminal.h"
#include "core/base/utf8.h"
#include "core/io/yaml_reader.h"
#include "core/pipeline/sections.h"

namespace flame {
namespace {

constexpr size_t kNowhere = std::string_view::npos;
constexpr size_t kMaxSegments = 16;

// One name or number between the dots.
struct Segment {
  std::string_view text;
  TextPlace place;

  std::optional<size_t> index() const {
    size_t value = 0;
    const char *end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value);
    if (text.empty() || read.ec != std::errc() || read.ptr != end) return std::nullopt;
    return value;
  }
};

class Override {
 public:
  Override(const SourceText &argument, std::vector<Diagnostic> &diagnostics)
      : argument_(argument), text_(argument.text()), diagnostics_(diagnostics) {}

  YamlNodePtr apply(const YamlNodePtr &root) {
    equals_ = text_.find('=');
    if (!is_utf8(text_) || has_control_characters(text_)) {
      return refuse(argument_.place(0), "not plain UTF-8", root);
    }
    if (equals_ == kNowhere) {
      return refuse(argument_.place(0, text_.size()), "no '=' in it", root);
    }
    if (!split()) return root;
    YamlNodePtr value = read_value();
    if (!value) return root;
    const YamlNodePtr changed = with(root, segments_, value);
    return changed ? changed : root;
  }

 private:
  YamlNodePtr refuse(const TextPlace &place, std::string message, YamlNodePtr result = nullptr) {
    add_error(diagnostics_, "bad-override", place, std::move(message)).expected =
        "KEY=VALUE, such as train.steps=100 or export.0.path=a.safetensors";
    return result;
  }

  bool split() {
    const std::string_view path = text_.substr(0, equals_);
    for (size_t from = 0; from <= path.size();) {
      // The keys of `plugins:` are ids with dots.
      const bool id = segments_.size() == 1 && segments_.front().text == kPinsKey;
      const size_t dot = id ? path.size() : std::min(path.find('.', from), path.size());
      const std::string_view name = path.substr(from, dot - from);
      segments_.push_back({name, argument_.place(from, name.size())});
      if (name.empty()) return refuse(argument_.place(from), "an empty key"), false;
      from = dot + 1;
    }
    if (segments_.size() <= kMaxSegments) return true;
    return refuse(argument_.place(0, equals_), "more keys in a row than any option has"), false;
  }

  YamlNodePtr read_value() {
    const std::string_view value = text_.substr(equals_ + 1);
    if (!value.empty() && std::string_view("[{\"'").find(value.front()) != kNowhere) {
      // Blanks in front keep the columns.
      const SourceText source(argument_.name(), std::string(equals_ + 1, ' ') + std::string(value),
                              argument_.number());
      const YamlDocument document = read_yaml(source);
      for (const YamlProblem &problem : document.problems) refuse(problem.place, problem.what);
      return document.problems.empty() ? document.root : nullptr;
    }
    auto node = std::make_shared<YamlNode>();
    const bool nothing = value.empty() || value == "~" || value == "null";
    node->kind = nothing ? YamlNode::Kind::kNull : YamlNode::Kind::kScalar;
    node->text = value;
    node->place =
        value.empty() ? argument_.place(equals_) : argument_.place(equals_ + 1, value.size());
    return node;
  }

  // A copy of `node` with the value at the path; null if the path does not lead there.
  YamlNodePtr with(const YamlNodePtr &node, std::span<const Segment> path,
                   const YamlNodePtr &value) {
    if (path.empty()) return value;
    const Segment &first = path.front();
    auto changed = std::make_shared<YamlNode>(node ? *node : YamlNode());
    if (!node) changed->place = first.place;
    if (changed->kind == YamlNode::Kind::kNull) {
      changed->kind = first.index() ? YamlNode::Kind::kSequence : YamlNode::Kind::kMapping;
    }
    const bool put = changed->kind == YamlNode::Kind::kMapping ? put_member(*changed, path, value)
                     : changed->kind == YamlNode::Kind::kSequence ? put_item(*changed, path, value)
                                                                  : false;
    if (changed->kind == YamlNode::Kind::kScalar) {
      refuse(first.place, fmt::format("'{}' cannot be set: what holds it is the value '{}'",
                                      first.text, printable(changed->text)));
    }
    return put ? changed : nullptr;
  }

  bool put_member(YamlNode &mapping, std::span<const Segment> path, const YamlNodePtr &value) {
    const Segment &first = path.front();
    for (YamlMember &member : mapping.members) {
      if (member.key != first.text) continue;
      YamlNodePtr inner = with(member.value, path.subspan(1), value);
      if (!inner) return false;
      member.value = std::move(inner);
      return true;
    }
    YamlNodePtr inner = with(nullptr, path.subspan(1), value);
    if (!inner) return false;
    mapping.members.push_back({std::string(first.text), first.place, std::move(inner)});
    return true;
  }

  bool put_item(YamlNode &list, std::span<const Segment> path, const YamlNodePtr &value) {
    const Segment &first = path.front();
    const std::optional<size_t> index = first.index();
    if (!index || *index > list.items.size()) {
      refuse(first.place, fmt::format("'{}' is no place in a list of {}; the next free one is {}",
                                      first.text, list.items.size(), list.items.size()));
      return false;
    }
    YamlNodePtr inner =
        with(*index < list.items.size() ? list.items[*index] : nullptr, path.subspan(1), value);
    if (!inner) return false;
    if (*index == list.items.size()) list.items.emplace_back();
    list.items[*index] = std::move(inner);
    return true;
  }

  const SourceText &argument_;
  std::string_view text_;
  std::vector<Diagnostic> &diagnostics_;
  size_t equals_ = kNowhere;
  std::vector<Segment> segments_;
};

}  // namespace

YamlNodePtr apply_override(const YamlNodePtr &root, const SourceText &argument,
                           std::vector<Diagnostic> &diagnostics) {
  return Override(argument, diagnostics).apply(root);
}

}  // namespace flame

// Builds the tree of a YAML text from what a parser reports, and holds the limits while it does.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/io/yaml_reader.h"
#include "core/io/yaml_syntax.h"

namespace flame {

// A problem that ends the reading of a part of the text.
struct YamlStop {
  YamlProblem problem;
  bool go_on = false;  // with the next part
};

// Fed with events in their order; places are offsets in the text. Anchors are numbers from 1, 0 is
// none; a tag is "?" for plain text and "!" for quoted. After stopped() holds something, no event
// but break_off() counts. Borrows everything that it is given.
class YamlTree {
 public:
  YamlTree(const SourceText &source, std::string_view cleaned, const YamlLimits &limits,
           std::vector<YamlProblem> &problems)
      : source_(source), text_(cleaned), limits_(limits), problems_(problems) {}

  // A new part starts at that offset. A mapping at the left margin goes on where it was.
  void start_part(size_t offset);

  void document(size_t at);
  void null(size_t at, size_t anchor);
  void alias(size_t at, size_t anchor);
  void scalar(size_t at, size_t anchor, std::string_view tag, const std::string &value);
  void open(YamlNode::Kind kind, size_t at, size_t anchor, std::string_view tag);
  void close();

  const std::optional<YamlStop> &stopped() const { return stop_; }

  // After a failure: what is open stays as it is, marked as incomplete. Plain text over several
  // lines just before it has most likely swallowed the line that is wrong, and is cut there.
  void break_off();

  // What the parser gave up on at `offset`, with what is open there.
  SyntaxFailure failure(size_t offset, std::string_view words) const;
  // Whether a further part would be a part of the same mapping.
  bool can_go_on() const { return top_ != nullptr || !root_; }
  // The offset of the last key at the left margin.
  size_t last_top_key() const { return last_top_key_; }
  YamlNodePtr take_root();

 private:
  struct Frame {
    std::shared_ptr<YamlNode> node;
    bool flow = false;
    size_t offset = 0;
    size_t column = std::string_view::npos;  // from 0, of its keys or items; unknown in brackets
    size_t anchor = 0;
    size_t nodes_before = 0;
    size_t height = 0;  // of what it holds
    bool has_key = false;
    bool key_usable = false;
    YamlMember member;
    std::unordered_map<std::string, size_t> lines;  // of the keys
  };
  struct Anchor {
    YamlNodePtr node;  // null while it is open
    size_t count = 0;
    size_t height = 0;
  };

  size_t start(size_t at, size_t anchor, std::string_view tag);
  void refuse_tag(size_t at, size_t size);
  TextPlace place_of_word(size_t at) const;
  TextPlace place_of_nothing(size_t at) const;
  size_t first_line_size(size_t at) const;
  size_t plain_size(size_t at, std::string_view value) const;
  std::optional<size_t> quoted_size(size_t at);
  void stop(const TextPlace &place, std::string what, std::string hint, bool go_on = false);
  bool count_nodes(size_t count, size_t at);
  bool check_depth(size_t depth, size_t at);
  void second_document(size_t at);
  void add_leaf(std::shared_ptr<YamlNode> node, size_t at, size_t anchor);
  void add(YamlNodePtr node, size_t at);
  void take_key(Frame &frame, const YamlNode &key, size_t at);

  const SourceText &source_;
  std::string_view text_;
  const YamlLimits &limits_;
  std::vector<YamlProblem> &problems_;
  size_t last_ = 0;
  size_t last_top_key_ = 0;
  int documents_ = 0;
  size_t nodes_ = 0;
  bool breaking_off_ = false;
  std::vector<Frame> open_;
  std::unique_ptr<Frame> top_;  // the mapping at the left margin, between parts
  std::unordered_map<size_t, Anchor> anchors_;
  YamlNodePtr root_;
  std::shared_ptr<YamlNode> swallower_;  // the last value, if it is plain text over several lines
  size_t swallower_first_line_ = 0;      // how much of it is of its first line
  std::optional<YamlStop> stop_;
};

}  // namespace flame

// The only file that sees yaml-cpp: its parser reports events, and the tree is ours.
#include "core/io/yaml_reader.h"

#include <fmt/core.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <optional>
#include <streambuf>
#include <unordered_map>

#include "core/base/terminal.h"
#include "core/io/yaml_syntax.h"
#include "core/io/yaml_text.h"

namespace flame {
namespace {

constexpr size_t kNowhere = std::string_view::npos;

// A problem that ends the reading of this part, thrown through the library alone.
struct Stop {
  YamlProblem problem;
  bool go_on = false;  // with the next part
};

// The library reads streams; this one does not copy the text.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char *begin = const_cast<char *>(text.data());  // streambuf's interface; nothing writes to it
    setg(begin, begin, begin + text.size());
  }
};

// Builds the tree from the library's events, over all parts of one text.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const SourceText &source, std::string_view cleaned, const YamlLimits &limits,
              std::vector<YamlProblem> &problems)
      : source_(source), text_(cleaned), limits_(limits), problems_(problems) {}

  void start_part(size_t base) {
    swallower_ = nullptr;
    base_ = base;
    last_ = base;
    documents_ = 0;
    anchors_.clear();
  }

  // After a failure: what is open stays as it is, marked as incomplete. Plain text over several
  // lines just before it has most likely swallowed the line that is wrong, and is cut there.
  void break_off() {
    breaking_off_ = true;
    if (swallower_) swallower_->text = swallower_->text.substr(0, swallower_first_line_);
    while (!open_.empty()) {
      open_.back().node->complete = false;
      close();
    }
    breaking_off_ = false;
    if (top_) top_->node->complete = false;
  }

  YamlNodePtr take_root() {
    if (root_) return root_;
    auto nothing = std::make_shared<YamlNode>();
    nothing->place = source_.place(0);
    nothing->complete = problems_.empty();
    return nothing;
  }

  bool can_go_on() const { return top_ != nullptr || !root_; }
  // The offset of the last key at the left margin, or the start of the part.
  size_t last_top_key() const { return last_top_key_; }

  SyntaxFailure failure(size_t offset, std::string_view words) const {
    SyntaxFailure failure{&source_, offset, words, last_, {}, std::nullopt};
    for (const Frame &frame : open_) {
      if (frame.flow) {
        failure.bracket = frame.offset;
      } else if (frame.column != kNowhere) {
        failure.columns.push_back(frame.column);
      }
    }
    return failure;
  }

  size_t offset_of(const YAML::Mark &mark) const {
    if (mark.is_null() || mark.pos < 0) return text_.size();
    return std::min(base_ + static_cast<size_t>(mark.pos), text_.size());
  }

  void OnDocumentStart(const YAML::Mark &mark) override {
    if (++documents_ > 1) second_document(offset_of(mark));
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark &mark, YAML::anchor_t anchor) override {
    auto node = std::make_shared<YamlNode>();
    const size_t at = start(mark, anchor, "");
    const std::string_view rest = text_.substr(at);
    size_t size = 0;
    for (const std::string_view word : {"~", "null", "Null", "NULL"}) {
      if (rest.starts_with(word)) size = word.size();
    }
    if (size > 0) {
      node->text = rest.substr(0, size);
      node->place = source_.place(at, size);
      last_ = at;
    } else {
      node->place = place_of_nothing(at);
    }
    add_leaf(std::move(node), at, anchor);
  }

  void OnAlias(const YAML::Mark &mark, YAML::anchor_t anchor) override {
    const size_t at = offset_of(mark);
    last_ = at;
    const Anchor &repeated = anchors_[anchor];
    if (!repeated.node) {
      problems_.push_back({place_of_word(at), "an alias inside what it repeats",
                           "nothing can hold itself; write the value out"});
      add(std::make_shared<YamlNode>(), at);
      return;
    }
    count_nodes(repeated.count, at);
    check_depth(open_.size() + repeated.height, at);
    if (!open_.empty()) open_.back().height = std::max(open_.back().height, repeated.height);
    add(repeated.node, at);
  }

  void OnScalar(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor,
                const std::string &value) override {
    const size_t at = start(mark, anchor, tag);
    auto node = std::make_shared<YamlNode>();
    node->kind = YamlNode::Kind::kScalar;
    node->text = value;
    node->quoted = tag == "!";
    node->place = source_.place(at, node->quoted ? check_quote(at) : plain_size(at, value));
    last_ = at;
    const bool over_lines = !node->quoted && text_.substr(at, value.size()) != value;
    add_leaf(node, at, anchor);
    swallower_ = over_lines ? node : nullptr;
    swallower_first_line_ = over_lines ? first_line_size(at) : 0;
  }

  void OnSequenceStart(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kSequence, start(mark, anchor, tag), anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kMapping, start(mark, anchor, tag), anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    std::shared_ptr<YamlNode> node;
    bool flow = false;
    size_t offset = 0;
    size_t column = kNowhere;  // from 0, of its keys or items; unknown in brackets
    YAML::anchor_t anchor = 0;
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

  // Where the content of a node starts, behind its anchor and tag. A tag is refused here.
  size_t start(const YAML::Mark &mark, YAML::anchor_t anchor, const std::string &tag) {
    swallower_ = nullptr;
    size_t at = offset_of(mark);
    const bool tagged = tag != "?" && tag != "!" && !tag.empty();
    while (at < text_.size() && ((text_[at] == '&' && anchor != 0) || text_[at] == '!')) {
      const size_t end = std::min(text_.find_first_of(" \n\r,[]{}", at), text_.size());
      if (text_[at] == '!') refuse_tag(at, end - at);
      at = std::min(text_.find_first_not_of(" \n\r", end), text_.size());
    }
    if (tagged && problems_.empty()) refuse_tag(offset_of(mark), 1);
    return at;
  }

  void refuse_tag(size_t at, size_t size) {
    problems_.push_back({source_.place(at, size), "a tag",
                         "remove it; types come from the options, and text that starts with '!' "
                         "stands in quotes"});
  }

  TextPlace place_of_word(size_t at) const {
    return source_.place(at, std::min(text_.find_first_of(" \n\r,[]{}", at), text_.size()) - at);
  }

  // A value that is missing is shown at its key, or at the dash or bracket before it.
  TextPlace place_of_nothing(size_t at) const {
    if (!open_.empty() && open_.back().has_key) return open_.back().member.place;
    const size_t before = at == 0 ? kNowhere : text_.find_last_of("-[,", at - 1);
    return source_.place(before == kNowhere || before < last_ ? at : before);
  }

  // Blanks at the end of the line do not count.
  size_t first_line_size(size_t at) const {
    const std::string_view line = text_.substr(at, text_.find_first_of("\r\n", at) - at);
    return line.find_last_not_of(' ') + 1;
  }

  size_t plain_size(size_t at, const std::string &value) const {
    if (text_.substr(at, value.size()) == value) return value.size();
    return text_.size() - at;  // over several lines: to the end of the first
  }

  // The library takes a quote that is never closed, and lines in it that are not indented.
  size_t check_quote(size_t at) {
    if (at >= text_.size() || (text_[at] != '"' && text_[at] != '\'')) return 1;  // a text block
    const size_t end = end_of_quote(text_, at);
    size_t least = 0;
    for (const Frame &frame : open_) {
      if (!frame.flow && frame.column != kNowhere) least = frame.column + 1;
    }
    const size_t last_line = source_.line_of(end == kNowhere ? text_.size() : end);
    for (size_t line = source_.line_of(at) + 1; line <= last_line; ++line) {
      const size_t blanks = source_.line(line).find_first_not_of(' ');
      if (blanks == kNowhere || blanks >= least) continue;
      throw Stop{
          {source_.place(at), "this quote is not closed before a line that starts a new part",
           fmt::format("close it, or indent line {}", line)},
          true};
    }
    if (end == kNowhere) {
      throw Stop{{source_.place(at), "this quote is never closed", "close it"}, true};
    }
    return end + 1 - at;
  }

  void count_nodes(size_t count, size_t at) {
    nodes_ += count;
    if (nodes_ <= limits_.max_nodes) return;
    throw Stop{{place_of_word(at),
                fmt::format("more than {} values, those repeated by aliases counted each time",
                            limits_.max_nodes),
                "a pipeline file holds options; keep data in files of their own"}};
  }

  void check_depth(size_t depth, size_t at) const {
    if (depth <= limits_.max_depth) return;
    throw Stop{{place_of_word(at),
                fmt::format("deeper than {} levels, those in aliases counted", limits_.max_depth),
                "no section needs more than a few"}};
  }

  void second_document(size_t at) {
    const std::string_view rest = text_.substr(at);
    const size_t line = source_.line_of(at);
    if (rest.starts_with("---")) {
      throw Stop{{source_.place(at, 3), "a second document",
                  "a file is one pipeline; put the second into a file of its own"}};
    }
    if (rest.starts_with("...")) at = std::min(text_.find_first_not_of(" \r\n.", at), text_.size());
    if (top_ && top_->column != kNowhere && top_->column > source_.indentation(line)) {
      throw Stop{{source_.place(top_->offset),
                  fmt::format("this line starts in column {}, but line {} starts in column {}",
                              top_->column + 1, line, source_.indentation(line) + 1),
                  "start all keys of the file in column 1"},
                 true};
    }
    throw Stop{{place_of_word(at), "text behind the end of the document",
                "a file is one mapping of keys to values"}};
  }

  void open(YamlNode::Kind kind, size_t at, YAML::anchor_t anchor) {
    last_ = at;
    if (open_.empty() && top_ && kind == YamlNode::Kind::kMapping) {  // a further part
      open_.push_back(std::move(*top_));
      top_.reset();
      return;
    }
    count_nodes(1, at);
    check_depth(open_.size() + 1, at);
    Frame frame;
    frame.node = std::make_shared<YamlNode>();
    frame.node->kind = kind;
    frame.node->place = source_.place(at);
    frame.flow = at < text_.size() && (text_[at] == '{' || text_[at] == '[');
    frame.offset = at;
    frame.anchor = anchor;
    frame.nodes_before = nodes_ - 1;
    if (!frame.flow) frame.column = at - source_.line_start(source_.line_of(at));
    if (kind == YamlNode::Kind::kSequence && !text_.substr(at).starts_with('-')) {
      frame.column = kNowhere;
    }
    if (anchor != 0) anchors_[anchor] = {};
    open_.push_back(std::move(frame));
  }

  void close() {
    Frame frame = std::move(open_.back());
    open_.pop_back();
    const size_t height = frame.height + 1;
    if (frame.anchor != 0) {
      anchors_[frame.anchor] = {frame.node, nodes_ - frame.nodes_before, height};
    }
    const YamlNodePtr node = frame.node;
    const size_t at = frame.offset;
    if (open_.empty()) {
      root_ = node;
      if (node->kind == YamlNode::Kind::kMapping) top_ = std::make_unique<Frame>(std::move(frame));
      if (top_) top_->has_key = false;
      return;
    }
    open_.back().height = std::max(open_.back().height, height);
    add(node, at);
  }

  void add_leaf(std::shared_ptr<YamlNode> node, size_t at, YAML::anchor_t anchor) {
    count_nodes(1, at);
    if (anchor != 0) anchors_[anchor] = {node, 1, 0};
    add(std::move(node), at);
  }

  void add(YamlNodePtr node, size_t at) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame &frame = open_.back();
    if (frame.node->kind == YamlNode::Kind::kSequence) {
      frame.node->items.push_back(std::move(node));
    } else if (!frame.has_key) {
      take_key(frame, *node, at);
    } else {
      frame.has_key = false;
      frame.member.value = std::move(node);
      if (frame.key_usable) frame.node->members.push_back(std::move(frame.member));
    }
  }

  void take_key(Frame &frame, const YamlNode &key, size_t at) {
    if (open_.size() == 1) last_top_key_ = at;
    frame.has_key = true;
    frame.key_usable = false;
    frame.member = {key.text, key.place, nullptr};
    if (breaking_off_) return;
    if (key.kind != YamlNode::Kind::kScalar) {
      problems_.push_back({key.place, fmt::format("{} as a key", describe(key.kind)),
                           "a key is a word, such as 'steps'"});
      return;
    }
    if (key.text == "<<" && !key.quoted) {
      problems_.push_back({key.place, "a merge key '<<'", "write the keys out"});
      return;
    }
    frame.key_usable = true;
    const auto [first, is_new] = frame.lines.emplace(key.text, key.place.line);
    if (is_new) return;
    problems_.push_back(
        {key.place, fmt::format("the key '{}' stands here a second time", printable(key.text)),
         fmt::format("the first is in line {}; remove one of them", first->second)});
  }

  const SourceText &source_;
  std::string_view text_;
  const YamlLimits &limits_;
  std::vector<YamlProblem> &problems_;
  size_t base_ = 0;  // of this part in the text
  size_t last_ = 0;
  size_t last_top_key_ = 0;
  int documents_ = 0;
  size_t nodes_ = 0;
  bool breaking_off_ = false;
  std::vector<Frame> open_;
  std::unique_ptr<Frame> top_;  // the mapping at the left margin, between parts
  std::unordered_map<YAML::anchor_t, Anchor> anchors_;
  YamlNodePtr root_;
  std::shared_ptr<YamlNode> swallower_;  // the last value, if it is plain text over several lines
  size_t swallower_first_line_ = 0;      // how much of it is of its first line
};

// The start of the first line behind `offset` that starts like a key at the left margin.
size_t next_part(const SourceText &source, size_t offset) {
  for (size_t line = source.line_of(offset) + 1; line <= source.line_count(); ++line) {
    if (starts_with_key(source.line(line))) return source.line_start(line);
  }
  return kNowhere;
}

class Reader {
 public:
  Reader(const SourceText &source, const YamlLimits &limits)
      : source_(source),
        checked_(check_yaml_text(source, limits)),
        builder_(source, checked_.cleaned, limits, document_.problems) {
    document_.problems = checked_.problems;
  }

  YamlDocument read() {
    // Parts are read again from their start to the next failure, so that their sum is bounded too.
    size_t budget = 2 * checked_.cleaned.size() + kFreeBytes;
    size_t from = checked_.start;
    while (checked_.readable && from != kNowhere) {
      const size_t rest = checked_.cleaned.size() - from;
      if (rest > budget) break;
      budget -= rest;
      from = read_part(from);
    }
    document_.root = builder_.take_root();
    return std::move(document_);
  }

 private:
  static constexpr size_t kFreeBytes = 1 << 18;

  // Returns where the next part starts.
  size_t read_part(size_t from) {
    builder_.start_part(from);
    const bool first = from == checked_.start;
    try {
      ViewBuffer buffer(std::string_view(checked_.cleaned).substr(from));
      std::istream stream(&buffer);
      YAML::Parser parser(stream);
      while (parser.HandleNextDocument(builder_)) {
      }
      return kNowhere;
    } catch (const Stop &stop) {
      add(stop.problem);
      builder_.break_off();
      if (!stop.go_on) return kNowhere;
    } catch (const YAML::Exception &failure) {
      // Anchors of earlier parts are not known in this one.
      const bool unknown_anchor = failure.msg.find("anchor is not defined") != std::string::npos;
      if (first || !unknown_anchor) {
        add(explain(builder_.failure(builder_.offset_of(failure.mark), failure.msg)));
      }
      builder_.break_off();
    } catch (const std::exception &failure) {
      add({source_.place(from), fmt::format("not readable: {}", failure.what()), {}});
      return kNowhere;
    }
    if (!builder_.can_go_on()) return kNowhere;
    return next_part(source_, std::max(from, builder_.last_top_key()));
  }

  // A failure that reaches over several parts is said once.
  void add(YamlProblem problem) {
    for (const YamlProblem &other : document_.problems) {
      if (other.place.line == problem.place.line) return;
    }
    document_.problems.push_back(std::move(problem));
  }

  const SourceText &source_;
  YamlDocument document_;
  YamlText checked_;
  TreeBuilder builder_;
};

}  // namespace

YamlDocument read_yaml(const SourceText &source, const YamlLimits &limits) {
  return Reader(source, limits).read();
}

}  // namespace flame

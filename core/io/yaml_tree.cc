#include "core/io/yaml_tree.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/terminal.h"

namespace flame {
namespace {

constexpr size_t kNowhere = std::string_view::npos;

}  // namespace

void YamlTree::start_part(size_t offset) {
  swallower_ = nullptr;
  stop_.reset();
  last_ = offset;
  documents_ = 0;
  anchors_.clear();
}

void YamlTree::break_off() {
  breaking_off_ = true;
  if (swallower_) swallower_->text = swallower_->text.substr(0, swallower_first_line_);
  while (!open_.empty()) {
    open_.back().node->complete = false;
    close();
  }
  breaking_off_ = false;
  if (top_) top_->node->complete = false;
}

YamlNodePtr YamlTree::take_root() {
  if (root_) return root_;
  auto nothing = std::make_shared<YamlNode>();
  nothing->place = source_.place(0);
  nothing->complete = problems_.empty();
  return nothing;
}

SyntaxFailure YamlTree::failure(size_t offset, std::string_view words) const {
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

void YamlTree::document(size_t at) {
  if (++documents_ > 1) second_document(at);
}

void YamlTree::null(size_t at, size_t anchor) {
  auto node = std::make_shared<YamlNode>();
  at = start(at, anchor, "");
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

void YamlTree::alias(size_t at, size_t anchor) {
  swallower_ = nullptr;
  last_ = at;
  const Anchor &repeated = anchors_[anchor];
  if (!repeated.node) {
    problems_.push_back({place_of_word(at), "an alias inside what it repeats",
                         "nothing can hold itself; write the value out"});
    add(std::make_shared<YamlNode>(), at);
    return;
  }
  if (!count_nodes(repeated.count, at)) return;
  if (!check_depth(open_.size() + repeated.height, at)) return;
  if (!open_.empty()) open_.back().height = std::max(open_.back().height, repeated.height);
  add(repeated.node, at);
}

void YamlTree::scalar(size_t at, size_t anchor, std::string_view tag, const std::string &value) {
  at = start(at, anchor, tag);
  auto node = std::make_shared<YamlNode>();
  node->kind = YamlNode::Kind::kScalar;
  node->text = value;
  node->quoted = tag == "!";
  const std::optional<size_t> size = node->quoted ? quoted_size(at) : plain_size(at, value);
  if (!size) return;
  node->place = source_.place(at, *size);
  last_ = at;
  const bool over_lines = !node->quoted && text_.substr(at, value.size()) != value;
  add_leaf(node, at, anchor);
  swallower_ = over_lines ? node : nullptr;
  swallower_first_line_ = over_lines ? first_line_size(at) : 0;
}

// Where the content of a node starts, behind its anchor and tag. A tag is refused here.
size_t YamlTree::start(size_t at, size_t anchor, std::string_view tag) {
  swallower_ = nullptr;
  const size_t mark = at;
  bool tagged = tag != "?" && tag != "!" && !tag.empty();
  while (at < text_.size() && ((text_[at] == '&' && anchor != 0) || text_[at] == '!')) {
    const size_t end = std::min(text_.find_first_of(" \n\r,[]{}", at), text_.size());
    if (text_[at] == '!') {
      refuse_tag(at, end - at);
      tagged = false;
    }
    at = std::min(text_.find_first_not_of(" \n\r", end), text_.size());
  }
  if (tagged) refuse_tag(mark, 1);
  return at;
}

void YamlTree::refuse_tag(size_t at, size_t size) {
  problems_.push_back({source_.place(at, size), "a tag",
                       "remove it; types come from the options, and text that starts with '!' "
                       "stands in quotes"});
}

TextPlace YamlTree::place_of_word(size_t at) const {
  return source_.place(at, std::min(text_.find_first_of(" \n\r,[]{}", at), text_.size()) - at);
}

// A value that is missing is shown at its key, or at the dash or bracket before it.
TextPlace YamlTree::place_of_nothing(size_t at) const {
  if (!open_.empty() && open_.back().has_key) return open_.back().member.place;
  const size_t before = at == 0 ? kNowhere : text_.find_last_of("-[,", at - 1);
  return source_.place(before == kNowhere || before < last_ ? at : before);
}

// Blanks at the end of the line do not count.
size_t YamlTree::first_line_size(size_t at) const {
  const std::string_view line = text_.substr(at, text_.find_first_of("\r\n", at) - at);
  return line.find_last_not_of(' ') + 1;
}

size_t YamlTree::plain_size(size_t at, std::string_view value) const {
  if (text_.substr(at, value.size()) == value) return value.size();
  return text_.size() - at;  // over several lines: to the end of the first
}

// The library takes a quote that is never closed, and lines in it that are not indented.
std::optional<size_t> YamlTree::quoted_size(size_t at) {
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
    stop(source_.place(at), "this quote is not closed before a line that starts a new part",
         fmt::format("close it, or indent line {}", line), true);
    return std::nullopt;
  }
  if (end != kNowhere) return end + 1 - at;
  stop(source_.place(at), "this quote is never closed", "close it", true);
  return std::nullopt;
}

void YamlTree::stop(const TextPlace &place, std::string what, std::string hint, bool go_on) {
  if (!stop_) stop_ = YamlStop{{place, std::move(what), std::move(hint)}, go_on};
}

bool YamlTree::count_nodes(size_t count, size_t at) {
  nodes_ += count;
  if (nodes_ <= limits_.max_nodes) return true;
  stop(place_of_word(at),
       fmt::format("more than {} values, those repeated by aliases counted each time",
                   limits_.max_nodes),
       "a pipeline file holds options; keep data in files of their own");
  return false;
}

bool YamlTree::check_depth(size_t depth, size_t at) {
  if (depth <= limits_.max_depth) return true;
  stop(place_of_word(at),
       fmt::format("deeper than {} levels, those in aliases counted", limits_.max_depth),
       "no section needs more than a few");
  return false;
}

void YamlTree::second_document(size_t at) {
  const std::string_view rest = text_.substr(at);
  const size_t line = source_.line_of(at);
  if (rest.starts_with("---")) {
    stop(source_.place(at, 3), "a second document",
         "a file is one pipeline; put the second into a file of its own");
    return;
  }
  if (rest.starts_with("...")) at = std::min(text_.find_first_not_of(" \r\n.", at), text_.size());
  if (top_ && top_->column != kNowhere && top_->column > source_.indentation(line)) {
    stop(source_.place(top_->offset),
         fmt::format("this line starts in column {}, but line {} starts in column {}",
                     top_->column + 1, line, source_.indentation(line) + 1),
         "start all keys of the file in column 1", true);
    return;
  }
  stop(place_of_word(at), "text behind the end of the document",
       "a file is one mapping of keys to values");
}

void YamlTree::open(YamlNode::Kind kind, size_t at, size_t anchor, std::string_view tag) {
  at = start(at, anchor, tag);
  last_ = at;
  if (open_.empty() && top_ && kind == YamlNode::Kind::kMapping) {  // a further part
    open_.push_back(std::move(*top_));
    top_.reset();
    return;
  }
  if (!count_nodes(1, at) || !check_depth(open_.size() + 1, at)) return;
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

void YamlTree::close() {
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

void YamlTree::add_leaf(std::shared_ptr<YamlNode> node, size_t at, size_t anchor) {
  if (!count_nodes(1, at)) return;
  if (anchor != 0) anchors_[anchor] = {node, 1, 0};
  add(std::move(node), at);
}

void YamlTree::add(YamlNodePtr node, size_t at) {
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

void YamlTree::take_key(Frame &frame, const YamlNode &key, size_t at) {
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
  problems_.push_back({key.place,
                       fmt::format("the key '{}' stands here a second time", printable(key.text)),
                       fmt::format("the first is in line {}; remove one of them", first->second)});
}

}  // namespace flame

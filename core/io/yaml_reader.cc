// The only file that sees yaml-cpp: its parser reports events, and the tree is ours.
#include "core/io/yaml_reader.h"

#include <fmt/core.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <streambuf>

#include "core/io/yaml_syntax.h"
#include "core/io/yaml_text.h"
#include "core/io/yaml_tree.h"

namespace flame {
namespace {

constexpr size_t kNowhere = std::string_view::npos;

// Thrown through the library, which knows no other way to be stopped, and caught below.
struct Stopped {};

// The library reads streams; this one does not copy the text.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char *begin = const_cast<char *>(text.data());  // streambuf's interface; nothing writes to it
    setg(begin, begin, begin + text.size());
  }
};

// The library counts from the start of the part, and has marks that are nowhere.
size_t offset_of(const YAML::Mark &mark, size_t base, size_t size) {
  if (mark.is_null() || mark.pos < 0) return size;
  return std::min(base + static_cast<size_t>(mark.pos), size);
}

// Hands the library's events on to the tree.
class Events : public YAML::EventHandler {
 public:
  Events(YamlTree &tree, size_t base, size_t size) : tree_(tree), base_(base), size_(size) {}

  void OnDocumentStart(const YAML::Mark &mark) override {
    tree_.document(at(mark));
    look();
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark &mark, YAML::anchor_t anchor) override {
    tree_.null(at(mark), anchor);
    look();
  }
  void OnAlias(const YAML::Mark &mark, YAML::anchor_t anchor) override {
    tree_.alias(at(mark), anchor);
    look();
  }
  void OnScalar(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor,
                const std::string &value) override {
    tree_.scalar(at(mark), anchor, tag, value);
    look();
  }
  void OnSequenceStart(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    tree_.open(YamlNode::Kind::kSequence, at(mark), anchor, tag);
    look();
  }
  void OnSequenceEnd() override { tree_.close(); }
  void OnMapStart(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    tree_.open(YamlNode::Kind::kMapping, at(mark), anchor, tag);
    look();
  }
  void OnMapEnd() override { tree_.close(); }

 private:
  size_t at(const YAML::Mark &mark) const { return offset_of(mark, base_, size_); }
  void look() const {
    if (tree_.stopped()) throw Stopped();
  }

  YamlTree &tree_;
  size_t base_;
  size_t size_;
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
        tree_(source, checked_.cleaned, limits, document_.problems) {
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
    document_.root = tree_.take_root();
    return std::move(document_);
  }

 private:
  static constexpr size_t kFreeBytes = 1 << 18;

  // Returns where the next part starts.
  size_t read_part(size_t from) {
    tree_.start_part(from);
    try {
      ViewBuffer buffer(std::string_view(checked_.cleaned).substr(from));
      std::istream stream(&buffer);
      YAML::Parser parser(stream);
      Events events(tree_, from, checked_.cleaned.size());
      while (parser.HandleNextDocument(events)) {
      }
      return kNowhere;
    } catch (const Stopped &) {
      add(tree_.stopped()->problem);
      if (!tree_.stopped()->go_on) return tree_.break_off(), kNowhere;
    } catch (const YAML::Exception &failure) {
      // Anchors of earlier parts are not known in this one.
      const bool unknown_anchor = failure.msg.find("anchor is not defined") != std::string::npos;
      const size_t at = offset_of(failure.mark, from, checked_.cleaned.size());
      if (from == checked_.start || !unknown_anchor) {
        add(explain(tree_.failure(at, failure.msg)));
      }
    } catch (const std::exception &failure) {
      add({source_.place(from), fmt::format("not readable: {}", failure.what()), {}});
      return tree_.break_off(), kNowhere;
    }
    tree_.break_off();
    if (!tree_.can_go_on()) return kNowhere;
    return next_part(source_, std::max(from, tree_.last_top_key()));
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
  YamlTree tree_;
};

}  // namespace

YamlDocument read_yaml(const SourceText &source, const YamlLimits &limits) {
  return Reader(source, limits).read();
}

}  // namespace flame

#include "tests/pipeline/mutator.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <stdexcept>

namespace flame::test {
namespace {

using Lines = std::vector<std::string>;

Lines split(const std::string &text) {
  Lines lines;
  for (size_t from = 0; from < text.size();) {
    const size_t end = std::min(text.find('\n', from), text.size());
    lines.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return lines;
}

std::string join(const Lines &lines) {
  std::string text;
  for (const std::string &line : lines) text += line + "\n";
  return text;
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

// A key of the text; line and column count from 0.
struct Word {
  size_t line;
  size_t column;
  std::string text;
};

// Every key: a word before ": " or a ':' at the line's end. The text has none in its values but in
// quotes, which `quoted` steps over.
std::vector<Word> keys_of(const Lines &lines) {
  std::vector<Word> keys;
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string &line = lines[i];
    bool quoted = false;
    for (size_t at = 0; at < line.size() && line[at] != '#'; ++at) {
      if (line[at] == '\'' || line[at] == '"') quoted = !quoted;
      if (quoted || line[at] != ':' || (at + 1 < line.size() && line[at + 1] != ' ')) continue;
      size_t start = at;
      while (start > 0 && is_word(line[start - 1])) --start;
      keys.push_back({i, start, line.substr(start, at - start)});
    }
  }
  return keys;
}

class Mutator {
 public:
  Mutator(const std::string &text, unsigned seed)
      : text_(text), lines_(split(text)), random_(seed) {}

  std::vector<Mutant> make() {
    typos_of_keys();
    typos_of_values();
    wrong_values();
    wrong_sections();
    missing();
    duplicates();
    indentation();
    characters();
    structure();
    return std::move(mutants_);
  }

 private:
  size_t pick(size_t count) { return random_() % count; }

  size_t line_of(std::string_view start) const {
    for (size_t i = 0; i < lines_.size(); ++i) {
      if (lines_[i].starts_with(start)) return i;
    }
    throw std::logic_error(fmt::format("no line starts with '{}'", start));
  }

  // `line` and `column` count from 0.
  void add(std::string kind, const Lines &lines, size_t line, size_t column) {
    add_text(std::move(kind), join(lines), line, column);
  }
  void add_text(std::string kind, std::string text, size_t line, size_t column) {
    mutants_.push_back({std::move(kind), std::move(text), line + 1, column + 1, {}, 0});
  }

  // The lines with `size` bytes of one of them replaced.
  Lines with(size_t line, size_t column, size_t size, std::string_view text) const {
    Lines lines = lines_;
    lines[line].replace(column, size, text);
    return lines;
  }
  Lines with_line_behind(size_t line, std::string text) const {
    Lines lines = lines_;
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(line) + 1, std::move(text));
    return lines;
  }
  Lines without(size_t line, size_t count = 1) const {
    Lines lines = lines_;
    const auto first = lines.begin() + static_cast<std::ptrdiff_t>(line);
    lines.erase(first, first + static_cast<std::ptrdiff_t>(count));
    return lines;
  }

  // One slip of the fingers: a letter too many, too few, another one, or two in the wrong order.
  std::string slip(std::string word) {
    const std::string_view letters = "abcdefghijklmnopqrstuvwxyz";
    const size_t at = pick(word.size());
    switch (pick(4)) {
      case 0:
        return word.insert(at, 1, letters[pick(letters.size())]);
      case 1:
        return word.erase(at, 1);
      case 2:
        word[at] = letters[pick(letters.size())];
        return word;
      default:
        if (at + 1 < word.size()) std::swap(word[at], word[at + 1]);
        return word;
    }
  }

  void typo(std::string kind, const Word &word, size_t edits) {
    std::string wrong = word.text;
    // A word that is right, empty or no longer a word is no typo.
    while (wrong == word.text || wrong.empty() || right_words_.contains(wrong) ||
           !is_word(wrong.front()) || wrong.front() == '-') {
      wrong = word.text;
      for (size_t i = 0; i < edits; ++i) wrong = slip(wrong.empty() ? word.text : wrong);
    }
    add(std::move(kind), with(word.line, word.column, word.text.size(), wrong), word.line,
        word.column);
    mutants_.back().meant = word.text;
    mutants_.back().edits = edits;
  }

  // Two slips in a word of fewer than five letters leave nothing to recognise.
  void typos(const std::string &kind, const Word &word) {
    typo(kind, word, 1);
    typo(kind, word, 1);
    if (word.text.size() >= 5) typo(kind, word, 2);
  }

  void typos_of_keys() {
    const std::vector<Word> keys = keys_of(lines_);
    for (const Word &key : keys) right_words_.insert(key.text);
    right_words_.insert({"bf16", "f16", "f32", "tf32"});
    for (const Word &key : keys) typos("typo of a key", key);
  }

  void typos_of_values() {
    for (const std::string_view key : {"use", "precision", "determinism", "prediction", "dtype"}) {
      for (const Word &word : keys_of(lines_)) {
        if (word.text != key) continue;
        const size_t start = word.column + word.text.size() + 2;
        const std::string &line = lines_[word.line];
        size_t end = start;
        while (end < line.size() && is_word(line[end])) ++end;
        const Word value{word.line, start, line.substr(start, end - start)};
        typos(key == "use" ? "typo of a component" : "typo of a choice", value);
      }
    }
  }

  // Replaces the value behind `before`, the start of a line up to the value.
  void value(const std::string &kind, std::string_view before, size_t size,
             std::string_view wrong) {
    const size_t line = line_of(before);
    add(kind, with(line, before.size(), size, wrong), line, before.size());
  }

  void wrong_values() {
    for (const char *wrong : {"many", "1.5", "1e3", "\"1500\"", "true", "[1500]", "{a: 1}", "010",
                              "0x10", "1_500", "1500 steps", "99999999999999999999"}) {
      value("wrong type", "  steps: ", 4, wrong);
    }
    for (const char *wrong : {"0", "-3"}) value("out of range", "  steps: ", 4, wrong);
    for (const char *wrong : {"-1", "nan", ".inf", "1e999", "'1.0'", "a", "01.0"}) {
      value("wrong number", "  clip: ", 3, wrong);
    }
    for (const char *wrong : {"yes", "no", "True", "on", "1", "'true'", "[true]"}) {
      value("wrong bool", "  flip: ", 4, wrong);
    }
    for (const char *wrong : {"1.1", "-0.1"}) value("out of range", "  dropout: ", 3, wrong);
    for (const char *wrong : {"63", "8193", "1024px", "1024.0"}) {
      value("out of range", "  resolution: ", 4, wrong);
    }
    const std::string memory = "backend: {use: auto, precision: bf16, memory: ";
    for (const char *wrong : {"22G", "0", "-1GiB", "22stone", "1.5", "much", "'22'"}) {
      value("wrong size", memory, 5, wrong);
    }
    for (const char *wrong : {"2", "one", "'1'"}) value("wrong version", "flame: ", 1, wrong);
    for (const char *wrong : {"a/b", "..", "''", "[x]"}) value("wrong name", "run: ", 7, wrong);
    for (const char *wrong : {"[]", "3", "x.txt"}) {
      const size_t line = line_of("adapter: ");
      add("wrong shape", with(line, 9, lines_[line].size() - 9, wrong), line, 9);
    }
    for (const std::string_view key : {"  batch:", "  accumulate:", "  repeats:", "  path:"}) {
      const size_t line = line_of(key);
      add("value left out", with(line, key.size(), std::string::npos, ""), line, 2);
    }
  }

  void wrong_sections() {
    const std::pair<std::string_view, const char *> moved[] = {
        {"train:", "  lr: 1e-4"},
        {"train:", "  rank: 16"},
        {"train:", "  warmup: 10"},
        {"train:", "  precision: f32"},
        {"data:", "  batch: 2"},
        {"data:", "  prompts: a"},
        {"sample:", "  clip: 2"},
        {"sample:", "  flip: true"},
        {"flame:", "lr: 1e-4"},
        {"flame:", "rank: 8"},
        {"flame:", "optimizer: {use: adamw}"},
        {"flame:", "batch: 2"},
        {"train:", "  learning_rate: 1"},
        {"flame:", "network_dim: 8"},
        {"data:", "  batch_size: 2"},
        {"train:", "  seed: 4"}};
    for (const auto &[section, text] : moved) {
      const size_t line = line_of(section);
      const std::string_view moved_line = text;
      add("wrong section", with_line_behind(line, text), line + 1,
          moved_line.find_first_not_of(' '));
    }
  }

  void missing() {
    // Removes `count` lines from the one that starts so; the error stands `up` lines above.
    const auto lines = [&](std::string_view start, size_t count, size_t up, size_t column) {
      const size_t line = line_of(start);
      add("missing key", without(line, count), line - up, column);
    };
    add("missing key", without(line_of("flame:")), 0, 0);
    lines("  steps: 1500", 1, 1, 0);
    lines("  optimizer:", 1, 6, 0);
    lines("  path: pictures", 1, 2, 0);
    lines("  use: image-folder", 1, 1, 0);
    lines("  prompts:", 3, 2, 0);
    lines("    path: my-lora-diffusers", 1, 1, 4);
    const auto part = [&](std::string_view start, std::string_view removed, size_t column) {
      const size_t line = line_of(start);
      const size_t at = lines_[line].find(removed);
      add("missing key", with(line, at, removed.size(), ""), line, column);
    };
    part("model:", "use: sdxl, ", 0);
    part("adapter:", "use: lora, ", 0);
    part("  optimizer:", "use: adamw, ", 2);
    part("  - {use:", "path: my-lora.safetensors, ", 4);
    part("  - {use:", "use: comfyui-lora, ", 4);
    part("  sampler:", "use: euler-ancestral, ", 2);
  }

  void duplicates() {
    for (const std::string_view start :
         {"flame:", "seed:", "adapter:", "  batch:", "  clip:", "  repeats:", "    warmup:"}) {
      const size_t line = line_of(start);
      add("duplicate key", with_line_behind(line, lines_[line]), line + 1,
          lines_[line].find_first_not_of(' '));
    }
    for (const std::string_view start : {"backend:", "model:", "adapter:", "  optimizer:"}) {
      const size_t line = line_of(start);
      const size_t end = lines_[line].size() - 1;
      add("duplicate key", with(line, end, 0, ", use: x"), line, end + 2);
    }
  }

  void indentation() {
    for (const std::string_view start :
         {"  path: pictures", "  resolution:", "  repeats:", "  batch:", "  accumulate:", "  clip:",
          "  optimizer:", "  steps: 20", "  guidance:", "    warmup:", "    final:"}) {
      const size_t line = line_of(start);
      const size_t blanks = lines_[line].find_first_not_of(' ');
      add("bad indent", with(line, 0, 0, " "), line, blanks + 1);
      add("bad indent", with(line, 0, 0, "   "), line, blanks + 3);
      add("bad indent", with(line, 0, 1, ""), line, blanks - 1);
    }
    // The first line of a block sets its column: the second is the one that fits nothing.
    for (const std::string_view start : {"  use: image-folder", "    use: cosine"}) {
      const size_t line = line_of(start);
      const size_t blanks = lines_[line + 1].find_first_not_of(' ');
      add("bad indent", with(line, 0, 0, " "), line + 1, blanks);
      add("bad indent", with(line, 0, 1, ""), line + 1, blanks);
    }
    const size_t item = line_of("    - 'a painting");
    add("bad indent", with(item, 0, 1, ""), item, 3);
    const size_t root = line_of("seed:");
    add("bad indent", with(root, 0, 0, " "), root, 1);
    add("bad indent", with(line_of("flame:"), 0, 0, " "), line_of("flame:"), 1);
    for (const std::string_view start : {"  batch:", "  repeats:", "  guidance:"}) {
      const size_t line = line_of(start);  // to the left margin: a key of the wrong section
      add("bad indent", with(line, 0, 2, ""), line, 0);
    }
  }

  void characters() {
    const size_t last = lines_.size() - 1;
    for (int i = 0; i < 6; ++i) {
      const size_t line = 1 + pick(last);
      const size_t blanks = lines_[line].find_first_not_of(' ');
      const size_t behind = lines_[line].find(": ");
      if (blanks > 0) add("tab", with(line, 0, blanks, "\t"), line, 0);
      if (behind != std::string::npos)
        add("tab", with(line, behind + 1, 1, "\t"), line, behind + 1);
      add("tab", with(line, lines_[line].size(), 0, "\t"), line, lines_[line].size());
    }
    const std::string_view wrong[] = {{"\0", 1},  "\x01",     "\x1b[31m",     "\x7f",
                                      "\xff",     "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80",
                                      "\xe2\x82", "\xc2\x85", "\xef\xbb\xbf", "\r"};
    for (const std::string_view bytes : wrong) {
      const size_t line = 1 + pick(last);
      const size_t column = pick(lines_[line].size());
      add("encoding", with(line, column, 0, bytes), line, column);
    }
    add_text("encoding", "\xef\xbb\xbf" + text_, 0, 0);
    std::string wide = "\xff\xfe";
    for (const char c : text_) wide += {c, '\0'};
    add_text("encoding", wide, 0, 0);
  }

  void structure() {
    const auto value_of = [&](std::string_view start, std::string_view wrong, size_t column) {
      const size_t line = line_of(start);
      const size_t at = lines_[line].find(": ") + 2;
      add("YAML", with(line, at, std::string::npos, wrong), line, at + column);
    };
    for (const char *wrong : {"*nothing", "!!int 3", "!x 3", "! 3", "@3", "`3", "%3"}) {
      value_of("seed:", wrong, 0);
    }
    value_of("seed:", "&a !!int 3", 3);
    value_of("seed:", "a: b", 1);
    value_of("adapter:", "&a {use: lora, rank: *a}", 21);
    value_of("adapter:", "{use: lora, <<: {rank: 3}}", 12);
    value_of("adapter:", "{use: lora, rank: 3", 0);
    value_of("adapter:", "{use: lora, rank: 3]", 19);
    value_of("adapter:", "{use: lora rank: 3}", 11);
    value_of("adapter:", "{use: lora, [rank]: 3}", 12);
    value_of("run:", "'my-lora", 0);
    value_of("run:", "\"my-lora", 0);
    value_of("run:", "\"my\\qlora\"", 3);
    for (const std::string_view start : {"backend:", "model:", "  optimizer:", "  sampler:"}) {
      const size_t line = line_of(start);
      add("YAML", with(line, lines_[line].size() - 1, 1, ""), line, lines_[line].find('{'));
    }
    for (const std::string_view start : {"  batch:", "  repeats:", "  guidance:"}) {
      const size_t line = line_of(start);
      const size_t colon = lines_[line].find(':');
      add("YAML", with(line, colon + 1, 1, ""), line, colon + 1);
      add("YAML", with(line, colon, 1, ""), line, 2);
    }
    for (const std::string_view start : {"seed:", "train:", "export:"}) {
      const size_t line = line_of(start);
      add("several documents", with_line_behind(line - 1, "---"), line, 0);
      add("several documents", with_line_behind(line - 1, "..."), line + 1, 0);
    }
    add("several documents", with_line_behind(lines_.size() - 1, "---"), lines_.size(), 0);
    add("directive", with_line_behind(0, "%YAML 1.2"), 1, 0);
    add("too deep", with_line_behind(0, "x: " + std::string(70, '[') + std::string(70, ']')), 1,
        3 + 64);
  }

  std::string text_;
  Lines lines_;
  std::mt19937 random_;
  std::set<std::string> right_words_;
  std::vector<Mutant> mutants_;
};

}  // namespace

std::vector<Mutant> make_mutants(const std::string &text, unsigned seed) {
  return Mutator(text, seed).make();
}

}  // namespace flame::test

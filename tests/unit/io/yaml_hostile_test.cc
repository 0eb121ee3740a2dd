// Texts that were made to hurt a YAML reader: each is answered, and soon.
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <time.h>

#include <functional>
#include <random>

#include "core/io/yaml_reader.h"

namespace flame {
namespace {

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Far above what any of these takes, on any machine: a guard against work that grows faster than
// the text. How quick the reader is, tests/bench measures.
constexpr double kMostSeconds = 10;

// Walks the whole tree as a consumer would, so that a tree too deep or too large is felt.
size_t walk(const YamlNode &node) {
  size_t count = 1;
  for (const YamlMember &member : node.members) count += walk(*member.value);
  for (const YamlNodePtr &item : node.items) count += walk(*item);
  return count;
}

// Reads the text and returns its problems.
YamlDocument answer(const std::string &text, std::string_view what) {
  const double start = processor_seconds();
  YamlDocument document = read_yaml(SourceText("hostile.yaml", text));
  EXPECT_LE(walk(*document.root), 20001u) << what;
  EXPECT_LE(processor_seconds() - start, kMostSeconds) << what;
  return document;
}

std::string repeat(std::string_view part, size_t bytes) {
  std::string text;
  while (text.size() + part.size() <= bytes) text += part;
  return text;
}

const std::string kValid =
    "# a pipeline\nflame: 1\nrun: 'my-lora'\nbackend: {use: auto, memory: 22GiB}\n"
    "train:\n  steps: 1500\n  optimizer: &o {use: adamw, lr: 1e-4}\n"
    "sample:\n  prompts:\n    - \"a \\\"photo\\\" \\u00e9\"\n    - |\n      two\n      lines\n"
    "export:\n  - {use: comfyui-lora, path: ä.safetensors}\n  - use: *o\n";

TEST(YamlHostile, AnswersAMegabyteOfAnyOnePartSoon) {
  for (const char *part : {"[",
                           "{",
                           "]",
                           "}",
                           "- ",
                           "? ",
                           "a: ",
                           "&a ",
                           "!a ",
                           "*a ",
                           "\"",
                           "'",
                           "\\",
                           "a",
                           "a\n",
                           "#\n",
                           "# ",
                           "\n",
                           " ",
                           "|\n",
                           "- a\n",
                           "a: b\n",
                           "[a, ",
                           "{a: ",
                           "a,",
                           "\"a\" ",
                           "\"a\": ",
                           "%a\n",
                           "---\n",
                           "--- ",
                           "...\n",
                           "!",
                           "!!",
                           "&",
                           "*",
                           "-",
                           "?",
                           ":",
                           ": ",
                           "- - a\n",
                           "? a\n",
                           "\\x41",
                           "\xc3\xa9",
                           "''",
                           "[]",
                           "{}",
                           "[]\n",
                           "],",
                           "\\\n",
                           " \n",
                           "  - |\n",
                           "a:\n",
                           "\r\n",
                           "!<a> ",
                           "{a,",
                           "a:a ",
                           "[\n",
                           "{a: [\n",
                           "a: [\nb: {\n",
                           "a: 'x\n",
                           "a: \"\n",
                           " a:\n  b\n",
                           "a: b\n c: d\n",
                           "\t",
                           "\xff",
                           "\xef\xbb\xbf",
                           "@\n",
                           "<<: ",
                           "<<: *a\n",
                           "~\n",
                           "null: "}) {
    answer(repeat(part, 1 << 20), part);
  }
}

TEST(YamlHostile, AnswersLongLinesBelowTheLimitSoon) {
  for (const char *part :
       {"a ", "[a, ", "{a: ", "\"a\" ", "a, ", "'' ", "- ", "? ", "&a ", "!a "}) {
    const std::string line = repeat(part, 16000) + "\n";
    answer(repeat(line, 1 << 18), part);
    answer("a: [" + repeat(line, 1 << 18), part);
    answer(repeat(line, 1 << 20), part);
  }
}

TEST(YamlHostile, RefusesTwoMegabytes) {
  EXPECT_FALSE(answer(repeat("a: b\n", 2 << 20), "2 MiB").problems.empty());
}

TEST(YamlHostile, RefusesNestingOfAnyDepth) {
  for (const size_t depth : {65u, 500u, 2000u, 100000u}) {
    EXPECT_FALSE(answer(std::string(depth, '['), "lists").problems.empty());
    std::string lines;
    for (size_t i = 0; i < depth && lines.size() < 900000; ++i) lines += "[\n";
    EXPECT_FALSE(answer(lines, "lists over lines").problems.empty());
    EXPECT_FALSE(answer(repeat("- ", 2 * depth) + "a", "items").problems.empty());
    std::string block;
    for (size_t i = 0; i < depth && block.size() < 900000; ++i) {
      block += std::string(i, ' ') + "a:\n";
    }
    EXPECT_FALSE(answer(block, "mappings").problems.empty());
  }
}

TEST(YamlHostile, RefusesAliasBombsInAnyShape) {
  std::string bomb = "a0: &a0 {k: v}\n";
  for (int i = 1; i < 40; ++i) {
    bomb += fmt::format("a{0}: &a{0} {{x: *a{1}, y: *a{1}}}\n", i, i - 1);
  }
  EXPECT_FALSE(answer(bomb, "mappings").problems.empty());
  EXPECT_FALSE(answer("a: &a [" + repeat("*a, ", 10000) + "]\n", "self").problems.empty());
  EXPECT_FALSE(
      answer("a: &a [x, x, x, x]\nb: [" + repeat("*a, ", 16000) + "]\n", "wide").problems.empty());
}

TEST(YamlHostile, AnswersEveryTruncationOfAValidText) {
  for (size_t size = 0; size <= kValid.size(); ++size) {
    answer(kValid.substr(0, size), fmt::format("{} bytes", size));
  }
  EXPECT_TRUE(answer(kValid, "whole").problems.empty());
}

TEST(YamlHostile, AnswersEveryChangeOfOneByte) {
  std::mt19937 random(42);
  for (int i = 0; i < 4000; ++i) {
    std::string text = kValid;
    text[random() % text.size()] = static_cast<char>(random());
    answer(text, fmt::format("change {}", i));
  }
}

TEST(YamlHostile, AnswersRandomBytesAndRandomYaml) {
  std::mt19937 random(7);
  const std::string_view letters = "ab:-,[]{}&*!|>'\"%@?#~ \n\n  \\0";
  for (int i = 0; i < 2000; ++i) {
    std::string bytes, yaml;
    const size_t size = random() % 400;
    for (size_t k = 0; k < size; ++k) {
      bytes += static_cast<char>(random());
      yaml += letters[random() % letters.size()];
    }
    answer(bytes, fmt::format("bytes {}", i));
    answer(yaml, fmt::format("yaml {}", i));
  }
  std::string large;
  for (size_t k = 0; k < (1u << 20); ++k) large += letters[random() % letters.size()];
  answer(large, "a megabyte of random YAML");
}

}  // namespace
}  // namespace flame

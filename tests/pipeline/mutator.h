// Makes wrong pipeline files out of a right one, and knows of each where it is wrong.
#pragma once

#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace flame::test {

struct Mutant {
  std::string kind;  // "typo of a key", "tab", …
  std::string text;
  // Where the error must be reported: line and column, from 1.
  size_t line = 0;
  size_t column = 0;
  std::string meant;  // of a typo: the right word
  size_t edits = 0;   // of a typo
};

// The text must be that of sample_pipeline(). The same seed gives the same mutants.
std::vector<Mutant> make_mutants(const std::string &text, unsigned seed);

}  // namespace flame::test

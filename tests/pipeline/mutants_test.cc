// Wrong pipeline files by the hundred: each is caught at its place, and a typo is answered with the
// word that was meant.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <map>

#include "core/pipeline/pipeline.h"
#include "tests/fixtures/sample_catalogue.h"
#include "tests/pipeline/mutator.h"

namespace flame {
namespace {

constexpr unsigned kSeeds[] = {1, 2, 3, 4, 5};

std::string all_places(const CheckedPipeline &checked) {
  std::string text;
  for (const Diagnostic &d : checked.diagnostics) {
    text += fmt::format("  {}:{} {}\n", d.place.line, d.place.column, d.message);
  }
  return text;
}

const Diagnostic *at(const CheckedPipeline &checked, const test::Mutant &mutant) {
  for (const Diagnostic &d : checked.diagnostics) {
    const bool here = d.place.line == mutant.line && d.place.column == mutant.column;
    if (here && d.severity == Severity::kError) return &d;
  }
  return nullptr;
}

CheckedPipeline check(const std::string &text, const Catalogue &catalogue) {
  return check_pipeline({"p.yaml", text, {}}, catalogue);
}

TEST(Mutants, StartFromAPipelineThatIsRight) {
  const CheckedPipeline checked = check(test::sample_pipeline(), test::sample_catalogue());
  EXPECT_TRUE(checked.diagnostics.empty()) << all_places(checked);
}

// How many of all were as they must be.
struct Count {
  size_t good = 0;
  size_t all = 0;

  void add(bool is_good) {
    ++all;
    if (is_good) ++good;
  }
  double percent() const { return 100.0 * static_cast<double>(good) / static_cast<double>(all); }
};

struct Figures {
  std::map<std::string, Count> kinds;
  std::map<size_t, Count> typos;  // by the number of edits
  Count caught;
  Count answered;
};

void judge(const test::Mutant &mutant, const Catalogue &catalogue, Figures &figures) {
  const CheckedPipeline checked = check(mutant.text, catalogue);
  const Diagnostic *found = at(checked, mutant);
  EXPECT_TRUE(found) << mutant.kind << ", expected at " << mutant.line << ":" << mutant.column
                     << "\n"
                     << mutant.text << all_places(checked);
  EXPECT_FALSE(checked.pipeline.has_value());
  figures.kinds[mutant.kind].add(found);
  figures.caught.add(found);
  if (mutant.meant.empty()) return;
  const bool answered =
      found && !found->suggestions.empty() && found->suggestions.front() == mutant.meant;
  figures.typos[mutant.edits].add(answered);
  figures.answered.add(answered);
  if (!answered && found) {
    fmt::print("not answered with '{}': {}\n", mutant.meant, to_text(*found, checked.sources));
  }
}

TEST(Mutants, AreAllCaughtAtTheirPlaceAndTyposAreAnswered) {
  const Catalogue catalogue = test::sample_catalogue();
  Figures figures;
  for (const unsigned seed : kSeeds) {
    const std::vector<test::Mutant> mutants = test::make_mutants(test::sample_pipeline(), seed);
    EXPECT_GE(mutants.size(), 200u);
    for (const test::Mutant &mutant : mutants) judge(mutant, catalogue, figures);
  }
  for (const auto &[kind, count] : figures.kinds) {
    fmt::print("{:<22} {:>4} of {:>4} at their place\n", kind, count.good, count.all);
  }
  for (const auto &[edits, count] : figures.typos) {
    fmt::print("typos of {} edit{}: {} of {} answered with the right word first\n", edits,
               edits == 1 ? "" : "s", count.good, count.all);
  }
  fmt::print("{} of {} mutants at their place; {} of {} typos answered ({:.1f} %)\n",
             figures.caught.good, figures.caught.all, figures.answered.good, figures.answered.all,
             figures.answered.percent());
  EXPECT_EQ(figures.caught.good, figures.caught.all);
  EXPECT_GE(figures.answered.percent(), 95.0);
}

TEST(Mutants, AreCaughtAlikeWithWindowsLineEnds) {
  const Catalogue catalogue = test::sample_catalogue();
  for (const test::Mutant &mutant : test::make_mutants(test::sample_pipeline(), 6)) {
    if (mutant.text.starts_with("\xff\xfe")) continue;  // line ends of two bytes each
    std::string text;
    for (const char c : mutant.text) text += c == '\n' ? std::string("\r\n") : std::string(1, c);
    const CheckedPipeline checked = check(text, catalogue);
    EXPECT_TRUE(at(checked, mutant))
        << mutant.kind << ", expected at " << mutant.line << ":" << mutant.column << "\n"
        << mutant.text << all_places(checked);
  }
}

TEST(Mutants, TwoAtOnceAreBothReported) {
  const Catalogue catalogue = test::sample_catalogue();
  std::string text = test::sample_pipeline();
  text.replace(text.find("precision: bf16"), 15, "precision: bf61");
  text.replace(text.find("rank: 16"), 8, "rnak: 16");
  text.replace(text.find("  flip: true"), 12, "   flip: true");
  text.replace(text.find("every: 250"), 10, "every: 0x1");
  EXPECT_EQ(check(text, catalogue).diagnostics.size(), 4u) << all_places(check(text, catalogue));
}

}  // namespace
}  // namespace flame

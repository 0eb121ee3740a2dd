// The gradient check catches every bug that is planted in a gradient rule: the program of the
// gradient is changed as if its rule had been wrong.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/base/text.h"
#include "core/program/rewrite.h"
#include "tests/gradient/gradient_case.h"

namespace flame::gradient_test {
namespace {

constexpr double kTolerance = 1e-6;  // of the gradient check

enum class Where {
  kForward,   // the rule differentiates another op than the one that runs
  kBackward,  // in the ops that the rule adds
  kExpanded,  // in the decompositions of those
};

struct RuleMutant {
  std::string name;
  std::string op;  // whose cases must catch it
  Where where;
  // Changes the use of an op, if it is one that the bug is in.
  std::function<void(std::string &op, Attributes &attributes)> edit;
};

void PrintTo(const RuleMutant &mutant, std::ostream *out) {
  *out << mutant.name << " in " << mutant.op;
}

// `program` with the nodes from `first` on edited; counts those that the bug was in.
Result<Program> edited(const Program &program, size_t first, const RuleMutant &mutant, int &hits) {
  ProgramBuilder builder;
  ProgramCopy copy(program, builder);
  for (size_t i = 0; i < program.nodes().size(); ++i) {
    Node node = program.nodes()[i];
    std::string op(node.op->name);
    const Attributes before = node.attributes;
    if (i >= first) mutant.edit(op, node.attributes);
    hits += !(node.attributes == before);
    copy.add(node, builder);
  }
  copy.outputs();
  return builder.finish();
}

PlantedBug planted(const RuleMutant &mutant, int &hits) {
  PlantedBug bug;
  if (mutant.where == Where::kForward) {
    bug.before = [&](const Program &forward) { return edited(forward, 0, mutant, hits); };
    // The forward part of the gradient's program stays wrong, but only the gradients are looked at.
    return bug;
  }
  bug.after = [&](const Program &forward, const Gradients &gradients) -> Result<Program> {
    if (mutant.where == Where::kBackward)
      return edited(gradients.program, gradients.first_backward_node, mutant, hits);
    FLAME_ASSIGN(const Program whole, expand_all(gradients.program));
    FLAME_ASSIGN(const Program front, expand_all(forward));
    return edited(whole, front.nodes().size(), mutant, hits);
  };
  return bug;
}

using Edit = std::function<void(std::string &op, Attributes &attributes)>;

Edit set(const char *op, const char *attribute, AttributeValue value) {
  return [=](std::string &name, Attributes &attributes) {
    if (name == op) attributes.set(attribute, value);
  };
}

Edit in_code(const char *from, const char *to) {
  return [=](std::string &name, Attributes &attributes) {
    if (name == "map") attributes.set("code", replace_all(attributes.text("code"), from, to));
  };
}

Edit padding_off_by_one(const char *op) {
  return [=](std::string &name, Attributes &attributes) {
    if (name != op) return;
    std::vector<int64_t> padding = attributes.integers("padding");
    if (padding[0] == padding[1]) return;
    std::swap(padding[0], padding[1]);
    attributes.set("padding", padding);
  };
}

// Every map with one answer gives 1 % more.
void one_percent_more(std::string &name, Attributes &attributes) {
  if (name != "map") return;
  const std::string code = attributes.text("code");
  if (code.find("->") != std::string::npos) return;
  const auto last = std::ranges::count(code, ';');
  attributes.set("code", fmt::format("{}; mul t{} 1.01", code, last));
}

void average_for_sum(std::string &name, Attributes &attributes) {
  if (name == "reduce" && attributes.text("kind") == "sum")
    attributes.set("kind", std::string("mean"));
}

constexpr char kNormGradient[] = "sub x0 x1; mul x2 x3; sub t0 t1; mul t2 x4";

std::vector<RuleMutant> mutants() {
  return {
      {"mean_term_missing", "layer_norm", Where::kExpanded,
       in_code(kNormGradient, "mul x1 0.0; sub x0 t0; mul x2 x3; sub t1 t2; mul t3 x4")},
      {"product_term_missing", "layer_norm", Where::kExpanded,
       in_code(kNormGradient, "sub x0 x1; mul x2 x3; mul t1 0.0; sub t0 t2; mul t3 x4")},
      {"eps_of_another_norm", "layer_norm", Where::kForward, set("layer_norm", "eps", 1e-4)},
      {"variance_biased", "var", Where::kForward, set("var", "correction", int64_t{0})},
      {"one_percent_more", "softmax", Where::kExpanded, one_percent_more},
      {"one_percent_more_in_a_loss", "mse", Where::kExpanded, one_percent_more},
      {"tanh_for_erf", "map", Where::kForward, in_code("gelu x0", "gelu_tanh x0")},
      {"cubic_term_missing", "map", Where::kBackward, in_code("0.134145", "0.0")},
      {"padding_of_the_image_off_by_one", "conv2d", Where::kBackward,
       padding_off_by_one("conv2d_input_grad")},
      {"padding_of_the_weight_off_by_one", "conv2d", Where::kBackward,
       padding_off_by_one("conv2d_weight_grad")},
      {"scale_missing", "attention", Where::kBackward, set("attention_grad", "scale", 1.0)},
      {"causal_forgotten", "attention", Where::kBackward, set("attention_grad", "causal", false)},
      {"sum_not_turned_round", "cumsum", Where::kBackward, set("cumsum", "reverse", false)},
      {"rotation_not_turned_back", "rope", Where::kBackward, set("rope", "inverse", false)},
      {"activation_forgotten", "group_norm", Where::kBackward,
       set("group_norm_grad", "activation", std::string())},
      {"padding_counted", "pool2d", Where::kBackward,
       set("pool2d_grad", "count_include_pad", true)},
      {"sum_over_the_wrong_axis", "softmax", Where::kBackward,
       set("softmax_grad", "axis", int64_t{0})},
      {"broadcast_averaged", "map", Where::kBackward, average_for_sum},
      {"maximum_gives_to_all", "reduce", Where::kBackward, in_code("eq x0 x1", "le x0 x1")},
  };
}

class RuleMutantOf : public testing::TestWithParam<RuleMutant> {};

TEST_P(RuleMutantOf, IsCaught) {
  const RuleMutant &mutant = GetParam();
  int hits = 0;
  std::string caught_by;
  for (GradientCase c : all_cases()) {
    if (c.op != mutant.op || !caught_by.empty()) continue;
    c.order = 1;
    const Result<double> error = check_case(c, planted(mutant, hits));
    ASSERT_TRUE(error.ok()) << c.name << ": " << error.error().text();
    if (!(*error <= kTolerance)) caught_by = c.name;
  }
  EXPECT_GT(hits, 0) << "the bug is in no case of '" << mutant.op << "'";
  EXPECT_NE(caught_by, "") << mutant.name << " survives";
  RecordProperty("caught_by", caught_by);
}

// What plants the bugs changes nothing by itself.
TEST(RuleMutants, WithoutABugTheCheckPasses) {
  for (const Where where : {Where::kForward, Where::kBackward, Where::kExpanded}) {
    const RuleMutant none{"none", "", where, [](std::string &, Attributes &) {}};
    for (GradientCase c : all_cases()) {
      int hits = 0;
      c.order = 1;
      const Result<double> error = check_case(c, planted(none, hits));
      ASSERT_TRUE(error.ok()) << c.op << ", " << c.name << ": " << error.error().text();
      EXPECT_LE(*error, kTolerance) << c.op << ", " << c.name;
      EXPECT_EQ(hits, 0);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Planted, RuleMutantOf, testing::ValuesIn(mutants()),
                         [](const auto &param) { return param.param.name; });

}  // namespace
}  // namespace flame::gradient_test

// A whole program on two backends: equal where they agree, and the op with a planted bug is named.
#include "core/runtime/conformance/lockstep.h"

#include <gtest/gtest.h>

#include "core/ops/catalogue/terms.h"
#include "core/plugin/backends.h"
#include "core/program/program_builder.h"
#include "core/runtime/conformance/program_check.h"

namespace flame::conformance {
namespace {

// A small block: linear, norm, gelu, linear, and a sum; built at places of its own.
Program block() {
  ProgramBuilder builder;
  const auto weight = [&](const char *name, const Shape &shape) {
    return builder.term(builder.parameter(name, {DType::kF32, shape}, true));
  };
  builder.set_source("block.cc", 10);
  const Term x = builder.term(builder.input("x", {DType::kF32, {6, 16}}));
  const Term a = apply_one("linear", {x, weight("up", {24, 16}), weight("up.bias", {24})}, {});
  builder.set_source("block.cc", 11);
  const Term b = apply("layer_norm", {a, weight("scale", {24}), weight("shift", {24})}, {})[0];
  builder.set_source("block.cc", 12);
  const Term c = map("gelu x0", {b});
  builder.set_source("block.cc", 13);
  const Term d = apply_one("linear", {c, weight("down", {16, 24})}, {});
  builder.output("y", d.id());
  builder.output("total", reduce("sum", d, {0, 1}).id());
  return *builder.finish();
}

class Lockstep : public testing::Test {
 protected:
  void open(const std::string &bug) {
    OpenDeviceRequest request;
    request.reference = "mutant";
    if (!bug.empty()) request.options.emplace_back("bug", bug);
    auto right = open_device(host, catalogue, {"reference", 0, false, {}});
    auto tried = open_device(host, catalogue, request);
    ASSERT_TRUE(right.ok()) << right.error().text();
    ASSERT_TRUE(tried.ok()) << tried.error().text();
    reference = std::move(*right);
    candidate = std::move(*tried);
  }

  const Catalogue catalogue = Catalogue::scan({FLAME_REFERENCE_FOLDER, FLAME_MUTANT_FOLDER});
  PluginHost host{PluginHost::Settings{}};
  std::unique_ptr<Device> reference, candidate;
};

TEST_F(Lockstep, AgreesWithoutABug) {
  open("");
  const Result<LockstepCheck> check = check_lockstep(*reference, *candidate, block(), 1);
  ASSERT_TRUE(check.ok()) << check.error().text();
  EXPECT_FALSE(check->first) << check->first->op << ": " << check->first->wrong;
  EXPECT_EQ(check->nodes, block().nodes().size());
  const Result<ProgramCheck> whole = check_program(*reference, *candidate, block(), 1);
  ASSERT_TRUE(whole.ok()) << whole.error().text();
  EXPECT_TRUE(whole->equal());
  EXPECT_EQ(whole->outputs.size(), 2u);
}

TEST_F(Lockstep, NamesTheOpWithTheBugAndItsPlace) {
  struct Planted {
    const char *bug, *op, *place;
  };
  for (const auto &[bug, op, place] : {Planted{"eps-of-another-norm", "layer_norm", "block.cc:11"},
                                       {"variance-unbiased", "layer_norm", "block.cc:11"},
                                       {"tanh-for-erf", "map", "block.cc:12"},
                                       {"one-percent-more", "linear", "block.cc:10"},
                                       {"sum-in-bf16", "reduce", "block.cc:13"}}) {
    open(bug);
    const Result<LockstepCheck> check = check_lockstep(*reference, *candidate, block(), 1);
    ASSERT_TRUE(check.ok()) << check.error().text();
    ASSERT_TRUE(check->first) << bug;
    EXPECT_EQ(check->first->op, op) << bug;
    EXPECT_EQ(check->first->place, place) << bug;
    const Result<ProgramCheck> whole = check_program(*reference, *candidate, block(), 1);
    ASSERT_TRUE(whole.ok()) << whole.error().text();
    EXPECT_FALSE(whole->equal()) << bug;
  }
}

TEST_F(Lockstep, GivesTheSameValuesForTheSameSeedAlone) {
  const TensorMap first = seeded_values(block(), 1);
  EXPECT_EQ(first.at("up").bytes, seeded_values(block(), 1).at("up").bytes);
  EXPECT_NE(first.at("up").bytes, seeded_values(block(), 2).at("up").bytes);
}

}  // namespace
}  // namespace flame::conformance

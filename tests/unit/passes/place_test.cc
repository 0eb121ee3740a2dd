// Programs in memory: views without copies, copies where a target asks for them, states in place.
#include "core/passes/place.h"

#include <gmock/gmock.h>

#include <array>

#include "core/ops/catalogue/terms.h"
#include "core/program/program_builder.h"

namespace flame {
namespace {

using testing::HasSubstr;

const TensorType kSquare{DType::kF32, {4, 4}};

// Takes everything but strided inputs of the ops in `contiguous_only`, and nothing of `refused`.
class FakeTarget final : public Target {
 public:
  std::vector<std::string> contiguous_only;
  std::string refused;
  OpInfo info;
  bool side_by_side = false;

  std::string_view name() const override { return "fake"; }
  bool branches() const override { return side_by_side; }
  Result<OpAnswer> probe(std::string_view op, const Attributes &, std::span<const TypedView> inputs,
                         std::span<const TypedView>) override {
    if (op == refused) return OpAnswer{std::nullopt, "it is not made for that"};
    if (std::ranges::find(contiguous_only, op) == contiguous_only.end()) return OpAnswer{info, {}};
    for (const TypedView &input : inputs) {
      if (!input.view.is_contiguous()) return OpAnswer{std::nullopt, "a strided input"};
    }
    return OpAnswer{info, {}};
  }
  Result<OpInfo> prepare(std::string_view op, const Attributes &attributes,
                         std::span<const TypedView> inputs,
                         std::span<const TypedView> outputs) override {
    FLAME_ASSIGN(const OpAnswer answer, probe(op, attributes, inputs, outputs));
    EXPECT_TRUE(answer.info) << op;
    return op == "map" ? in_place_ : info;
  }

 private:
  OpInfo in_place_{true, true, 0, 0, true};
};

size_t inserted(const PlacedProgram &placed) {
  return static_cast<size_t>(std::ranges::count(placed.steps, true, &Step::inserted));
}

Result<PlacedProgram> place_on(FakeTarget &target, ProgramBuilder &builder,
                               const PlaceRequest &request = {}) {
  Result<Program> program = builder.finish();
  EXPECT_TRUE(program.ok()) << program.error().text();
  return place(*program, target, request);
}

TEST(Place, ResolvesViewsToStridesOfTheSameBytes) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", kSquare));
  builder.output("y", matmul(permute(x, {1, 0}), x).id());
  FakeTarget target;
  const auto placed = place_on(target, builder);
  ASSERT_TRUE(placed.ok()) << placed.error().text();
  ASSERT_EQ(placed->steps.size(), 1u);
  const Step &step = placed->steps[0];
  EXPECT_EQ(step.inputs[0].storage, step.inputs[1].storage);
  EXPECT_EQ(step.inputs[0].typed.view.strides[0], 1);
  EXPECT_EQ(step.inputs[0].typed.view.strides[1], 4);
}

TEST(Place, CopiesOnlyTheInputThatTheTargetCannotTakeAndOnce) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", kSquare));
  const Term turned = permute(x, {1, 0});
  builder.output("y", (matmul(turned, x) + matmul(x, turned)).id());
  FakeTarget target;
  target.contiguous_only = {"matmul"};
  const auto placed = place_on(target, builder);
  ASSERT_TRUE(placed.ok()) << placed.error().text();
  EXPECT_EQ(inserted(*placed), 1u);
  EXPECT_THAT(to_text(*placed), HasSubstr("inserted copy"));
}

TEST(Place, CopiesWhereStridesCannotExpressAReshape) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", kSquare));
  builder.output("y", (reshape(permute(x, {1, 0}), Shape{16}) + 1.0).id());
  FakeTarget target;
  const auto placed = place_on(target, builder);
  ASSERT_TRUE(placed.ok()) << placed.error().text();
  EXPECT_EQ(inserted(*placed), 1u);
}

TEST(Place, NamesTheOpAndTheReasonWhereTheTargetRefuses) {
  ProgramBuilder builder;
  builder.set_source("unet.cc", 12);
  const Term x = builder.term(builder.input("x", kSquare));
  builder.output("y", matmul(x, x).id());
  FakeTarget target;
  target.refused = "matmul";
  const auto placed = place_on(target, builder);
  ASSERT_FALSE(placed.ok());
  EXPECT_THAT(placed.error().what, HasSubstr("'fake' cannot do op 'matmul'"));
  EXPECT_THAT(placed.error().what, HasSubstr("unet.cc:12"));
  EXPECT_THAT(placed.error().what, HasSubstr("it is not made for that"));
}

TEST(Place, LetsAChainWriteInPlace) {
  ProgramBuilder builder;
  Term x = builder.term(builder.input("x", {DType::kF32, {1024}}));
  for (int i = 0; i < 10; ++i) x = x + 1.0;
  builder.output("y", x.id());
  FakeTarget target;
  const auto placed = place_on(target, builder);
  ASSERT_TRUE(placed.ok());
  EXPECT_EQ(placed->arena_bytes, 4096u);  // x is the caller's and must not be overwritten
  EXPECT_EQ(placed->steps[0].inputs[0].storage, placed->inputs[0].tensor.storage);
}

TEST(Place, KeepsAValueThatIsReadLater) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", {DType::kF32, {1024}}));
  const Term a = x + 1.0;
  const Term b = a * 2.0;
  builder.output("y", (a * b).id());
  FakeTarget target;
  const auto placed = place_on(target, builder);
  ASSERT_TRUE(placed.ok());
  EXPECT_NE(placed->steps[1].outputs[0].storage, placed->steps[0].outputs[0].storage);
}

TEST(Place, WritesAStateIntoItsInput) {
  ProgramBuilder builder;
  const Term state = builder.term(builder.input("state", kSquare));
  const Term old = sum(state, {0, 1});
  builder.output("old", old.id());
  builder.output("state", (state * 0.5).id());
  FakeTarget target;
  const auto placed = place_on(target, builder, {{{"state", "state"}}, {}});
  ASSERT_TRUE(placed.ok()) << placed.error().text();
  EXPECT_EQ(inserted(*placed), 0u);
  EXPECT_EQ(placed->find_output("state")->tensor.storage, placed->inputs[0].tensor.storage);
  EXPECT_EQ(placed->steps[1].outputs[0].storage, placed->inputs[0].tensor.storage);
}

TEST(Place, CopiesAStateAtTheEndWhereItsOldValueIsStillRead) {
  ProgramBuilder builder;
  const Term state = builder.term(builder.input("state", kSquare));
  const Term next = state * 0.5;
  builder.output("difference", (next - state).id());
  builder.output("state", next.id());
  FakeTarget target;
  const auto placed = place_on(target, builder, {{{"state", "state"}}, {}});
  ASSERT_TRUE(placed.ok()) << placed.error().text();
  EXPECT_EQ(inserted(*placed), 1u);
  EXPECT_TRUE(placed->steps.back().inserted);
}

TEST(Place, SwapsTwoStatesWithoutLosingOne) {
  ProgramBuilder builder;
  const ValueId a = builder.input("a", kSquare);
  const ValueId b = builder.input("b", kSquare);
  builder.output("new a", b);
  builder.output("new b", a);
  FakeTarget target;
  const auto placed = place_on(target, builder, {{{"a", "new a"}, {"b", "new b"}}, {}});
  ASSERT_TRUE(placed.ok()) << placed.error().text();
  // b is saved, a goes to b, and what was saved goes to a.
  ASSERT_EQ(placed->steps.size(), 3u);
  EXPECT_FALSE(placed->storages[placed->steps[0].outputs[0].storage].external);
  EXPECT_EQ(placed->steps[1].outputs[0].storage, placed->inputs[1].tensor.storage);
  EXPECT_EQ(placed->steps[2].outputs[0].storage, placed->inputs[0].tensor.storage);
}

TEST(Place, PutsInputsAndOutputsIntoTheArenaWhereTheyAreShared) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", kSquare));
  const Term y = builder.term(builder.input("y", kSquare));
  const Term early = map("add x0 x1", {x, y});
  builder.output("early", early.id());
  builder.output("late", map("mul x0 x1", {matmul(early, early), early}).id());
  FakeTarget target;
  PlaceRequest request;
  request.shares_all = true;
  const Result<PlacedProgram> placed = place_on(target, builder, request);
  ASSERT_TRUE(placed.ok()) << placed.error().text();
  const uint32_t last = static_cast<uint32_t>(placed->steps.size() - 1);
  for (const Storage &storage : placed->storages) EXPECT_FALSE(storage.external);
  // Given from the start, and whatever is asked for stays to the end.
  const auto &storages = placed->storages;
  for (const PlacedName &input : placed->inputs)
    EXPECT_EQ(storages[input.tensor.storage].first_step, 0u) << input.name;
  for (const PlacedName &output : placed->outputs)
    EXPECT_EQ(storages[output.tensor.storage].last_step, last) << output.name;
  EXPECT_NE(placed->outputs[0].tensor.storage, placed->outputs[1].tensor.storage);
  EXPECT_NE(storages[placed->inputs[0].tensor.storage].offset,
            storages[placed->inputs[1].tensor.storage].offset);
}

// One product after the other, each of the one before.
ProgramBuilder products(int count) {
  ProgramBuilder builder;
  Term x = builder.term(builder.input("x", kSquare));
  for (int i = 0; i < count; ++i) x = matmul(x, x);
  builder.output("y", x.id());
  return builder;
}

PlaceRequest compactly() {
  PlaceRequest request;
  request.compact = true;
  return request;
}

TEST(Place, UsesBytesAgainAtOnceWhereItIsCompact) {
  FakeTarget target;
  target.side_by_side = true;
  ProgramBuilder loose = products(20), tight = products(20);
  const Result<PlacedProgram> wide = place_on(target, loose);
  const Result<PlacedProgram> compact = place_on(target, tight, compactly());
  ASSERT_TRUE(wide.ok() && compact.ok());
  EXPECT_EQ(compact->arena_bytes, 2 * 256);
  EXPECT_GT(wide->arena_bytes, compact->arena_bytes);
  EXPECT_TRUE(may_branch(*wide));
  EXPECT_FALSE(may_branch(*compact));
}

TEST(Place, CountsWhatARecordingTakes) {
  FakeTarget target;
  target.info.recorded_size = 7;
  ProgramBuilder loose = products(20), tight = products(20);
  const Result<PlacedProgram> wide = place_on(target, loose);
  const Result<PlacedProgram> compact = place_on(target, tight, compactly());
  ASSERT_TRUE(wide.ok() && compact.ok());
  const OwnMemory own{0, 0, 1000, 30};
  const std::array<const PlacedProgram *, 2> both = {&*wide, &*compact};
  EXPECT_EQ(recorded_bytes(both, own, true), 1000 + 40 * 7);
  EXPECT_EQ(recorded_bytes(std::span(both).last(1), own, true), 20 * 30);
  EXPECT_EQ(recorded_bytes(both, own, false), 40 * 30);
}

TEST(Place, RefusesAStateOfAnotherType) {
  ProgramBuilder builder;
  const Term state = builder.term(builder.input("state", kSquare));
  builder.output("next", sum(state, {0}).id());
  FakeTarget target;
  const auto placed = place_on(target, builder, {{{"state", "next"}}, {}});
  ASSERT_FALSE(placed.ok());
  EXPECT_THAT(placed.error().what, HasSubstr("cannot replace 'state'"));
}

TEST(Place, CountsEveryByteInOneClass) {
  ProgramBuilder builder;
  const Term w = builder.term(builder.parameter("w", kSquare, false));
  const Term a = builder.term(builder.parameter("a", kSquare, true));
  const Term x = builder.term(builder.input("x", kSquare));
  const Term m = builder.term(builder.input("m", kSquare));
  builder.output("y", matmul(matmul(x, w), matmul(a, m)).id());
  FakeTarget target;
  target.info.workspace_size = 1000;
  const auto placed = place_on(target, builder, {{}, {{"m", MemoryClass::kOptimizer}}});
  ASSERT_TRUE(placed.ok());
  const std::vector<uint64_t> bytes = placed->bytes_by_class();
  const auto of = [&](MemoryClass memory) { return bytes[static_cast<size_t>(memory)]; };
  // A tensor of 64 bytes takes 256.
  EXPECT_EQ(of(MemoryClass::kWeights), 256u);
  EXPECT_EQ(of(MemoryClass::kAdapters), 256u);
  EXPECT_EQ(of(MemoryClass::kInputs), 256u);
  EXPECT_EQ(of(MemoryClass::kOptimizer), 256u);
  EXPECT_EQ(of(MemoryClass::kOutputs), 256u);
  EXPECT_EQ(of(MemoryClass::kWorkspace), 1000u);
  EXPECT_EQ(of(MemoryClass::kWorkspace) + of(MemoryClass::kActivations), placed->arena_bytes);
}

}  // namespace
}  // namespace flame

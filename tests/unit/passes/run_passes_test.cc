// The order of the passes, and where they stop.
#include "core/passes/run_passes.h"

#include "tests/unit/passes/pass_samples.h"

namespace flame {
namespace {

using namespace pass_test;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string_view> names_of(const PassedProgram &passed) {
  std::vector<std::string_view> names;
  for (const PassResult &pass : passed.passes) names.push_back(pass.name);
  return names;
}

PassSettings everything() {
  PassSettings settings;
  settings.adapt = AdaptRequest{
      {{"to_*", [](ProgramBuilder &builder, const Layer &layer) {
          const Term output = builder.term(layer.output);
          const Term scale = builder.term(builder.parameter("scale", {output.dtype(), {}}, true));
          return Result<ValueId>((output * scale).id());
        }}}};
  settings.differentiate = GradientRequest{{"loss"}, {}};
  settings.precision.compute = DType::kBF16;
  settings.memory_bytes = uint64_t{1} << 30;
  return settings;
}

TEST(RunPasses, DoesWhatIsAskedForInItsOrder) {
  ListTarget target = ListTarget::required_alone();
  const Program program = transformer_program(DType::kF32);
  const PassedProgram passed = run_passes(program, everything(), &target);
  EXPECT_TRUE(passed.status.ok()) << passed.status.error().text();
  EXPECT_EQ(names_of(passed), std::vector<std::string_view>(kPassNames.begin(), kPassNames.end()));
  ASSERT_TRUE(passed.placed);
  for (const PassResult &pass : passed.passes)
    EXPECT_TRUE(validate(pass.program).ok()) << pass.name;
  EXPECT_EQ(passed.passes.back().program.outputs().size(), 5u);
}

TEST(RunPasses, EndsWhereItIsToldOrWithoutATarget) {
  ListTarget target = ListTarget::all_but({});
  const Program program = transformer_program(DType::kF32);
  EXPECT_THAT(names_of(run_passes(program, {}, &target, "fuse")), ElementsAre("simplify", "fuse"));
  EXPECT_THAT(names_of(run_passes(program, {}, nullptr)), ElementsAre("simplify"));
}

TEST(RunPasses, KeepsWhatWasDoneBeforeAFailure) {
  ListTarget target = ListTarget::all_but({"linear", "matmul"});
  const PassedProgram passed = run_passes(transformer_program(DType::kF32), {}, &target);
  ASSERT_FALSE(passed.status.ok());
  EXPECT_THAT(passed.status.error().what, HasSubstr("pass place: "));
  EXPECT_THAT(names_of(passed), ElementsAre("simplify", "fuse"));
  EXPECT_FALSE(passed.placed);
  PassSettings frozen;
  frozen.differentiate = GradientRequest{{"loss"}, {}};
  const PassedProgram none =
      run_passes(transformer_program(DType::kF32, false), frozen, &target, "differentiate");
  EXPECT_THAT(none.status.error().what, HasSubstr("no trainable parameter"));
}

}  // namespace
}  // namespace flame

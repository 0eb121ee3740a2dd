// What is done to the program of every gradient case, with its gradient: printing, reading, fusing.
#include <gtest/gtest.h>

#include "core/passes/fuse.h"
#include "core/program/print.h"
#include "core/program/read.h"
#include "tests/gradient/gradient_case.h"
#include "tests/unit/passes/pass_samples.h"

namespace flame::gradient_test {
namespace {

class EveryCase : public testing::TestWithParam<GradientCase> {
 protected:
  void SetUp() override {
    sketch_.emplace(seed_of(GetParam()));
    GetParam().write(*sketch_);
    const Result<Program> program = sketch_->program_builder().finish();
    ASSERT_TRUE(program.ok());
    const Result<Gradients> whole =
        differentiate(*program, {sketch_->outputs(), sketch_->wanted(), false});
    ASSERT_TRUE(whole.ok());
    program_ = whole->program;
  }

  std::optional<Sketch> sketch_;
  Program program_;
};

TEST_P(EveryCase, ReadsBackFromItsJson) {
  const std::string text = to_json(program_);
  const Result<Program> read = read_program(text, GetParam().name);
  ASSERT_TRUE(read.ok()) << read.error().text();
  EXPECT_EQ(to_json(*read), text);
}

TEST_P(EveryCase, KeepsItsAnswersWhenFused) {
  for (pass_test::ListTarget target :
       {pass_test::ListTarget::all_but({}), pass_test::ListTarget::required_alone()}) {
    const Result<Fused> fused = fuse(program_, target);
    ASSERT_TRUE(fused.ok()) << fused.error().text();
    EXPECT_LE(pass_test::distance(fused->program, program_, sketch_->data()), 1e-9)
        << to_text(fused->program);
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, EveryCase, testing::ValuesIn(all_cases()));

}  // namespace
}  // namespace flame::gradient_test

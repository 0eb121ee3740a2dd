// What is done to the program of every gradient case, with its gradient: printing and reading.
#include <gtest/gtest.h>

#include "core/passes/differentiate.h"
#include "core/program/print.h"
#include "core/program/read.h"
#include "tests/gradient/gradient_case.h"

namespace flame::gradient_test {
namespace {

TEST(EveryCase, ReadsBackFromItsJson) {
  for (const GradientCase &c : all_cases()) {
    Sketch sketch(seed_of(c));
    c.write(sketch);
    const Result<Program> program = sketch.program_builder().finish();
    ASSERT_TRUE(program.ok()) << c.op << ": " << c.name;
    const Result<Gradients> whole =
        differentiate(*program, {sketch.outputs(), sketch.wanted(), false});
    ASSERT_TRUE(whole.ok()) << c.op << ": " << c.name;
    const std::string text = to_json(whole->program);
    const Result<Program> read = read_program(text, c.name);
    ASSERT_TRUE(read.ok()) << c.op << ": " << read.error().text();
    EXPECT_EQ(to_json(*read), text) << c.op << ": " << c.name;
  }
}

}  // namespace
}  // namespace flame::gradient_test

// Programs on an opened backend: right answers, states that stay, no allocation in a run.
#include "core/runtime/executable.h"

#include <gmock/gmock.h>

#include "core/ops/catalogue/terms.h"
#include "core/passes/differentiate.h"
#include "core/passes/place.h"
#include "core/program/program_builder.h"
#include "core/runtime/evaluate.h"
#include "tests/support/devices.h"
#include "tests/support/evaluate.h"

namespace flame {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::device;
using testing_support::numbers_of;
using testing_support::tensor_of;

const TensorType kPair{DType::kF64, {2}};

TEST(Evaluate, GivesWhatTheKernelsGive) {
  ProgramBuilder builder;
  const TensorType type{DType::kF64, {2, 3, 8}};
  const Term x = builder.term(builder.input("x", type));
  const Term turned = permute(x, {0, 2, 1});
  builder.output("y", apply_one("softmax", {matmul(turned, x)}, {{"axis", int64_t{-1}}}).id());
  const Result<Program> program = builder.finish();
  ASSERT_TRUE(program.ok()) << program.error().text();
  std::vector<double> numbers;
  for (int i = 0; i < 48; ++i) numbers.push_back(0.1 * ((i * 7) % 11) - 0.4);
  const TensorMap given = {{"x", tensor_of(type, numbers)}};
  const auto expected = testing_support::evaluate(*program, given);
  const auto seen = evaluate(device("reference"), *program, given);
  ASSERT_TRUE(seen.ok()) << seen.error().text();
  EXPECT_EQ(numbers_of(seen->at("y")), numbers_of(expected->at("y")));
}

TEST(Evaluate, NamesWhatIsMissing) {
  ProgramBuilder builder;
  builder.output("y", (builder.term(builder.input("x", kPair)) + 1.0).id());
  const auto seen = evaluate(device("reference"), *builder.finish(), {});
  ASSERT_FALSE(seen.ok());
  EXPECT_THAT(seen.error().what, HasSubstr("no data is given for 'x'"));
}

TEST(Executable, KeepsAStateFromRunToRun) {
  ProgramBuilder builder;
  const Term state = builder.term(builder.input("state", kPair));
  builder.output("state", (state * 2.0).id());
  Device &reference = device("reference");
  TensorStore store(reference);
  auto placed = place(*builder.finish(), reference, {{{"state", "state"}}, {}});
  ASSERT_TRUE(placed.ok()) << placed.error().text();
  const auto executable = Executable::make(std::move(*placed), store);
  ASSERT_TRUE(executable.ok()) << executable.error().text();
  const auto stream = reference.create_stream();
  HostTensor numbers = tensor_of(kPair, {1, -3});
  ASSERT_TRUE((*executable)->write(*stream, "state", numbers.bytes).ok());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE((*executable)->run(*stream).ok());
  ASSERT_TRUE((*executable)->read(*stream, "state", numbers.bytes).ok());
  ASSERT_TRUE(stream->synchronize().ok());
  EXPECT_THAT(numbers_of(numbers), ElementsAre(1024, -3072));
}

TEST(Executable, SwapsTwoStates) {
  ProgramBuilder builder;
  const ValueId a = builder.input("a", kPair);
  const ValueId b = builder.input("b", kPair);
  builder.output("new a", b);
  builder.output("new b", a);
  Device &reference = device("reference");
  TensorStore store(reference);
  auto placed = place(*builder.finish(), reference, {{{"a", "new a"}, {"b", "new b"}}, {}});
  const auto executable = Executable::make(std::move(*placed), store);
  const auto stream = reference.create_stream();
  HostTensor first = tensor_of(kPair, {1, 2}), second = tensor_of(kPair, {3, 4});
  ASSERT_TRUE((*executable)->write(*stream, "a", first.bytes).ok());
  ASSERT_TRUE((*executable)->write(*stream, "b", second.bytes).ok());
  ASSERT_TRUE((*executable)->run(*stream).ok());
  ASSERT_TRUE((*executable)->read(*stream, "a", first.bytes).ok());
  ASSERT_TRUE((*executable)->read(*stream, "b", second.bytes).ok());
  ASSERT_TRUE(stream->synchronize().ok());
  EXPECT_THAT(numbers_of(first), ElementsAre(3, 4));
  EXPECT_THAT(numbers_of(second), ElementsAre(1, 2));
}

TEST(Executable, AllocatesWhatItsMemoryReportSays) {
  ProgramBuilder builder;
  const TensorType type{DType::kF32, {37, 41}};
  const Term x = builder.term(builder.input("x", type));
  const Term w = builder.term(builder.parameter("w", {DType::kF32, {41, 37}}, true));
  const Term y = map("tanh x0", {matmul(x, w)});
  builder.output("y", (matmul(y, x) + x).id());
  builder.output("sum", sum(y, {0, 1}).id());
  Device &backend = device("onednn");
  TensorStore store(backend);
  auto placed = place(*builder.finish(), backend, {});
  ASSERT_TRUE(placed.ok()) << placed.error().text();
  uint64_t reported = 0, outputs = 0;
  for (const uint64_t bytes : placed->bytes_by_class()) reported += bytes;
  for (const PlacedName &output : placed->outputs) {
    outputs += allocated_bytes(static_cast<uint64_t>(output.tensor.typed.type().size_bytes()));
  }
  const auto executable = Executable::make(std::move(*placed), store);
  ASSERT_TRUE(executable.ok()) << executable.error().text();
  EXPECT_EQ(reported, store.allocated_bytes() + outputs);
}

TEST(Executable, RefusesNamesAndSizesThatAreWrong) {
  ProgramBuilder builder;
  builder.output("y", (builder.term(builder.input("x", kPair)) + 1.0).id());
  Device &reference = device("reference");
  TensorStore store(reference);
  const auto executable = Executable::make(*place(*builder.finish(), reference, {}), store);
  const auto stream = reference.create_stream();
  std::vector<std::byte> bytes(15);
  const Status wrong_name = (*executable)->write(*stream, "z", bytes);
  EXPECT_THAT(wrong_name.error().what, HasSubstr("no tensor named 'z'"));
  const Status wrong_size = (*executable)->write(*stream, "x", bytes);
  EXPECT_THAT(wrong_size.error().what, HasSubstr("15 bytes for 'x', expected 16 for f64[2]"));
}

TEST(TensorStore, SharesATensorBetweenProgramsAndRefusesAnotherSize) {
  Device &reference = device("reference");
  TensorStore store(reference);
  const auto first = store.tensor("x", 16);
  const auto again = store.tensor("x", 16);
  EXPECT_EQ(first->data(), again->data());
  EXPECT_EQ(store.allocated_bytes(), 256u);
  EXPECT_THAT(store.tensor("x", 8).error().what, HasSubstr("16 bytes in one program and 8"));
}

}  // namespace
}  // namespace flame

// The program builder as plugins see it: right use, wrong use and hostile use.
#include "core/program/builder_bridge.h"

#include <gmock/gmock.h>

namespace flame {
namespace {

using testing::HasSubstr;

flame_str text(std::string_view value) {
  return {value.data(), value.size()};
}

class BridgeTest : public testing::Test {
 protected:
  BridgeTest() : bridge_(builder_) {
    call_.struct_size = sizeof(call_);
    call_.sink = this;
    call_.fail = [](void *sink, flame_status, flame_str message) noexcept {
      auto *self = static_cast<BridgeTest *>(sink);
      ++self->failures_;
      self->message_.assign(message.data, message.size);
    };
  }

  flame_value input(std::string_view name, std::vector<int64_t> shape,
                    flame_dtype dtype = FLAME_DTYPE_F32) {
    flame_value out = 0;
    status_ = table()->input(table()->self, &call_, text(name), dtype,
                             static_cast<uint32_t>(shape.size()), shape.data(), &out);
    return out;
  }
  flame_value add(std::string_view name, std::vector<flame_value> inputs,
                  std::vector<flame_attribute> attributes = {}) {
    flame_node node = make_node(name);
    node.input_count = static_cast<uint32_t>(inputs.size());
    node.inputs = inputs.data();
    node.attribute_count = static_cast<uint32_t>(attributes.size());
    node.attributes = attributes.data();
    flame_value out = 0;
    status_ = table()->op(table()->self, &call_, &node, &out);
    return out;
  }
  static flame_node make_node(std::string_view name) {
    flame_node node{};
    node.struct_size = sizeof(node);
    node.output_count = 1;
    node.name = text(name);
    node.file = text("model.cc");
    node.line = 12;
    return node;
  }
  const flame_program_builder *table() const { return bridge_.table(); }
  void expect_failure(std::string_view part) {
    EXPECT_EQ(status_, FLAME_ERROR_INVALID_ARGUMENT);
    EXPECT_THAT(message_, HasSubstr(part));
  }

  ProgramBuilder builder_;
  BuilderBridge bridge_;
  flame_call call_{};
  int failures_ = 0;
  std::string message_;
  flame_status status_ = FLAME_OK;
};

TEST_F(BridgeTest, BuildsAProgramWithScopesAndPlaces) {
  const flame_value x = input("x", {2, 3});
  ASSERT_EQ(table()->push_scope(table()->self, &call_, text("block.1")), FLAME_OK);
  const int64_t shape[] = {4, 3};
  flame_value w = 0;
  ASSERT_EQ(table()->parameter(table()->self, &call_, text("w"), FLAME_PARAMETER_TRAINABLE,
                               FLAME_DTYPE_F32, 2, shape, &w),
            FLAME_OK);
  flame_attribute transpose{};
  transpose.kind = FLAME_ATTRIBUTE_BOOL;
  transpose.count = 1;
  transpose.name = text("transpose_b");
  transpose.value.i = 1;
  ASSERT_EQ(table()->start(table()->self, &call_, w, FLAME_INITIAL_NORMAL, 0.5), FLAME_OK);
  const flame_value y = add("matmul", {x, w}, {transpose});
  ASSERT_EQ(status_, FLAME_OK) << message_;
  ASSERT_EQ(table()->pop_scope(table()->self, &call_), FLAME_OK);
  ASSERT_EQ(table()->output(table()->self, &call_, text("y"), y), FLAME_OK);
  flame_tensor described{};
  described.struct_size = sizeof(described);
  ASSERT_EQ(table()->describe(table()->self, &call_, y, &described), FLAME_OK);
  EXPECT_EQ(described.rank, 2u);
  EXPECT_EQ(described.shape[1], 4);
  EXPECT_EQ(described.strides[0], 4);
  EXPECT_EQ(described.buffer_size, 32u);

  const Program program = *builder_.finish();
  EXPECT_TRUE(validate(program).ok());
  EXPECT_EQ(program.parameters()[0].name, "block.1.w");
  EXPECT_TRUE(program.parameters()[0].trainable);
  EXPECT_EQ(program.parameters()[0].initial, (Initial{Initial::Kind::kNormal, 0.5}));
  EXPECT_EQ(program.nodes()[0].place->text(), "model.cc:12, in block.1");
  EXPECT_EQ(failures_, 0);
}

TEST_F(BridgeTest, NamesTheOpItsPlaceAndItsScope) {
  const flame_value x = input("x", {2, 3});
  table()->push_scope(table()->self, &call_, text("mid"));
  add("matmul", {x, x});
  expect_failure("op 'matmul': operand 1 'b' is f32[2, 3]");
  EXPECT_THAT(message_, HasSubstr("(model.cc:12, in mid)"));
}

TEST_F(BridgeTest, AnswersWithItsFirstErrorForEver) {
  add("nonsense", {});
  const std::string first = message_;
  input("x", {1});
  EXPECT_EQ(status_, FLAME_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(message_, first);
  EXPECT_EQ(failures_, 2);
  EXPECT_EQ(table()->pop_scope(table()->self, &call_), FLAME_ERROR_INVALID_ARGUMENT);
  EXPECT_FALSE(builder_.finish().ok());
}

TEST_F(BridgeTest, WorksForACallerThatIgnoresErrors) {
  add("add", {77, 0});
  EXPECT_EQ(table()->op(table()->self, nullptr, nullptr, nullptr), FLAME_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(table()->input(nullptr, &call_, text("x"), 0, 0, nullptr, nullptr),
            FLAME_ERROR_INVALID_ARGUMENT);
}

struct Hostile {
  const char *name;
  const char *message;
  std::function<flame_status(const flame_program_builder &, flame_call *)> act;
};

class HostileCall : public BridgeTest, public testing::WithParamInterface<Hostile> {};

TEST_P(HostileCall, IsRefusedOnceWithAReason) {
  input("x", {2});
  status_ = GetParam().act(*table(), &call_);
  expect_failure(GetParam().message);
  EXPECT_EQ(failures_, 1);
}

flame_status add_node(const flame_program_builder &b, flame_call *call,
                      const std::function<void(flame_node &)> &change) {
  flame_node node{};
  const flame_value inputs[] = {1, 1};
  node.struct_size = sizeof(node);
  node.name = text("add");
  node.input_count = 2;
  node.inputs = inputs;
  node.output_count = 1;
  change(node);
  flame_value out = 0;
  return b.op(b.self, call, &node, &out);
}

flame_status add_attribute(const flame_program_builder &b, flame_call *call, uint32_t kind,
                           uint32_t count) {
  flame_attribute attribute{};
  attribute.kind = kind;
  attribute.count = count;
  attribute.name = text("code");
  return add_node(b, call, [&](flame_node &node) {
    node.name = text("map");
    node.attribute_count = 1;
    node.attributes = &attribute;
  });
}

const int64_t kHugeShape[] = {INT64_MAX, INT64_MAX};

INSTANTIATE_TEST_SUITE_P(Calls, HostileCall,
                         testing::
                             Values(
                                 Hostile{"HugeRank", "the shape holds 4294967295 entries",
                                         [](auto &b, auto *c) {
                                           flame_value out;
                                           return b.input(b.self, c, text("y"), FLAME_DTYPE_F32,
                                                          UINT32_MAX, kHugeShape, &out);
                                         }},
                                 Hostile{"NullShape", "the shape is a null pointer",
                                         [](auto &b, auto *c) {
                                           flame_value out;
                                           return b.input(b.self, c, text("y"), FLAME_DTYPE_F32, 2,
                                                          nullptr, &out);
                                         }},
                                 Hostile{"OverflowingShape", "2^59 elements",
                                         [](auto &b, auto *c) {
                                           flame_value out;
                                           return b.input(b.self, c, text("y"), FLAME_DTYPE_F32, 2,
                                                          kHugeShape, &out);
                                         }},
                                 Hostile{"UnknownType", "the element type 0x999 does not exist",
                                         [](auto &b, auto *c) {
                                           flame_value out;
                                           return b.input(b.self, c, text("y"), 0x999, 0, nullptr,
                                                          &out);
                                         }},
                                 Hostile{"NullPlaceForInput", "null pointer",
                                         [](auto &b, auto *c) {
                                           return b.input(b.self, c, text("y"), FLAME_DTYPE_F32, 0,
                                                          nullptr, nullptr);
                                         }},
                                 Hostile{"SecondInputOfAName", "two inputs 'x'",
                                         [](auto &b, auto *c) {
                                           flame_value out;
                                           return b.input(b.self, c, text("x"), FLAME_DTYPE_F32, 0,
                                                          nullptr, &out);
                                         }},
                                 Hostile{"NullName", "the name of an input is a null pointer",
                                         [](auto &b, auto *c) {
                                           flame_value out;
                                           return b.input(b.self, c, {nullptr, 5}, FLAME_DTYPE_F32,
                                                          0, nullptr, &out);
                                         }},
                                 Hostile{"EndlessName", "bytes, more than",
                                         [](auto &b, auto *c) {
                                           flame_value out;
                                           return b.input(b.self, c, {"x", SIZE_MAX},
                                                          FLAME_DTYPE_F32, 0, nullptr, &out);
                                         }},
                                 Hostile{"EmptyName", "has 0 bytes",
                                         [](auto &b, auto *c) {
                                           flame_value out;
                                           return b.input(b.self, c, text(""), FLAME_DTYPE_F32, 0,
                                                          nullptr, &out);
                                         }},
                                 Hostile{"UnknownUse", "the use 7",
                                         [](auto &b, auto *c) {
                                           flame_value out;
                                           return b.parameter(b.self, c, text("w"), 7,
                                                              FLAME_DTYPE_F32, 0, nullptr, &out);
                                         }},
                                 Hostile{"NullNode", "null pointer",
                                         [](auto &b, auto *c) {
                                           return b.op(b.self, c, nullptr, nullptr);
                                         }},
                                 Hostile{"SmallNode", "struct_size 4",
                                         [](auto &b, auto *c) {
                                           return add_node(
                                               b, c, [](flame_node &n) { n.struct_size = 4; });
                                         }},
                                 Hostile{"HugeInputCount", "4294967295 entries",
                                         [](auto &b, auto *c) {
                                           return add_node(b, c, [](flame_node &n) {
                                             n.input_count = UINT32_MAX;
                                           });
                                         }},
                                 Hostile{"NullInputs", "the list of inputs is a null pointer",
                                         [](auto &b, auto *c) {
                                           return add_node(
                                               b, c, [](flame_node &n) { n.inputs = nullptr; });
                                         }},
                                 Hostile{"HugeAttributeCount", "the list of attributes holds",
                                         [](auto &b, auto *c) {
                                           return add_node(b, c, [](flame_node &n) {
                                             n.attribute_count = UINT32_MAX;
                                           });
                                         }},
                                 Hostile{"WrongOutputCount",
                                         "has 1 outputs, but the plugin expects 3",
                                         [](auto &b, auto *c) {
                                           return add_node(
                                               b, c, [](flame_node &n) { n.output_count = 3; });
                                         }},
                                 Hostile{"NullPlaceForOutputs",
                                         "the place for the outputs is a null pointer",
                                         [](auto &b, auto *c) {
                                           const flame_value in[] = {1};
                                           flame_node n{};
                                           n.struct_size = sizeof(n);
                                           n.name = text("neg");
                                           n.input_count = 1;
                                           n.inputs = in;
                                           n.output_count = 1;
                                           return b.op(b.self, c, &n, nullptr);
                                         }},
                                 Hostile{"ValueOfNobody", "which is no value of this program",
                                         [](auto &b, auto *c) {
                                           return add_node(b, c, [](flame_node &n) {
                                             static const flame_value in[] = {1, 999};
                                             n.inputs = in;
                                           });
                                         }},
                                 Hostile{
                                     "UnknownAttributeKind", "of kind 99",
                                     [](auto &b, auto *c) { return add_attribute(b, c, 99, 1); }},
                                 Hostile{"NullList", "null pointer",
                                         [](auto &b, auto *c) {
                                           return add_attribute(b, c, FLAME_ATTRIBUTE_STRINGS, 3);
                                         }},
                                 Hostile{"HugeList", "entries, more than",
                                         [](auto &b, auto *c) {
                                           return add_attribute(b, c, FLAME_ATTRIBUTE_INTS,
                                                                UINT32_MAX);
                                         }},
                                 Hostile{"ControlCharactersInTheName", "\\x1b",
                                         [](auto &b, auto *c) {
                                           return add_node(b, c, [](flame_node &n) {
                                             n.name = text("\x1b[31m");
                                           });
                                         }},
                                 Hostile{"OutputOfNobody", "no value of this program",
                                         [](auto &b, auto *c) {
                                           return b.output(b.self, c, text("y"), 5);
                                         }},
                                 Hostile{"DescribeNobody", "no value of this program",
                                         [](auto &b, auto *c) {
                                           flame_tensor t{};
                                           t.struct_size = sizeof(t);
                                           return b.describe(b.self, c, 5, &t);
                                         }},
                                 Hostile{"DescribeIntoASmallStruct", "struct_size 8",
                                         [](auto &b, auto *c) {
                                           flame_tensor t{};
                                           t.struct_size = 8;
                                           return b.describe(b.self, c, 1, &t);
                                         }},
                                 Hostile{"StartOfNobody", "no trainable parameter",
                                         [](auto &b, auto *c) {
                                           return b.start(b.self, c, 5, FLAME_INITIAL_NORMAL, 1);
                                         }},
                                 Hostile{
                                     "StartInAWayThatIsNone", "the way 9",
                                     [](auto &b, auto *c) { return b.start(b.self, c, 1, 9, 1); }},
                                 Hostile{"PopWithoutPush", "none is open",
                                         [](auto &b, auto *c) { return b.pop_scope(b.self, c); }}),
                         [](const auto &info) { return info.param.name; });

}  // namespace
}  // namespace flame

// Adapting: which layers a pattern means, what is replaced, and what is refused.
#include "core/passes/adapt.h"

#include "tests/unit/passes/pass_samples.h"

namespace flame {
namespace {

using namespace pass_test;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// A product of low rank beside the layer, by its scale.
AdaptFunction low_rank(int64_t rank, double scale = 1) {
  return [=](ProgramBuilder &builder, const Layer &layer) -> Result<ValueId> {
    if (layer.op != "linear") return layer.output;
    const Term output = builder.term(layer.output);
    const Shape weight = builder.type_of(layer.weight).shape;
    const DType dtype = output.dtype();
    const Term down =
        builder.term(builder.parameter("lora_down.weight", {dtype, {rank, weight[1]}}, true));
    const Term up =
        builder.term(builder.parameter("lora_up.weight", {dtype, {weight[0], rank}}, true));
    const Term product =
        apply_one("linear", {apply_one("linear", {builder.term(layer.input), down}), up});
    return (output + product * scale).id();
  };
}

Program two_layers() {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", {DType::kF64, {3, 4}}));
  const auto weight = [&](const char *name, const Shape &shape) {
    return builder.term(builder.parameter(name, {DType::kF64, shape}, true));
  };
  const Term y = apply_one("linear", {x, weight("block.0.attn.to_q.weight", {5, 4})});
  const Term z = matmul(y, weight("block.1.attn.to_q.weight", {5, 6}));
  const Term other = matmul(z, weight("table", {6, 6}));
  return with_loss(builder, apply_one("linear", {other, weight("out.weight", {2, 6})}));
}

std::string error_of(const Program &program, std::vector<AdaptRule> rules) {
  const Result<Adapted> adapted = adapt(program, {std::move(rules)});
  return adapted.ok() ? "it was accepted" : adapted.error().text();
}

TEST(Patterns, MeanWholeNamesOrTheirEnds) {
  EXPECT_TRUE(matches_layer("to_q", "down.1.attn.to_q"));
  EXPECT_TRUE(matches_layer("attn.to_q", "down.1.attn.to_q"));
  EXPECT_TRUE(matches_layer("to_*", "down.1.attn.to_q"));
  EXPECT_TRUE(matches_layer("down.*.attn.to_q", "down.1.attn.to_q"));
  EXPECT_TRUE(matches_layer("down.**", "down.1.attn.to_q"));
  EXPECT_TRUE(matches_layer("**", "down.1.attn.to_q"));
  EXPECT_TRUE(matches_layer("d**q", "down.1.attn.to_q"));
  EXPECT_FALSE(matches_layer("o_q", "down.1.attn.to_q"));
  EXPECT_FALSE(matches_layer("down.*.to_q", "down.1.attn.to_q"));
  EXPECT_FALSE(matches_layer("down", "down.1.attn.to_q"));
  EXPECT_FALSE(matches_layer("", "down.1.attn.to_q"));
  EXPECT_TRUE(matches_layer(std::string(60, '*') + "q", std::string(2000, 'a') + ".q"));
}

TEST(Adapt, FindsLinearsAndProductsWithWeights) {
  EXPECT_THAT(adaptable_layers(two_layers()),
              ElementsAre("block.0.attn.to_q", "block.1.attn.to_q", "out"));
}

TEST(Adapt, ReplacesTheChosenOutputsAndFreezesTheRest) {
  const Program program = two_layers();
  const Result<Adapted> adapted =
      adapt(program, {{{"block.**", low_rank(2)}, {"block.1.**", low_rank(3, 0.5)}}});
  ASSERT_TRUE(adapted.ok()) << adapted.error().text();
  EXPECT_TRUE(validate(adapted->program).ok());
  EXPECT_THAT(adapted->layers, ElementsAre("block.0.attn.to_q", "block.1.attn.to_q"));
  std::vector<std::string> trained;
  for (const Parameter &parameter : adapted->program.parameters()) {
    if (parameter.trainable)
      trained.push_back(parameter.name + " " + adapted->program.type(parameter.value).text());
  }
  EXPECT_THAT(trained, ElementsAre("block.0.attn.to_q.lora_down.weight f64[2, 4]",
                                   "block.0.attn.to_q.lora_up.weight f64[5, 2]",
                                   "block.1.attn.to_q.lora_down.weight f64[3, 5]",
                                   "block.1.attn.to_q.lora_up.weight f64[6, 3]"));
  // With `up` at zero the answers are those of the model.
  TensorMap data = data_for(adapted->program);
  for (auto &[name, tensor] : data) {
    if (name.ends_with("lora_up.weight")) std::ranges::fill(tensor.bytes, std::byte{0});
  }
  const auto before = testing_support::evaluate(program, data);
  const auto after = testing_support::evaluate(adapted->program, data);
  EXPECT_EQ(before->at("loss").bytes, after->at("loss").bytes);
}

TEST(Adapt, LeavesOutWhatALaterRuleLeavesOut) {
  const Result<Adapted> adapted = adapt(two_layers(), {{{"**", low_rank(2)}, {"to_q", {}}}});
  EXPECT_THAT(adapted->layers, ElementsAre("out"));
}

TEST(Adapt, NamesPatternsThatMeanNothingAndWhatIsNear) {
  EXPECT_THAT(error_of(two_layers(), {{"to_k", low_rank(2)}}),
              AllOf(HasSubstr("'to_k' means no layer"), HasSubstr("did you mean 'to_q'?"),
                    HasSubstr("block.0.attn.to_q")));
  EXPECT_THAT(error_of(two_layers(), {{"block.0.atn.to_q", low_rank(2)}}),
              HasSubstr("did you mean 'block.0.attn.to_q'"));
}

TEST(Adapt, RefusesWhatDoesNotFit) {
  const auto giving = [](auto value) {
    return AdaptFunction([=](ProgramBuilder &builder, const Layer &layer) -> Result<ValueId> {
      return value(builder, layer);
    });
  };
  const Program program = two_layers();
  EXPECT_THAT(error_of(program, {{"out", giving([](auto &, auto &l) { return l.weight; })}}),
              AllOf(HasSubstr("layer 'out'"), HasSubstr("gives f64[2, 6], expected f64[3, 2]")));
  EXPECT_THAT(error_of(program, {{"out", giving([](auto &, auto &) { return 999999u; })}}),
              HasSubstr("gives no value"));
  EXPECT_THAT(error_of(program, {{"out", giving([](auto &, auto &l) { return l.output; })}}),
              HasSubstr("changes no layer"));
  EXPECT_THAT(error_of(program, {{"out", giving([](ProgramBuilder &b, auto &l) {
                                    b.push_scope("x");
                                    return l.output;
                                  })}}),
              HasSubstr("did not close it"));
}

std::vector<std::string> learning(const Result<Adapted> &adapted) {
  std::vector<std::string> names;
  for (const Parameter &parameter : adapted->program.parameters())
    if (parameter.trainable) names.push_back(parameter.name);
  return names;
}

TEST(OwnWeights, LearnWithoutAnythingBesideThem) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", {DType::kF64, {3, 4}}));
  const auto parameter = [&](const char *name, const Shape &shape) {
    return builder.term(builder.parameter(name, {DType::kF64, shape}, true));
  };
  const Term y =
      apply_one("layer_norm", {x, parameter("norm.weight", {4}), parameter("norm.bias", {4})});
  const Term z =
      apply_one("linear", {y, parameter("out.weight", {2, 4}), parameter("out.bias", {2})});
  const Program program = with_loss(builder, z + parameter("offset", {2}));
  EXPECT_THAT(modules_of(program), ElementsAre("norm", "out"));
  const auto adapted = adapt(program, *own_weights_request({}));
  ASSERT_TRUE(adapted.ok()) << adapted.error().text();
  EXPECT_THAT(learning(adapted), ElementsAre("norm.weight", "norm.bias", "out.weight", "out.bias"));
  EXPECT_EQ(adapted->own_weights, learning(adapted));
  EXPECT_THAT(adapted->layers, ElementsAre("norm", "out"));
  EXPECT_EQ(adapted->program.nodes().size(), program.nodes().size());
  const TensorMap data = data_for(program);
  EXPECT_EQ(testing_support::evaluate(program, data)->at("loss").bytes,
            testing_support::evaluate(adapted->program, data)->at("loss").bytes);
  EXPECT_THAT(learning(adapt(program, *own_weights_request({"**", "!norm"}))),
              ElementsAre("out.weight", "out.bias"));
}

TEST(OwnWeights, AreChosenLikeLayersAndTakeNoOptions) {
  EXPECT_THAT(learning(adapt(two_layers(), *own_weights_request({"to_q"}))),
              ElementsAre("block.0.attn.to_q.weight", "block.1.attn.to_q.weight"));
  const auto nothing = adapt(two_layers(), *own_weights_request({"to_k"}));
  EXPECT_THAT(nothing.error().text(),
              AllOf(HasSubstr("'to_k' means no layer"), HasSubstr("did you mean 'to_q'?")));
  EXPECT_THAT(adapt(two_layers(), *own_weights_request({"!**"})).error().text(),
              HasSubstr("changes no layer"));
  EXPECT_THAT(own_weights_request({"to_q rank=4"}).error().text(),
              AllOf(HasSubstr("'rank' is an option of adapters"), HasSubstr("such as lora")));
}

TEST(LayerChoices, AreReadFromText) {
  const LayerChoice choice = *parse_layer_choice("mid.**  rank=4 alpha=2.5");
  EXPECT_EQ(choice.pattern, "mid.**");
  EXPECT_FALSE(choice.leave);
  EXPECT_EQ(choice.options[1], (std::pair<std::string, std::string>{"alpha", "2.5"}));
  EXPECT_TRUE(parse_layer_choice("!out")->leave);
  for (const char *bad : {"", "  ", "!", "a b", "a =4", "a rank=", "!a rank=4"})
    EXPECT_FALSE(parse_layer_choice(bad).ok()) << bad;
}

}  // namespace
}  // namespace flame

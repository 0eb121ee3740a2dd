// Presets of layers: which each means, for adapters and for weights that learn themselves.
#include "core/passes/layer_presets.h"

#include "core/passes/adapt.h"
#include "tests/unit/passes/pass_samples.h"

namespace flame {
namespace {

using namespace pass_test;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;

// One layer behind the other, by their names; those that begin with "conv" are convolutions.
Program program_of(const std::vector<std::string> &names) {
  ProgramBuilder builder;
  Term x = builder.term(builder.input("x", {DType::kF64, {1, 2, 2, 3}}));
  for (const std::string &name : names) {
    const bool window = name.substr(name.rfind('.') + 1).starts_with("conv");
    const Shape shape = window ? Shape{3, 1, 1, 3} : Shape{3, 3};
    const Term weight =
        builder.term(builder.parameter(name + ".weight", {DType::kF64, shape}, true));
    x = apply_one(window ? "conv2d" : "linear", {x, weight});
  }
  return with_loss(builder, x);
}

const std::vector<std::string> kEmbedding = {"time_embedding.linear_1", "time_embedding.linear_2",
                                             "add_embedding.linear_1", "add_embedding.linear_2",
                                             "text_projection"};
const std::vector<std::string> kAttention = {"mid.attn1.to_q", "mid.attn1.to_out.0",
                                             "encoder.layers.0.self_attn.q_proj"};
const std::vector<std::string> kFeedForward = {"mid.ff.net.0.proj", "mid.ff.net.2",
                                               "encoder.layers.0.mlp.fc1"};
const std::vector<std::string> kOtherLinear = {"mid.proj_in", "mid.resnets.0.time_emb_proj"};
const std::vector<std::string> kWindows = {"conv_in", "mid.resnets.0.conv1", "conv_out"};

std::vector<std::string> joined(std::initializer_list<std::vector<std::string>> lists) {
  std::vector<std::string> all;
  for (const auto &list : lists) all.insert(all.end(), list.begin(), list.end());
  return all;
}

Program model() {
  return program_of(joined({kEmbedding, kAttention, kFeedForward, kOtherLinear, kWindows}));
}

std::vector<std::string> of_adapters(const std::vector<std::string> &texts) {
  return named_layers(texts, model(), Learns::kAdapters);
}
std::vector<std::string> of_own_weights(const std::vector<std::string> &texts) {
  return named_layers(texts, model(), Learns::kOwnWeights);
}

TEST(LayerPresets, MeanWhatTheirNamesSay) {
  EXPECT_THAT(of_adapters({"attention"}), ElementsAreArray(kAttention));
  EXPECT_THAT(of_adapters({"attention+ff"}), ElementsAreArray(joined({kAttention, kFeedForward})));
  EXPECT_THAT(of_adapters({"all-linear"}),
              ElementsAreArray(joined({kAttention, kFeedForward, kOtherLinear})));
  EXPECT_THAT(of_adapters({"all"}),
              ElementsAreArray(joined({kAttention, kFeedForward, kOtherLinear, kWindows})));
}

TEST(LayerPresets, OfAdaptersLeaveOutWhatEmbedsTheConditionsOfEachModel) {
  const std::vector<std::string> flux = {
      "x_embedder", "context_embedder", "time_text_embed.timestep_embedder.linear_1",
      "time_text_embed.guidance_embedder.linear_2", "time_text_embed.text_embedder.linear_1",
      "transformer_blocks.0.norm1.linear",
      // As the original calls them.
      "img_in", "txt_in", "time_in.in_layer", "vector_in.out_layer", "guidance_in.in_layer",
      "double_blocks.0.img_mod.lin"};
  EXPECT_THAT(named_layers({"all"}, program_of(flux), Learns::kAdapters),
              ElementsAre("x_embedder", "context_embedder", "transformer_blocks.0.norm1.linear",
                          "img_in", "txt_in", "double_blocks.0.img_mod.lin"));
}

TEST(LayerPresets, OfOwnWeightsLeaveNothingOut) {
  EXPECT_THAT(of_own_weights({"attention"}), ElementsAreArray(kAttention));
  EXPECT_THAT(of_own_weights({"all-linear"}),
              ElementsAreArray(joined({kEmbedding, kAttention, kFeedForward, kOtherLinear})));
  EXPECT_THAT(
      of_own_weights({"all"}),
      ElementsAreArray(joined({kEmbedding, kAttention, kFeedForward, kOtherLinear, kWindows})));
}

TEST(LayerPresets, AreAllWithoutAListWhereAdaptersLearn) {
  EXPECT_EQ(of_adapters({}), of_adapters({"all"}));
  EXPECT_THAT(of_own_weights({}), IsEmpty());
}

TEST(LayerPresets, StandBesideOtherTextsAndTakeWhatStandsAroundThem) {
  EXPECT_THAT(named_layers({"**", "!attention", "all rank=4", "to_q"},
                           program_of({"to_q", "conv_in"}), Learns::kAdapters),
              ElementsAre("**", "!to_q", "to_q rank=4", "conv_in rank=4", "to_q"));
}

// The texts as the pass reads them: the layers whose weights learn.
std::vector<std::string> chosen_of(const std::vector<std::string> &texts) {
  const Program program = model();
  const auto request = own_weights_request(named_layers(texts, program, Learns::kAdapters));
  return request.ok() ? adapt(program, *request)->layers : std::vector<std::string>{};
}

TEST(LayerPresets, LeaveLayersThatAPatternStillMeans) {
  EXPECT_EQ(chosen_of({"time_embedding.*"}),
            (std::vector<std::string>{"time_embedding.linear_1", "time_embedding.linear_2"}));
  EXPECT_EQ(chosen_of({"all", "add_embedding.linear_1", "text_projection"}).size(),
            of_adapters({"all"}).size() + 2);
  EXPECT_EQ(chosen_of({"**"}).size(), of_adapters({"all"}).size() + kEmbedding.size());
  EXPECT_EQ(chosen_of({"**", "!all"}), kEmbedding);
}

TEST(LayerPresets, ThatMeanNothingAreNamedAndNothingElseIsChosenForThem) {
  const Program program = program_of({"conv_in"});
  for (const char *preset : {"attention", "attention+ff", "all-linear"}) {
    const auto request = own_weights_request(named_layers({preset}, program, Learns::kAdapters));
    EXPECT_THAT(adapt(program, *request).error().text(),
                HasSubstr(std::string("'") + preset + "' means no layer"));
  }
}

}  // namespace
}  // namespace flame

// Where the model plugins say that files hold their parameters: against the names and shapes of the
// published files.
#include <fmt/core.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "core/base/sha256.h"
#include "core/io/weight_match.h"
#include "tests/models/started_model.h"

namespace flame {
namespace {

namespace fs = std::filesystem;
using model_test::Settings;
using testing::HasSubstr;

// A model with the parameters of all its programs.
class Names : public testing::Test {
 protected:
  void start(const std::string &component, const Settings &settings = {}) {
    Result<PluginModel> started = model_test::start_model(host_, component, settings);
    ASSERT_TRUE(started.ok()) << started.error().text();
    model_.emplace(std::move(*started));
    parameters_.clear();
    const Result<std::vector<WantedParameter>> wanted = parameters_of(*model_);
    ASSERT_TRUE(wanted.ok()) << wanted.error().text();
    for (const WantedParameter &each : *wanted) parameters_[each.name] = each.type.shape;
    for (const std::string &name : model_->programs()) {
      const Result<Program> program =
          model_->build(name, {{"batch", 1}, {"height", 64}, {"width", 64}, {"tokens", 7}});
      if (!program.ok()) continue;  // conditions, which have none
      for (const Parameter &parameter : program->parameters()) {
        EXPECT_FALSE(parameter.trainable);
        EXPECT_TRUE(parameters_.contains(parameter.name)) << parameter.name;
      }
    }
  }

  size_t find(const std::string &name) {
    const auto &layouts = model_->layouts();
    const auto found = std::ranges::find(layouts, name, &ModelLayout::name);
    EXPECT_NE(found, layouts.end()) << name;
    return static_cast<size_t>(found - layouts.begin());
  }

  Result<WeightSource> source(size_t layout, const std::string &parameter) {
    const auto shape = parameters_.find(parameter);
    return model_->source(layout, parameter, shape == parameters_.end() ? Shape() : shape->second);
  }
  std::string key(const std::string &name, const std::string &parameter) {
    const Result<WeightSource> found = source(find(name), parameter);
    return found.ok() ? found->key : found.error().text();
  }

  // "key<tab>shape<tab>parameter" of every parameter, sorted, with the prefix that is written.
  std::vector<std::string> lines(const std::string &name) {
    const size_t index = find(name);
    const std::string prefix = model_->layouts()[index].prefixes.front();
    std::vector<std::string> out;
    for (const auto &[parameter, shape] : parameters_) {
      const Result<WeightSource> found = source(index, parameter);
      EXPECT_TRUE(found.ok()) << found.error().text();
      if (!found.ok()) continue;
      out.push_back(
          fmt::format("{}{}\t{}\t{}", prefix, found->key, sizes_of(found->shape), parameter));
    }
    std::ranges::sort(out);
    return out;
  }

  static std::string sizes_of(const Shape &shape) {
    std::string text = "[";
    for (size_t axis = 0; axis < shape.rank(); ++axis)
      text += fmt::format("{}{}", axis ? "," : "", shape[axis]);
    return text + "]";
  }
  static std::string digest(const std::vector<std::string> &lines) {
    std::string text;
    for (const std::string &line : lines) text += line + "\n";
    return sha256(text);
  }

  PluginHost host_{{}};
  std::optional<PluginModel> model_;
  std::map<std::string, Shape> parameters_;
};

// The digests are of the lines as the published files give them.
TEST_F(Names, OfTheFullUNetAreThoseOfThePublishedFiles) {
  start("sdxl");
  EXPECT_EQ(parameters_.size(), 1680u);
  EXPECT_EQ(digest(lines("diffusers")),
            "1e91171efa521ec2b830419bd86722663cca0f7cbb3fa557d61d4ee0470da5b2");
  EXPECT_EQ(digest(lines("ldm")),
            "98c2a964c86cfaa472178e822036654bcd668cd53d4fd2a0d31b8fb285abc924");
}

TEST_F(Names, OfTheFullAutoencoderAreThoseOfThePublishedFiles) {
  start("sdxl-vae");
  EXPECT_EQ(parameters_.size(), 248u);
  EXPECT_EQ(digest(lines("diffusers")),
            "7e9a92f26ce5248a02d066f5100507aa3525569c05f20bda4fc8068395d13d22");
  EXPECT_EQ(digest(lines("ldm")),
            "4d39f45f85f15c1e657c3101f6df439f3498050baa8b56f83897f0f8c6dc6a73");
}

TEST_F(Names, OfTheFullClipLAreThoseOfThePublishedFiles) {
  start("clip-l");
  EXPECT_EQ(parameters_.size(), 196u);
  EXPECT_EQ(digest(lines("transformers")),
            "7d2f9db9aa5f157861f0a50717ca101c11886b7c9d1660890c7733ce7f77d6a3");
  EXPECT_EQ(digest(lines("ldm")),
            "f037e9abecbd483635ab16e8a419b5a2d962279c4fa71bb3dba019ee3d1f62a2");
}

TEST_F(Names, OfTheFullClipGAreThoseOfThePublishedFiles) {
  start("clip-g");
  EXPECT_EQ(parameters_.size(), 517u);
  EXPECT_EQ(digest(lines("transformers")),
            "d6c5777e39ef267fe1aee9cf0df34ff40052c1c4df1826a2c3442bf1f18d47c6");
  EXPECT_EQ(digest(lines("open_clip")),
            "85be4a50a6f80cbb18f2241a340d23b1fa74018ae37be5ed2f1dc04d5cb89834");
}

// With the tables of names at hand, differences have a name. FLAME_FORMATS is their folder.
TEST_F(Names, OfTheFullUNetAreInTheTable) {
  const char *given = std::getenv("FLAME_FORMATS");
  const fs::path folder =
      given ? fs::path(given) : fs::path(FLAME_SOURCE_DIR) / "../shared/formats";
  if (!fs::exists(folder)) GTEST_SKIP() << "FLAME_FORMATS names no folder of tables";
  start("sdxl");
  std::ifstream file(folder / "sdxl_unet_diffusers.tsv");
  std::string line;
  std::getline(file, line);  // names of the columns
  std::set<std::string> expected;
  while (std::getline(file, line)) {
    const size_t shape = line.find('\t'), ldm = line.find('\t', shape + 1);
    expected.insert(line.substr(ldm + 1) + line.substr(shape, ldm - shape + 1) +
                    line.substr(0, shape));
  }
  const std::vector<std::string> seen = lines("ldm");
  EXPECT_THAT(std::set<std::string>(seen.begin(), seen.end()), testing::ContainerEq(expected));
}

TEST_F(Names, OfASmallUNetCountBlocksByTheConfiguration) {
  start("sdxl",
        {{"block_out_channels", {int64_t{32}, int64_t{64}}},
         {"down_block_types", {std::string("CrossAttnDownBlock2D"), std::string("DownBlock2D")}},
         {"up_block_types", {std::string("UpBlock2D"), std::string("CrossAttnUpBlock2D")}},
         {"layers_per_block", {int64_t{3}}},
         {"transformer_layers_per_block", {int64_t{1}}},
         {"attention_head_dim", {int64_t{2}}}});
  const std::pair<const char *, const char *> expected[] = {
      {"down_blocks.0.resnets.2.conv1.weight", "input_blocks.3.0.in_layers.2.weight"},
      {"down_blocks.0.attentions.1.proj_in.bias", "input_blocks.2.1.proj_in.bias"},
      {"down_blocks.0.downsamplers.0.conv.bias", "input_blocks.4.0.op.bias"},
      {"down_blocks.1.resnets.0.conv_shortcut.weight", "input_blocks.5.0.skip_connection.weight"},
      {"mid_block.resnets.1.norm2.bias", "middle_block.2.out_layers.0.bias"},
      {"mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0.bias",
       "middle_block.1.transformer_blocks.0.attn1.to_out.0.bias"},
      {"up_blocks.0.resnets.3.time_emb_proj.bias", "output_blocks.3.0.emb_layers.1.bias"},
      {"up_blocks.0.upsamplers.0.conv.weight", "output_blocks.3.1.conv.weight"},
      {"up_blocks.1.attentions.3.norm.weight", "output_blocks.7.1.norm.weight"},
      {"conv_norm_out.bias", "out.0.bias"},
      {"add_embedding.linear_2.weight", "label_emb.0.2.weight"},
  };
  for (const auto &[parameter, ldm] : expected) EXPECT_EQ(key("ldm", parameter), ldm);
  EXPECT_THAT(key("ldm", "down_blocks.7.resnets.0.conv1.weight"), HasSubstr("has no parameter"));
}

TEST_F(Names, OfASmallAutoencoderCountTheDecoderBackwards) {
  start("sdxl-vae", {{"block_out_channels", {int64_t{32}, int64_t{64}}}});
  EXPECT_EQ(key("ldm", "decoder.up_blocks.0.resnets.2.conv1.bias"),
            "decoder.up.1.block.2.conv1.bias");
  EXPECT_EQ(key("ldm", "decoder.up_blocks.0.upsamplers.0.conv.bias"),
            "decoder.up.1.upsample.conv.bias");
  EXPECT_EQ(key("ldm", "encoder.down_blocks.1.resnets.0.conv_shortcut.bias"),
            "encoder.down.1.block.0.nin_shortcut.bias");
  EXPECT_EQ(key("diffusers-old", "encoder.mid_block.attentions.0.to_out.0.bias"),
            "encoder.mid_block.attentions.0.proj_attn.bias");
  EXPECT_EQ(key("diffusers-old", "encoder.mid_block.attentions.0.to_q.weight"),
            "encoder.mid_block.attentions.0.query.weight");
  EXPECT_EQ(key("diffusers-old", "encoder.conv_out.bias"), "encoder.conv_out.bias");
}

TEST_F(Names, OfOpenClipTakeRowsAndTurnTheProjection) {
  start("clip-g", {{"hidden_size", {int64_t{40}}}, {"projection_dim", {int64_t{24}}}});
  const size_t open_clip = find("open_clip");
  const std::string layer = "text_model.encoder.layers.1.self_attn.";
  const Result<WeightSource> v = source(open_clip, layer + "v_proj.weight");
  EXPECT_EQ(v->key, "transformer.resblocks.1.attn.in_proj_weight");
  EXPECT_EQ(v->shape, (Shape{120, 40}));
  EXPECT_EQ(v->first_row, 80);
  EXPECT_EQ(v->row_count, 40);
  const Result<WeightSource> bias = source(open_clip, layer + "k_proj.bias");
  EXPECT_EQ(bias->key, "transformer.resblocks.1.attn.in_proj_bias");
  EXPECT_EQ(bias->first_row, 40);
  const Result<WeightSource> projection = source(open_clip, "text_projection.weight");
  EXPECT_EQ(projection->shape, (Shape{40, 24}));
  EXPECT_EQ(projection->axes, (std::vector<uint32_t>{1, 0}));
  EXPECT_EQ(projection->row_count, 40);
}

TEST_F(Names, OfEveryLayoutCoverEachTensorOnce) {
  for (const char *component : {"sdxl", "sdxl-vae", "clip-l", "clip-g"}) {
    start(component);
    for (size_t index = 0; index < model_->layouts().size(); ++index) {
      SCOPED_TRACE(std::string(component) + " " + model_->layouts()[index].name);
      std::map<std::string, std::pair<int64_t, int64_t>> rows;  // taken, and there
      for (const auto &[parameter, shape] : parameters_) {
        const Result<WeightSource> one = source(index, parameter);
        ASSERT_TRUE(one.ok());
        rows[one->key].first += one->row_count;
        rows[one->key].second = one->shape[0];
      }
      for (const auto &[name, counts] : rows) EXPECT_EQ(counts.first, counts.second) << name;
    }
  }
}

// The files that other libraries saved for small configurations hold every parameter.
TEST_F(Names, OfClipLWithAndWithoutItsRootAreFound) {
  start("clip-l");
  const ModelLayout &transformers = model_->layouts()[find("transformers")];
  EXPECT_THAT(transformers.prefixes, testing::ElementsAre("text_model.", ""));
  EXPECT_EQ(key("transformers", "text_model.final_layer_norm.bias"), "final_layer_norm.bias");
  EXPECT_THAT(transformers.ignored, testing::Contains("embeddings.position_ids"));
}

class Options : public Names {
 protected:
  std::string error_with(const std::string &component, const Settings &settings) {
    const Result<PluginModel> started = model_test::start_model(host_, component, settings);
    return started.ok() ? "it was accepted" : started.error().text();
  }
  std::string build_error(const std::string &program,
                          const std::vector<std::pair<std::string, int64_t>> &sizes) {
    const Result<Program> made = model_->build(program, sizes);
    return made.ok() ? "it was accepted" : made.error().text();
  }
};

TEST_F(Options, ThatDoNotFitAreNamed) {
  EXPECT_THAT(error_with("sdxl", {{"layers_per_block", {int64_t{2}, int64_t{2}}}}),
              HasSubstr("layers_per_block has 2 items, but block_out_channels 3"));
  EXPECT_THAT(error_with("sdxl", {{"attention_head_dim", {int64_t{7}}}}),
              HasSubstr("attention_head_dim: 7 heads do not divide the 320 channels"));
  EXPECT_THAT(error_with("sdxl", {{"norm_num_groups", {int64_t{48}}}}),
              HasSubstr("norm_num_groups: 48 does not divide the 320 channels"));
  EXPECT_THAT(error_with("sdxl", {{"class_embed_type", {std::string("timestep")}}}),
              HasSubstr("class_embed_type: timestep is not supported"));
  EXPECT_THAT(error_with("sdxl", {{"conv_in_kernel", {int64_t{4}}}}),
              HasSubstr("conv_in_kernel: 4 is not supported, expected an odd number"));
  EXPECT_THAT(error_with("sdxl-vae", {{"norm_num_groups", {int64_t{48}}}}),
              HasSubstr("norm_num_groups: 48 does not divide"));
  EXPECT_THAT(error_with("clip-l", {{"num_attention_heads", {int64_t{5}}}}),
              HasSubstr("num_attention_heads: 5 heads do not divide hidden_size 768"));
}

// config.json of the published folders, beside this file: every key is known, and says the default.
TEST_F(Options, AreThePublishedOnes) {
  for (const std::string component : {"sdxl", "sdxl-vae", "clip-l", "clip-g"}) {
    SCOPED_TRACE(component);
    const Catalogue catalogue = Catalogue::scan({FLAME_PLUGINS});
    const Result<Catalogue::Match> match = catalogue.find("model", component);
    ASSERT_TRUE(match.ok()) << match.error().text();
    const Result<Json> config = read_config_file(fs::path(FLAME_SOURCE_DIR) /
                                                 "tests/models/configs" / (component + ".json"));
    ASSERT_TRUE(config.ok()) << config.error().text();
    const auto given = read_model_config(*config, *match->component, "config.json");
    ASSERT_TRUE(given.ok()) << given.error().text();
    EXPECT_GT(given->size(), 10u);
    for (const OptionValue &value : *given) {
      std::vector<Scalar> expected =
          default_value(*match->component->find_option(value.name)).items;
      if (expected.size() == 1) expected.resize(value.items.size(), expected.front());
      EXPECT_EQ(value.items, expected) << value.name;
    }
  }
}

TEST_F(Options, OfSizesThatCannotBeAreNamed) {
  start("sdxl");
  EXPECT_THAT(build_error("unet", {{"batch", 0}, {"height", 8}, {"width", 8}, {"tokens", 1}}),
              HasSubstr("size 'batch' is 0, expected 1 or more"));
  EXPECT_THAT(build_error("unet", {{"batch", 1}, {"height", 8}, {"width", 8}}),
              HasSubstr("'tokens' is missing"));
  start("sdxl-vae");
  EXPECT_THAT(build_error("encoder", {{"batch", 1}, {"height", 7}, {"width", 8}}),
              HasSubstr("size 'height' is 7, expected 8 or more"));
  start("clip-l");
  EXPECT_THAT(build_error("text", {{"batch", 1}, {"tokens", 78}}),
              HasSubstr("size 'tokens' is 78, but the model has 77 positions"));
}

TEST_F(Options, LeaveLatentsOfAnySize) {
  start("sdxl", {{"transformer_layers_per_block", {int64_t{1}}}});
  for (const auto &[height, width] : {std::pair{1, 1}, {2, 3}, {5, 16}, {33, 7}, {127, 96}}) {
    const Result<Program> made =
        model_->build("unet", {{"batch", 2}, {"height", height}, {"width", width}, {"tokens", 3}});
    ASSERT_TRUE(made.ok()) << made.error().text();
    const Shape &shape = made->type(made->find_output("sample")->value).shape;
    EXPECT_EQ(shape, (Shape{2, height, width, 4}));
  }
}

}  // namespace
}  // namespace flame

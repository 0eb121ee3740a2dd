// Adapters of the full-size SDXL through the exporters of LoRA files: every module is one that other
// programs know, and what is read back is what was trained.
#include <fmt/core.h>

#include <cmath>
#include <cstdlib>
#include <fstream>

#include "core/base/sha256.h"
#include "core/io/adapter_file.h"
#include "core/tensor/gather.h"
#include "core/train/lora_keys.h"
#include "tests/exporters/adapter_export_fixture.h"

namespace flame {
namespace {

namespace fs = std::filesystem;
using namespace export_test;
using testing::Contains;
using testing::HasSubstr;
using testing_support::tensor_of;

// A copy for tests/golden/check_lora.py and check_lora_comfyui.py, if a folder for it is named.
void keep(const fs::path &file, const std::string &name) {
  const char *folder = std::getenv("FLAME_KEEP_FOLDER");
  if (!folder) return;
  fs::create_directories((fs::path(folder) / name).parent_path());
  fs::copy_file(file, fs::path(folder) / (name + ".safetensors"));
}

TEST_F(AdapterFiles, WritesOnlyModulesThatOtherProgramsKnow) {
  struct Case {
    const char *layers;
    uint64_t of_unet, of_encoders;
  };
  for (const auto &[layers, of_unet, of_encoders] :
       {Case{"attention", 560, 12 * 4 + 32 * 4}, Case{"attention+ff", 700, 72 + 192},
        Case{"all-linear", 739, 72 + 192}, Case{"all", 790, 72 + 192},
        Case{"**", 794, 72 + 192 + 1}}) {
    const std::vector<ExportedPart> parts{part(0, chosen(0, layers)), part(1, chosen(1, layers)),
                                          part(2, chosen(2, layers))};
    for (const std::string name : {"comfyui-lora", "diffusers-lora"}) {
      SCOPED_TRACE(name + " " + layers);
      auto request = given(parts, name + layers + ".safetensors");
      const Result<ExportReport> report = export_adapter(request, exporter(name, "f16"));
      ASSERT_TRUE(report.ok()) << report.error().text();
      EXPECT_EQ(report->modules, of_unet + of_encoders);
      EXPECT_EQ(report->known, report->modules);
      EXPECT_TRUE(report->has_table);
      EXPECT_FALSE(report->other_sizes);
      EXPECT_THAT(report->text(), HasSubstr(fmt::format("{} of them known", report->modules)));
      if (std::string_view(layers) == "all") keep(request.path, "all/" + name);
    }
  }
}

TEST_F(AdapterFiles, WritesWhatKohyaTrains) {
  for (const std::string name : {"comfyui-lora", "diffusers-lora"}) {
    SCOPED_TRACE(name);
    auto request = given({part(0, is_standard)}, name + "kohya.safetensors");
    const Result<ExportReport> report = export_adapter(request, exporter(name, "f16"));
    ASSERT_TRUE(report.ok()) << report.error().text();
    EXPECT_EQ(report->modules, 722u);
    EXPECT_EQ(report->known, report->modules);
  }
}

// What the file's pairs change, by the parameter, against what was trained.
TEST_F(AdapterFiles, ReadsBackWhatWasTrained) {
  for (const std::string name : {"comfyui-lora", "diffusers-lora"}) {
    for (size_t index = 0; index < places_->size(); ++index) {
      const Place &place = (*places_)[index];
      SCOPED_TRACE(name + " " + place.component);
      for (const int64_t rank : {1, 2}) {
        const ExportedPart trained = part(index, any, rank);
        const auto request = given({trained}, fmt::format("{}-{}-{}", name, index, rank));
        const Result<ExportReport> report = export_adapter(request, exporter(name));
        ASSERT_TRUE(report.ok()) << report.error().text();
        const auto pairs = read_adapter(request.path);
        ASSERT_TRUE(pairs.ok()) << pairs.error().text();
        std::vector<PlacedWeight> weights;
        for (const WantedParameter &each : place.parameters)
          weights.push_back({each.name, each.type, {}, {}});
        const auto placed = place_adapter(*pairs, *place.model, weights);
        ASSERT_TRUE(placed.ok()) << placed.error().text();
        ASSERT_EQ(placed->size(), place.parameters.size());
        for (const auto &[pair, parameter] : *placed) {
          const std::string layer = parameter.substr(0, parameter.size() - 7);
          HostTensor down = trained.tensors.at(layer + ".lora_down.weight");
          HostTensor up = trained.tensors.at(layer + ".lora_up.weight");
          constexpr int64_t kAxes[] = {0, 3, 1, 2};
          if (down.type.shape.rank() == 4) down = permuted(down, kAxes), up = permuted(up, kAxes);
          ASSERT_EQ(pair->down.type, down.type) << parameter;
          ASSERT_EQ(pair->up.type, up.type) << parameter;
          ASSERT_EQ(pair->down.bytes, down.bytes) << parameter;
          const double scale = trained.alphas.at(layer) / static_cast<double>(rank);
          const std::vector<double> seen = numbers_of(pair->up), right = numbers_of(up);
          for (size_t i = 0; i < seen.size(); ++i)
            ASSERT_NEAR(seen[i] * pair->scale, right[i] * scale, 1e-7) << parameter;
        }
      }
    }
  }
}

TEST_F(AdapterFiles, NamesModulesAsKohyaAndPeftDo) {
  const auto names = [&](const std::string &name) {
    const auto request = given({part(0), part(1), part(2)}, "names-" + name);
    EXPECT_TRUE(export_adapter(request, exporter(name)).ok());
    keep(request.path, "every/" + name);
    std::vector<std::string> names;
    const auto file = SafetensorsFile::open(request.path);
    for (const StoredTensor &tensor : file->tensors())
      names.push_back(tensor.name + " " + tensor.shape.text());
    return names;
  };
  const std::vector<std::string> kohya = names("comfyui-lora");
  for (const char *name :
       {"lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_k.lora_down.weight [2, 640]",
        "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_k.alpha []",
        "lora_unet_output_blocks_0_1_transformer_blocks_9_attn2_to_out_0.lora_up.weight [1280, 2]",
        "lora_unet_middle_block_1_transformer_blocks_3_ff_net_0_proj.lora_up.weight [10240, 2]",
        "lora_unet_middle_block_1_proj_in.lora_down.weight [2, 1280]",
        "lora_unet_input_blocks_0_0.lora_down.weight [2, 4, 3, 3]",
        "lora_unet_input_blocks_3_0_op.lora_down.weight [2, 320, 3, 3]",
        "lora_unet_output_blocks_2_2_conv.lora_up.weight [1280, 2, 1, 1]",
        "lora_unet_input_blocks_4_0_skip_connection.lora_down.weight [2, 320, 1, 1]",
        "lora_unet_input_blocks_1_0_emb_layers_1.lora_down.weight [2, 1280]",
        "lora_unet_time_embed_0.lora_down.weight [2, 320]",
        "lora_unet_label_emb_0_2.lora_up.weight [1280, 2]",
        "lora_unet_out_2.lora_up.weight [4, 2, 1, 1]",
        "lora_te1_text_model_encoder_layers_11_self_attn_q_proj.lora_down.weight [2, 768]",
        "lora_te2_text_model_encoder_layers_31_mlp_fc2.lora_down.weight [2, 5120]",
        "lora_te2_text_projection.lora_up.weight [1280, 2]"})
    EXPECT_THAT(kohya, Contains(name));
  const std::vector<std::string> peft = names("diffusers-lora");
  for (const char *name :
       {"unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_k.lora_A.weight [2, 640]",
        "unet.conv_in.lora_A.weight [2, 4, 3, 3]",
        "text_encoder.text_model.encoder.layers.0.mlp.fc1.lora_B.weight [3072, 2]",
        "text_encoder_2.text_model.encoder.layers.31.self_attn.out_proj.lora_A.weight [2, 1280]"})
    EXPECT_THAT(peft, Contains(name));
  for (const std::string &name : peft) EXPECT_EQ(name.find(".alpha"), std::string::npos);
}

TEST_F(AdapterFiles, WritesTheTrainingsFactsAndTheSameBytesAgain) {
  auto request = given({part(0, is_attention)}, "facts.safetensors");
  request.facts = {{"title", "A \"red\" thing\n"},
                   {"steps", "800"},
                   {"seed", "7"},
                   {"ss_custom", "kept"},
                   {"version", "0.1.0"}};
  for (auto &[layer, alpha] : request.parts[0].alphas) alpha = 4;
  ASSERT_TRUE(export_adapter(request, exporter("comfyui-lora", "bf16")).ok());
  const auto bytes_of = [](const fs::path &path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const std::string bytes = bytes_of(request.path);
  const auto file = SafetensorsFile::open(request.path);
  ASSERT_TRUE(file.ok());
  const auto fact = [&](std::string_view name) {
    const std::string *text = file->find_metadata(name);
    return text ? *text : "none";
  };
  EXPECT_EQ(fact("ss_output_name"), "A \"red\" thing\n");
  EXPECT_EQ(fact("modelspec.title"), "A \"red\" thing\n");
  EXPECT_EQ(fact("ss_steps"), "800");
  EXPECT_EQ(fact("ss_seed"), "7");
  EXPECT_EQ(fact("ss_custom"), "kept");
  EXPECT_EQ(fact("flamehost.version"), "0.1.0");
  EXPECT_EQ(fact("ss_base_model_version"), "sdxl_base_v1-0");
  EXPECT_EQ(fact("modelspec.architecture"), "stable-diffusion-xl-v1-base/lora");
  EXPECT_EQ(fact("ss_network_dim"), "2");
  EXPECT_EQ(fact("ss_network_alpha"), "4");
  EXPECT_EQ(fact("ss_network_args"), "none");
  EXPECT_EQ(fact("ss_learning_rate"), "none");
  uint64_t header = 0;
  memcpy(&header, bytes.data(), sizeof header);
  EXPECT_EQ(bytes.substr(8, 2), "{\"");
  EXPECT_EQ(header % 8, 0u);
  EXPECT_EQ(fact("sshs_model_hash"), sha256(std::string_view(bytes).substr(8 + header)));
  EXPECT_EQ(fact("modelspec.hash_sha256"), "0x" + fact("sshs_model_hash"));
  request.overwrite = true;
  ASSERT_TRUE(export_adapter(request, exporter("comfyui-lora", "bf16")).ok());
  EXPECT_EQ(bytes_of(request.path), bytes);
}

TEST_F(AdapterFiles, SaysWhatBelongsToConvolutionsAndHowManyRanksWereLeftOut) {
  auto request = given({part(0)}, "arguments.safetensors");
  request.facts = {{"rank_dropout", "0.25"}};
  for (auto &[layer, alpha] : request.parts[0].alphas) alpha = 4;
  ASSERT_TRUE(export_adapter(request, exporter("comfyui-lora")).ok());
  const auto file = SafetensorsFile::open(request.path);
  ASSERT_TRUE(file.ok());
  const std::string *arguments = file->find_metadata("ss_network_args");
  ASSERT_NE(arguments, nullptr);
  EXPECT_EQ(*arguments, R"({"conv_alpha": "4", "conv_dim": "2", "rank_dropout": "0.25"})");
  EXPECT_EQ(file->find_metadata("flamehost.rank_dropout"), nullptr);
}

TEST_F(AdapterFiles, LeavesAFileThatIsThereAlone) {
  auto request = given({part(1)}, "there.safetensors");
  std::ofstream(request.path) << "precious";
  const auto make = exporter("comfyui-lora");
  for (const Status &status : {check_export(request, make), [&]() -> Status {
                                 FLAME_TRY(export_adapter(request, make));
                                 return {};
                               }()}) {
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().kind, ErrorKind::kBadConfig);
    EXPECT_THAT(status.error().text(), HasSubstr("is there already"));
    EXPECT_THAT(status.error().text(), HasSubstr("overwrite: true"));
  }
  EXPECT_EQ(fs::file_size(request.path), 8u);
  request.overwrite = true;
  EXPECT_TRUE(check_export(request, make).ok());
  EXPECT_TRUE(export_adapter(request, make).ok());
  EXPECT_GT(fs::file_size(request.path), 8u);
  request.path = *folder_ / ".";
  EXPECT_THAT(check_export(request, make).error().text(), HasSubstr("is a folder"));
}

TEST_F(AdapterFiles, KeepsNoFileWithAModuleThatNobodyKnows) {
  const fs::path inside = *folder_ / "unknown";
  fs::create_directory(inside);
  auto request = given({part(1)}, "unknown/lora.safetensors");
  for (const char *half : {".lora_down.weight", ".lora_up.weight"}) {
    request.parts[0].tensors[std::string("down_blocks.0.attentions.0.to_k") + half] =
        numbers(Shape{2, 2}, 1);
  }
  std::ofstream(request.path) << "precious";
  request.overwrite = true;
  const auto report = export_adapter(request, exporter("diffusers-lora"));
  ASSERT_FALSE(report.ok());
  EXPECT_THAT(report.error().text(), HasSubstr("1 of 73 modules have names that no program knows"));
  EXPECT_THAT(report.error().text(), HasSubstr("text_encoder.down_blocks.0.attentions.0.to_k"));
  EXPECT_EQ(fs::file_size(request.path), 8u);
  EXPECT_EQ(std::distance(fs::directory_iterator(inside), fs::directory_iterator()), 1);
}

TEST_F(AdapterFiles, WritesNothingThatIsNotFinite) {
  auto request = given({part(1)}, "finite.safetensors");
  HostTensor &tensor = request.parts[0].tensors.begin()->second;
  const std::vector<double> good = numbers_of(tensor);
  for (const auto &[bad, precision] : {std::pair{std::nan(""), "f32"}, std::pair{70000.0, "f16"}}) {
    std::vector<double> values = good;
    values[3] = bad;
    tensor = tensor_of(tensor.type, values);
    for (const char *name : {"comfyui-lora", "diffusers-lora"}) {
      const auto report = export_adapter(request, exporter(name, precision));
      ASSERT_FALSE(report.ok());
      EXPECT_EQ(report.error().kind, ErrorKind::kNumeric);
      EXPECT_THAT(report.error().text(), HasSubstr("finite"));
      EXPECT_FALSE(fs::exists(request.path));
    }
  }
}

TEST_F(AdapterFiles, RefusesWhatIsNoLowRankAdapter) {
  const auto error = [&](auto &&change, const char *name = "comfyui-lora") {
    auto request = given({part(0, is_attention)}, "no.safetensors");
    change(request);
    const Status status = check_export(request, exporter(name));
    return status.ok() ? "" : status.error().text();
  };
  EXPECT_EQ(error([](auto &) {}), "");
  EXPECT_EQ(error([](auto &request) {
              for (auto &[name, tensor] : request.parts[0].tensors) tensor.bytes.clear();
            }),
            "");
  EXPECT_THAT(error([](auto &request) { request.parts.clear(); }),
              HasSubstr("no adapter to export"));
  EXPECT_THAT(error([](auto &request) {
                request.parts[0].tensors.erase(request.parts[0].tensors.begin());
              }),
              HasSubstr("or one is missing"));
  EXPECT_THAT(error([](auto &request) {
                request.parts[0].tensors["a.hada_w1_a"] = numbers(Shape{2, 2}, 1);
              }),
              HasSubstr("'a.hada_w1_a' is neither lora_down nor lora_up"));
  EXPECT_THAT(error([](auto &request) { request.parts[0].part = "vae"; }, "diffusers-lora"),
              HasSubstr("of no part of a model that has a place in the file"));
  EXPECT_THAT(error([](auto &request) { request.parts[0].part = "transformer"; }),
              HasSubstr("has no layout 'bfl'"));
}

TEST(LoraKeys, KnowTheStandardModulesOfSdxlAndNoOther) {
  const LoraKeys *keys = LoraKeys::of_model("sdxl");
  ASSERT_NE(keys, nullptr);
  EXPECT_EQ(keys->size(), 1929u);
  EXPECT_EQ(LoraKeys::of_model("flux"), nullptr);
  const char *first = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_k";
  ASSERT_NE(keys->find(first), nullptr);
  EXPECT_EQ(keys->find(first)->text(), "[640, 640]");
  EXPECT_NE(keys->find("unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_k"), nullptr);
  EXPECT_NE(keys->find("text_encoder_2.text_model.encoder.layers.31.mlp.fc1"), nullptr);
  for (const char *unknown : {"lora_unet_down_blocks_0_attentions_0_to_k", "", "lora_unet_",
                              "lora_unet_input_blocks_4_1_transformer_blocks_2_attn1_to_k",
                              "lora_te1_text_model_encoder_layers_12_mlp_fc1"})
    EXPECT_EQ(keys->find(unknown), nullptr) << unknown;
}

}  // namespace
}  // namespace flame

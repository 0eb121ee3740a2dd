// Adapters of the full-size SDXL through the exporters of LoRA files: every module is one that other
// programs know, and what is read back is what was trained.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "core/base/sha256.h"
#include "core/io/adapter_file.h"
#include "core/io/weight_writer.h"
#include "core/tensor/gather.h"
#include "core/tensor/numbers.h"
#include "core/train/export_adapter.h"
#include "core/train/lora_keys.h"
#include "core/train/merge_adapter.h"
#include "tests/models/started_model.h"
#include "tests/support/evaluate.h"
#include "tests/support/fake_model.h"
#include "tests/support/temporary_folder.h"

namespace flame {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::HasSubstr;
using testing_support::tensor_of;

using Filter = bool (*)(const std::string &layer, const Shape &weight);

bool any(const std::string &, const Shape &) {
  return true;
}
bool is_linear(const std::string &, const Shape &weight) {
  return weight.rank() == 2;
}
bool is_attention(const std::string &layer, const Shape &) {
  return layer.find(".attn") != std::string::npos;
}
bool is_attention_or_ff(const std::string &layer, const Shape &weight) {
  return is_attention(layer, weight) || layer.find(".ff.") != std::string::npos;
}
// What kohya's sd-scripts train by default.
bool is_standard(const std::string &layer, const Shape &) {
  return layer.find("attentions.") != std::string::npos;
}

HostTensor numbers(const Shape &shape, int64_t seed) {
  std::vector<double> values(static_cast<size_t>(shape.element_count()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<double>((seed * 7919 + static_cast<int64_t>(i) * 31) % 255 - 127) / 256;
  return tensor_of({DType::kF32, shape}, values);
}

class AdapterExport : public testing::Test {
 protected:
  struct Place {
    std::string component, part;
    Result<PluginModel> model;
    std::vector<WantedParameter> parameters;  // weights of layers
  };

  static void SetUpTestSuite() {
    folder_ = new test::TemporaryFolder;
    host_ =
        new PluginHost({.lock = {}, .verdicts = VerdictCache(*folder_ / "verdicts"), .trial = {}});
    places_ = new std::vector<Place>;
    for (const auto &[component, part] :
         {std::pair{"sdxl", "unet"}, std::pair{"clip-l", "text_encoder"},
          std::pair{"clip-g", "text_encoder_2"}}) {
      Place place{component, part, model_test::start_model(*host_, component), {}};
      const Result<std::vector<WantedParameter>> wanted = parameters_of(*place.model);
      for (const WantedParameter &parameter : *wanted) {
        const size_t rank = parameter.type.shape.rank();
        if ((rank == 2 || rank == 4) && parameter.name.ends_with(".weight") &&
            parameter.name.find("embedding.weight") == std::string::npos)
          place.parameters.push_back(parameter);
      }
      places_->push_back(std::move(place));
    }
  }
  static void TearDownTestSuite() {
    delete places_;
    delete host_;
    delete folder_;
  }

  static ExportedPart part(size_t index, Filter wanted = any, int64_t rank = 2) {
    const Place &place = (*places_)[index];
    ExportedPart part{place.part, &*place.model, {}, {}};
    int64_t seed = 0;
    for (const WantedParameter &parameter : place.parameters) {
      const std::string layer = layer_of(parameter);
      const Shape &weight = parameter.type.shape;
      if (!wanted(layer, weight)) continue;
      const bool is_window = weight.rank() == 4;
      const Shape down =
          is_window ? Shape{rank, weight[1], weight[2], weight[3]} : Shape{rank, weight[1]};
      const Shape up = is_window ? Shape{weight[0], 1, 1, rank} : Shape{weight[0], rank};
      part.tensors[layer + ".lora_down.weight"] = numbers(down, ++seed);
      part.tensors[layer + ".lora_up.weight"] = numbers(up, ++seed);
      part.alphas[layer] = static_cast<double>(seed % 5 + 1) / 2;
    }
    return part;
  }
  static std::string layer_of(const WantedParameter &parameter) {
    return parameter.name.substr(0, parameter.name.size() - std::string(".weight").size());
  }

  ExporterMaker exporter(const std::string &name, const std::string &precision = "f32") {
    return [=](const fs::path &path) -> Result<PluginExporter> {
      const Catalogue catalogue = Catalogue::scan({FLAME_PLUGINS});
      FLAME_ASSIGN(const Catalogue::Match match, catalogue.find("exporter", name));
      FLAME_ASSIGN(const StartedComponent started, host_->start(match));
      AttributeList options;
      options.add_string("path", path.string());
      options.add_string("precision", precision);
      return PluginExporter::create(started.table<flame_exporter_interface>(), started.plugin->id(),
                                    name, options);
    };
  }

  flame::AdapterExport given(std::vector<ExportedPart> parts, const std::string &file) {
    return {"sdxl", std::move(parts), {}, *folder_ / file, false};
  }

  static inline test::TemporaryFolder *folder_ = nullptr;
  static inline PluginHost *host_ = nullptr;
  static inline std::vector<Place> *places_ = nullptr;
};

TEST_F(AdapterExport, WritesOnlyModulesThatOtherProgramsKnow) {
  for (const std::string name : {"comfyui-lora", "diffusers-lora"}) {
    for (const auto &[preset, filter, count] :
         {std::tuple{"attention", Filter(is_attention), 560u},
          std::tuple{"attention+ff", Filter(is_attention_or_ff), 700u},
          std::tuple{"kohya's", Filter(is_standard), 722u},
          std::tuple{"all-linear", Filter(is_linear), 743u},
          std::tuple{"all", Filter(any), 794u}}) {
      SCOPED_TRACE(name + " " + preset);
      auto request = given({part(0, filter), part(1), part(2)}, name + preset + ".safetensors");
      const Result<ExportReport> report = export_adapter(request, exporter(name, "f16"));
      ASSERT_TRUE(report.ok()) << report.error().text();
      EXPECT_EQ(report->modules, count + 72 + 192 + 1);
      EXPECT_EQ(report->known, report->modules);
      EXPECT_TRUE(report->has_table);
      EXPECT_FALSE(report->other_sizes);
      EXPECT_THAT(report->text(), HasSubstr(fmt::format("{} of them known", report->modules)));
    }
  }
}

// What the file's pairs change, by the parameter, against what was trained.
TEST_F(AdapterExport, ReadsBackWhatWasTrained) {
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

TEST_F(AdapterExport, NamesModulesAsKohyaAndPeftDo) {
  const auto names = [&](const std::string &name) {
    const auto request = given({part(0), part(1), part(2)}, "names-" + name);
    EXPECT_TRUE(export_adapter(request, exporter(name)).ok());
    // For tests/golden/check_lora.py.
    if (const char *kept = std::getenv("FLAME_KEEP_FOLDER"))
      fs::copy_file(request.path, fs::path(kept) / (name + ".safetensors"));
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

TEST_F(AdapterExport, WritesTheTrainingsFactsAndTheSameBytesAgain) {
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

TEST_F(AdapterExport, SaysWhatBelongsToConvolutionsAndHowManyRanksWereLeftOut) {
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

TEST_F(AdapterExport, LeavesAFileThatIsThereAlone) {
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

TEST_F(AdapterExport, KeepsNoFileWithAModuleThatNobodyKnows) {
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

TEST_F(AdapterExport, WritesNothingThatIsNotFinite) {
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

TEST_F(AdapterExport, RefusesWhatIsNoLowRankAdapter) {
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

// A base's file in the fake model's layout "old", which has q and k as rows of one tensor, and channels second.
class AdapterMerge : public AdapterExport {
 protected:
  void SetUp() override {
    const ModelToWrite entry{&*model_, wanted_, 1};
    const auto number = [](size_t, const WantedParameter &parameter, DType dtype) {
      return Result<HostTensor>(random_weight("fake", parameter, 3, dtype));
    };
    const fs::path file = *folder_ / "base.safetensors";
    ASSERT_TRUE(write_weights(file, {&entry, 1}, DType::kF32, {}, number).ok());
    sets_.emplace(*open_weights(file));
    Result<WeightMatch> match = match_weights(*model_, wanted_, sets_->front());
    ASSERT_TRUE(match.ok());
    match_.emplace(std::move(*match));
  }
  MergeBase base() const { return {&sets_->front(), {&*match_, 1}}; }

  const Result<PluginModel> model_ = test::fake_model(8);
  const std::vector<WantedParameter> wanted_ = *parameters_of(*model_);
  std::optional<std::vector<WeightSet>> sets_;
  std::optional<WeightMatch> match_;
};

TEST_F(AdapterMerge, MergesIntoTheBaseUnderItsNames) {
  ExportedPart trained{"unet", &*model_, {}, {}, false};
  for (const WantedParameter &parameter : wanted_) {
    const Shape &weight = parameter.type.shape;
    if ((weight.rank() != 2 && weight.rank() != 4) || !parameter.name.ends_with(".weight"))
      continue;
    const std::string layer = layer_of(parameter);
    const bool is_window = weight.rank() == 4;
    trained.tensors[layer + ".lora_down.weight"] =
        numbers(is_window ? Shape{3, weight[1], weight[2], weight[3]} : Shape{3, weight[1]}, 5);
    trained.tensors[layer + ".lora_up.weight"] =
        numbers(is_window ? Shape{weight[0], 1, 1, 3} : Shape{weight[0], 3}, 6);
    trained.alphas[layer] = 1.5;
  }
  ASSERT_GE(trained.tensors.size(), 6u);
  auto request = given({trained}, "merged.safetensors");
  const auto report = merge_adapter(request, base(), exporter("merge", "f32"));
  ASSERT_TRUE(report.ok()) << report.error().text();
  EXPECT_EQ(report->modules, trained.tensors.size() / 2);
  const auto made = open_weights(request.path);
  const auto after = match_weights(*model_, wanted_, made->front());
  EXPECT_FALSE(mismatch_error(*after, made->front(), true));
  for (size_t i = 0; i < match_->placed.size(); ++i) {
    const PlacedWeight &old = match_->placed[i];
    SCOPED_TRACE(old.parameter);
    const std::vector<double> before = numbers_of(*read_weight(old, DType::kF32));
    const std::vector<double> seen = numbers_of(*read_weight(after->placed[i], DType::kF32));
    const std::string layer = old.parameter.substr(0, old.parameter.size() - 7);
    const auto down = trained.tensors.find(layer + ".lora_down.weight");
    std::vector<double> change(before.size(), 0.0);
    if (down != trained.tensors.end()) {
      const std::vector<double> in = numbers_of(down->second);
      const std::vector<double> out = numbers_of(trained.tensors.at(layer + ".lora_up.weight"));
      const size_t width = in.size() / 3;
      for (size_t at = 0; at < change.size(); ++at)
        for (size_t r = 0; r < 3; ++r)
          change[at] += 0.5 * out[at / width * 3 + r] * in[r * width + at % width];
    }
    for (size_t at = 0; at < seen.size(); ++at)
      ASSERT_NEAR(seen[at], before[at] + change[at], 1e-6) << at;
  }
  EXPECT_THAT(merge_adapter(request, base(), exporter("merge")).error().text(),
              HasSubstr("is there already"));
  request.path = *folder_ / "other.safetensors";
  for (const char *half : {".lora_down.weight", ".lora_up.weight"})
    request.parts[0].tensors[std::string("nowhere") + half] = numbers(Shape{3, 3}, 1);
  EXPECT_THAT(merge_adapter(request, base(), exporter("merge")).error().text(),
              HasSubstr("has no 'nowhere.weight' of [3, 3] for 'unet'"));
  EXPECT_FALSE(fs::exists(request.path));
}

TEST_F(AdapterMerge, WritesWeightsThatLearnedIntoTheBasesFile) {
  // Some of each kind, among them rows of a tensor that the file has joined.
  ExportedPart trained{"unet", &*model_, {}, {}, true};
  for (const WantedParameter &parameter : wanted_) {
    if (parameter.name != "attn.q.weight" && parameter.name != "norm.weight")
      trained.tensors[parameter.name] = numbers(parameter.type.shape, 7);
  }
  ASSERT_GE(trained.tensors.size(), 4u);
  auto request = given({trained}, "learned.safetensors");
  EXPECT_TRUE(check_merge(request, base()).ok());
  const auto report = merge_adapter(request, base(), exporter("merge", "f32"));
  ASSERT_TRUE(report.ok()) << report.error().text();
  EXPECT_EQ(report->own_weights, trained.tensors.size());
  EXPECT_EQ(report->modules, 0u);
  EXPECT_THAT(report->text(), HasSubstr("weights that learned"));
  const auto made = open_weights(request.path);
  const auto after = match_weights(*model_, wanted_, made->front());
  EXPECT_FALSE(mismatch_error(*after, made->front(), true));
  for (size_t i = 0; i < match_->placed.size(); ++i) {
    const std::string &name = match_->placed[i].parameter;
    const auto learned = trained.tensors.find(name);
    const std::vector<double> expected =
        numbers_of(learned == trained.tensors.end() ? *read_weight(match_->placed[i], DType::kF32)
                                                    : learned->second);
    EXPECT_EQ(numbers_of(*read_weight(after->placed[i], DType::kF32)), expected) << name;
  }
  EXPECT_THAT(check_merge(request, base()).error().text(), HasSubstr("is there already"));
  request.path = *folder_ / "other.safetensors";
  EXPECT_THAT(check_export(request, exporter("comfyui-lora")).error().text(),
              HasSubstr("export with 'use: merge'"));
  request.parts[0].tensors["nowhere.bias"] = numbers(Shape{3}, 1);
  EXPECT_THAT(check_merge(request, base()).error().text(),
              HasSubstr("has no 'nowhere.bias' of [3]"));
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

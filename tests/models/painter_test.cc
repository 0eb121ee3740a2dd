// Pictures from prompts with small models of random weights: the run as it is written out by hand,
// one backend against another, and what is refused.
#include "core/sample/painter.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "core/io/weight_writer.h"
#include "core/runtime/evaluate.h"
#include "core/sample/autoencoder.h"
#include "core/sample/planned_program.h"
#include "core/tensor/numbers.h"
#include "flame/philox.hpp"
#include "tests/models/started_model.h"
#include "tests/support/devices.h"

namespace flame {
namespace {

using model_test::Settings;
using testing::HasSubstr;
using testing_support::device;

std::vector<Scalar> ints(std::initializer_list<int64_t> items) {
  return {items.begin(), items.end()};
}
std::vector<Scalar> texts(std::initializer_list<const char *> items) {
  std::vector<Scalar> list;
  for (const char *item : items) list.emplace_back(std::string(item));
  return list;
}

Settings text_settings(bool projects) {
  Settings settings{{"hidden_size", ints({16})},
                    {"num_hidden_layers", ints({2})},
                    {"num_attention_heads", ints({2})},
                    {"intermediate_size", ints({32})}};
  if (projects) settings.push_back({"projection_dim", ints({16})});
  return settings;
}

const Settings kUNet{
    {"block_out_channels", ints({32, 64})},
    {"down_block_types", texts({"DownBlock2D", "CrossAttnDownBlock2D"})},
    {"up_block_types", texts({"CrossAttnUpBlock2D", "UpBlock2D"})},
    {"layers_per_block", ints({1})},
    {"transformer_layers_per_block", ints({1})},
    {"attention_head_dim", ints({2, 4})},
    {"cross_attention_dim", ints({32})},
    {"addition_time_embed_dim", ints({8})},
    {"projection_class_embeddings_input_dim", ints({64})},
};
const Settings kVae{{"block_out_channels", ints({16, 16, 32, 32})},
                    {"layers_per_block", ints({1})},
                    {"norm_num_groups", ints({8})}};

class PainterTest : public testing::Test {
 protected:
  // The models of SDXL, small, with weights in a file of their own.
  void SetUp() override {
    start("sdxl", kUNet);
    start("clip-l", text_settings(false));
    start("clip-g", text_settings(true));
    start("sdxl-vae", kVae);
    file_ = std::filesystem::temp_directory_path() /
            ("painter_test_" + std::to_string(getpid()) + ".safetensors");
    std::vector<ModelToWrite> written;
    for (size_t i = 0; i < models_.size(); ++i)
      written.push_back({models_[i].get(), wanted_[i], *find_layout(*models_[i], "ldm")});
    const auto maker = [&](size_t model, const WantedParameter &parameter,
                           DType dtype) -> Result<HostTensor> {
      return random_weight(models_[model]->component(), parameter, 5, dtype);
    };
    const Status status = write_weights(file_, written, DType::kF32, {}, maker);
    ASSERT_TRUE(status.ok()) << status.error().text();
    Result<std::vector<WeightSet>> sets = open_weights(file_);
    ASSERT_TRUE(sets.ok()) << sets.error().text();
    sets_ = std::move(*sets);
    for (size_t i = 0; i < models_.size(); ++i) {
      Result<WeightMatch> match = match_weights(*models_[i], wanted_[i], sets_.front());
      ASSERT_TRUE(match.ok() && match->fits());
      matches_.push_back(std::make_unique<WeightMatch>(std::move(*match)));
    }
    paint_.denoiser = {models_[0].get(), matches_[0].get()};
    paint_.spec = *models_[0]->diffusion();
    for (size_t i = 1; i < models_.size(); ++i)
      paint_.parts.push_back({models_[i].get(), matches_[i].get()});
  }
  void TearDown() override { std::filesystem::remove(file_); }

  void start(const std::string &component, const Settings &settings) {
    Result<PluginModel> model = model_test::start_model(host_, component, settings);
    ASSERT_TRUE(model.ok()) << model.error().text();
    models_.push_back(std::make_unique<PluginModel>(std::move(*model)));
    Result<std::vector<WantedParameter>> wanted = parameters_of(*models_.back());
    ASSERT_TRUE(wanted.ok()) << wanted.error().text();
    wanted_.push_back(std::move(*wanted));
  }

  Result<PluginSampler> sampler(const std::string &name) {
    const Catalogue catalogue = Catalogue::scan({FLAME_PLUGINS});
    FLAME_ASSIGN(const Catalogue::Match match, catalogue.find(FLAME_KIND_SAMPLER, name));
    FLAME_ASSIGN(const StartedComponent started, host_.start(match));
    FLAME_ASSIGN(const AttributeList options, model_options(*match.component, {}));
    return PluginSampler::create(started.table<flame_sampler_interface>(), started.plugin->id(),
                                 name, options);
  }
  Result<Painter> painter(const PaintSettings &settings, const std::string &backend = "onednn",
                          const std::string &sampler_name = "euler") {
    FLAME_ASSIGN(const PluginSampler way, sampler(sampler_name));
    return Painter::make(paint_, way, settings, device(backend));
  }
  std::vector<float> drawn(const PaintSettings &settings, const PaintRequest &request,
                           const std::string &backend = "onednn",
                           const std::string &sampler_name = "euler") {
    const Result<Painter> made = painter(settings, backend, sampler_name);
    EXPECT_TRUE(made.ok()) << made.error().text();
    if (!made.ok()) return {};
    const Result<Picture> picture = made->paint(request);
    EXPECT_TRUE(picture.ok()) << picture.error().text();
    return picture.ok() ? picture->pixels : std::vector<float>();
  }

  // One program of a model with its weights, on the reference.
  TensorMap answers(size_t model, const std::string &program,
                    const std::vector<std::pair<std::string, int64_t>> &sizes, TensorMap given) {
    const Result<Program> built = models_[model]->build(program, sizes);
    EXPECT_TRUE(built.ok()) << built.error().text();
    for (const Parameter &parameter : built->parameters()) {
      for (const PlacedWeight &weight : matches_[model]->placed)
        if (weight.parameter == parameter.name)
          given[parameter.name] = *read_weight(weight, DType::kF32);
    }
    const Result<TensorMap> made = evaluate(device("reference"), *built, given);
    EXPECT_TRUE(made.ok()) << made.error().text();
    return made.ok() ? *made : TensorMap();
  }

  // A program of the autoencoder, in bands unless `rows` is 0.
  TensorMap image_answers(const std::string &name, int64_t height, int64_t width, int64_t rows,
                          const std::string &backend, DType compute = DType::kF32) {
    Device &on = device(backend);
    const auto run = [&]() -> Result<TensorMap> {
      FLAME_ASSIGN(const Program program,
                   models_[3]->build(name, {{"batch", 1}, {"height", height}, {"width", width}}));
      FLAME_ASSIGN(const Program stored, stored_program(program, "vae/", {compute}));
      FLAME_ASSIGN(ImageProgram image, rows == 0 ? ImageProgram::plan(stored, on)
                                                 : ImageProgram::plan_bands(stored, on, rows));
      EXPECT_EQ(image.in_bands(), rows != 0);
      TensorStore store(on);
      FLAME_TRY(image.make(store));
      std::vector<WeightJob> jobs;
      FLAME_TRY(add_jobs(paint_.parts[2], image.parameters(), "vae/", jobs));
      FLAME_TRY(load_weights(jobs));
      FLAME_ASSIGN(const DeviceStream stream, on.create_stream());
      TensorMap given;
      for (const NamedValue &input : stored.inputs()) {
        std::vector<double> numbers;
        const auto count = stored.type(input.value).shape.element_count();
        for (int64_t i = 0; i < count; ++i)
          numbers.push_back(std::sin(static_cast<double>(i) * 0.37 + i * i % 11));
        given[input.name] = tensor_of(stored.type(input.value), numbers);
      }
      return image.run(stream, given);
    };
    const Result<TensorMap> made = run();
    EXPECT_TRUE(made.ok()) << made.error().text();
    return made.ok() ? *made : TensorMap();
  }

  PluginHost host_{{}};
  std::vector<std::unique_ptr<PluginModel>> models_;
  std::vector<std::vector<WantedParameter>> wanted_;
  std::vector<std::unique_ptr<WeightMatch>> matches_;
  std::vector<WeightSet> sets_;
  std::filesystem::path file_;
  PaintModels paint_;
};

constexpr PaintSettings kSmall{.width = 32, .height = 16, .steps = 2};

double largest_difference(const std::vector<float> &a, const std::vector<float> &b) {
  if (a.size() != b.size() || a.empty()) return NAN;
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - b[i]));
  return largest;
}

// The largest difference, as a share of the largest number.
double largest_share(const std::vector<double> &a, const std::vector<double> &b) {
  if (a.size() != b.size() || a.empty()) return NAN;
  double difference = 0, largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference = std::max(difference, std::abs(a[i] - b[i]));
    largest = std::max(largest, std::abs(a[i]));
  }
  return difference / largest;
}

TEST_F(PainterTest, DrawsWhatTheStepsByHandGive) {
  const PaintRequest request{"a red circle", "", 11};
  PaintSettings settings = kSmall;
  settings.steps = 1;

  const HostTensor ids{{DType::kI64, Shape{1, 77}}, {}};
  TensorMap states;
  for (size_t encoder : {size_t{1}, size_t{2}}) {
    const TokenRows rows = *models_[encoder]->tokenize(request.prompt, 1);
    HostTensor given = ids;
    const auto bytes = std::as_bytes(std::span(rows.ids));
    given.bytes.assign(bytes.begin(), bytes.end());
    const std::string role = encoder == 1 ? "text_encoder." : "text_encoder_2.";
    for (auto &[name, tensor] :
         answers(encoder, "text", {{"batch", 1}, {"tokens", 77}}, {{"input_ids", given}}))
      states[role + name] = tensor;
  }
  TensorMap given;
  given["encoder_hidden_states"].type = {DType::kF32, Shape{1, 77, 32}};
  std::vector<double> both;
  const std::vector<double> first = numbers_of(states["text_encoder.penultimate"]),
                            second = numbers_of(states["text_encoder_2.penultimate"]);
  for (size_t token = 0; token < 77; ++token) {
    both.insert(both.end(), first.begin() + token * 16, first.begin() + token * 16 + 16);
    both.insert(both.end(), second.begin() + token * 16, second.begin() + token * 16 + 16);
  }
  const TensorType latent{DType::kF32, Shape{1, 2, 4, 4}};
  std::vector<double> noise;
  for (uint64_t block = 0; block < 8; ++block) {
    const auto words = random_words(11, 0, 0, block);
    for (const auto &pair : {normal_pair(words[0], words[1]), normal_pair(words[2], words[3])})
      noise.insert(noise.end(), pair.begin(), pair.end());
  }
  // Leading with an offset of 1: one step at time 1.
  const double sigma = paint_.spec.noise_levels[1], unit = std::sqrt(sigma * sigma + 1);
  given["sample"] = tensor_of(latent, noise);
  given["timestep"] = tensor_of({DType::kF32, Shape{1}}, std::vector<double>{1});
  given["encoder_hidden_states"] = tensor_of({DType::kF32, Shape{1, 77, 32}}, both);
  given["text_embeds"] = states["text_encoder_2.text_embeds"];
  given["time_ids"] =
      tensor_of({DType::kF32, Shape{1, 6}}, std::vector<double>{16, 32, 0, 0, 16, 32});
  const std::vector<double> predicted = numbers_of(answers(
      0, "unet", {{"batch", 1}, {"height", 2}, {"width", 4}, {"tokens", 77}}, given)["sample"]);
  std::vector<double> clean;
  for (size_t i = 0; i < noise.size(); ++i) clean.push_back(noise[i] * unit - sigma * predicted[i]);
  std::vector<float> expected;
  for (const double x : numbers_of(answers(3, "decode", {{"batch", 1}, {"height", 2}, {"width", 4}},
                                           {{"latent", tensor_of(latent, clean)}})["sample"]))
    expected.push_back(static_cast<float>(std::clamp(x / 2 + 0.5, 0.0, 1.0)));

  EXPECT_LE(largest_difference(drawn(settings, request, "reference"), expected), 1e-4);
  EXPECT_LE(largest_difference(drawn(settings, request), expected), 1e-4);
}

TEST_F(PainterTest, BandsOfThePictureGiveWhatTheWholeGives) {
  struct Case {
    const char *program;
    int64_t height, width;
    int64_t rows;  // of pixels at one time
    const char *backend = "onednn";
  };
  for (const Case &each :
       {Case{"decode", 12, 9, 8}, Case{"decode", 12, 9, 37}, Case{"decode", 3, 2, 1, "reference"},
        Case{"encode", 96, 72, 8}, Case{"encode", 99, 61, 40}, Case{"encode", 8, 8, 1},
        Case{"encode", 17, 16, 8, "reference"}}) {
    const std::string name = fmt::format("{} {}x{} in bands of {} on {}", each.program, each.height,
                                         each.width, each.rows, each.backend);
    const TensorMap whole = image_answers(each.program, each.height, each.width, 0, each.backend),
                    bands = image_answers(each.program, each.height, each.width, each.rows,
                                          each.backend);
    ASSERT_EQ(whole.size(), 1u) << name;
    ASSERT_EQ(bands.size(), 1u) << name;
    EXPECT_EQ(whole.begin()->second.type, bands.begin()->second.type) << name;
    EXPECT_LE(largest_share(numbers_of(whole.begin()->second), numbers_of(bands.begin()->second)),
              2e-5)
        << name;
  }
}

TEST_F(PainterTest, BandsInNarrowTypesAreAsFarFromTheExactAnswerAsTheWhole) {
  const auto picture = [&](int64_t rows, DType compute) {
    return numbers_of(image_answers("decode", 16, 16, rows, "onednn", compute).begin()->second);
  };
  const std::vector<double> exact = picture(0, DType::kF32);
  const double whole = largest_share(exact, picture(0, DType::kBF16)),
               bands = largest_share(exact, picture(16, DType::kBF16));
  EXPECT_GT(whole, 0);
  EXPECT_LE(bands, 1.5 * whole);
}

TEST_F(PainterTest, APictureInBandsTakesLessMemoryAndLooksTheSame) {
  PaintSettings settings = kSmall;
  settings.width = settings.height = 256;
  settings.steps = 1;
  const PaintRequest request{"a red circle", "", 11};
  const Result<Painter> whole = painter(settings);
  ASSERT_TRUE(whole.ok()) << whole.error().text();
  settings.tile_rows = 32;
  const Result<Painter> bands = painter(settings);
  ASSERT_TRUE(bands.ok()) << bands.error().text();
  EXPECT_FALSE(whole->programs().decoder->in_bands());
  EXPECT_TRUE(bands->programs().decoder->in_bands());
  EXPECT_LT(bands->programs().decoder->arena_bytes(), whole->programs().decoder->arena_bytes() / 4);
  EXPECT_LE(largest_difference(whole->paint(request)->pixels, bands->paint(request)->pixels), 1e-4);
}

TEST_F(PainterTest, BandsAreTakenWhereTheWholeDoesNotFit) {
  PaintSettings settings = kSmall;
  settings.width = settings.height = 256;
  settings.steps = 1;
  const Result<Painter> whole = painter(settings);
  ASSERT_TRUE(whole.ok()) << whole.error().text();
  settings.memory_bytes = whole->programs().allocated_bytes() - 1;
  const Result<Painter> bands = painter(settings);
  ASSERT_TRUE(bands.ok()) << bands.error().text();
  EXPECT_TRUE(bands->programs().decoder->in_bands());
  EXPECT_LE(bands->programs().allocated_bytes(), *settings.memory_bytes);
}

TEST_F(PainterTest, EncodesAndDecodesPicturesOfSeveralSizesWithTheSameWeights) {
  Device &on = device("onednn");
  TensorStore store(on);
  const Result<DeviceStream> stream = on.create_stream();
  ASSERT_TRUE(stream.ok());
  AutoencoderSettings settings;
  for (const auto &[height, width] : {std::pair<int64_t, int64_t>{64, 32}, {16, 48}}) {
    settings.height = height;
    settings.width = width;
    const Result<VaeEncoder> encoder = VaeEncoder::make(paint_.parts[2], settings, store, *stream);
    ASSERT_TRUE(encoder.ok()) << encoder.error().text();
    const Result<VaeDecoder> decoder = VaeDecoder::make(paint_.parts[2], settings, store, *stream);
    ASSERT_TRUE(decoder.ok()) << decoder.error().text();
    HostTensor picture{{DType::kF32, Shape{1, height, width, 3}}, {}};
    std::vector<double> numbers;
    for (int64_t i = 0; i < picture.type.shape.element_count(); ++i)
      numbers.push_back(std::sin(static_cast<double>(i) * 0.01));
    picture = tensor_of(picture.type, numbers);
    const Result<HostTensor> latent = encoder->encode(*stream, picture, 3);
    ASSERT_TRUE(latent.ok()) << latent.error().text();
    EXPECT_EQ(latent->type.shape, (Shape{1, height / 8, width / 8, 4}));
    EXPECT_EQ(latent->bytes, encoder->encode(*stream, picture, 3)->bytes);
    EXPECT_NE(latent->bytes, encoder->encode(*stream, picture, 4)->bytes);
    const Result<HostTensor> back = decoder->decode(*stream, *latent);
    ASSERT_TRUE(back.ok()) << back.error().text();
    EXPECT_EQ(back->type, picture.type);
    EXPECT_THAT(encoder->encode(*stream, *latent, 1).error().what, HasSubstr("vae/sample"));
    settings.weights_are_there = true;
  }
  settings.width = 60;
  EXPECT_THAT(VaeEncoder::make(paint_.parts[2], settings, store, *stream).error().what,
              HasSubstr("the width of a picture is 60"));
}

TEST_F(PainterTest, AnEncoderKeepsToItsMemoryOrSaysWhatItNeeds) {
  Device &on = device("onednn");
  const Result<DeviceStream> stream = on.create_stream();
  ASSERT_TRUE(stream.ok());
  AutoencoderSettings settings;
  settings.height = settings.width = 256;
  TensorStore store(on);
  const Result<VaeEncoder> whole = VaeEncoder::make(paint_.parts[2], settings, store, *stream);
  ASSERT_TRUE(whole.ok()) << whole.error().text();
  settings.most_bytes = whole->program().bytes_on(on) - 1;
  const Result<VaeEncoder> bands = VaeEncoder::make(paint_.parts[2], settings, store, *stream);
  ASSERT_TRUE(bands.ok()) << bands.error().text();
  EXPECT_TRUE(bands->program().in_bands());
  EXPECT_LE(bands->program().bytes_on(on), *settings.most_bytes);
  settings.most_bytes = 1 << 10;
  const Result<VaeEncoder> none = VaeEncoder::make(paint_.parts[2], settings, store, *stream);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().kind, ErrorKind::kOutOfMemory);
  EXPECT_THAT(none.error().what, HasSubstr("but 1.0 KiB may be taken"));
}

TEST_F(PainterTest, DrawsTheSameForASeedOnEveryBackend) {
  PaintSettings settings = kSmall;
  settings.guidance = 5;
  settings.rescale = 0.5;
  const PaintRequest request{"a blue square", "blurry", 3};
  for (const char *name : {"euler_ancestral", "dpmpp_2m"}) {
    const std::vector<float> once = drawn(settings, request, "onednn", name);
    EXPECT_EQ(once, drawn(settings, request, "onednn", name)) << name;
    EXPECT_LE(largest_difference(once, drawn(settings, request, "reference", name)), 1.0 / 255)
        << name;
    EXPECT_GT(
        largest_difference(once, drawn(settings, {"a blue square", "blurry", 4}, "onednn", name)),
        0.01)
        << name;
  }
}

TEST_F(PainterTest, DrawsSeveralPicturesAsIfEachWereTheFirst) {
  const Result<Painter> made = painter(kSmall);
  ASSERT_TRUE(made.ok()) << made.error().text();
  const Result<Picture> first = made->paint({"one", "", 1}), other = made->paint({"two", "", 2}),
                        again = made->paint({"one", "", 1});
  ASSERT_TRUE(first.ok() && other.ok() && again.ok());
  EXPECT_EQ(first->pixels, again->pixels);
  EXPECT_NE(first->pixels, other->pixels);
  EXPECT_EQ(first->height, 16);
  EXPECT_EQ(first->width, 32);
}

TEST_F(PainterTest, ReadsLongPromptsInRows) {
  std::string prompt;
  for (int i = 0; i < 100; ++i) prompt += "cat ";
  PaintSettings settings = kSmall;
  const Result<Painter> one = painter(settings);
  settings.text_rows = 2;
  const Result<Painter> two = painter(settings);
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_EQ(*one->tokens_cut(prompt), 25u);
  EXPECT_EQ(*two->tokens_cut(prompt), 0u);
  const Result<Picture> cut = one->paint({prompt, "", 1}), whole = two->paint({prompt, "", 1});
  ASSERT_TRUE(cut.ok() && whole.ok());
  EXPECT_NE(cut->pixels, whole->pixels);
}

TEST_F(PainterTest, DrawsInNarrowTypesToo) {
  PaintSettings settings = kSmall;
  const std::vector<float> exact = drawn(settings, {"a star", "", 1});
  for (const DType compute : {DType::kBF16, DType::kF16}) {
    settings.compute = compute;
    EXPECT_LE(largest_difference(drawn(settings, {"a star", "", 1}), exact), 0.2);
  }
}

TEST_F(PainterTest, EndsWhereTheCallerSaysSo) {
  const Result<Painter> made = painter(kSmall);
  ASSERT_TRUE(made.ok());
  const Result<Picture> ended = made->paint({"a", "", 1}, [](uint32_t step) -> Status {
    if (step == 1) return Error{ErrorKind::kInterrupted, "stopped", ""};
    return {};
  });
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().what, "stopped");
}

TEST_F(PainterTest, RefusesWhatCannotBeDrawn) {
  PaintSettings settings = kSmall;
  settings.width = 100;
  EXPECT_THAT(painter(settings).error().text(),
              HasSubstr("the width of pictures is 100, but the model draws multiples of 8"));
  settings = kSmall;
  settings.memory_bytes = 1 << 20;
  const Result<Painter> large = painter(settings);
  ASSERT_FALSE(large.ok());
  EXPECT_EQ(large.error().kind, ErrorKind::kOutOfMemory);
  EXPECT_THAT(large.error().what, HasSubstr("backend.memory allows 1.0 MiB"));
  settings = kSmall;
  settings.steps = 2000;
  EXPECT_THAT(painter(settings).error().what, HasSubstr("2000 steps are too many"));
  const Result<Painter> made = painter(kSmall);
  ASSERT_TRUE(made.ok());
  EXPECT_THAT(made->paint({"\xff", "", 1}).error().what, HasSubstr("UTF-8"));
}

TEST_F(PainterTest, NamesAWeightThatIsMissing) {
  std::erase_if(matches_[1]->placed, [](const PlacedWeight &weight) {
    return weight.parameter.ends_with("final_layer_norm.weight");
  });
  const Result<Painter> made = painter(kSmall);
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(made.error().what, HasSubstr("of text_encoder"));
}

}  // namespace
}  // namespace flame

// One micro-batch of training against PyTorch and diffusers (make_training.py): losses, and the
// gradients of LoRA, with every way to mix noise in and to weigh errors; and the gradients of every
// weight of the UNet and of a text encoder.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <tuple>

#include "core/io/model_config.h"
#include "core/io/recording.h"
#include "core/io/weight_loader.h"
#include "core/ops/catalogue/terms.h"
#include "core/passes/adapt.h"
#include "core/passes/differentiate.h"
#include "core/passes/fuse.h"
#include "core/passes/layer_presets.h"
#include "core/plugin/plugin_adapter.h"
#include "core/runtime/evaluate.h"
#include "core/tensor/numbers.h"
#include "core/train/noise_levels.h"
#include "core/train/objective.h"
#include "tests/golden/golden_case.h"
#include "tests/support/devices.h"

namespace flame::golden_test {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kRank = 2;
constexpr double kScale = 0.5;
const fs::path kGradients = fs::path(FLAME_SOURCE_DIR) / "tests/golden";
const fs::path kRecordings = kGradients / "recordings";

// What make_training.py draws, rounded to f32.
HostTensor drawn(int64_t seed, const Shape &shape, double scale = 1, double offset = 0) {
  const Draw draw{{DType::kF64, shape}, seed, 1 << 20, -2.0, 0x1p-18};
  std::vector<double> numbers = flame::numbers_of(draw.tensor());
  for (double &x : numbers) x = offset + scale * static_cast<float>(x);
  return flame::tensor_of({DType::kF32, shape}, numbers);
}

// A recorded model, started.
struct OpenedModel {
  std::unique_ptr<PluginModel> model;
  std::vector<WantedParameter> wanted;

  // A file with a number for each parameter, by names with `prefix`.
  Result<TensorMap> numbers(const std::string &file, const std::string &prefix) const {
    FLAME_ASSIGN(const std::vector<WeightSet> sets, open_weights(kRecordings / file));
    FLAME_ASSIGN(const WeightMatch match, match_weights(*model, wanted, sets.front()));
    if (const auto error = mismatch_error(match, sets.front(), true)) return *error;
    TensorMap numbers;
    for (const PlacedWeight &weight : match.placed) {
      FLAME_ASSIGN(numbers[prefix + weight.parameter], read_weight(weight, DType::kF32));
    }
    return numbers;
  }
};

class TrainingGolden : public testing::Test {
 protected:
  void SetUp() override {
    const Status opened = open();
    ASSERT_TRUE(opened.ok()) << opened.error().text();
  }

  Status open() {
    FLAME_ASSIGN(golden_, read_golden("training.json"));
    catalogue_ = Catalogue::scan({FLAME_PLUGINS});
    FLAME_ASSIGN(const OpenedModel unet, open_model("sdxl_unet_a"));
    FLAME_ASSIGN(const Program program, unet_program(unet));
    FLAME_TRY(adapt_unet(program));
    FLAME_ASSIGN(parts_.conditions, conditions());
    FLAME_ASSIGN(TensorMap weights, unet.numbers("sdxl_unet_a.weights.safetensors", "denoiser/"));
    given_.merge(weights);
    return {};
  }

  Result<OpenedModel> open_model(const std::string &name) {
    FLAME_ASSIGN(const Recording recording,
                 read_recording((kRecordings / (name + ".safetensors")).string()));
    FLAME_ASSIGN(const Catalogue::Match match, catalogue_.find("model", recording.component));
    FLAME_ASSIGN(const StartedComponent started, host_.start(match));
    FLAME_ASSIGN(const std::vector<OptionValue> given,
                 read_model_config(recording.config, *started.component, "flame.config"));
    FLAME_ASSIGN(const AttributeList options, model_options(*started.component, given));
    FLAME_ASSIGN(PluginModel model, PluginModel::create(started, options));
    OpenedModel opened{std::make_unique<PluginModel>(std::move(model)), {}};
    FLAME_ASSIGN(opened.wanted, parameters_of(*opened.model));
    return opened;
  }

  static Result<Program> unet_program(const OpenedModel &unet) {
    return unet.model->build("unet", {{"batch", 2}, {"height", 9}, {"width", 13}, {"tokens", 5}});
  }

  Status adapt_unet(const Program &unet) {
    FLAME_ASSIGN(const Catalogue::Match match, catalogue_.find("adapter", "lora"));
    FLAME_ASSIGN(const StartedComponent started, host_.start(match));
    FLAME_ASSIGN(
        const AdaptRequest request,
        adapt_request(started, {{"rank", false, {kRank}}, {"alpha", false, {kRank * kScale}}},
                      named_layers({"attention"}, unet, Learns::kAdapters)));
    FLAME_ASSIGN(Adapted made, adapt(unet, request));
    parts_.denoiser = std::move(made.program);
    // Draws follow the names of the layers in their order.
    std::vector<std::string> names;
    for (const std::string &layer : made.layers)
      names.insert(names.end(), {layer + ".lora_down.weight", layer + ".lora_up.weight"});
    std::ranges::sort(names);
    int64_t seed = 1000;
    for (const std::string &name : names) {
      const Parameter *parameter = parts_.denoiser.find_parameter(name);
      if (!parameter) return Error{ErrorKind::kFailed, "no parameter " + name, ""};
      given_["denoiser/" + name] = drawn(seed, parts_.denoiser.type(parameter->value).shape, 0.5);
      ++seed;
      trained_.push_back(name);
    }
    return {};
  }

  // The states as they are given.
  static Result<Program> conditions() {
    ProgramBuilder builder;
    for (const auto &[name, shape] : {std::pair{"encoder_hidden_states", Shape{2, 5, 12}},
                                      {"text_embeds", Shape{2, 8}},
                                      {"time_ids", Shape{2, 6}}})
      builder.output(name, builder.input(name, {DType::kF32, shape}));
    return builder.finish();
  }

  static double number(const Json &json, const char *key, double otherwise) {
    return json.find(key) ? json.find(key)->as_number() : otherwise;
  }
  static bool flag(const Json &json, const char *key) {
    return json.find(key) && *json.find(key)->as_bool();
  }

  Result<NoiseLevels> levels(const Json &given) const {
    std::vector<double> sigmas;
    double kept = 1;
    for (int time = 0; time < 1000; ++time) {
      const double root = std::sqrt(0.00085) +
                          (std::sqrt(0.012) - std::sqrt(0.00085)) * static_cast<double>(time) / 999;
      kept *= 1 - root * root;
      sigmas.push_back(std::sqrt((1 - kept) / kept));
    }
    NoiseLevelSettings settings;
    settings.zero_terminal = flag(given, "zero_terminal");
    settings.gamma = number(given, "gamma", 5);
    if (const Json *name = given.find("weighting")) {
      settings.weighting =
          *name->as_string() == "min_snr" ? LossWeighting::kMinSnr : LossWeighting::kDebiased;
    }
    return NoiseLevels::make(sigmas, flag(given, "velocity"), settings);
  }

  // Losses and gradients on a device, by name.
  Result<TensorMap> run(const Json &given, Device &device) {
    ObjectiveRequest request;
    request.settings.prediction =
        flag(given, "velocity") ? Prediction::kVelocity : Prediction::kEpsilon;
    request.settings.noise_offset = number(given, "offset", 0);
    request.settings.pyramid = number(given, "pyramid", 0);
    request.settings.loss = given.find("huber_delta") ? LossKind::kHuber : LossKind::kSquare;
    request.settings.huber_delta = number(given, "huber_delta", 1);
    request.masked = flag(given, "masked");
    FLAME_ASSIGN(const Program objective, build_objective(parts_, request));
    FLAME_ASSIGN(const Program simple, simplify(objective));
    GradientRequest gradients;
    gradients.of = {std::string(kLossOutput)};
    for (const std::string &name : trained_)
      gradients.with_respect_to.push_back("denoiser/" + name);
    FLAME_ASSIGN(const Gradients whole, differentiate(simple, gradients));
    FLAME_ASSIGN(TensorMap tensors, inputs(given));
    tensors.insert(given_.begin(), given_.end());
    return flame::evaluate(device, whole.program, tensors);
  }

  Result<TensorMap> inputs(const Json &given) const {
    FLAME_ASSIGN(const NoiseLevels table, levels(given));
    std::vector<double> signal, noise, times, weights;
    for (size_t row = 0; row < 2; ++row) {
      const int64_t time = *(*given.find("times")->as_array())[row].as_int();
      const Json *own = given.find("example_weights");
      signal.push_back(table.at(time).signal);
      noise.push_back(table.at(time).noise);
      times.push_back(static_cast<double>(time));
      weights.push_back(table.weight(time) * (own ? (*own->as_array())[row].as_number() : 1));
    }
    const TensorType row{DType::kF32, Shape{2}}, scalar{DType::kI64, Shape()};
    const std::vector<double> ids{1024, 768, 0, 64, 1024, 1024, 512, 640, 32, 0, 768, 512};
    TensorMap made;
    made["latent"] = drawn(1, Shape{2, 9, 13, 4});
    made["mask"] = drawn(4, Shape{2, 9, 13, 1}, 0.5, 0.5);
    made["signal"] = flame::tensor_of(row, signal);
    made["noise"] = flame::tensor_of(row, noise);
    made["time"] = flame::tensor_of(row, times);
    made["weight"] = flame::tensor_of(row, weights);
    made["seed"] = flame::tensor_of(scalar, std::vector<double>{golden_.find("seed")->as_number()});
    made["counter"] =
        flame::tensor_of(scalar, std::vector<double>{golden_.find("counter")->as_number()});
    made["encoder_hidden_states"] = drawn(2, Shape{2, 5, 12});
    made["text_embeds"] = drawn(3, Shape{2, 8});
    made["time_ids"] = flame::tensor_of({DType::kF32, Shape{2, 6}}, ids);
    if (!flag(given, "masked")) made.erase("mask");
    return made;
  }

  // The states of clip_g_a as far as the UNet takes them.
  static Result<Program> conditions_of_encoder() {
    ProgramBuilder builder;
    const auto given = [&](const char *name, const Shape &shape) {
      return builder.term(builder.input(name, {DType::kF32, shape}));
    };
    const Term states = slice(given("text.penultimate", Shape{2, 5, 16}), 2, 0, 12);
    builder.output("encoder_hidden_states", states.id());
    builder.output("text_embeds", slice(given("text.text_embeds", Shape{2, 12}), 1, 0, 8).id());
    builder.output("time_ids", builder.input("time_ids", {DType::kF32, Shape{2, 6}}));
    return builder.finish();
  }

  // Every weight of both models learns: what the trainer differentiates, and their weights.
  struct Whole {
    Program program;
    TensorMap weights;
    TensorMap expected;  // gradients by parameter
  };
  Result<Whole> whole() {
    FLAME_ASSIGN(const OpenedModel unet, open_model("sdxl_unet_a"));
    FLAME_ASSIGN(const OpenedModel text, open_model("clip_g_a"));
    FLAME_ASSIGN(const AdaptRequest all, own_weights_request({}));
    FLAME_ASSIGN(const Program denoiser, unet_program(unet));
    FLAME_ASSIGN(const Program encoder,
                 text.model->build(text.model->programs().front(), {{"batch", 2}, {"tokens", 5}}));
    FLAME_ASSIGN(Adapted own_denoiser, adapt(denoiser, all));
    FLAME_ASSIGN(Adapted own_encoder, adapt(encoder, all));
    FLAME_ASSIGN(Program conditions, conditions_of_encoder());
    ObjectiveParts parts{std::move(own_denoiser.program), std::move(conditions), {}};
    parts.encoders.emplace_back("text", std::move(own_encoder.program));
    FLAME_ASSIGN(const Program objective, build_objective(parts, {}));
    FLAME_ASSIGN(const Program simple, simplify(objective));
    GradientRequest gradients;
    gradients.of = {std::string(kLossOutput)};
    for (const Parameter &parameter : simple.parameters())
      if (parameter.trainable) gradients.with_respect_to.push_back(parameter.name);
    FLAME_ASSIGN(Gradients made, differentiate(simple, gradients));
    Whole whole{std::move(made.program), {}, {}};
    for (const auto &[model, name, file, role] :
         {std::tuple{&unet, "sdxl_unet_a", "unet", "denoiser/"},
          std::tuple{&text, "clip_g_a", "text", "text/"}}) {
      FLAME_ASSIGN(TensorMap weights,
                   model->numbers(std::string(name) + ".weights.safetensors", role));
      FLAME_ASSIGN(
          TensorMap expected,
          model->numbers(kGradients / fmt::format("training_full.{}.safetensors", file), role));
      whole.weights.merge(weights);
      whole.expected.merge(expected);
    }
    return whole;
  }

  void expect_whole_agreement(const std::string &backend, double most, double most_each) {
    const auto is_full = [](const Json &each) { return *each.find("name")->as_string() == "full"; };
    const auto &cases = *golden_.find("cases")->as_array();
    const Json &given = *std::ranges::find_if(cases, is_full);
    const Result<Whole> made = whole();
    ASSERT_TRUE(made.ok()) << made.error().text();
    Result<TensorMap> tensors = inputs(given);
    ASSERT_TRUE(tensors.ok());
    std::vector<double> tokens;
    for (const Json &row : *given.find("tokens")->as_array())
      for (const Json &id : *row.as_array()) tokens.push_back(static_cast<double>(*id.as_int()));
    (*tensors)["text.input_ids"] = flame::tensor_of({DType::kI64, Shape{2, 5}}, tokens);
    tensors->insert(made->weights.begin(), made->weights.end());
    const auto answers = flame::evaluate(testing_support::device(backend), made->program, *tensors);
    ASSERT_TRUE(answers.ok()) << answers.error().text();
    const double loss = flame::numbers_of(answers->at("loss"))[0];
    EXPECT_NEAR(loss, given.find("loss")->as_number(), most * loss);
    std::vector<double> all, expected;
    for (const auto &[parameter, theirs] : made->expected) {
      const auto found = answers->find("gradient." + parameter);
      ASSERT_NE(found, answers->end()) << parameter;
      const std::vector<double> own = flame::numbers_of(found->second),
                                right = flame::numbers_of(theirs);
      // What is 0 but for rounding, as a bias of keys is behind a softmax, has no error of its own.
      const double size =
          std::sqrt(std::inner_product(right.begin(), right.end(), right.begin(), 0.0));
      if (size > 1e-9) {
        EXPECT_LE(relative_error(own, right), most_each) << parameter;
      }
      all.insert(all.end(), own.begin(), own.end());
      expected.insert(expected.end(), right.begin(), right.end());
    }
    EXPECT_LE(relative_error(all, expected), most) << "all gradients";
    EXPECT_GT(made->expected.size(), 400U);
  }

  // `most` of the losses and of all gradients together; `most_each` of each gradient.
  void expect_agreement(const std::string &backend, double most, double most_each) {
    for (const Json &given : *golden_.find("cases")->as_array()) {
      const std::string &name = *given.find("name")->as_string();
      if (!given.find("gradients")) continue;
      const Result<TensorMap> answers = run(given, testing_support::device(backend));
      ASSERT_TRUE(answers.ok()) << name << ": " << answers.error().text();
      const double loss = flame::numbers_of(answers->at("loss"))[0];
      EXPECT_NEAR(loss, given.find("loss")->as_number(), most * std::abs(loss)) << name;
      EXPECT_LE(relative_error(flame::numbers_of(answers->at("losses")),
                               *read_numbers(*given.find("losses"))),
                most)
          << name;
      std::vector<double> all, expected;
      for (const auto &[parameter, list] : *given.find("gradients")->as_object()) {
        const std::vector<double> own =
            flame::numbers_of(answers->at("gradient.denoiser/" + parameter));
        const std::vector<double> theirs = *read_numbers(list);
        EXPECT_LE(relative_error(own, theirs), most_each) << name << ", " << parameter;
        all.insert(all.end(), own.begin(), own.end());
        expected.insert(expected.end(), theirs.begin(), theirs.end());
      }
      EXPECT_LE(relative_error(all, expected), most) << name << ", all gradients";
    }
  }

  PluginHost host_{{}};
  Catalogue catalogue_;
  Json golden_;
  ObjectiveParts parts_;
  TensorMap given_;  // weights, and the adapter
  std::vector<std::string> trained_;
};

TEST_F(TrainingGolden, AgreesOnTheReference) {
  expect_agreement("reference", 1e-5, 1e-5);
}
// In f32, single gradients of layers that are four wide average little away, as in models_golden_test.
TEST_F(TrainingGolden, AgreesOnOneDnn) {
  expect_agreement("onednn", 1e-5, 5e-5);
}

// `adapter: {use: full}`: weights, biases, norms and embeddings.
TEST_F(TrainingGolden, EveryWeightsGradientAgreesOnTheReference) {
  expect_whole_agreement("reference", 1e-5, 1e-5);
}
TEST_F(TrainingGolden, EveryWeightsGradientAgreesOnOneDnn) {
  expect_whole_agreement("onednn", 1e-5, 5e-5);
}

}  // namespace
}  // namespace flame::golden_test

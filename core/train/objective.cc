#include "core/train/objective.h"

#include <fmt/core.h>

#include <cmath>

#include "core/ops/catalogue/terms.h"
#include "core/passes/adapt.h"
#include "core/program/splice.h"
#include "core/train/random_streams.h"

namespace flame {
namespace {

class ObjectiveBuilder {
 public:
  ObjectiveBuilder(const ObjectiveParts &parts, const ObjectiveRequest &request)
      : parts_(parts), request_(request) {}

  Result<Program> build() {
    FLAME_TRY(take_form());
    take_inputs();
    FLAME_TRY(builder_.status());
    const Term noise = drawn_noise();
    const Term prediction = predict(mixed(noise));
    FLAME_TRY(builder_.status());
    const Term losses = by_example(distance(prediction, target(noise)));
    builder_.output(kLossOutput, mean(losses * weight_, {0}).id());
    builder_.output(kLossesOutput, losses.id());
    builder_.output(kPredictionOutput, prediction.id());
    return builder_.finish();
  }

 private:
  Status take_form() {
    const NamedValue *sample = parts_.denoiser.find_input("sample");
    if (!sample || !parts_.denoiser.find_input("timestep") || parts_.denoiser.outputs().empty() ||
        parts_.denoiser.type(parts_.denoiser.outputs()[0].value) !=
            parts_.denoiser.type(sample->value) ||
        parts_.denoiser.type(sample->value).shape.rank() != 4) {
      return plugin_error(
          "the denoiser does not take 'sample' and 'timestep' and answer in the "
          "sample's type",
          "build it as docs/plugins/model.md says");
    }
    form_ = parts_.denoiser.type(sample->value);
    return {};
  }

  Term input(std::string_view name, DType dtype, const Shape &shape) {
    return builder_.term(builder_.input(request_.prefix + std::string(name), {dtype, shape}));
  }
  // One number for each example, as it is multiplied with latents.
  Term per_example(std::string_view name) {
    const Shape row{form_.shape[0]};
    return reshape(input(name, DType::kF32, row), Shape{form_.shape[0], 1, 1, 1});
  }

  void take_inputs() {
    latent_ = input(kLatentInput, DType::kF32, form_.shape);
    if (request_.masked) mask_ = input(kMaskInput, DType::kF32, with_size(form_.shape, 3, 1));
    signal_ = per_example(kSignalInput);
    noise_ = per_example(kNoiseInput);
    time_ = input(kTimeInput, DType::kF32, Shape{form_.shape[0]});
    weight_ = input(kWeightInput, DType::kF32, Shape{form_.shape[0]});
    seed_ = input(kSeedInput, DType::kI64, Shape());
    counter_ = input(kCounterInput, DType::kI64, Shape());
  }

  Term normal(const Shape &shape, uint32_t stream) {
    Attributes attributes;
    attributes.set("kind", std::string("normal"));
    attributes.set("shape", sizes_of(shape));
    attributes.set("stream", int64_t{stream});
    return apply_one("random", {seed_, counter_}, attributes);
  }

  Term drawn_noise() {
    Term noise = normal(form_.shape, kNoiseStream);
    const ObjectiveSettings &settings = request_.settings;
    if (settings.pyramid != 0) noise = with_pyramid(noise);
    if (settings.noise_offset != 0) {
      const Shape channel{form_.shape[0], 1, 1, form_.shape[3]};
      noise = noise + normal(channel, kNoiseOffsetStream) * settings.noise_offset;
    }
    return noise;
  }

  // Coarser and coarser noise, down to one element; each example is brought back to deviation 1.
  Term with_pyramid(Term noise) {
    int64_t height = form_.shape[1], width = form_.shape[2];
    double part = 1;
    for (uint32_t level = 0; height > 1 || width > 1; ++level) {
      height = std::max<int64_t>(height / 2, 1);
      width = std::max<int64_t>(width / 2, 1);
      part *= request_.settings.pyramid;
      const Shape coarse{form_.shape[0], height, width, form_.shape[3]};
      Attributes attributes;
      attributes.set("kind", std::string("bilinear"));
      attributes.set("size", std::vector<int64_t>{form_.shape[1], form_.shape[2]});
      noise =
          noise + apply_one("resize", {normal(coarse, kPyramidStream + level)}, attributes) * part;
    }
    const Axes all{1, 2, 3};
    const Term centered = noise - mean(noise, all, true);
    return noise / map("sqrt x0", {mean(centered * centered, all, true)});
  }

  Term mixed(const Term &noise) const {
    return map("mul x0 x1; mul x2 x3; add t0 t1", {signal_, latent_, noise_, noise});
  }

  Term target(const Term &noise) const {
    if (request_.settings.prediction == Prediction::kEpsilon) return noise;
    return map("mul x0 x1; mul x2 x3; sub t0 t1", {signal_, noise, noise_, latent_});
  }

  // What its adapters draw with, where they do.
  void bind_draws(const Program &part, NamedValues &given) {
    if (!part.find_input(kDrawLearningInput)) return;
    if (!learning_) learning_ = input(kLearningInput, DType::kF32, Shape());
    given[std::string(kDrawSeedInput)] = seed_.id();
    given[std::string(kDrawCounterInput)] = counter_.id();
    given[std::string(kDrawLearningInput)] = learning_.id();
  }

  Term predict(const Term &sample) {
    NamedValues states;
    for (const auto &[role, program] : parts_.encoders) {
      const std::string prefix = request_.prefix + role + ".";
      NamedValues drawn;
      bind_draws(program, drawn);
      for (const auto &[name, value] : splice(program, builder_, drawn, prefix, role + "/"))
        states[role + "." + name] = value;
    }
    NamedValues given = splice(parts_.conditions, builder_, states, request_.prefix, "conditions/");
    given["sample"] = sample.id();
    given["timestep"] = time_.id();
    bind_draws(parts_.denoiser, given);
    const NamedValues answers =
        splice(parts_.denoiser, builder_, given, request_.prefix, "denoiser/");
    return builder_.term(answers.at(parts_.denoiser.outputs()[0].name));
  }

  Term distance(const Term &prediction, const Term &target) const {
    if (request_.settings.loss == LossKind::kSquare)
      return map("sub x0 x1; square t0", {prediction, target});
    const std::string delta = fmt::format("{}", request_.settings.huber_delta);
    const std::string square = fmt::format("{}", std::pow(request_.settings.huber_delta, 2));
    const std::string twice = fmt::format("{}", 2 * request_.settings.huber_delta);
    return map("sub x0 x1; square t0; add t1 " + square + "; sqrt t2; sub t3 " + delta +
                   "; mul t4 " + twice,
               {prediction, target});
  }

  // The mean of each example over the whole picture: what a mask hides counts as no error.
  Term by_example(const Term &errors) const {
    return mean(mask_ ? errors * mask_ : errors, {1, 2, 3});
  }

  const ObjectiveParts &parts_;
  const ObjectiveRequest &request_;
  ProgramBuilder builder_;
  TensorType form_;
  Term latent_, mask_, signal_, noise_, time_, weight_, seed_, counter_, learning_;
};

}  // namespace

Result<Program> build_objective(const ObjectiveParts &parts, const ObjectiveRequest &request) {
  return ObjectiveBuilder(parts, request).build();
}

}  // namespace flame

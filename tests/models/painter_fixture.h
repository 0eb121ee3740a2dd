// Painters of a small SDXL with random weights.
#pragma once

#include <gmock/gmock.h>

#include <cmath>

#include "core/runtime/evaluate.h"
#include "core/sample/painter.h"
#include "tests/models/small_sdxl.h"
#include "tests/support/devices.h"

namespace flame::painter_test {

using testing_support::device;

class PainterTest : public testing::Test {
 protected:
  void SetUp() override {
    const Status made = small_.make();
    ASSERT_TRUE(made.ok()) << made.error().text();
  }

  Result<PluginSampler> sampler(const std::string &name) {
    const Catalogue catalogue = Catalogue::scan({FLAME_PLUGINS});
    FLAME_ASSIGN(const Catalogue::Match match, catalogue.find(FLAME_KIND_SAMPLER, name));
    FLAME_ASSIGN(const StartedComponent started, small_.host.start(match));
    FLAME_ASSIGN(const AttributeList options, model_options(*match.component, {}));
    return PluginSampler::create(started.table<flame_sampler_interface>(), started.plugin->id(),
                                 name, options);
  }
  Result<Painter> painter(const PaintSettings &settings, const std::string &backend = "onednn",
                          const std::string &sampler_name = "euler") {
    FLAME_ASSIGN(const PluginSampler way, sampler(sampler_name));
    return Painter::make(small_.paint, way, settings, device(backend));
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
    const Result<Program> built = small_.models[model]->build(program, sizes);
    EXPECT_TRUE(built.ok()) << built.error().text();
    for (const Parameter &parameter : built->parameters()) {
      for (const PlacedWeight &weight : small_.matches[model]->placed)
        if (weight.parameter == parameter.name)
          given[parameter.name] = *read_weight(weight, DType::kF32);
    }
    const Result<TensorMap> made = evaluate(device("reference"), *built, given);
    EXPECT_TRUE(made.ok()) << made.error().text();
    return made.ok() ? *made : TensorMap();
  }

  model_test::SmallSdxl small_;
};

inline constexpr PaintSettings kSmall{.width = 32, .height = 16, .steps = 2};

inline double largest_difference(const std::vector<float> &a, const std::vector<float> &b) {
  if (a.size() != b.size() || a.empty()) return NAN;
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - b[i]));
  return largest;
}

}  // namespace flame::painter_test

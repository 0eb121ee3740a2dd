// Adapters with numbers for layers of the full-size SDXL, and the exporters that write them.
#pragma once

#include <gmock/gmock.h>

#include <functional>
#include <set>

#include "core/passes/adapt.h"
#include "core/passes/layer_presets.h"
#include "core/tensor/numbers.h"
#include "core/train/export_adapter.h"
#include "tests/models/started_model.h"
#include "tests/support/evaluate.h"
#include "tests/support/temporary_folder.h"

namespace flame::export_test {

using Filter = std::function<bool(const std::string &layer, const Shape &weight)>;

inline bool any(const std::string &, const Shape &) {
  return true;
}
inline bool is_attention(const std::string &layer, const Shape &) {
  return layer.find(".attn") != std::string::npos;
}
// What kohya's sd-scripts train by default.
inline bool is_standard(const std::string &layer, const Shape &) {
  return layer.find("attentions.") != std::string::npos;
}

inline HostTensor numbers(const Shape &shape, int64_t seed) {
  std::vector<double> values(static_cast<size_t>(shape.element_count()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<double>((seed * 7919 + static_cast<int64_t>(i) * 31) % 255 - 127) / 256;
  return tensor_of({DType::kF32, shape}, values);
}

class AdapterFiles : public testing::Test {
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

  // The layers that a list means where adapters learn.
  static Filter chosen(size_t index, const std::string &choice) {
    const PluginModel &model = *(*places_)[index].model;
    std::vector<std::pair<std::string, int64_t>> sizes{{"batch", 1}, {"tokens", 77}};
    if (index == 0) sizes.insert(sizes.end(), {{"height", 16}, {"width", 16}});
    const Result<Program> program = model.build(model.programs().front(), sizes);
    EXPECT_TRUE(program.ok()) << program.error().text();
    std::set<std::string> meant;
    const auto choices = named_layers({choice}, *program, Learns::kAdapters);
    for (const std::string &layer : adaptable_layers(*program))
      for (const std::string &pattern : choices)
        if (matches_layer(pattern, layer)) meant.insert(layer);
    return [=](const std::string &layer, const Shape &) { return meant.contains(layer); };
  }

  static ExportedPart part(size_t index, const Filter &wanted = any, int64_t rank = 2) {
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
    return [=](const std::filesystem::path &path) -> Result<PluginExporter> {
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

  AdapterExport given(std::vector<ExportedPart> parts, const std::string &file) {
    return {"sdxl", std::move(parts), {}, *folder_ / file, false};
  }

  static inline test::TemporaryFolder *folder_ = nullptr;
  static inline PluginHost *host_ = nullptr;
  static inline std::vector<Place> *places_ = nullptr;
};

}  // namespace flame::export_test

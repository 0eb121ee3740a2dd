// Models of plugins: the programs that they describe, without a weight or a device.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/plugin/attribute_list.h"
#include "core/plugin/plugin_host.h"
#include "core/program/program.h"
#include "flame/diffusion.h"
#include "flame/model.h"
#include "flame/tokenizer.h"
#include "flame/weights.h"

namespace flame {

// A way in which files hold a model (flame/weights.h).
struct ModelLayout {
  std::string name;
  std::string summary;
  std::vector<std::string> prefixes;  // at least one; the first is written
  std::vector<std::string> ignored;
};

// What to read for one parameter (flame/weights.h): rows of the file's tensor `key`, less the prefix,
// with their axes in another order.
struct WeightSource {
  std::string key;
  Shape shape;  // of the tensor in the file
  std::vector<uint32_t> axes;
  int64_t first_row = 0;
  int64_t row_count = 1;

  bool is_whole() const { return shape.rank() == 0 || row_count == shape[0]; }
  bool keeps_order() const;  // the axes stay where they are
};

// A text as rows of tokens (flame/tokenizer.h).
struct TokenRows {
  uint32_t row_length = 0;
  uint32_t kept_count = 0;
  uint64_t text_count = 0;
  std::vector<int64_t> ids;  // whole rows, at least one
};

// A model that stands beside a denoiser.
struct DiffusionPart {
  enum class Kind {
    kTextEncoder,
    kAutoencoder
  };
  Kind kind = Kind::kTextEncoder;
  std::string role;
  std::string component;
};

// How pictures are drawn with a denoiser (flame/diffusion.h).
struct DiffusionSpec {
  uint32_t prediction = FLAME_PREDICTS_EPSILON;
  std::vector<double> noise_levels;  // rising, at least two
  int64_t latent_size = 8;           // pixels
  int64_t latent_channels = 4;
  int64_t usual_size = 1024;  // pixels
  double usual_guidance = 1;
  std::string denoiser, conditions;  // programs of the model
  std::string usual_sampler;
  std::vector<DiffusionPart> parts;  // one autoencoder, and at least one text encoder
};

// What a model may have beside flame.model/1; null: it has not.
struct ModelExtras {
  const flame_weights_interface *weights = nullptr;
  const flame_tokenizer_interface *tokenizer = nullptr;
  const flame_diffusion_interface *diffusion = nullptr;
};

// Owns the plugin's object; the plugin stays started as long as this lives. One thread at a time.
class PluginModel {
 public:
  // Asks the plugin for the optional interfaces too.
  static Result<PluginModel> create(const StartedComponent &started, const AttributeList &options);
  // `options` are the component's with defaults filled in. Errors: the plugin's own, or kBadPlugin
  // that says how it breaks flame/model.h.
  static Result<PluginModel> create(const flame_model_interface &table, std::string plugin_id,
                                    std::string_view component, const AttributeList &options,
                                    ModelExtras extras = {});

  const std::string &component() const { return component_; }

  // In the plugin's order; at least one.
  const std::vector<std::string> &programs() const { return programs_; }

  // Builds one for the sizes ("batch", 2). The error for a program that is not there names those
  // that are.
  Result<Program> build(std::string_view program,
                        const std::vector<std::pair<std::string, int64_t>> &sizes) const;

  // In the plugin's order; at least one. A model that names none has its parameters in files under
  // their own names: the layout "plain".
  const std::vector<ModelLayout> &layouts() const { return layouts_; }
  // Where layout `index` holds a parameter of that shape. kBadPlugin for an answer that cannot be.
  Result<WeightSource> source(size_t layout, std::string_view parameter, const Shape &shape) const;

  bool reads_text() const { return extras_.tokenizer != nullptr; }
  // At most `row_limit` rows. Errors: the plugin's own, kBadPlugin, or kFailed if it reads no text.
  Result<TokenRows> tokenize(std::string_view text, uint32_t row_limit) const;

  // Errors: kBadConfig for a model that is no denoiser, kBadPlugin for an answer that cannot be.
  Result<DiffusionSpec> diffusion() const;

 private:
  struct Destroy {
    const flame_model_interface *table;
    void operator()(flame_model *model) const { table->destroy(model); }
  };
  using Handle = std::unique_ptr<flame_model, Destroy>;

  PluginModel(std::string plugin_id, std::string component, Handle handle, ModelExtras extras)
      : plugin_id_(std::move(plugin_id)),
        component_(std::move(component)),
        handle_(std::move(handle)),
        extras_(extras) {}

  const flame_model_interface &table() const { return *handle_.get_deleter().table; }
  Status read_programs();
  Status read_layouts();
  Result<ModelLayout> checked_layout(uint32_t index, const flame_layout &given) const;
  Result<std::vector<std::string>> checked_texts(uint32_t index, std::string_view what,
                                                 const flame_str *texts, uint32_t count) const;
  Result<WeightSource> checked_source(std::string_view parameter, const Shape &shape,
                                      const flame_weight_source &given) const;
  Result<std::vector<DiffusionPart>> diffusion_parts() const;
  std::string fault_of(const DiffusionSpec &spec) const;
  Error broken(std::string_view what) const;

  std::string plugin_id_;
  std::string component_;
  Handle handle_;
  ModelExtras extras_;
  std::vector<std::string> programs_;
  std::vector<ModelLayout> layouts_;
  bool plain_ = false;  // the model names no layout
};

}  // namespace flame

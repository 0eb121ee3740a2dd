// A model: one class that builds programs, and may know the files and the tokens of its kind, and
// how pictures are drawn with it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flame/component.hpp"
#include "flame/diffusion.h"
#include "flame/model.h"
#include "flame/program.hpp"
#include "flame/tokenizer.h"
#include "flame/weights.h"

namespace flame {
inline namespace sdk {

namespace detail {
struct ModelTable;
struct WeightsTable;
struct TokenizerTable;
struct DiffusionTable;
}  // namespace detail

// A way in which files hold the model (flame/weights.h).
struct Layout {
  std::string name, summary;
  std::vector<std::string> prefixes = {""};
  std::vector<std::string> ignored;
};

// Where a file holds one parameter (flame/weights.h).
struct WeightSource {
  std::string key;
  std::vector<int64_t> shape;
  std::vector<uint32_t> axes;
  int64_t first_row = 0;
  int64_t row_count = 0;
};

// A text as rows of tokens (flame/tokenizer.h).
struct Tokens {
  uint32_t row_length = 0;
  uint32_t kept_count = 0;
  uint64_t text_count = 0;
  std::vector<int64_t> ids;
};

// How pictures are drawn with a denoiser (flame/diffusion.h).
struct Diffusion {
  struct Part {
    uint32_t kind;
    std::string role, component;
  };
  uint32_t prediction = FLAME_PREDICTS_EPSILON;
  uint32_t latent_size = 8;
  uint32_t latent_channels = 4;
  uint32_t usual_size = 1024;
  double usual_guidance = 5.0;
  std::string denoiser, conditions, usual_sampler;
  std::vector<double> noise_levels;
  std::vector<Part> parts;
};

// The host asks one thread at a time for each object.
class Model {
 public:
  static constexpr const char *kKind = FLAME_KIND_MODEL;
  virtual ~Model() = default;

  // The names of the programs: {"unet"}. Asked once.
  virtual std::vector<std::string> programs() const = 0;

  // Describes one of them for the sizes that the host wants ("batch", "height", …): the same sizes,
  // the same program.
  virtual void build(Program &program, std::string_view name, Attributes sizes) = 0;

  // The layouts of files, asked once; none: parameters stand in files as they are in programs.
  virtual std::vector<Layout> layouts() const { return {}; }
  virtual WeightSource source(size_t layout, std::string_view parameter) const {
    throw not_found("layout ", layout, " has no parameter '", parameter, "'");
  }

  // Of models that read text.
  virtual Tokens tokenize(std::string_view text, uint32_t row_limit) {
    (void)text, (void)row_limit;
    throw Error(FLAME_ERROR_UNSUPPORTED, "this model reads no text");
  }

  // Of denoisers, asked once.
  virtual Diffusion diffusion() const {
    throw Error(FLAME_ERROR_UNSUPPORTED, "this model is no denoiser");
  }

 private:
  friend struct detail::ModelTable;
  friend struct detail::WeightsTable;
  friend struct detail::TokenizerTable;
  friend struct detail::DiffusionTable;
  std::vector<std::string> names_;
  std::vector<Layout> layouts_;
  // Prefixes and ignored keys of each layout, as the contract wants them.
  std::vector<std::pair<std::vector<flame_str>, std::vector<flame_str>>> layout_texts_;
  WeightSource source_;
  Tokens tokens_;
  Diffusion diffusion_;
};

namespace detail {

struct ModelTable : Lifetime<Model, flame_model> {
  static flame_status program_name(flame_model *handle, flame_call *call, uint32_t index,
                                   flame_str *out) noexcept {
    return guard(call, [&] {
      Model &model = *object(handle);
      if (model.names_.empty()) model.names_ = model.programs();
      if (index >= model.names_.size()) throw Error(FLAME_ERROR_END, "there is no more program");
      *out = borrow(model.names_[index]);
    });
  }
  static flame_status build(flame_model *handle, flame_call *call, flame_str name,
                            const flame_attribute *sizes, uint32_t size_count,
                            const flame_program_builder *builder) noexcept {
    return guard(call, [&] {
      Program program(builder);
      object(handle)->build(program, view(name), Attributes(sizes, size_count));
    });
  }
  static constexpr flame_model_interface kTable = {
      sizeof(flame_model_interface), 0, create, destroy, program_name, build};
};

struct WeightsTable : Lifetime<Model, flame_model> {
  static flame_status describe_layout(flame_model *handle, flame_call *call, uint32_t index,
                                      flame_layout *out) noexcept {
    return guard(call, [&] {
      Model &model = *object(handle);
      if (model.layouts_.empty()) {
        model.layouts_ = model.layouts();
        for (const Layout &layout : model.layouts_) {
          model.layout_texts_.emplace_back(texts_of(layout.prefixes), texts_of(layout.ignored));
        }
      }
      if (index >= model.layouts_.size()) throw Error(FLAME_ERROR_END, "there is no more layout");
      const Layout &layout = model.layouts_[index];
      const auto &[prefixes, ignored] = model.layout_texts_[index];
      flame_layout made = {};
      made.prefix_count = static_cast<uint32_t>(prefixes.size());
      made.ignored_count = static_cast<uint32_t>(ignored.size());
      made.name = borrow(layout.name);
      made.summary = borrow(layout.summary);
      made.prefixes = prefixes.data();
      made.ignored = ignored.data();
      fill(out, made);
    });
  }
  static flame_status source(flame_model *handle, flame_call *call, uint32_t index,
                             flame_str parameter, flame_weight_source *out) noexcept {
    return guard(call, [&] {
      Model &model = *object(handle);
      const WeightSource &source = model.source_ = model.source(index, view(parameter));
      flame_weight_source made = {};
      made.rank = static_cast<uint32_t>(source.shape.size());
      made.key = borrow(source.key);
      made.shape = source.shape.data();
      made.axes = source.axes.data();
      made.first_row = source.first_row;
      made.row_count = source.row_count;
      fill(out, made);
    });
  }
  static constexpr flame_weights_interface kTable = {sizeof(flame_weights_interface), 0,
                                                     describe_layout, source};

 private:
  static std::vector<flame_str> texts_of(const std::vector<std::string> &texts) {
    std::vector<flame_str> borrowed;
    for (const std::string &text : texts) borrowed.push_back(borrow(text));
    return borrowed;
  }
};

struct TokenizerTable : Lifetime<Model, flame_model> {
  static flame_status tokenize(flame_model *handle, flame_call *call, flame_str text,
                               uint32_t row_limit, flame_tokens *out) noexcept {
    return guard(call, [&] {
      Model &model = *object(handle);
      const Tokens &tokens = model.tokens_ = model.tokenize(view(text), row_limit);
      flame_tokens made = {};
      made.row_length = tokens.row_length;
      made.row_count = static_cast<uint32_t>(tokens.ids.size() / tokens.row_length);
      made.kept_count = tokens.kept_count;
      made.text_count = tokens.text_count;
      made.ids = tokens.ids.data();
      fill(out, made);
    });
  }
  static constexpr flame_tokenizer_interface kTable = {sizeof(flame_tokenizer_interface), 0,
                                                       tokenize};
};

struct DiffusionTable : Lifetime<Model, flame_model> {
  static flame_status describe(flame_model *handle, flame_call *call,
                               flame_diffusion *out) noexcept {
    return guard(call, [&] {
      const Diffusion &known = asked(handle);
      flame_diffusion made = {};
      made.prediction = known.prediction;
      made.level_count = static_cast<uint32_t>(known.noise_levels.size());
      made.latent_size = known.latent_size;
      made.latent_channels = known.latent_channels;
      made.usual_size = known.usual_size;
      made.noise_levels = known.noise_levels.data();
      made.usual_guidance = known.usual_guidance;
      made.denoiser = borrow(known.denoiser);
      made.conditions = borrow(known.conditions);
      made.usual_sampler = borrow(known.usual_sampler);
      fill(out, made);
    });
  }
  static flame_status describe_part(flame_model *handle, flame_call *call, uint32_t index,
                                    flame_part *out) noexcept {
    return guard(call, [&] {
      const Diffusion &known = asked(handle);
      if (index >= known.parts.size()) throw Error(FLAME_ERROR_END, "there is no more part");
      const Diffusion::Part &part = known.parts[index];
      fill(out, flame_part{0, part.kind, borrow(part.role), borrow(part.component)});
    });
  }
  static constexpr flame_diffusion_interface kTable = {sizeof(flame_diffusion_interface), 0,
                                                       describe, describe_part};

 private:
  static const Diffusion &asked(flame_model *handle) {
    Model &model = *object(handle);
    if (model.diffusion_.denoiser.empty()) model.diffusion_ = model.diffusion();
    return model.diffusion_;
  }
};

}  // namespace detail
}  // namespace sdk
}  // namespace flame

// The plugin `vae`: the autoencoder of SDXL.
#include "plugins/models/shared/named_weights.h"
#include "plugins/models/vae/vae.h"

namespace {

enum Layout : size_t {
  kDiffusers,
  kOldDiffusers,
  kLdm
};

class SdxlVae : public flame::Model {
 public:
  using Options = vae::VaeOptions;

  explicit SdxlVae(const Options &options) : options_(options) {
    options_.check();
    const int64_t least = least_size();
    models::list_parameters(parameters_, [&](flame::Program &program) {
      vae::build_encoder(program, options_, {1, least, least});
    });
    models::list_parameters(
        parameters_, [&](flame::Program &program) { vae::build_decoder(program, options_, {}); });
  }

  std::vector<std::string> programs() const override {
    return {"encoder", "decoder", "encode", "decode"};
  }

  void build(flame::Program &program, std::string_view name, flame::Attributes sizes) override {
    const bool takes_picture = name == "encoder" || name == "encode";
    if (!takes_picture && name != "decoder" && name != "decode")
      throw flame::not_found("there is no program '", name,
                             "', only 'encoder', 'decoder', 'encode' and 'decode'");
    const int64_t least = takes_picture ? least_size() : 1;
    const vae::ImageSizes image = {models::size_of(sizes, "batch"),
                                   models::size_of(sizes, "height", least),
                                   models::size_of(sizes, "width", least)};
    if (name == "encoder") return vae::build_encoder(program, options_, image);
    if (name == "decoder") return vae::build_decoder(program, options_, image);
    if (name == "encode") return vae::build_encode(program, options_, image);
    vae::build_decode(program, options_, image);
  }

  std::vector<flame::Layout> layouts() const override {
    const std::vector<std::string> ignored = {"model_ema.*", "loss.*"};
    return {{"diffusers", "the folder vae/ of diffusers", {"", "vae."}, {}},
            {"diffusers-old", "the folder vae/ of older diffusers", {"", "vae."}, {}},
            {"ldm", "single-file checkpoints", {"first_stage_model.", "", "vae."}, ignored}};
  }

  flame::WeightSource source(size_t layout, std::string_view parameter) const override {
    const flame::Shape &shape = models::shape_in(parameters_, parameter);
    const std::string name(parameter);
    if (layout == kDiffusers) return models::whole(name, shape);
    if (layout == kOldDiffusers) return models::whole(vae::old_diffusers_key(name), shape);
    flame::WeightSource source = models::whole(vae::ldm_key(options_, name), shape);
    if (shape.size() == 2) {  // linears are convolutions of one place there
      source.shape = {shape[0], shape[1], 1, 1};
      source.axes = {0, 1, 2, 3};
    }
    return source;
  }

 private:
  // Of pictures: each halving leaves a row.
  int64_t least_size() const { return int64_t{1} << std::min<size_t>(options_.levels() - 1, 30); }

  Options options_;
  models::ParameterList parameters_;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.vae").version("0.1.0").vendor("The flamehost authors");
  plugin.license("Apache-2.0").summary("The autoencoder between pictures and latents.");
  plugin.add<SdxlVae>("sdxl-vae", "The autoencoder of Stable Diffusion XL.");
}

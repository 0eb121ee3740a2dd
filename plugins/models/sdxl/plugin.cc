// The plugin `sdxl`: the UNet.
#include "plugins/models/sdxl/drawing.h"
#include "plugins/models/sdxl/unet.h"
#include "plugins/models/shared/named_weights.h"

namespace {

enum Layout : size_t {
  kDiffusers,
  kLdm
};

class SdxlUNet : public flame::Model {
 public:
  using Options = sdxl::Options;

  explicit SdxlUNet(const Options &options)
      : options_(options.checked()), diffusion_(sdxl::diffusion(options)) {
    models::list_parameters(
        parameters_, [&](flame::Program &program) { sdxl::build_unet(program, options_, {}); });
  }

  std::vector<std::string> programs() const override { return {"unet", "conditions"}; }

  void build(flame::Program &program, std::string_view name, flame::Attributes sizes) override {
    if (name == "conditions") return sdxl::build_conditions(program, options_, sizes);
    if (name != "unet")
      throw flame::not_found("there is no program '", name, "', only 'unet' and 'conditions'");
    sdxl::build_unet(program, options_,
                     {models::size_of(sizes, "batch"), models::size_of(sizes, "height"),
                      models::size_of(sizes, "width"), models::size_of(sizes, "tokens")});
  }

  std::vector<flame::Layout> layouts() const override {
    return {
        {"diffusers", "the folder unet/ of diffusers", {"", "unet."}, {}},
        {"ldm", "single-file checkpoints", {"model.diffusion_model.", "diffusion_model.", ""}, {}}};
  }

  flame::WeightSource source(size_t layout, std::string_view parameter) const override {
    const flame::Shape &shape = models::shape_in(parameters_, parameter);
    std::string key(parameter);
    if (layout == kLdm) key = sdxl::ldm_key(options_, key);
    return models::whole(std::move(key), shape);
  }

  flame::Diffusion diffusion() const override { return diffusion_; }

 private:
  sdxl::UNetOptions options_;
  flame::Diffusion diffusion_;
  models::ParameterList parameters_;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.sdxl").version("0.1.0").vendor("The flamehost authors");
  plugin.license("Apache-2.0").summary("The UNet of Stable Diffusion XL.");
  plugin.add<SdxlUNet>("sdxl", "Stable Diffusion XL: the UNet.");
}

// The section `sample`, ready to draw: a painter with its settings, and the files that it makes.
#pragma once

#include <functional>

#include "core/cli/drawing_models.h"
#include "core/cli/picture_files.h"

namespace flame::cli {

// Borrows all that it is made of. One thread at a time.
class PictureSession {
 public:
  // Plans, takes memory and reads weights. `live`: the adapter of a training, or null. Errors: those
  // of Painter::make, and of the section.
  static Result<std::unique_ptr<PictureSession>> make(PluginHost &host, const Pipeline &pipeline,
                                                      const DrawingModels &models, Device &device,
                                                      const LiveAdapter *live = nullptr);

  // Draws every prompt: one file for each in the folder, and all of them in grid.png if there are
  // several. Prints a line for each if `tells`. Behind each step of the sampler, `go_on` may end it
  // with an error; pictures that are done stay.
  Status draw(const std::filesystem::path &folder, bool tells,
              const std::function<Status()> &go_on = nullptr) const;

  const Painter &painter() const { return *painter_; }

 private:
  PictureSession(PluginHost &host, const Pipeline &pipeline)
      : host_(host), pipeline_(pipeline), section_(*pipeline.root.find_section("sample")) {}
  std::string parameters_of(const PaintRequest &request) const;

  PluginHost &host_;
  const Pipeline &pipeline_;
  const ResolvedSection &section_;
  PaintSettings settings_;
  std::string sampler_;  // its name
  std::optional<Painter> painter_;
};

}  // namespace flame::cli

// Draws pictures from prompts: a denoiser and its parts on one device, step by step, to a picture.
#pragma once

#include <functional>

#include "core/sample/paint_programs.h"

namespace flame {

struct PaintRequest {
  std::string prompt, negative;  // the latter counts if the settings' guidance is not 1
  uint64_t seed = 0;
};

// Red, green and blue from 0 to 1, row by row.
struct Picture {
  int64_t height = 0, width = 0, channels = 0;
  std::vector<float> pixels;
};

// One thread at a time; the device outlives it.
class Painter {
 public:
  // Errors: those of PaintPrograms::make().
  static Result<Painter> make(const PaintModels &models, const PluginSampler &sampler,
                              const PaintSettings &settings, Device &device,
                              const LoadProgress &progress = {}, const LiveAdapter *live = nullptr);

  // Called behind each step, which is done then; an error ends the picture and is handed on.
  using StepDone = std::function<Status(uint32_t step)>;

  // Errors: of the device, of texts that are no UTF-8, a picture that is not finite (kNumeric).
  Result<Picture> paint(const PaintRequest &request, const StepDone &on_step = {}) const;

  // How many tokens of a prompt fit into no row: 0 if the pictures see all of it.
  Result<uint64_t> tokens_cut(const std::string &prompt) const;

  const PaintPrograms &programs() const { return *programs_; }

 private:
  explicit Painter(std::unique_ptr<PaintPrograms> programs) : programs_(std::move(programs)) {}
  Result<TensorMap> conditions_of(const std::string &text) const;
  Status write_conditions(const PaintRequest &request) const;
  Status write_run(uint64_t seed) const;
  Result<Picture> decode() const;

  std::unique_ptr<PaintPrograms> programs_;
};

}  // namespace flame

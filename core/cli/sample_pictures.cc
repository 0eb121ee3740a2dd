#include "core/cli/sample_pictures.h"

#include <fmt/core.h>

#include <chrono>

#include "core/base/rounded_size.h"
#include "core/cli/picture_session.h"
#include "core/pipeline/section_values.h"

namespace flame::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

Status check_options(const SectionValues &sample) {
  if (sample.has("every")) {
    return config_error("sample.every counts steps of a training, and nothing is trained",
                        "leave it out");
  }
  if (sample.get<double>("strength", 1.0) != 1.0) {
    return config_error("sample.strength belongs to an adapter, and there is none", "leave it out");
  }
  return {};
}

}  // namespace

Status sample_pictures(const Pipeline &pipeline, const OpenDeviceRequest &request) {
  const ResolvedSection &sample = *pipeline.root.find_section("sample");
  const ResolvedSection &model = *pipeline.root.find_section("model");
  FLAME_TRY(check_options(SectionValues(&sample)));
  PluginHost host({});
  FLAME_ASSIGN(const auto device, open_device(host, *pipeline.catalogue, request));
  FLAME_ASSIGN(const auto models, open_drawing_models(host, pipeline, model, &sample));
  const Clock::time_point start = Clock::now();
  FLAME_ASSIGN(const auto session, PictureSession::make(host, pipeline, *models, *device));
  fmt::print("{} on {}: {} of memory, ready after {:.1f} s\n", model.use, device->info().name,
             rounded_size_text(session->painter().programs().allocated_bytes()),
             std::chrono::duration<double>(Clock::now() - start).count());
  return session->draw(fs::path("runs") / pipeline.run / "pictures", true);
}

}  // namespace flame::cli

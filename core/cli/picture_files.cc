#include "core/cli/picture_files.h"

#include <algorithm>
#include <cmath>

#include "core/io/model_config.h"
#include "core/plugin/plugin_exporter.h"

namespace flame::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char *kPictureExporter = "png";

}  // namespace

Status write_picture(PluginHost &host, const Pipeline &pipeline, const Picture &picture,
                     const fs::path &file, const std::string &parameters) {
  FLAME_ASSIGN(const Catalogue::Match match,
               pipeline.catalogue->find(FLAME_KIND_EXPORTER, kPictureExporter));
  FLAME_ASSIGN(const AttributeList options,
               model_options(*match.component, {{"path", false, {fs::absolute(file).string()}}}));
  FLAME_ASSIGN(const StartedComponent started, host.start(match));
  FLAME_ASSIGN(const PluginExporter exporter,
               PluginExporter::create(started.table<flame_exporter_interface>(),
                                      started.plugin->id(), kPictureExporter, options));
  HostTensor tensor;
  const int64_t sizes[] = {picture.height, picture.width, picture.channels};
  FLAME_ASSIGN(const Shape shape, Shape::make(sizes));
  tensor.type = {DType::kF32, shape};
  const auto bytes = std::as_bytes(std::span(picture.pixels));
  tensor.bytes.assign(bytes.begin(), bytes.end());
  ExportFacts facts;
  if (!parameters.empty()) facts.emplace_back("parameters", parameters);
  return exporter.write({{"picture", std::move(tensor)}}, facts);
}

Picture grid_of(const std::vector<Picture> &pictures) {
  const auto columns =
      static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(pictures.size()))));
  const auto count = static_cast<int64_t>(pictures.size());
  const Picture &one = pictures.front();
  Picture grid{(count + columns - 1) / columns * one.height, columns * one.width, one.channels, {}};
  grid.pixels.assign(static_cast<size_t>(grid.height * grid.width * grid.channels), 1.0F);
  const int64_t row_size = one.width * one.channels;
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t y = 0; y < one.height; ++y) {
      const auto from = pictures[static_cast<size_t>(i)].pixels.begin() + y * row_size;
      const int64_t to = ((i / columns * one.height + y) * columns + i % columns) * row_size;
      std::copy(from, from + row_size, grid.pixels.begin() + to);
    }
  }
  return grid;
}

}  // namespace flame::cli

// Pictures as files.
#pragma once

#include <filesystem>

#include "core/pipeline/pipeline.h"
#include "core/plugin/plugin_host.h"
#include "core/sample/painter.h"

namespace flame::cli {

// A PNG with the text that tools for pictures show; empty: without one. Whole or not at all.
Status write_picture(PluginHost &host, const Pipeline &pipeline, const Picture &picture,
                     const std::filesystem::path &file, const std::string &parameters);

// All pictures, which have one size, side by side in rows; white where there is none.
Picture grid_of(const std::vector<Picture> &pictures);

}  // namespace flame::cli

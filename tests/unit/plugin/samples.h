// A plugin's description and files that the tests start from and then break.
#pragma once

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "core/base/file.h"
#include "core/base/sha256.h"
#include "core/plugin/manifest.h"
#include "tests/support/temporary_folder.h"

namespace flame::test {

inline OptionSpec sample_option(std::string name, OptionType type = OptionType::kFloat) {
  OptionSpec option;
  option.name = std::move(name);
  option.type = type;
  option.help = "How fast it learns.";
  return option;
}

inline PluginSpec sample_spec(std::string id = "org.example.fast-adamw") {
  OptionSpec rate = sample_option("lr");
  rate.default_text = "0.001";
  rate.minimum = 0;
  rate.exclusive_minimum = true;
  rate.aliases = {"learning_rate"};
  OptionSpec mode = sample_option("mode", OptionType::kChoice);
  mode.choices = {"plain", "fused"};
  mode.default_text = "plain";
  mode.configuration = true;
  ComponentSpec component;
  component.kind = "optimizer";
  component.id = "adamw";
  component.summary = "AdamW with one loop.";
  component.options = {rate, mode};
  PluginSpec spec;
  spec.id = std::move(id);
  spec.version = "1.2.3";
  spec.vendor = "Example";
  spec.license = "Apache-2.0 OR MIT";
  spec.summary = "A fast optimizer.";
  spec.requirements = {"libcuda.so.1"};
  spec.components = {component};
  return spec;
}

inline Manifest sample_manifest(std::string id = "org.example.fast-adamw") {
  Manifest manifest;
  manifest.platform = std::string(host_platform());
  manifest.library = "libfast.so";
  manifest.sha256 = sha256("library");
  manifest.spec = sample_spec(std::move(id));
  return manifest;
}

inline void write_text(const std::filesystem::path &path, std::string_view text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

// A build of plugins/sample.c: "none" is sound, every other has the fault of that name.
inline std::filesystem::path sample_library(const std::string &fault) {
  return std::filesystem::path(FLAME_SAMPLE_PLUGINS) / ("libsample_" + fault + ".so");
}

// A file that is in memory alone, for tests that make thousands.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view content) : file_(memfd_create("test", MFD_CLOEXEC)) {
    while (!content.empty()) {
      const ssize_t count = write(file_.get(), content.data(), content.size());
      if (count <= 0) break;
      content.remove_prefix(static_cast<size_t>(count));
    }
  }
  int descriptor() const { return file_.get(); }
  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(file_.get()); }

 private:
  Descriptor file_;
};

}  // namespace flame::test

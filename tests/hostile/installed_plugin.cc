#include "installed_plugin.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "core/base/sha256.h"
#include "good_plugin.h"

namespace flame {

namespace fs = std::filesystem;

InstalledForTest::InstalledForTest(const std::string &built, const std::string &name) {
  std::string pattern = (fs::temp_directory_path() / "flame-hostile-XXXXXX").string();
  folder_ = fs::canonical(mkdtemp(pattern.data()));
  library_ = folder_ / (name + ".so");
  manifest_file_ = folder_ / (name + std::string(kManifestSuffix));
  fs::copy_file(fs::path(FLAME_HOSTILE_PLUGINS) / (built + ".so"), library_);
  fs::permissions(library_, fs::perms(0755));
  manifest.abi_major = FLAME_ABI_MAJOR;
  manifest.abi_minor = FLAME_ABI_MINOR;
  manifest.platform = host_platform();
  manifest.library = library_.filename().string();
  manifest.spec = *read_descriptor(good_plugin(nullptr));
  update_manifest();
}

InstalledForTest::~InstalledForTest() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::string InstalledForTest::library_bytes() const {
  std::ostringstream bytes;
  bytes << std::ifstream(library_, std::ios::binary).rdbuf();
  return bytes.str();
}

void InstalledForTest::write_library(const std::string &bytes) {
  std::ofstream(library_, std::ios::binary | std::ios::trunc) << bytes;
  update_manifest();
}

void InstalledForTest::update_manifest() {
  const Result<std::string> hash = sha256_of_file(library_.string());
  if (hash.ok()) manifest.sha256 = *hash;
  write_manifest();
}

void InstalledForTest::write_manifest() const {
  write_manifest_text(to_json(manifest).dump(2));
}

void InstalledForTest::write_manifest_text(const std::string &text) const {
  std::ofstream(manifest_file_, std::ios::trunc) << text;
}

}  // namespace flame

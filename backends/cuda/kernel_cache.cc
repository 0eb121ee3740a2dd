#include "backends/cuda/kernel_cache.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "flame/log.hpp"

namespace flame::cuda {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "flamehost cuda kernel 1\n";

std::string default_folder() {
  if (const char *cache = std::getenv("XDG_CACHE_HOME"); cache && *cache == '/')
    return std::string(cache) + "/flamehost/cuda";
  if (const char *home = std::getenv("HOME"); home && *home == '/')
    return std::string(home) + "/.cache/flamehost/cuda";
  return "";
}

std::string number_bytes(uint64_t number) {
  return std::string(reinterpret_cast<const char *>(&number), sizeof number);
}

// What stands in front of the image: all that must be as expected.
std::string header_of(std::string_view key, uint64_t image_size, uint64_t image_hash) {
  std::string header(kMagic);
  header += number_bytes(key.size());
  header += number_bytes(image_size);
  header += number_bytes(image_hash);
  header += key;
  return header;
}

}  // namespace

uint64_t hash_of(std::string_view text, uint64_t start) {
  uint64_t hash = start;
  for (const char each : text) hash = (hash ^ static_cast<unsigned char>(each)) * 1099511628211u;
  return hash;
}

KernelCache::KernelCache(const std::string &folder)
    : folder_(folder.empty() ? default_folder() : folder) {}

std::string KernelCache::file_of(std::string_view key) const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string name;
  for (uint64_t hash : {hash_of(key), hash_of(key, 0x9e3779b97f4a7c15u)}) {
    for (int digit = 0; digit < 16; ++digit, hash <<= 4) name += kDigits[hash >> 60];
  }
  return folder_ + "/" + name + ".kernel";
}

std::optional<std::string> KernelCache::find(std::string_view key) const {
  if (folder_.empty()) return std::nullopt;
  std::ifstream file(file_of(key), std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream content;
  content << file.rdbuf();
  const std::string text = std::move(content).str();
  const size_t header_size = kMagic.size() + 3 * sizeof(uint64_t) + key.size();
  if (text.size() <= header_size) return std::nullopt;
  const std::string_view image = std::string_view(text).substr(header_size);
  if (text.compare(0, header_size, header_of(key, image.size(), hash_of(image))) != 0)
    return std::nullopt;
  return std::string(image);
}

void KernelCache::keep(std::string_view key, std::string_view image) {
  if (folder_.empty()) return;
  const std::string file = file_of(key);
  const std::string draft = file + "." + std::to_string(getpid()) + ".new";
  std::error_code error;
  fs::create_directories(folder_, error);
  {
    std::ofstream out(draft, std::ios::binary | std::ios::trunc);
    out << header_of(key, image.size(), hash_of(image)) << image;
    out.flush();
    if (!out) error = std::make_error_code(std::errc::io_error);
  }
  if (!error) fs::rename(draft, file, error);
  if (!error) return;
  std::error_code ignored;
  fs::remove(draft, ignored);
  if (!told_.exchange(true))
    flame::log_warning("compiled kernels cannot be kept in ", folder_, ": ", error.message(),
                       "; they are compiled anew at each start");
}

}  // namespace flame::cuda

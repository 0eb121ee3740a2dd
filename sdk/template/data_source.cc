// A data source: pictures of a folder, as PPM or PGM files, each with its name as the caption.
//
// A data source finds its examples when it is made, and reads one when it is asked. The host
// chooses order and variants, keeps caches by identity() and asks one thread at a time. Here each
// picture has a second variant, its mirror image, if the user wants it.
#include <algorithm>
#include <cctype>
#include <cstring>
#include <filesystem>

#include "flame/plugin.hpp"

namespace {

constexpr int64_t kMaxSide = 16384;
constexpr uint64_t kMaxBytes = uint64_t{1} << 30;

struct Picture {
  int64_t width = 0, height = 0, channels = 0;
  size_t first = 0;  // of the pixels, in the file
};

// The next number of the header. Files are hostile until checked: nothing is read past the end, and
// no number grows without limit.
int64_t read_number(const std::string &content, size_t &at, const std::string &path) {
  for (;; ++at) {
    if (at < content.size() && content[at] == '#')
      at = std::min(content.find('\n', at), content.size());
    if (at >= content.size() || !std::isspace(static_cast<unsigned char>(content[at]))) break;
  }
  const size_t start = at;
  int64_t number = 0;
  for (; at < content.size() && content[at] >= '0' && content[at] <= '9'; ++at) {
    number = std::min<int64_t>(number * 10 + (content[at] - '0'), 1 << 24);
  }
  if (at == start) throw flame::storage_error(path, ": byte ", at, ": a number was expected");
  return number;
}

// "P6" (RGB) or "P5" (grey), width, height, 255, one white space, pixels.
Picture read_header(const std::string &content, const std::string &path) {
  Picture out;
  if (content.compare(0, 2, "P6") == 0) out.channels = 3;
  if (content.compare(0, 2, "P5") == 0) out.channels = 1;
  if (out.channels == 0) throw flame::storage_error(path, ": no P5 or P6 file; convert it first");
  size_t at = 2;
  out.width = read_number(content, at, path);
  out.height = read_number(content, at, path);
  const int64_t brightest = read_number(content, at, path);
  out.first = at + 1;
  if (out.width < 1 || out.height < 1 || out.width > kMaxSide || out.height > kMaxSide) {
    throw flame::storage_error(path, ": ", out.width, "×", out.height, " pixels; expected 1 to ",
                               kMaxSide, " each way");
  }
  if (brightest != 255) {
    throw flame::storage_error(path, ": the brightest value is ", brightest, "; expected 255");
  }
  const uint64_t expected = static_cast<uint64_t>(out.width * out.height * out.channels);
  if (content.size() < out.first || content.size() - out.first < expected) {
    throw flame::storage_error(path, ": the file ends early; ", expected,
                               " bytes of pixels were expected");
  }
  return out;
}

// Turns each row around.
void mirror(const Picture &picture, char *pixels) {
  for (int64_t row = 0; row < picture.height; ++row) {
    char *line = pixels + row * picture.width * picture.channels;
    for (int64_t left = 0, right = picture.width - 1; left < right; ++left, --right) {
      std::swap_ranges(line + left * picture.channels, line + (left + 1) * picture.channels,
                       line + right * picture.channels);
    }
  }
}

class PictureFolder : public flame::DataSource {
 public:
  struct Options {
    std::string path;
    std::vector<std::string> endings = {".ppm", ".pgm"};
    uint64_t largest = uint64_t{64} << 20;
    bool flip = false;

    void describe(flame::OptionTable &table) {
      table.path("path", path, "The folder with the pictures.").required().alias("image_dir");
      table.string("endings", endings, "Endings of the files that are taken.");
      table.size("largest", largest, "A file with more bytes is refused.").range(16, kMaxBytes);
      table.flag("flip", flip, "Whether pictures are shown mirrored too.");
    }
  };

  explicit PictureFolder(const Options &options) : options_(options) {
    std::error_code error;
    for (const auto &entry : std::filesystem::directory_iterator(options_.path, error)) {
      const std::string ending = entry.path().extension().string();
      const auto &known = options_.endings;
      if (std::find(known.begin(), known.end(), ending) == known.end()) continue;
      files_.push_back(entry.path());
    }
    if (error) throw flame::storage_error("folder ", options_.path, ": ", error.message());
    if (files_.empty()) {
      throw flame::storage_error("folder ", options_.path,
                                 ": no pictures; expected files that end in ",
                                 options_.endings.empty() ? "" : options_.endings.front());
    }
    std::sort(files_.begin(), files_.end());  // a folder has no order of its own
    flame::log_info("found ", files_.size(), " pictures in ", options_.path);
  }

  uint64_t count() const noexcept override { return files_.size(); }

  // The file's content, hashed (FNV-1a): what the tensors are made of. The caption is no part of it.
  std::string identity(uint64_t example) override {
    uint64_t hash = 14695981039346656037u;
    for (const char c : read(example))
      hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
    return flame::text(hash);
  }

  flame::Example describe(uint64_t) override {
    flame::Example out;
    if (options_.flip) out.picture_variants = 2;  // as it is, mirrored
    return out;
  }

  std::vector<flame::Field> fields(uint64_t example, const flame_draw &) override {
    const Picture picture = read_header(read(example), files_[example].string());
    return {flame::Field::of_tensor("image", FLAME_DTYPE_U8,
                                    {picture.height, picture.width, picture.channels}),
            flame::Field::of_text("caption", files_[example].stem().string())};
  }

  void read_field(uint64_t example, const flame_draw &draw, uint32_t index,
                  const flame_tensor &into) override {
    if (index != 0) throw flame::invalid_argument("field ", index, " is no tensor");
    const std::string content = read(example);
    const Picture picture = read_header(content, files_[example].string());
    const flame::TensorView<uint8_t> pixels(into);
    if (flame::shape_of(into) != flame::Shape{picture.height, picture.width, picture.channels}) {
      throw flame::storage_error(files_[example].string(), ": the file changed while it was read");
    }
    const char *from = content.data() + picture.first;
    auto *to = reinterpret_cast<char *>(&*pixels.begin());
    std::memcpy(to, from, static_cast<size_t>(pixels.count()));
    if (draw.picture == 1) mirror(picture, to);
  }

 private:
  std::string read(uint64_t example) const {
    return flame::Reader(files_[example].string()).read_all(options_.largest);
  }

  Options options_;
  std::vector<std::filesystem::path> files_;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.example.data").version("0.1.0").vendor("Example").license("Apache-2.0");
  plugin.summary("Pictures of a folder.");
  plugin.needs_service(FLAME_FILES_ID);
  plugin.add<PictureFolder>("example-pictures",
                            "PPM and PGM pictures, with their names as captions.");
}

#include "core/cli/report_samples.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>

#include "core/base/base64.h"
#include "core/base/file.h"
#include "core/io/picture_file.h"

namespace flame::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPngUri = "data:image/png;base64,";
constexpr size_t kMostColumns = 24;
// Of pictures that have room as they are, and of others.
constexpr size_t kMostPictures = 144, kMostLargePictures = 48;
constexpr int64_t kSides[] = {512, 384, 256, 192, 128, 96, 64, 32};

// The number between two parts of a name, such as "step-" and "".
std::optional<int64_t> number_in(const std::string &name, std::string_view before,
                                 std::string_view behind) {
  if (!name.starts_with(before) || !name.ends_with(behind)) return std::nullopt;
  if (name.size() <= before.size() + behind.size()) return std::nullopt;
  const std::string digits =
      name.substr(before.size(), name.size() - before.size() - behind.size());
  if (digits.size() > 15 || digits.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  return std::stoll(digits);
}

// Entries of a folder by the number in their names.
Result<std::map<int64_t, fs::path>> numbered(const fs::path &folder, std::string_view before,
                                             std::string_view behind) {
  std::map<int64_t, fs::path> found;
  std::error_code failure;
  fs::directory_iterator at(folder, failure), end;
  for (; !failure && at != end; at.increment(failure)) {
    const auto number = number_in(at->path().filename().string(), before, behind);
    if (number) found[*number] = at->path();
  }
  if (!failure || failure == std::errc::no_such_file_or_directory) return found;
  return storage_error(fmt::format("{}: cannot read: {}", folder.string(), failure.message()));
}

struct Drawn {
  std::string file;  // as it is on the disk
  SmallPicture picture;
};

struct DrawnRow {
  int64_t step = 0;
  std::vector<std::optional<Drawn>> pictures;
};

// The first, the last, and others evenly between.
template <typename Key, typename Value>
std::vector<std::pair<Key, Value>> spread(const std::map<Key, Value> &all, size_t most) {
  const std::vector<std::pair<Key, Value>> list(all.begin(), all.end());
  if (list.size() <= most) return list;
  std::vector<std::pair<Key, Value>> some;
  for (size_t i = 0; i < most; ++i)
    some.push_back(list[most == 1 ? list.size() - 1 : i * (list.size() - 1) / (most - 1)]);
  return some;
}

Result<Drawn> read_picture(const fs::path &path) {
  FLAME_ASSIGN(std::string file, read_file(path));
  FLAME_ASSIGN(SmallPicture picture, read_png(file, path.string()));
  return Drawn{std::move(file), std::move(picture)};
}

size_t uri_bytes(size_t file_bytes) {
  return kPngUri.size() + (file_bytes + 2) / 3 * 4;
}

class Collector {
 public:
  explicit Collector(fs::path folder) : folder_(std::move(folder)) {}

  Result<ReportSamples> collect(size_t most_bytes) {
    FLAME_TRY(read(kMostPictures));
    if (bytes_as_drawn() <= most_bytes) {
      embed([](const Drawn &drawn) { return drawn.file; });
      return std::move(made_);
    }
    FLAME_TRY(read(kMostLargePictures));
    for (const int64_t side : kSides) {
      made_.rows.clear();
      made_.longest_side = side;
      const size_t bytes =
          embed([&](const Drawn &drawn) { return write_png(shrunk(drawn.picture, side)); });
      if (bytes <= most_bytes) break;
    }
    return std::move(made_);
  }

 private:
  Status read(size_t most_pictures) {
    made_ = {};
    drawn_.clear();
    FLAME_ASSIGN(const auto steps, numbered(folder_ / "samples", "step-", ""));
    std::map<int64_t, std::map<int64_t, fs::path>> files;
    int64_t columns = 0;
    for (const auto &[step, path] : steps) {
      FLAME_ASSIGN(const auto pictures, numbered(path, "", ".png"));
      if (pictures.empty()) continue;
      columns = std::max(columns, pictures.rbegin()->first);
      files[step] = pictures;
    }
    if (files.empty()) return {};
    const auto shown = std::min<int64_t>(columns, kMostColumns);
    const auto most_rows = std::max<size_t>(2, most_pictures / static_cast<size_t>(shown));
    made_.left_out = columns - shown + static_cast<int64_t>(files.size()) -
                     static_cast<int64_t>(std::min(files.size(), most_rows));
    for (const auto &[step, pictures] : spread(files, most_rows)) {
      DrawnRow row{step, {}};
      for (int64_t column = 1; column <= shown; ++column) {
        row.pictures.emplace_back();
        const auto path = pictures.find(column);
        if (path == pictures.end()) continue;
        Result<Drawn> drawn = read_picture(path->second);
        if (drawn.ok()) row.pictures.back() = std::move(*drawn);
        if (!drawn.ok()) made_.problems.push_back(drawn.error().what);
      }
      drawn_.push_back(std::move(row));
    }
    return {};
  }

  size_t bytes_as_drawn() const {
    size_t sum = 0;
    for (const DrawnRow &row : drawn_)
      for (const auto &picture : row.pictures)
        if (picture) sum += times_shown(row) * uri_bytes(picture->file.size());
    return sum;
  }

  // Before and after stand by themselves, and among all where there are others.
  size_t times_shown(const DrawnRow &row) const {
    const bool at_an_end = &row == &drawn_.front() || &row == &drawn_.back();
    return at_an_end && drawn_.size() > 2 ? 2 : 1;
  }

  template <typename File>
  size_t embed(File file_of) {
    size_t sum = 0;
    for (const DrawnRow &row : drawn_) {
      SampleRow shown{row.step, {}};
      for (const auto &picture : row.pictures) {
        shown.pictures.push_back(picture ? std::string(kPngUri).append(base64(file_of(*picture)))
                                         : std::string());
        sum += times_shown(row) * shown.pictures.back().size();
      }
      made_.rows.push_back(std::move(shown));
    }
    return sum;
  }

  fs::path folder_;
  std::vector<DrawnRow> drawn_;
  ReportSamples made_;
};

}  // namespace

Result<ReportSamples> report_samples(const fs::path &folder, size_t most_bytes) {
  return Collector(folder).collect(most_bytes);
}

}  // namespace flame::cli

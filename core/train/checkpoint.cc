#include "core/train/checkpoint.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <functional>

#include "core/base/file.h"
#include "core/base/rounded_size.h"
#include "core/base/sha256.h"
#include "core/base/terminal.h"
#include "core/base/version.h"
#include "core/io/safetensors.h"
#include "core/io/safetensors_writer.h"

namespace flame {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kFormat = 1;
constexpr const char *kManifest = "manifest.json", *kLatest = "latest";
constexpr const char *kState = "state.safetensors", *kTraining = "pipeline.json";
// Names of what is being made and what is being removed.
constexpr const char *kMaking = ".making", *kRemoving = ".removing";
constexpr std::string_view kStepWord = "step-", kPassWord = "-pass-";

Error not_whole(const fs::path &folder, std::string_view why) {
  return storage_error(
      fmt::format("the checkpoint {} is not whole: {}", printable(folder.string()), why));
}

// A number of decimal digits, nothing before or behind it.
std::optional<int64_t> number_of(std::string_view text) {
  int64_t number = 0;
  const char *end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, number);
  if (problem != std::errc() || stop != end || number < 0) return {};
  return number;
}

Status rename_to(const fs::path &from, const fs::path &to) {
  if (rename(from.c_str(), to.c_str()) == 0) return {};
  return file_error(to, "rename to this", errno);
}

Status remove_whole(const fs::path &path) {
  std::error_code problem;
  fs::remove_all(path, problem);
  if (!problem) return {};
  return file_error(path, "remove", problem.value());
}

uint64_t size_of(const Checkpoint &checkpoint) {
  uint64_t bytes = 1 << 16;  // headers and small files
  for (const auto &[name, tensor] : checkpoint.state) bytes += tensor.bytes.size() + name.size();
  return bytes;
}

// A fifth more than is needed: others write to the disk too.
Status check_room(const fs::path &folder, uint64_t size_bytes) {
  struct statvfs disk {};
  if (statvfs(folder.c_str(), &disk) != 0) return file_error(folder, "look at", errno);
  const uint64_t free_bytes = uint64_t{disk.f_bavail} * disk.f_frsize;
  const uint64_t wanted = size_bytes + size_bytes / 5;
  if (free_bytes >= wanted) return {};
  return storage_error(fmt::format("{}: a checkpoint needs {} of free space, and there are {}",
                                   printable(folder.string()), rounded_size_text(wanted),
                                   rounded_size_text(free_bytes)),
                       "make room on this disk, or lower train.keep");
}

// What the manifest says of one file.
struct ListedFile {
  std::string name;
  int64_t size_bytes = 0;
  std::string digest;
};

Result<ListedFile> listed_file(const fs::path &folder, const Json &files, const char *name) {
  const Json *entry = files.find(name);
  const Json *size = entry ? entry->find("size") : nullptr;
  const Json *digest = entry ? entry->find("sha256") : nullptr;
  if (!size || !size->as_int() || !digest || !digest->as_string())
    return not_whole(folder, fmt::format("{} does not list {}", kManifest, name));
  return ListedFile{name, *size->as_int(), *digest->as_string()};
}

Status check_file(const fs::path &folder, const ListedFile &listed) {
  struct stat found {};
  if (stat((folder / listed.name).c_str(), &found) != 0)
    return not_whole(folder, fmt::format("{} is missing", listed.name));
  if (found.st_size != listed.size_bytes) {
    return not_whole(folder, fmt::format("{} has {} bytes, and was written with {}", listed.name,
                                         found.st_size, listed.size_bytes));
  }
  FLAME_ASSIGN(const std::string digest, sha256_of_file((folder / listed.name).string()));
  if (digest == listed.digest) return {};
  return not_whole(
      folder,
      fmt::format("{} is not what was written: its SHA-256 begins with {}, expected {}",
                  listed.name, digest.substr(0, 12), printable(listed.digest.substr(0, 12))));
}

// Checks every file; gives the position.
Result<TrainPosition> check_manifest(const fs::path &folder) {
  const Result<std::string> text = read_file(folder / kManifest, 1 << 20);
  if (!text.ok()) {
    std::error_code ignored;
    if (!fs::exists(folder / kManifest, ignored))
      return not_whole(folder, fmt::format("{} is missing", kManifest));
    return text.error();
  }
  const Result<Json> manifest = parse_json(*text, kManifest);
  if (!manifest.ok()) return not_whole(folder, manifest.error().what);
  const Json *format = manifest->find("format"), *step = manifest->find("step"),
             *passes = manifest->find("passes"), *files = manifest->find("files");
  if (!format || !format->as_int() || !step || !step->as_int() || !passes || !passes->as_int() ||
      !files || !files->as_object()) {
    return not_whole(folder, fmt::format("{} is none of a checkpoint", kManifest));
  }
  if (*format->as_int() != kFormat) {
    return storage_error(
        fmt::format("the checkpoint {} has the format {}, and this program reads {}",
                    printable(folder.string()), *format->as_int(), kFormat),
        "go on with the version of flamehost that wrote it");
  }
  const TrainPosition position{*step->as_int(), *passes->as_int()};
  const auto named = TrainPosition::of_name(folder.filename().string());
  if (position.step < 0 || position.passes < 0 || (named && *named != position)) {
    return not_whole(folder, fmt::format("{} is that of {}", kManifest, position.name()));
  }
  for (const char *name : {kState, kTraining}) {
    FLAME_ASSIGN(const ListedFile listed, listed_file(folder, *files, name));
    FLAME_TRY(check_file(folder, listed));
  }
  return position;
}

}  // namespace

std::string TrainPosition::name() const {
  const std::string text = fmt::format("{}{:06}", kStepWord, step);
  return passes == 0 ? text : fmt::format("{}{}{}", text, kPassWord, passes);
}

std::optional<TrainPosition> TrainPosition::of_name(std::string_view name) {
  if (!name.starts_with(kStepWord)) return {};
  const size_t cut = std::min(name.find(kPassWord), name.size());
  const auto step = number_of(name.substr(kStepWord.size(), cut - kStepWord.size()));
  const auto passes = cut == name.size() ? 0 : number_of(name.substr(cut + kPassWord.size()));
  if (!step || !passes) return {};
  const TrainPosition position{*step, *passes};
  if (position.name() != name) return {};
  return position;
}

Result<Checkpoint> read_checkpoint(const fs::path &folder) {
  Checkpoint checkpoint;
  FLAME_ASSIGN(checkpoint.position, check_manifest(folder));
  FLAME_ASSIGN(const std::string text, read_file(folder / kTraining));
  FLAME_ASSIGN(checkpoint.training, parse_json(text, (folder / kTraining).string()));
  FLAME_ASSIGN(const SafetensorsFile file, SafetensorsFile::open(folder / kState));
  for (const StoredTensor &tensor : file.tensors()) {
    FLAME_ASSIGN(checkpoint.state[tensor.name], file.read(tensor));
  }
  return checkpoint;
}

Status CheckpointFolder::open() {
  std::error_code problem;
  fs::create_directories(folder_, problem);
  if (problem) return file_error(folder_, "make the folder", problem.value());
  std::vector<fs::path> leftovers;
  fs::directory_iterator entry(folder_, problem);
  for (; !problem && entry != fs::directory_iterator(); entry.increment(problem)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with(kMaking) || name.starts_with(kRemoving) ||
        name.starts_with(std::string(kLatest) + "."))
      leftovers.push_back(entry->path());
  }
  if (problem) return file_error(folder_, "list", problem.value());
  for (const fs::path &path : leftovers) FLAME_TRY(remove_whole(path));
  return {};
}

Status CheckpointFolder::write_files(const fs::path &into, const Checkpoint &checkpoint) const {
  FLAME_TRY(write_safetensors(into / kState, checkpoint.state, {}));
  FLAME_TRY(write_file_atomically(into / kTraining, checkpoint.training.dump(2) + "\n"));
  Json::Object files;
  for (const char *name : {kState, kTraining}) {
    std::error_code problem;
    const auto size_bytes = fs::file_size(into / name, problem);
    if (problem) return file_error(into / name, "look at", problem.value());
    FLAME_ASSIGN(std::string digest, sha256_of_file((into / name).string()));
    files.emplace_back(name, Json::Object{{"size", static_cast<int64_t>(size_bytes)},
                                          {"sha256", std::move(digest)}});
  }
  const Json manifest(Json::Object{{"format", kFormat},
                                   {"flamehost", kVersion},
                                   {"step", checkpoint.position.step},
                                   {"passes", checkpoint.position.passes},
                                   {"files", std::move(files)}});
  return write_file_atomically(into / kManifest, manifest.dump(2) + "\n");
}

Result<fs::path> CheckpointFolder::write(const Checkpoint &checkpoint) {
  const std::string name = checkpoint.position.name();
  std::error_code ignored;
  if (fs::exists(folder_ / name, ignored)) {
    FLAME_TRY(check_manifest(folder_ / name));
    FLAME_TRY(point_latest(name));
    return folder_ / name;
  }
  FLAME_TRY(check_room(folder_, size_of(checkpoint)));
  const fs::path making = folder_ / kMaking;
  FLAME_TRY(remove_whole(making));  // of a save that failed
  if (mkdir(making.c_str(), 0777) != 0) return file_error(making, "make the folder", errno);
  const Status written = [&]() -> Status {
    FLAME_TRY(write_files(making, checkpoint));
    FLAME_TRY(flush_folder(making));
    return rename_to(making, folder_ / name);
  }();
  if (!written.ok()) {
    fs::remove_all(making, ignored);  // the room that it takes may be what is missing
    return written.error();
  }
  FLAME_TRY(flush_folder(folder_));
  FLAME_TRY(point_latest(name));
  FLAME_TRY(remove_old());
  return folder_ / name;
}

Status CheckpointFolder::point_latest(const std::string &name) const {
  return write_file_atomically(folder_ / kLatest, name + "\n");
}

// Each loses its name before it loses its files.
Status CheckpointFolder::remove_old() const {
  FLAME_ASSIGN(const std::vector<TrainPosition> all, positions());
  const fs::path removing = folder_ / kRemoving;
  for (auto i = static_cast<size_t>(keep_); i < all.size(); ++i) {
    FLAME_TRY(remove_whole(removing));
    FLAME_TRY(rename_to(path_of(all[i]), removing));
    FLAME_TRY(remove_whole(removing));
  }
  return {};
}

Result<std::vector<TrainPosition>> CheckpointFolder::positions() const {
  std::vector<TrainPosition> found;
  std::error_code problem;
  fs::directory_iterator entry(folder_, problem);
  for (; !problem && entry != fs::directory_iterator(); entry.increment(problem)) {
    const auto position = TrainPosition::of_name(entry->path().filename().string());
    if (position) found.push_back(*position);
  }
  if (problem) return file_error(folder_, "list", problem.value());
  std::ranges::sort(found, std::greater());
  return found;
}

Result<std::optional<CheckpointFolder::Newest>> CheckpointFolder::newest() const {
  FLAME_ASSIGN(const std::vector<TrainPosition> all, positions());
  if (all.empty()) return std::optional<Newest>();
  Newest newest;
  for (const TrainPosition &position : all) {
    newest.folder = path_of(position);
    Result<Checkpoint> read = read_checkpoint(newest.folder);
    if (read.ok()) {
      newest.checkpoint = std::move(*read);
      return std::optional(std::move(newest));
    }
    newest.broken.push_back(read.error());
  }
  std::string reasons;
  for (const Error &error : newest.broken) reasons += "\n  " + error.what;
  return storage_error(fmt::format("{}: none of the checkpoints can be gone on from{}",
                                   printable(folder_.string()), reasons),
                       "--resume never begins anew and moves them aside");
}

Result<fs::path> CheckpointFolder::set_aside(std::optional<TrainPosition> newer_than) {
  FLAME_ASSIGN(const std::vector<TrainPosition> all, positions());
  const auto moves = [&](const TrainPosition &each) { return !newer_than || each > *newer_than; };
  if (std::ranges::none_of(all, moves)) return fs::path();
  const auto stays = std::ranges::find_if_not(all, moves);
  std::error_code problem;
  if (stays != all.end()) FLAME_TRY(point_latest(stays->name()));
  if (stays == all.end()) fs::remove(folder_ / kLatest, problem);
  if (problem) return file_error(folder_ / kLatest, "remove", problem.value());
  for (int number = 1;; ++number) {
    const fs::path aside = fmt::format("{}.{}", folder_.string(), number);
    if (mkdir(aside.c_str(), 0777) != 0) {
      if (errno == EEXIST) continue;
      return file_error(aside, "make the folder", errno);
    }
    for (const TrainPosition &each : all)
      if (moves(each)) FLAME_TRY(rename_to(path_of(each), aside / each.name()));
    FLAME_TRY(flush_folder(aside));
    FLAME_TRY(flush_folder(folder_));
    return aside;
  }
}

}  // namespace flame

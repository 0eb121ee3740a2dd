// What the exports of adapters have in common: the layers of a part, and a file that gets its name
// when it was read back.
#pragma once

#include "core/train/export_adapter.h"

namespace flame {

inline constexpr std::string_view kDown = ".lora_down.weight";
inline constexpr std::string_view kUp = ".lora_up.weight";

// One layer of a part, its tensors borrowed.
struct TrainedLayer {
  std::string name;
  const HostTensor *down = nullptr;
  const HostTensor *up = nullptr;
  double alpha = 0;

  double rank() const { return static_cast<double>(down->type.shape[0]); }
  // Of the layer's weight in programs.
  Shape weight() const;
  bool is_right() const;
};

// Error (kBadConfig): lists the tensors that are no layers.
Result<std::vector<TrainedLayer>> layers_of(const ExportedPart &part);

// An existing file without `overwrite`, or a folder.
Status check_path(const AdapterExport &given);
// The same, and that a file can be made there.
Status check_place(const AdapterExport &given);

// Some of the lines, and how many more there are.
std::string listed(std::vector<std::string> problems);

// A file beside its path until it is right; gone at the end, unless it was renamed.
class UncheckedFile {
 public:
  explicit UncheckedFile(const std::filesystem::path &path);
  ~UncheckedFile();
  UncheckedFile(const UncheckedFile &) = delete;
  UncheckedFile &operator=(const UncheckedFile &) = delete;

  const std::filesystem::path &path() const { return path_; }
  Status rename_to(const std::filesystem::path &path);

 private:
  std::filesystem::path path_;
};

}  // namespace flame

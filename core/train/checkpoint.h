// Checkpoints of a training on the disk: folders that are whole or do not count.
#pragma once

#include <compare>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/base/result.h"
#include "core/tensor/host_tensor.h"

namespace flame {

// How far a training came: optimizer steps, and passes since the last of them.
struct TrainPosition {
  int64_t step = 0;
  int64_t passes = 0;

  auto operator<=>(const TrainPosition &) const = default;
  // "step-000250", or "step-000250-pass-2" in the middle of a step: the name of its checkpoint.
  std::string name() const;
  // The position that a checkpoint's name says, or none.
  static std::optional<TrainPosition> of_name(std::string_view name);
};

struct Checkpoint {
  TrainPosition position;
  TensorMap state;  // Trainer::state()
  Json training;    // what was trained, and on what; an object
};

// The whole of a checkpoint's folder, of any name. Every file is compared with the manifest. Errors
// (kStorage) name the file that is missing, torn, or of another checkpoint.
Result<Checkpoint> read_checkpoint(const std::filesystem::path &folder);

// The checkpoints of one run: `folder` holds one folder for each, and the file `latest` with the
// name of the newest, which is whole at every moment. What is not whole has a name that begins with
// a dot. One process at a time; the caller holds a lock. Errors are kStorage and leave everything
// that was whole before.
class CheckpointFolder {
 public:
  // The newest `keep` stay, at least one.
  CheckpointFolder(std::filesystem::path folder, int64_t keep)
      : folder_(std::move(folder)), keep_(keep) {}

  const std::filesystem::path &path() const { return folder_; }

  // Makes the folder if there is none, and removes what killed processes left. Before all else.
  Status open();

  // Gives the folder of the checkpoint, which is on the disk when this returns. One of this position
  // that stands already is kept as it is: the same run made it. Older ones than `keep` are removed.
  Result<std::filesystem::path> write(const Checkpoint &checkpoint);

  // The positions of all that have a checkpoint's name, whole or not, the newest first.
  Result<std::vector<TrainPosition>> positions() const;
  std::filesystem::path path_of(const TrainPosition &position) const {
    return folder_ / position.name();
  }

  // The newest that is whole, and the errors of newer ones that are not; none in an empty folder.
  struct Newest {
    Checkpoint checkpoint;
    std::filesystem::path folder;
    std::vector<Error> broken;
  };
  // Error: there are some, and none is whole.
  Result<std::optional<Newest>> newest() const;

  // Moves all that are newer than `position`, or all, into a folder beside this one, which it gives:
  // "checkpoints.1". Empty if there was nothing to move. Afterwards `latest` names what is left.
  Result<std::filesystem::path> set_aside(std::optional<TrainPosition> newer_than);

 private:
  Status write_files(const std::filesystem::path &into, const Checkpoint &checkpoint) const;
  Status point_latest(const std::string &name) const;
  Status remove_old() const;

  std::filesystem::path folder_;
  int64_t keep_ = 1;
};

}  // namespace flame

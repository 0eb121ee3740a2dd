// Saves checkpoints one behind the other, as a run does, so that tests can end it anywhere.
//   checkpoint_writer FOLDER write COUNT   goes on behind the newest; prints each step when it is saved
//   checkpoint_writer FOLDER check         prints the newest step if all there is whole and right
#include <fmt/core.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "core/base/file.h"
#include "core/train/checkpoint.h"

namespace flame {
namespace {

constexpr int64_t kKeep = 2;

// Every byte follows from the step.
Checkpoint checkpoint_of(int64_t step) {
  Checkpoint made;
  made.position = {step, 0};
  made.training = Json(Json::Object{{"step", step}});
  for (const char *name : {"parameters", "sums"}) {
    HostTensor &tensor = made.state[name];
    tensor.type = {DType::kF32, Shape{40000}};
    for (int64_t i = 0; i < 160000; ++i)
      tensor.bytes.push_back(static_cast<std::byte>(step * 31 + i * 7 + name[0]));
  }
  return made;
}

Status check(const CheckpointFolder &folder) {
  FLAME_ASSIGN(const auto newest, folder.newest());
  if (!newest) return Error{ErrorKind::kFailed, "there is no checkpoint", ""};
  if (!newest->broken.empty()) return newest->broken.front();
  FLAME_ASSIGN(const std::vector<TrainPosition> all, folder.positions());
  for (const TrainPosition &position : all) {
    FLAME_ASSIGN(const Checkpoint read, read_checkpoint(folder.path_of(position)));
    const Checkpoint expected = checkpoint_of(position.step);
    for (const auto &[name, tensor] : expected.state)
      if (!read.state.contains(name) || read.state.at(name).bytes != tensor.bytes)
        return Error{ErrorKind::kFailed, fmt::format("{} is wrong", position.name()), ""};
  }
  FLAME_ASSIGN(std::string latest, read_file(folder.path() / "latest"));
  latest.pop_back();
  FLAME_ASSIGN(const Checkpoint read, read_checkpoint(folder.path() / latest));
  fmt::print("{} {}\n", newest->checkpoint.position.step, read.position.step);
  return {};
}

Status write(CheckpointFolder folder, int64_t count) {
  FLAME_TRY(folder.open());
  FLAME_ASSIGN(const auto newest, folder.newest());
  if (newest && !newest->broken.empty()) return newest->broken.front();
  int64_t step = newest ? newest->checkpoint.position.step : 0;
  for (; count > 0; --count) {
    FLAME_ASSIGN(const auto saved, folder.write(checkpoint_of(++step)));
    fmt::print("{}\n", step);
    std::fflush(stdout);
  }
  return {};
}

}  // namespace
}  // namespace flame

int main(int count, char **words) {
  if (count < 3) return 2;
  const flame::CheckpointFolder folder(words[1], flame::kKeep);
  const flame::Status status = strcmp(words[2], "check") == 0
                                   ? flame::check(folder)
                                   : flame::write(folder, count > 3 ? std::stoll(words[3]) : 1);
  if (status.ok()) return 0;
  fmt::print(stderr, "{}\n", status.error().text());
  return flame::exit_code(status.error().kind);
}

#include "core/cli/run_checkpoints.h"

#include <fmt/core.h>

#include "core/base/log.h"
#include "core/base/terminal.h"
#include "core/base/version.h"
#include "core/pipeline/section_values.h"
#include "core/pipeline/settings_list.h"

namespace flame::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char *kCheckpoints = "checkpoints", *kSettings = "settings", *kFacts = "facts";

SectionValues train_section(const Pipeline &pipeline) {
  return SectionValues(pipeline.root.find_section("train"));
}

// An object of the checkpoint's pipeline.json; empty if it has none of that name.
Json part_of(const Json &training, const char *name) {
  const Json *part = training.find(name);
  return part && part->as_object() ? *part : Json(Json::Object());
}

std::string lines_of(const std::vector<std::string> &texts) {
  std::string lines;
  for (const std::string &text : texts) lines += "\n  " + printable(text);
  return lines;
}

}  // namespace

Result<RunCheckpoints> RunCheckpoints::open(const Pipeline &pipeline, const fs::path &run_folder,
                                            ResumeRequest request) {
  const auto keep = train_section(pipeline).get<int64_t>("keep", 1);
  RunCheckpoints made(pipeline, CheckpointFolder(run_folder / kCheckpoints, keep),
                      std::move(request));
  FLAME_TRY(made.folder_.open());
  FLAME_TRY(made.find());
  FLAME_TRY(made.check_settings());
  return made;
}

Status RunCheckpoints::find() {
  if (request_.from == "never") return {};
  if (request_.from == "auto") return find_in(folder_);
  std::error_code ignored;
  const fs::path asked = fs::canonical(request_.from, ignored);
  if (!fs::is_directory(asked, ignored)) {
    return storage_error(
        fmt::format("--resume {}: there is no such folder", printable(request_.from)),
        "give the folder of a checkpoint or of a run, or auto or never");
  }
  if (fs::is_directory(asked / kCheckpoints, ignored))
    FLAME_TRY(find_in(CheckpointFolder(asked / kCheckpoints, 1)));
  else if (fs::exists(asked / "latest", ignored))
    FLAME_TRY(find_in(CheckpointFolder(asked, 1)));
  else {
    FLAME_ASSIGN(found_, read_checkpoint(asked));
    found_folder_ = asked;
  }
  if (found_) return {};
  return storage_error(fmt::format("--resume {}: there is no checkpoint", printable(request_.from)),
                       "give the folder of a checkpoint or of a run, or auto or never");
}

Status RunCheckpoints::find_in(const CheckpointFolder &folder) {
  FLAME_ASSIGN(auto newest, folder.newest());
  if (!newest) return {};
  for (const Error &error : newest->broken) log::warning(error.what);
  found_ = std::move(newest->checkpoint);
  found_folder_ = std::move(newest->folder);
  return {};
}

Status RunCheckpoints::check_settings() const {
  if (!found_) return {};
  const Json before = part_of(found_->training, kSettings);
  std::vector<std::string> changes;
  for (const ChangedSetting &change : changed_settings(before, settings_list(pipeline_))) {
    if (change.key == "train.accumulate") {
      return config_error(fmt::format("{} cannot be gone on from: {}",
                                      printable(found_folder_.string()), change.text()),
                          "what is added up in a step cannot change: --resume never begins anew");
    }
    if (!may_change_freely(pipeline_, change.key)) changes.push_back(change.text());
  }
  FLAME_TRY(judge(changes));
  const auto steps = train_section(pipeline_).get<int64_t>("steps");
  if (found_->position.step <= steps) return {};
  return config_error(fmt::format("{} is behind the end: train.steps is {}",
                                  printable(found_folder_.string()), steps),
                      "raise train.steps, or name an older checkpoint with --resume");
}

Status RunCheckpoints::judge(const std::vector<std::string> &changes) const {
  if (changes.empty()) return {};
  const std::string lines = lines_of(changes);
  if (request_.allow_changes) {
    log::warning(fmt::format("going on with what was not so before:{}", lines));
    return {};
  }
  return config_error(
      fmt::format("{} was saved by another training:{}", printable(found_folder_.string()), lines),
      "--allow-changes goes on all the same, --resume never begins anew, --set run=NAME gives "
      "this run a folder of its own");
}

Status RunCheckpoints::restore(Trainer &trainer, Json facts) {
  facts_ = std::move(facts);
  if (found_) {
    std::vector<std::string> changes;
    for (const ChangedSetting &change : changed_settings(part_of(found_->training, kFacts), facts_))
      changes.push_back(change.text());
    FLAME_TRY(judge(changes));
    FLAME_TRY(trainer.restore(found_->state));
    if (TrainPosition{trainer.step(), trainer.passes()} != found_->position) {
      return storage_error(fmt::format("the checkpoint {} holds the state of another position",
                                       printable(found_folder_.string())),
                           "name another with --resume");
    }
    fmt::print("going on from {}\n", printable(found_folder_.string()));
  }
  FLAME_TRY(set_others_aside());
  found_.reset();
  return {};
}

// A run that begins anew, or somewhere else, is another one: none of what it would find later as
// newer is on its way.
Status RunCheckpoints::set_others_aside() {
  std::optional<TrainPosition> newer_than;
  std::error_code ignored;
  if (found_ && fs::equivalent(found_folder_.parent_path(), folder_.path(), ignored))
    newer_than = found_->position;
  FLAME_ASSIGN(const fs::path aside, folder_.set_aside(newer_than));
  if (!aside.empty()) {
    log::info(fmt::format("checkpoints that this run does not go on from are now in {}",
                          printable(aside.string())));
  }
  return {};
}

bool RunCheckpoints::is_due(const Trainer &trainer) const {
  const SectionValues train = train_section(pipeline_);
  return trainer.passes() == 0 &&
         (trainer.step() % train.get<int64_t>("checkpoint_every", 1) == 0 ||
          trainer.step() == train.get<int64_t>("steps"));
}

Result<fs::path> RunCheckpoints::save(Trainer &trainer) {
  Checkpoint checkpoint;
  checkpoint.position = {trainer.step(), trainer.passes()};
  FLAME_ASSIGN(checkpoint.state, trainer.state());
  checkpoint.training = Json(Json::Object{{"flamehost", kVersion},
                                          {"file", pipeline_.file.string()},
                                          {kSettings, settings_list(pipeline_)},
                                          {kFacts, facts_}});
  return folder_.write(checkpoint);
}

}  // namespace flame::cli

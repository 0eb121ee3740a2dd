// The checkpoints of a run of a pipeline: where it goes on from, and what it saves.
#pragma once

#include "core/pipeline/pipeline.h"
#include "core/train/checkpoint.h"
#include "core/train/trainer.h"

namespace flame::cli {

// What the command line says of going on.
struct ResumeRequest {
  std::string from = "auto";  // or "never", or a folder: of a checkpoint or of a run
  bool allow_changes = false;
};

// Borrows the pipeline. Between open() and restore() it holds the state that was found.
class RunCheckpoints {
 public:
  // Finds the checkpoint to go on from and compares the pipeline with its own, before anything is
  // loaded. Errors: kBadConfig that lists every setting that changed and may not; kStorage if what
  // was asked for is not whole, or nothing in the run's folder is. What is newer and not whole is
  // said as a warning.
  static Result<RunCheckpoints> open(const Pipeline &pipeline,
                                     const std::filesystem::path &run_folder,
                                     ResumeRequest request);

  // Puts the trainer where the checkpoint was; without one it stays at its start. `facts` are what
  // the training depends on beside its settings, an object of texts: they are compared too. Then
  // checkpoints that this run will not go on from are moved aside.
  Status restore(Trainer &trainer, Json facts);

  // True if one is due now, behind a pass.
  bool is_due(const Trainer &trainer) const;
  // What was trained so far is on the disk when this returns; gives the folder. All reports of the
  // trainer were taken and are finite.
  Result<std::filesystem::path> save(Trainer &trainer);

 private:
  RunCheckpoints(const Pipeline &pipeline, CheckpointFolder folder, ResumeRequest request)
      : pipeline_(pipeline), folder_(std::move(folder)), request_(std::move(request)) {}

  Status find();
  Status find_in(const CheckpointFolder &folder);
  Status check_settings() const;
  Status judge(const std::vector<std::string> &changes) const;
  Status set_others_aside();

  const Pipeline &pipeline_;
  CheckpointFolder folder_;
  ResumeRequest request_;
  Json facts_;
  std::optional<Checkpoint> found_;
  std::filesystem::path found_folder_;
};

}  // namespace flame::cli

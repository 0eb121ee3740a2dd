// What a run measures, step by step: lines of JSON, and the same as an event file of TensorBoard.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/file.h"

namespace flame {

inline constexpr std::string_view kMetricsFile = "metrics.jsonl";
inline constexpr std::string_view kEventFile = "events.out.tfevents.flamehost";

// One line: of a step, or of a measurement on held-out examples behind it.
struct MetricsRow {
  int64_t step = 0;  // 1 for the first; 0 is before it
  double time = 0;   // seconds of Unix
  // Of a step. Numbers that are not finite are left out of the files.
  std::optional<double> loss, smoothed, gradient_norm, seconds;
  std::optional<uint64_t> memory_bytes;
  std::vector<std::pair<std::string, double>> learning_rates;  // by group
  // Of a measurement.
  std::optional<double> validation_loss;
};

struct Metrics {
  std::vector<MetricsRow> rows;
  // What made the rest of the file unreadable, as where the machine lost power; empty if nothing did.
  std::string problem;
};

// Errors: a file that cannot be read (kStorage). Rows up to the first that is none are taken.
Result<Metrics> read_metrics(const std::filesystem::path &file);

// Both files in a run's folder. They are appended to with every row; no row is in them twice, and what
// was written stays readable if the process dies. One thread at a time.
class MetricsLog {
 public:
  // Behind `steps_made` steps: later rows of an earlier try are taken out. 0 begins anew. What could
  // not be read of the old file is told by `problem()`.
  static Result<MetricsLog> open(const std::filesystem::path &folder, int64_t steps_made);

  // Fills in what is smoothed. Steps rise.
  Status add(MetricsRow row);

  // The mean of the losses, where one counts the less the older it is; nothing before the first.
  std::optional<double> smoothed_loss() const;
  bool was_validated(int64_t step) const { return validated_ == step; }
  const std::string &problem() const { return problem_; }

 private:
  void take_in(MetricsRow &row);

  std::filesystem::path folder_;
  Descriptor lines_, events_;
  double sum_ = 0, weight_ = 0;  // of the smoothed loss
  std::optional<int64_t> validated_;
  std::string problem_;
};

}  // namespace flame

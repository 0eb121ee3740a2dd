#include "core/train/metrics_log.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>

#include "core/base/json.h"
#include "core/train/event_file.h"

namespace flame {
namespace {

namespace fs = std::filesystem;

// The part of the smoothed loss that a step leaves.
constexpr double kKept = 0.98;
constexpr size_t kLargestFile = size_t{1} << 30;

void set_number(Json &json, const char *name, const std::optional<double> &number) {
  if (number && std::isfinite(*number)) json.set(name, *number);
}

std::string line_of(const MetricsRow &row) {
  Json json;
  json.set("step", row.step).set("time", row.time);
  set_number(json, "loss", row.loss);
  set_number(json, "smoothed", row.smoothed);
  for (const auto &[group, rate] : row.learning_rates)
    set_number(json, ("learning_rate." + group).c_str(), rate);
  set_number(json, "gradient_norm", row.gradient_norm);
  set_number(json, "seconds", row.seconds);
  if (row.memory_bytes) json.set("memory_bytes", static_cast<int64_t>(*row.memory_bytes));
  set_number(json, "validation_loss", row.validation_loss);
  return json.dump() + "\n";
}

std::string frame_of(const MetricsRow &row) {
  std::vector<EventScalar> scalars;
  const auto add = [&](std::string tag, const std::optional<double> &number) {
    if (number && std::isfinite(*number)) scalars.push_back({std::move(tag), *number});
  };
  add("loss/raw", row.loss);
  add("loss/smoothed", row.smoothed);
  add("loss/validation", row.validation_loss);
  for (const auto &[group, rate] : row.learning_rates) add("learning_rate/" + group, rate);
  add("gradient_norm", row.gradient_norm);
  add("step/seconds", row.seconds);
  if (row.memory_bytes) add("step/memory_bytes", static_cast<double>(*row.memory_bytes));
  return scalar_frame(row.time, row.step, scalars);
}

Result<MetricsRow> row_of(const Json &json, std::string_view name) {
  constexpr std::string_view kRate = "learning_rate.";
  const Json *step = json.find("step"), *time = json.find("time");
  if (!step || !step->as_int() || *step->as_int() < 0 || !time || !time->is_number())
    return storage_error(
        fmt::format("{}: no line of metrics: 'step' and 'time' are missing", name));
  MetricsRow row;
  row.step = *step->as_int();
  row.time = time->as_number();
  const auto number = [&](std::string_view key) {
    const Json *value = json.find(key);
    return value && value->is_number() ? std::optional(value->as_number()) : std::nullopt;
  };
  row.loss = number("loss");
  row.smoothed = number("smoothed");
  row.gradient_norm = number("gradient_norm");
  row.seconds = number("seconds");
  row.validation_loss = number("validation_loss");
  const Json *memory = json.find("memory_bytes");
  if (memory && memory->as_int() && *memory->as_int() >= 0)
    row.memory_bytes = static_cast<uint64_t>(*memory->as_int());
  for (const auto &[key, value] : *json.as_object()) {
    if (key.starts_with(kRate) && value.is_number())
      row.learning_rates.emplace_back(key.substr(kRate.size()), value.as_number());
  }
  return row;
}

Result<MetricsRow> row_of(std::string_view line, const std::string &name) {
  FLAME_ASSIGN(const Json json, parse_json(line, name, {.max_bytes = 1 << 16, .max_depth = 2}));
  if (!json.as_object()) return storage_error(name + ": no line of metrics: not an object");
  return row_of(json, name);
}

Error failure(const fs::path &path, const char *doing) {
  return storage_error(fmt::format("{}: cannot {}: {}", path.string(), doing, strerror(errno)));
}

Result<Descriptor> open_behind(const fs::path &path) {
  Descriptor file(open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return failure(path, "open");
  return file;
}

Status append(const Descriptor &file, std::string_view bytes, const fs::path &path) {
  while (!bytes.empty()) {
    const ssize_t count = write(file.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure(path, "write");
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return {};
}

}  // namespace

Result<Metrics> read_metrics(const fs::path &file) {
  FLAME_ASSIGN(const std::string text, read_file(file, kLargestFile));
  Metrics metrics;
  size_t number = 1;
  for (size_t start = 0; start < text.size(); ++number) {
    const size_t end = text.find('\n', start);
    const std::string name = fmt::format("{}:{}", file.string(), number);
    if (end == std::string::npos) {
      metrics.problem = name + ": the line was not finished";
      break;
    }
    Result<MetricsRow> row = row_of(std::string_view(text).substr(start, end - start), name);
    if (row.ok() && !metrics.rows.empty() && row->step < metrics.rows.back().step)
      row = storage_error(name + ": the steps do not rise");
    if (!row.ok()) {
      metrics.problem = row.error().what;
      break;
    }
    metrics.rows.push_back(std::move(*row));
    start = end + 1;
  }
  return metrics;
}

Result<MetricsLog> MetricsLog::open(const fs::path &folder, int64_t steps_made) {
  MetricsLog log;
  log.folder_ = folder;
  std::string lines, events;
  std::error_code ignored;
  if (steps_made > 0 && fs::exists(folder / kMetricsFile, ignored)) {
    FLAME_ASSIGN(Metrics old, read_metrics(folder / kMetricsFile));
    log.problem_ = std::move(old.problem);
    for (MetricsRow &row : old.rows) {
      if (row.step > steps_made) break;
      log.take_in(row);
      if (events.empty()) events = version_frame(row.time);
      lines += line_of(row);
      events += frame_of(row);
    }
  }
  FLAME_TRY(write_file_atomically(folder / kMetricsFile, lines));
  FLAME_TRY(write_file_atomically(folder / kEventFile, events));
  FLAME_ASSIGN(log.lines_, open_behind(folder / kMetricsFile));
  FLAME_ASSIGN(log.events_, open_behind(folder / kEventFile));
  return log;
}

void MetricsLog::take_in(MetricsRow &row) {
  if (row.validation_loss) validated_ = row.step;
  if (!row.loss || !std::isfinite(*row.loss)) return;
  sum_ = kKept * sum_ + (1 - kKept) * *row.loss;
  weight_ = kKept * weight_ + (1 - kKept);
  row.smoothed = smoothed_loss();
}

std::optional<double> MetricsLog::smoothed_loss() const {
  if (weight_ == 0) return std::nullopt;
  return sum_ / weight_;
}

Status MetricsLog::add(MetricsRow row) {
  take_in(row);
  FLAME_TRY(append(lines_, line_of(row), folder_ / kMetricsFile));
  std::string frames = frame_of(row);
  if (lseek(events_.get(), 0, SEEK_END) == 0) frames.insert(0, version_frame(row.time));
  return append(events_, frames, folder_ / kEventFile);
}

}  // namespace flame

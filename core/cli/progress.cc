#include "core/cli/progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>

namespace flame::cli {
namespace {

constexpr std::chrono::milliseconds kInterval{100};
constexpr int kBarCells = 30;

}  // namespace

ProgressLine::ProgressLine(std::string what)
    : what_(std::move(what)),
      visible_(isatty(STDERR_FILENO) == 1),
      start_(std::chrono::steady_clock::now()),
      last_(start_) {}

ProgressLine::~ProgressLine() {
  if (drawn_) fmt::print(stderr, "\r\x1b[K");
}

void ProgressLine::show(uint64_t done_bytes, uint64_t total_bytes) {
  const auto now = std::chrono::steady_clock::now();
  if (!visible_ || total_bytes == 0 || now - last_ < kInterval) return;
  last_ = now;
  drawn_ = true;
  const double share = static_cast<double>(done_bytes) / static_cast<double>(total_bytes);
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const int cells = static_cast<int>(share * kBarCells);
  fmt::print(stderr, "\r\x1b[K{} [{:=<{}}{: <{}}] {} of {}, {:.0f} s left", what_, "", cells, "",
             kBarCells - cells, bytes_text(done_bytes), bytes_text(total_bytes),
             share > 0 ? seconds / share - seconds : 0);
  fflush(stderr);
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<int64_t>(std::max(seconds, 0.0) + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}:{:02} min", whole / 60, whole % 60);
  return fmt::format("{}:{:02} h", whole / 3600, whole / 60 % 60);
}

std::string bytes_text(uint64_t bytes) {
  const auto number = static_cast<double>(bytes);
  if (bytes < 1000) return fmt::format("{} B", bytes);
  if (bytes < 1'000'000) return fmt::format("{:.1f} kB", number / 1e3);
  if (bytes < 1'000'000'000) return fmt::format("{:.1f} MB", number / 1e6);
  return fmt::format("{:.2f} GB", number / 1e9);
}

}  // namespace flame::cli

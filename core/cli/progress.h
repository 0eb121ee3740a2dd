// A line on the terminal that says how far a long command is; nothing where no terminal is.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace flame::cli {

// Draws at most ten times a second, on standard error, and takes its line away at the end.
class ProgressLine {
 public:
  explicit ProgressLine(std::string what);
  ~ProgressLine();
  ProgressLine(const ProgressLine &) = delete;
  ProgressLine &operator=(const ProgressLine &) = delete;

  void show(uint64_t done_bytes, uint64_t total_bytes);

 private:
  std::string what_;
  bool visible_ = false;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

// "42 s", "7:05 min", "2:10 h".
std::string duration_text(double seconds);

// "6.94 GB", as files are counted.
std::string bytes_text(uint64_t bytes);

}  // namespace flame::cli

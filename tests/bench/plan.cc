// How good plans of memory are and how long they take, on programs of real shapes.
//
//   ninja -C build/release bench_plan && build/release/tests/bench/bench_plan
#include <fmt/core.h>

#include <chrono>

#include "core/passes/place.h"
#include "tests/support/generous_target.h"
#include "tests/support/training_programs.h"

int main() {
  using Clock = std::chrono::steady_clock;
  const auto programs = flame::testing_support::training_programs();
  if (!programs.ok()) {
    fmt::print(stderr, "{}\n", programs.error().text());
    return 1;
  }
  fmt::print("{:40} {:>7} {:>12} {:>12} {:>7} {:>8}\n", "program", "ops", "live MiB", "arena MiB",
             "ratio", "seconds");
  for (const auto &[name, program] : *programs) {
    flame::testing_support::GenerousTarget target;
    const auto start = Clock::now();
    const auto placed = flame::place(program, target, {});
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (!placed.ok()) {
      fmt::print(stderr, "{}: {}\n", name, placed.error().text());
      return 1;
    }
    const double live = static_cast<double>(placed->live_bytes) / (1 << 20);
    const double arena = static_cast<double>(placed->arena_bytes) / (1 << 20);
    fmt::print("{:40} {:7} {:12.1f} {:12.1f} {:7.4f} {:8.3f}\n", name, program.nodes().size(), live,
               arena, arena / live, seconds);
  }
  return 0;
}

// What passes make of programs of real shapes, and how long they take.
//
//   ninja -C build/release bench_passes && build/release/tests/bench/bench_passes [PART]
//
// PART of the arena (0.5, if it is not given) is what recompute has to fit into.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <numeric>

#include "core/passes/fuse.h"
#include "core/passes/precision.h"
#include "core/passes/recompute.h"
#include "tests/support/generous_target.h"
#include "tests/support/training_programs.h"

namespace {

using namespace flame;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

size_t ops_of(const Program &program) {
  return static_cast<size_t>(std::ranges::count_if(
      program.nodes(), [](const Node &node) { return node.op->group != OpGroup::kView; }));
}

Status measure(const std::string &name, const Program &program, double part) {
  testing_support::GenerousTarget target;
  auto start = std::chrono::steady_clock::now();
  FLAME_ASSIGN(const Program narrow, apply_precision(program, {DType::kBF16}));
  const double precision_seconds = seconds_since(start);
  start = std::chrono::steady_clock::now();
  FLAME_ASSIGN(const Fused fused, fuse(program, target));
  const double fuse_seconds = seconds_since(start);
  fmt::print("{:36} {:6} {:6} {:6} {:5} {:5} {:5} {:8.3f} {:8.3f}", name, program.nodes().size(),
             ops_of(program), ops_of(fused.program), fused.maps.merged, fused.patterns.addends,
             fused.cleaned.equal, precision_seconds, fuse_seconds);
  FLAME_ASSIGN(const PlacedProgram placed, place(fused.program, target, {}));
  const std::vector<uint64_t> bytes = placed.bytes_by_class();
  const uint64_t outside =
      std::accumulate(bytes.begin(), bytes.end(), uint64_t{0}) - placed.arena_bytes;
  const auto allowed =
      outside + static_cast<uint64_t>(part * static_cast<double>(placed.arena_bytes));
  start = std::chrono::steady_clock::now();
  const Result<Recomputed> fitted = recompute(fused.program, target, {}, allowed);
  const double recompute_seconds = seconds_since(start);
  if (fitted.ok()) {
    fmt::print(" {:6} {:6.1f} {:8.3f}\n", fitted->nodes, 100 * fitted->extra_work,
               recompute_seconds);
  } else {
    fmt::print(" {:>6} {:>6} {:8.3f}\n", "-", "-", recompute_seconds);
  }
  return {};
}

}  // namespace

int main(int count, char **words) {
  const double part = count > 1 ? std::atof(words[1]) : 0.5;
  const auto programs = testing_support::training_programs();
  if (!programs.ok()) {
    fmt::print(stderr, "{}\n", programs.error().text());
    return 1;
  }
  fmt::print("{:36} {:>6} {:>6} {:>6} {:>5} {:>5} {:>5} {:>8} {:>8} {:>6} {:>6} {:>8}\n", "program",
             "nodes", "ops", "fused", "maps", "sums", "equal", "narrow s", "fuse s", "twice",
             "% more", "fit s");
  for (const auto &[name, program] : *programs) {
    const Status status = measure(name, program, part);
    if (status.ok()) continue;
    fmt::print(stderr, "{}: {}\n", name, status.error().text());
    return 1;
  }
  return 0;
}

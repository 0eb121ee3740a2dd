// How quick differentiation is on large programs: a chain, a ladder whose every value is used twice,
// and a fan of one value into many ops.
//
//   ninja -C build/release bench_differentiate && build/release/tests/bench/bench_differentiate
//
// Prints the processor's time in seconds, the best of 7 runs each, for 10^5 nodes and for twice as
// many.
#include "core/passes/differentiate.h"

#include <fmt/core.h>

#include <algorithm>
#include <ctime>

#include "core/ops/catalogue/terms.h"
#include "core/program/program_builder.h"

namespace {

using namespace flame;

constexpr int kRuns = 7;

Term next_value(const std::string &form, int i, const Term &x, const Term &first) {
  if (form == "chain") return apply_one("tanh", {x});
  if (form == "ladder") return map(i % 2 ? "add x0 x1" : "mul x0 x1", {x, x});
  return i % 2 ? x + apply_one("sin", {first}) : x;
}

Result<Program> program_of(const std::string &form, int nodes) {
  ProgramBuilder builder;
  const Term first = builder.term(builder.parameter("x", {DType::kF32, {4}}, true));
  Term x = first;
  for (int i = 0; i < nodes; ++i) x = next_value(form, i, x, first);
  builder.output("loss", sum(x, {0}).id());
  return builder.finish();
}

Result<double> seconds_for(const std::string &form, int nodes) {
  FLAME_ASSIGN(const Program program, program_of(form, nodes));
  double best = 1e9;
  for (int run = 0; run < kRuns; ++run) {
    const std::clock_t start = std::clock();
    const Result<Gradients> result = differentiate(program, {{"loss"}, {"x"}});
    const double took = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    if (!result.ok()) return result.error();
    best = std::min(best, took);
  }
  return best;
}

}  // namespace

int main() {
  fmt::print("{:8} {:>8} {:>8} {:>6}\n", "form", "10^5 s", "2·10^5 s", "times");
  for (const std::string form : {"chain", "ladder", "fan"}) {
    const Result<double> once = seconds_for(form, 100000);
    const Result<double> twice = seconds_for(form, 200000);
    for (const Result<double> *result : {&once, &twice}) {
      if (result->ok()) continue;
      fmt::print(stderr, "{}: {}\n", form, result->error().text());
      return 1;
    }
    fmt::print("{:8} {:8.3f} {:8.3f} {:6.2f}\n", form, *once, *twice, *twice / *once);
  }
  return 0;
}

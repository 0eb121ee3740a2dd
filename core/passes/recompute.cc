#include "core/passes/recompute.h"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "core/passes/cost.h"
#include "core/passes/doubling.h"

namespace flame {
namespace {

// Placing is the dear part, so that only so many candidates are placed.
constexpr size_t kMaxPlacings = 12;
constexpr int kMaxRounds = 4;
// Placing leaves gaps, so that a little less is aimed at.
constexpr double kFilled = 0.99;

uint64_t total_bytes(const PlacedProgram &placed) {
  const std::vector<uint64_t> bytes = placed.bytes_by_class();
  return std::accumulate(bytes.begin(), bytes.end(), uint64_t{0});
}

// A choice, and what would be in use with it, before placing.
struct Candidate {
  Doubling::Choice choice;
  double peak_bytes = 0;
};

Candidate candidate_of(const Doubling &from, const Doubling::Limits &limits) {
  Candidate candidate{from.choose(limits)};
  candidate.peak_bytes = from.peak_bytes(candidate.choice);
  return candidate;
}

// With the smallest `end` with which it still takes no more than `room`, by halving.
Candidate trimmed(const Doubling &from, Doubling::Limits limits, Candidate fits, double room) {
  NodeId below = 0;
  while (limits.end > below + 1) {
    const NodeId middle = below + (limits.end - below) / 2;
    Doubling::Limits less = limits;
    less.end = middle;
    Candidate candidate = candidate_of(from, less);
    if (candidate.choice.count > 0 && candidate.peak_bytes <= room) {
      limits = less;
      fits = std::move(candidate);
    } else {
      below = middle;
    }
  }
  return fits;
}

// Every different choice, the least work first. What fits into `room` is trimmed until it just does.
std::vector<Candidate> candidates(const Doubling &from, double room) {
  std::vector<Candidate> found;
  for (const Doubling::Limits &limits : from.limits()) {
    Candidate candidate = candidate_of(from, limits);
    if (candidate.choice.count == 0 ||
        std::ranges::find(found, candidate.choice, &Candidate::choice) != found.end())
      continue;
    if (candidate.peak_bytes <= room) found.push_back(trimmed(from, limits, candidate, room));
    found.push_back(std::move(candidate));
  }
  std::ranges::sort(found, {}, [](const Candidate &entry) { return entry.choice.work; });
  return found;
}

Error does_not_fit(uint64_t memory_bytes, const PlacedProgram &placed) {
  const std::vector<uint64_t> bytes = placed.bytes_by_class();
  std::string lines;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] == 0) continue;
    lines += fmt::format("{}{} {}", lines.empty() ? "" : ", ", name_of(static_cast<MemoryClass>(i)),
                         bytes[i]);
  }
  const uint64_t least = total_bytes(placed);
  return {
      ErrorKind::kOutOfMemory,
      fmt::format("the program takes at least {} bytes ({}), {} more than the {} allowed, even if "
                  "what can be is made twice",
                  least, lines, least - memory_bytes, memory_bytes),
      "allow more memory, or take a smaller batch, a smaller resolution, bf16, or a lower rank"};
}

// The candidates worth placing, the least work first: those that may fit, or the smallest if none may.
std::vector<const Candidate *> choose(const std::vector<Candidate> &found, double arena_bytes) {
  std::vector<const Candidate *> chosen;
  const Candidate *smallest = nullptr;
  for (const Candidate &candidate : found) {
    if (!smallest || candidate.peak_bytes < smallest->peak_bytes) smallest = &candidate;
    // Values take what they take, however they are placed: what is above cannot fit.
    if (candidate.peak_bytes <= arena_bytes) chosen.push_back(&candidate);
  }
  if (chosen.size() > kMaxPlacings) chosen.resize(kMaxPlacings);
  const bool there = std::ranges::find(chosen, smallest) != chosen.end();
  if (smallest && !there) chosen.push_back(smallest);
  return chosen;
}

// One round: the first candidate that fits, or the one that takes least, if that is less than
// `best` takes. False if there is none.
Result<bool> improve(Recomputed &best, Target &target, const PlaceRequest &request,
                     uint64_t memory_bytes, double whole_work) {
  const uint64_t before = total_bytes(best.placed);
  const uint64_t outside = before - best.placed.arena_bytes;
  const double room = static_cast<double>(memory_bytes) - static_cast<double>(outside);
  const Doubling doubling(best.program);
  const std::vector<Candidate> found = candidates(doubling, kFilled * room);
  std::optional<Recomputed> least;
  for (const Candidate *candidate : choose(found, room)) {
    FLAME_ASSIGN(Program doubled, doubling.build(candidate->choice));
    FLAME_ASSIGN(PlacedProgram placed, place(doubled, target, request));
    const uint64_t bytes = total_bytes(placed);
    if (bytes >= (least ? total_bytes(least->placed) : before)) continue;
    least = Recomputed{std::move(doubled), std::move(placed), best.nodes + candidate->choice.count,
                       best.extra_work + candidate->choice.work / std::max(1.0, whole_work)};
    if (bytes <= memory_bytes) break;
  }
  if (!least) return false;
  best = std::move(*least);
  return true;
}

}  // namespace

Result<Recomputed> recompute(const Program &program, Target &target, const PlaceRequest &wanted,
                             uint64_t memory_bytes) {
  Recomputed best{program, {}, 0, 0};
  FLAME_ASSIGN(best.placed, place(program, target, wanted));
  if (total_bytes(best.placed) <= memory_bytes) return best;
  PlaceRequest request = wanted;
  request.compact = true;
  FLAME_ASSIGN(best.placed, place(program, target, request));
  double whole_work = 0;
  for (const Node &node : program.nodes()) whole_work += work_of(program, node);
  // What is most at once moves when it is lowered, so that a second round finds more to do.
  for (int round = 0; total_bytes(best.placed) > memory_bytes; ++round) {
    if (round == kMaxRounds) return does_not_fit(memory_bytes, best.placed);
    FLAME_ASSIGN(const bool better, improve(best, target, request, memory_bytes, whole_work));
    if (!better) return does_not_fit(memory_bytes, best.placed);
  }
  return best;
}

}  // namespace flame

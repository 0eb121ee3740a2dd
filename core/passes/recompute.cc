#include "core/passes/recompute.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>

#include "core/passes/cost.h"
#include "core/program/rewrite.h"

namespace flame {
namespace {

// What is tried: how dear a recomputed byte may be, and how many bytes may hang on one kept value.
constexpr int kDearnessLevels = 12;
constexpr int kSegmentLevels = 10;
// Placing is the dear part, so that only so many candidates are placed.
constexpr size_t kMaxPlacings = 12;
constexpr int kMaxRounds = 4;

uint64_t total_bytes(const PlacedProgram &placed) {
  const std::vector<uint64_t> bytes = placed.bytes_by_class();
  return std::accumulate(bytes.begin(), bytes.end(), uint64_t{0});
}

// What the values of a program take and when: views count for what they look at. Bytes are doubles,
// since sums of sizes that are possible need not fit int64_t.
class Lives {
 public:
  explicit Lives(const Program &program)
      : root_(program.values().size()), last_(program.values().size(), 0) {
    for (ValueId value = 0; value < root_.size(); ++value) root_[value] = value;
    const auto &nodes = program.nodes();
    for (NodeId id = 0; id < nodes.size(); ++id) {
      for (const ValueId input : nodes[id].inputs) last_[root_[input]] = id;
      if (nodes[id].op->group == OpGroup::kView)
        root_[nodes[id].outputs[0]] = root_[nodes[id].inputs[0]];
    }
    for (const NamedValue &output : program.outputs())
      last_[root_[output.value]] = static_cast<NodeId>(nodes.size());
  }

  ValueId root(ValueId value) const { return root_[value]; }
  NodeId last(ValueId value) const { return last_[root_[value]]; }

  // The node at which most bytes are in use, and how many they are.
  std::pair<NodeId, double> peak(const Program &program) const {
    std::vector<double> change(program.nodes().size() + 2, 0);
    for (NodeId id = 0; id < program.nodes().size(); ++id) {
      for (const ValueId output : program.nodes()[id].outputs) {
        if (root_[output] != output) continue;
        const auto bytes = static_cast<double>(program.type(output).size_bytes());
        change[id] += bytes;
        change[std::max(last_[output], id) + 1] -= bytes;
      }
    }
    double live = 0;
    std::pair<NodeId, double> best{0, 0};
    for (NodeId id = 0; id < program.nodes().size(); ++id) {
      live += change[id];
      if (live > best.second) best = {id, live};
    }
    return best;
  }

 private:
  std::vector<ValueId> root_;
  std::vector<NodeId> last_;  // of a root; the end for outputs
};

// How much is made twice.
struct Choice {
  double dearness = 0;  // cost for each byte that is not kept, at most
  double segment = 0;   // bytes that are made again from one kept value, at most
};

class Recomputer {
 public:
  explicit Recomputer(const Program &program)
      : program_(program), lives_(program), turn_(lives_.peak(program).first) {
    for (const Node &node : program.nodes()) costs_.push_back(flame::cost_of(program, node));
  }

  double peak_bytes() const { return lives_.peak(program_).second; }

  // How dear a byte may be so that 1/count, 2/count, … of the bytes that wait across the turn are
  // made again; rising.
  std::vector<double> dearness_levels(int count) const {
    std::vector<std::pair<double, double>> all;  // dearness, bytes
    double total = 0;
    for (NodeId id = 0; id <= turn_ && id < program_.nodes().size(); ++id) {
      if (!waits(id)) continue;
      all.emplace_back(dearness(id), bytes(id));
      total += bytes(id);
    }
    std::ranges::sort(all);
    std::vector<double> levels;
    double sum = 0;
    for (const auto &[dear, size] : all) {
      sum += size;
      while (static_cast<int>(levels.size()) < count &&
             sum * count >= total * static_cast<double>(levels.size() + 1))
        levels.push_back(dear);
    }
    if (!all.empty()) levels.push_back(all.back().first);
    return levels;
  }

  // The nodes that are doubled under a choice, and what they cost.
  struct Plan {
    std::vector<bool> doubled;
    size_t nodes = 0;
    double cost = 0;
  };
  Plan plan(const Choice &choice) const {
    Planner planner(*this, choice);
    return planner.run();
  }

  // The program in which the later users of doubled nodes use the double.
  Result<Program> build(const Plan &plan) const {
    ProgramBuilder target;
    ProgramCopy early(program_, target);
    std::vector<ValueId> late(program_.values().size(), 0);
    for (NodeId id = 0; id < program_.nodes().size(); ++id) {
      const Node &node = program_.nodes()[id];
      if (id <= turn_) {
        early.add(node, target);
        continue;
      }
      double_inputs(node, plan, target, early, late);
      add(node, target, early, late, [&](ValueId from, ValueId to) { early.set(from, to); });
    }
    early.outputs();
    return target.finish();
  }

 private:
  bool is_view(const Node &node) const { return node.op->group == OpGroup::kView; }

  double bytes(NodeId id) const {
    double total = 0;
    for (const ValueId output : program_.nodes()[id].outputs)
      total += static_cast<double>(program_.type(output).size_bytes());
    return is_view(program_.nodes()[id]) ? 0 : total;
  }
  double dearness(NodeId id) const { return costs_[id] / std::max(1.0, bytes(id)); }
  // Made before the turn and used behind it, but no output.
  bool waits(NodeId id) const {
    const Node &node = program_.nodes()[id];
    bool late = false;
    for (const ValueId output : node.outputs) {
      if (lives_.last(output) == program_.nodes().size()) return false;
      late = late || lives_.last(output) > turn_;
    }
    return late && !is_view(node);
  }

  // Decides for each node before the turn, in their order, whether what waits is kept.
  class Planner {
   public:
    Planner(const Recomputer &in, const Choice &choice)
        : in_(in), choice_(choice), chain_(in.turn_ + 1, 0), state_(in.turn_ + 1, State::kOpen) {}

    Plan run() {
      made_.doubled.assign(in_.turn_ + 1, false);
      for (NodeId id = 0; id <= in_.turn_; ++id) {
        if (!in_.waits(id)) continue;
        if (state_[id] == State::kOpen) decide(id);
        if (state_[id] == State::kAgain) mark(id);
      }
      return std::move(made_);
    }

   private:
    enum class State {
      kOpen,
      kKept,
      kAgain
    };

    NodeId producer(ValueId value) const { return in_.program_.value(value).producer; }

    // Settles a node and, before it, what it is made of; without recursion, since chains are long.
    void decide(NodeId first) {
      std::vector<NodeId> stack{first};
      while (!stack.empty()) {
        const NodeId id = stack.back();
        bool ready = true;
        for (const ValueId input : in_.program_.nodes()[id].inputs) {
          const NodeId from = producer(input);
          if (from == kNoNode || state_[from] != State::kOpen) continue;
          stack.push_back(from);
          ready = false;
        }
        if (!ready) continue;
        stack.pop_back();
        if (state_[id] == State::kOpen) settle(id);
      }
    }

    void settle(NodeId id) {
      const Node &node = in_.program_.nodes()[id];
      if (in_.is_view(node)) return settle_view(id, producer(node.inputs[0]));
      double chain = in_.bytes(id);
      double kept_alive = 0;  // what would have to live on for it
      for (const ValueId input : node.inputs) {
        const NodeId from = producer(input);
        if (from == kNoNode) continue;
        if (state_[from] == State::kAgain) {
          chain += chain_[from];
        } else if (in_.lives_.last(input) <= in_.turn_) {
          kept_alive += static_cast<double>(in_.program_.type(input).size_bytes());
        }
      }
      chain_[id] = chain;
      const bool again = in_.dearness(id) <= choice_.dearness && chain <= choice_.segment &&
                         kept_alive < in_.bytes(id) && !is_output(id);
      state_[id] = again ? State::kAgain : State::kKept;
    }

    // A view is what it looks at.
    void settle_view(NodeId id, NodeId from) {
      state_[id] = from == kNoNode ? State::kKept : state_[from];
      chain_[id] = from == kNoNode ? 0 : chain_[from];
    }

    bool is_output(NodeId id) const {
      return std::ranges::any_of(in_.program_.nodes()[id].outputs, [&](ValueId value) {
        return in_.lives_.last(value) == in_.program_.nodes().size();
      });
    }

    // The node and everything between it and kept values is made again.
    void mark(NodeId first) {
      std::vector<NodeId> stack{first};
      while (!stack.empty()) {
        const NodeId id = stack.back();
        stack.pop_back();
        if (made_.doubled[id]) continue;
        made_.doubled[id] = true;
        ++made_.nodes;
        made_.cost += in_.costs_[id];
        for (const ValueId input : in_.program_.nodes()[id].inputs) {
          const NodeId from = producer(input);
          if (from != kNoNode && state_[from] == State::kAgain) stack.push_back(from);
        }
      }
    }

    const Recomputer &in_;
    const Choice choice_;
    std::vector<double> chain_;
    std::vector<State> state_;
    Plan made_;
  };

  // Makes the doubles that a late node uses, unless they are there already.
  void double_inputs(const Node &user, const Plan &plan, ProgramBuilder &target, ProgramCopy &early,
                     std::vector<ValueId> &late) const {
    std::vector<NodeId> stack;
    const auto missing = [&](const Node &node) {
      bool any = false;
      for (const ValueId input : node.inputs) {
        const NodeId from = program_.value(input).producer;
        if (from == kNoNode || from > turn_ || late[input] != 0) continue;
        if (!is_doubled(from, plan)) continue;
        stack.push_back(from);
        any = true;
      }
      return any;
    };
    missing(user);
    while (!stack.empty()) {
      const NodeId id = stack.back();
      const Node &node = program_.nodes()[id];
      if (late[node.outputs[0]] != 0) {
        stack.pop_back();
        continue;
      }
      if (missing(node)) continue;
      stack.pop_back();
      add(node, target, early, late, [&](ValueId from, ValueId to) { late[from] = to; });
    }
  }

  // A view of something that is made again is made again too.
  bool is_doubled(NodeId id, const Plan &plan) const {
    NodeId at = id;
    while (at != kNoNode && is_view(program_.nodes()[at]) && !plan.doubled[at])
      at = program_.value(program_.nodes()[at].inputs[0]).producer;
    return at != kNoNode && at <= turn_ && plan.doubled[at];
  }

  // Adds the node with the doubles of its inputs, where there are any.
  template <typename Hold>
  void add(const Node &node, ProgramBuilder &target, const ProgramCopy &early,
           const std::vector<ValueId> &late, const Hold &hold) const {
    std::vector<ValueId> inputs;
    for (const ValueId input : node.inputs)
      inputs.push_back(late[input] != 0 ? late[input] : early.at(input));
    target.set_place(node.place);
    const std::vector<ValueId> made = target.add(node.op->name, inputs, node.attributes);
    target.set_place(nullptr);
    for (size_t i = 0; i < node.outputs.size() && i < made.size(); ++i)
      hold(node.outputs[i], made[i]);
  }

  const Program &program_;
  Lives lives_;
  NodeId turn_;  // where most is live
  std::vector<double> costs_;
};

// A plan with what it would come to.
struct Candidate {
  Recomputer::Plan plan;
  double peak = 0;  // bytes of values, before placing
};

std::vector<Choice> all_choices(const Recomputer &from) {
  std::vector<Choice> choices;
  for (const double level : from.dearness_levels(kDearnessLevels)) {
    choices.push_back({level, std::numeric_limits<double>::infinity()});
    for (int k = 1; k <= kSegmentLevels; ++k)
      choices.push_back({level, from.peak_bytes() / static_cast<double>(1 << k)});
  }
  return choices;
}

// Every different plan, the cheapest first.
Result<std::vector<Candidate>> candidates(const Recomputer &from) {
  std::vector<Candidate> found;
  for (const Choice &choice : all_choices(from)) {
    Candidate candidate{from.plan(choice), 0};
    const auto same = [&](const Candidate &other) {
      return other.plan.doubled == candidate.plan.doubled;
    };
    if (candidate.plan.nodes == 0 || std::ranges::any_of(found, same)) continue;
    FLAME_ASSIGN(const Program program, from.build(candidate.plan));
    candidate.peak = Lives(program).peak(program).second;
    found.push_back(std::move(candidate));
  }
  std::ranges::sort(found, {}, [](const Candidate &entry) { return entry.plan.cost; });
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

// The candidates worth placing, the cheapest first: those that may fit, or the smallest if none may.
std::vector<const Candidate *> choose(const std::vector<Candidate> &found, double arena_bytes) {
  std::vector<const Candidate *> chosen;
  const Candidate *smallest = nullptr;
  for (const Candidate &candidate : found) {
    if (!smallest || candidate.peak < smallest->peak) smallest = &candidate;
    // Values take what they take, however they are placed: what is above cannot fit.
    if (candidate.peak <= arena_bytes) chosen.push_back(&candidate);
  }
  if (chosen.size() > kMaxPlacings) chosen.resize(kMaxPlacings);
  const bool there = std::ranges::find(chosen, smallest) != chosen.end();
  if (smallest && !there) chosen.push_back(smallest);
  return chosen;
}

// One round: the first candidate that fits, or the one that takes least, if that is less than
// `best` takes. False if there is none.
Result<bool> improve(Recomputed &best, Target &target, const PlaceRequest &request,
                     uint64_t memory_bytes, double whole_cost) {
  const uint64_t before = total_bytes(best.placed);
  const uint64_t outside = before - best.placed.arena_bytes;
  const Recomputer recomputer(best.program);
  FLAME_ASSIGN(const std::vector<Candidate> found, candidates(recomputer));
  const double room = static_cast<double>(memory_bytes) - static_cast<double>(outside);
  std::optional<Recomputed> least;
  for (const Candidate *candidate : choose(found, room)) {
    FLAME_ASSIGN(Program doubled, recomputer.build(candidate->plan));
    FLAME_ASSIGN(PlacedProgram placed, place(doubled, target, request));
    const uint64_t bytes = total_bytes(placed);
    if (bytes >= (least ? total_bytes(least->placed) : before)) continue;
    least = Recomputed{std::move(doubled), std::move(placed), best.nodes + candidate->plan.nodes,
                       best.extra_cost + candidate->plan.cost / std::max(1.0, whole_cost)};
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
  double whole_cost = 0;
  for (const Node &node : program.nodes()) whole_cost += cost_of(program, node);
  // What is most at once moves when it is lowered, so that a second round finds more to do.
  for (int round = 0; total_bytes(best.placed) > memory_bytes; ++round) {
    if (round == kMaxRounds) return does_not_fit(memory_bytes, best.placed);
    FLAME_ASSIGN(const bool better, improve(best, target, request, memory_bytes, whole_cost));
    if (!better) return does_not_fit(memory_bytes, best.placed);
  }
  return best;
}

}  // namespace flame

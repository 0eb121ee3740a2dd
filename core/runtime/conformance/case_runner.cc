#include "core/runtime/conformance/case_runner.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/runtime/conformance/fill.h"
#include "core/tensor/numbers.h"

namespace flame::conformance {
namespace {

// A reference that computes in the type itself is as inexact as what is tried: the gate of two
// backends op by op.
constexpr double kSlackOfTwo = 5;
constexpr uint8_t kPoison = 0xff;       // NaN in every float type
constexpr uint8_t kOtherPoison = 0x5a;  // finite everywhere

CaseReport report_of(const TypedCase &c, Layout layout) {
  CaseReport report;
  report.op = c.call.op->name;
  report.dtype = c.dtype;
  report.name = fmt::format("{}, {}", c.name, name_of(layout));
  return report;
}

void fail(CaseReport &report, Failure failure, std::string detail) {
  if (report.failure != Failure::kNone) return;
  report.failure = failure;
  report.detail = std::move(detail);
}

// What the contract lets attention round on the way, beside its answer.
int roundings_of(std::string_view op) {
  if (op == "attention") return 2;
  return op == "attention_grad" ? 8 : 1;
}

// A required op in f32 on contiguous tensors is never refused.
bool may_refuse(const TypedCase &c, Layout layout) {
  return c.call.op->group != OpGroup::kRequired || c.dtype != DType::kF32 ||
         layout != Layout::kContiguous;
}

bool same_promise(const OpInfo &a, const OpInfo &b) {
  return a.capture_safe == b.capture_safe && a.deterministic == b.deterministic &&
         a.in_place_mask == b.in_place_mask && a.in_place == b.in_place;
}

// Each output in an input of its type that no other output has, inputs tried in this order; empty
// if there is none.
InPlace matched(const OpCall &call, bool last_first) {
  InPlace in_place(call.outputs.size(), kOwnMemory);
  bool any = false;
  for (size_t k = 0; k < call.outputs.size(); ++k) {
    for (size_t n = 0; n < call.inputs.size() && in_place[k] == kOwnMemory; ++n) {
      const size_t i = last_first ? call.inputs.size() - 1 - n : n;
      if (call.inputs[i] != call.outputs[k] || std::ranges::count(in_place, i)) continue;
      in_place[k] = i;
      any = true;
    }
  }
  return any ? in_place : InPlace();
}

std::string text_of(const InPlace &in_place) {
  std::string text = " of inputs";
  for (const size_t i : in_place) text += i == kOwnMemory ? " -" : fmt::format(" {}", i);
  return text;
}

}  // namespace

Result<CaseRunner::Answers> CaseRunner::answers(const TypedCase &c, bool repeated) const {
  Answers answers;
  FLAME_ASSIGN(answers.inputs, fill_inputs(c, repeated, oracle_));
  FLAME_ASSIGN(answers.outputs, oracle_.answers(c.call, answers.inputs, c.oracle_in_own_type()));
  return answers;
}

Status CaseRunner::run(const TypedCase &c, const std::vector<Layout> &layouts,
                       const std::function<void(CaseReport)> &report) const {
  std::optional<Answers> plain, repeated;
  const auto once = [&](std::optional<Answers> &held, bool repeats) {
    return [&, repeats]() -> Result<const Answers *> {
      if (!held) {
        FLAME_ASSIGN(held, answers(c, repeats));
      }
      return &*held;
    };
  };
  for (const Layout layout : layouts) {
    const bool repeats = layout == Layout::kRepeated;
    FLAME_TRY(run_layout(c, layout, once(repeats ? repeated : plain, repeats), report));
  }
  return {};
}

Status CaseRunner::run_layout(const TypedCase &c, Layout layout, const LazyAnswers &lazy,
                              const std::function<void(CaseReport)> &done) const {
  CaseReport report = report_of(c, layout);
  const Placements placements = place_all(c.call, layout);
  const std::vector<TypedView> inputs = views_of(placements.inputs);
  const std::vector<TypedView> outputs = views_of(placements.outputs);
  const std::string_view op = c.call.op->name;
  FLAME_ASSIGN(const OpAnswer answer, candidate_.probe(op, c.call.attributes, inputs, outputs));
  if (!answer.info) {
    report.refused = true;
    report.reason = answer.reason;
    if (answer.reason.empty()) fail(report, Failure::kRefused, "refused without a reason");
    if (!may_refuse(c, layout)) {
      fail(report, Failure::kRefused,
           "every backend has this op for contiguous f32, but it refused: " + answer.reason);
    }
    done(std::move(report));
    return {};
  }
  FLAME_ASSIGN(const Answers *expected, lazy());
  const auto plan = candidate_.plan(op, c.call.attributes, inputs, outputs);
  if (!plan.ok()) {
    fail(report, Failure::kPromiseBroken, "probe accepted, plan failed: " + plan.error().what);
  } else if (!same_promise((*plan)->info(), *answer.info)) {
    fail(report, Failure::kPromiseBroken, "plan's flags or in_place_mask differ from probe's");
  } else {
    run_planned(c, layout, *expected, **plan, {}, report);
  }
  const bool planned = plan.ok();
  done(std::move(report));
  if (!planned || layout != Layout::kContiguous) return {};
  run_in_place(c, *expected, **plan, done);
  return {};
}

void CaseRunner::run_in_place(const TypedCase &c, const Answers &expected, const OpPlan &plan,
                              const std::function<void(CaseReport)> &done) const {
  std::vector<InPlace> ways;
  for (size_t i = 0; i < c.call.inputs.size() && i < 64; ++i) {
    if (!(plan.info().in_place_mask >> i & 1)) continue;
    if (!c.call.outputs.empty() && c.call.inputs[i] == c.call.outputs[0]) {
      ways.push_back({i});
      continue;
    }
    CaseReport broken = report_of(c, Layout::kInPlace);
    fail(broken, Failure::kPromiseBroken,
         fmt::format("in_place_mask names input {}, of another type or shape than output 0", i));
    done(std::move(broken));
  }
  if (plan.info().in_place) {
    for (const bool last_first : {false, true}) {
      if (InPlace way = matched(c.call, last_first); !way.empty()) ways.push_back(std::move(way));
    }
  }
  for (const InPlace &way : ways) {
    CaseReport report = report_of(c, Layout::kInPlace);
    report.name += text_of(way);
    run_planned(c, Layout::kInPlace, expected, plan, way, report);
    done(std::move(report));
  }
}

void CaseRunner::run_planned(const TypedCase &c, Layout layout, const Answers &expected,
                             const OpPlan &plan, const InPlace &in_place,
                             CaseReport &report) const {
  const Placements placements = place_all(c.call, layout);
  const auto run = [&](uint8_t poison) {
    return run_guarded(candidate_, stream_, plan, expected.inputs, c.call, placements, in_place,
                       poison);
  };
  const Outcome outcome = run(kPoison);
  if (outcome.failure != Failure::kNone) return fail(report, outcome.failure, outcome.detail);
  judge(c, expected, outcome.outputs, report);
  if (layout != Layout::kContiguous || !plan.info().deterministic) return;
  const Outcome again = run(kOtherPoison);
  if (again.failure != Failure::kNone) return fail(report, again.failure, again.detail);
  for (size_t i = 0; i < again.outputs.size(); ++i) {
    if (again.outputs[i].bytes == outcome.outputs[i].bytes) continue;
    fail(report, Failure::kNotDeterministic, fmt::format("output {} differs in a second run", i));
  }
}

void CaseRunner::judge(const TypedCase &c, const Answers &expected,
                       const std::vector<HostTensor> &seen, CaseReport &report) const {
  for (size_t i = 0; i < seen.size(); ++i) {
    const DType dtype = seen[i].type.dtype;
    const bool exact = c.exact() || !is_float(dtype);
    HostTensor answer = expected.outputs[i];
    Difference difference;
    std::string wrong;
    double nearness = 0;
    if (exact) {
      if (answer.type.dtype != dtype) answer = tensor_of(seen[i].type, numbers_of(answer));
      difference = compare_bits(answer, seen[i], c.call.op->agreement != Agreement::kExact);
      if (!difference.first.empty()) wrong = "the bits differ " + difference.first;
      nearness = wrong.empty() ? 0 : 2;
    } else {
      difference = compare_numbers(answer, seen[i]);
      Tolerance tolerance = tolerance_for(dtype, roundings_of(report.op));
      if (!oracle_.widens()) {
        tolerance.norm_relative *= kSlackOfTwo;
        tolerance.norm_ratio *= kSlackOfTwo;
      }
      wrong = difference.first.empty() ? exceeds(difference, tolerance) : difference.first;
      nearness = std::max(difference.norm_relative / tolerance.norm_relative,
                          difference.norm_ratio / tolerance.norm_ratio);
    }
    if (difference.mistrusted) {
      fail(report, Failure::kMistrusted,
           fmt::format("output {} is almost all zeros, the reference's is not", i));
    } else if (!wrong.empty()) {
      fail(report, Failure::kWrong, fmt::format("output {}: {}", i, wrong));
    }
    if (nearness < report.nearness) continue;
    report.nearness = nearness;
    report.worst = difference;
    report.worst_dtype = dtype;
  }
}

}  // namespace flame::conformance

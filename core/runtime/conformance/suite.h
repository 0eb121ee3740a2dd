// The conformance suite: every case of every op on a candidate, against the reference backend.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/runtime/conformance/compare.h"
#include "core/runtime/conformance/guarded_run.h"

namespace flame::conformance {

// One case in one layout.
struct CaseReport {
  std::string op;
  DType dtype = DType::kF32;
  std::string name;      // "matmul f32[3, 5] f32[5, 7] normal, rows"
  bool refused = false;  // by probe, as it may
  std::string reason;    // of a refusal
  Failure failure = Failure::kNone;
  std::string detail;
  Difference worst;  // of the output that is nearest to its limit, or furthest beyond
  DType worst_dtype = DType::kF32;
  double nearness = 0;  // worst's share of what is allowed; above 1 it is a failure
};

// What is counted for an op and type.
struct Tally {
  int64_t cases = 0;  // that ran
  int64_t refused = 0;
  int64_t failed = 0;
  std::string refusal;  // the first reason
};

struct OpSummary {
  std::string op;
  std::map<DType, Tally> by_dtype;
  Tally total;
  CaseReport worst;  // the case that is nearest to its limit; of f32 answers, if there are any
};

struct SuiteReport {
  std::vector<OpSummary> ops;  // in the catalogue's order
  std::vector<CaseReport>
      failures;  // in the order in which they came, at most kMaxFailures of an op
  Tally total;
  static constexpr size_t kMaxFailures = 50;
};

struct SuiteOptions {
  std::string ops;     // names with * and ?, separated by commas; empty: all
  bool quick = false;  // a fixed part of the cases, with some of every op and type
  std::function<void(const OpSummary &)> on_op;  // after each op
  // Cases of this type alone. A reference without f64 then computes in the type itself, and what it
  // cannot do at all counts as refused.
  std::optional<DType> dtype = {};
};

// The devices are opened by the caller. Errors: the pattern names no op, or the reference or a case
// is at fault; what is wrong with the candidate stands in the report.
Result<SuiteReport> run_suite(Device &reference, Device &candidate, const SuiteOptions &options);

// How many cases the suite has for the candidate's best: those of all ops, types and layouts.
Result<int64_t> count_cases(const SuiteOptions &options);

}  // namespace flame::conformance

#include "core/runtime/conformance/suite.h"

#include <fmt/core.h>
#include <fnmatch.h>

#include <set>

#include "core/ops/catalogue/catalogue.h"
#include "core/runtime/conformance/case_runner.h"
#include "core/runtime/conformance/fill.h"

namespace flame::conformance {
namespace {

constexpr uint64_t kQuickShare = 12;  // one of so many cases is in the quick part

bool matches(std::string_view op, const std::string &patterns) {
  if (patterns.empty()) return true;
  size_t start = 0;
  while (start <= patterns.size()) {
    const size_t end = std::min(patterns.find(',', start), patterns.size());
    const std::string pattern = patterns.substr(start, end - start);
    if (fnmatch(pattern.c_str(), std::string(op).c_str(), 0) == 0) return true;
    start = end + 1;
  }
  return false;
}

Result<std::vector<const OpDefinition *>> selected_ops(const SuiteOptions &options) {
  std::vector<const OpDefinition *> ops;
  for (const OpDefinition &op : catalogue()) {
    // Views are the host's: no backend sees them.
    if (op.group != OpGroup::kView && matches(op.name, options.ops)) ops.push_back(&op);
  }
  if (!ops.empty()) return ops;
  return config_error(fmt::format("no op that backends run matches '{}'", options.ops),
                      "docs/ops.md lists the ops; patterns take * and ?, several with commas");
}

// The layouts in which a case is run. Further contents of a case are tried contiguous alone; of
// the quick part some are left out, but the first of a type.
std::vector<Layout> chosen_layouts(const TypedCase &c, bool first_of_type, bool quick) {
  std::vector<Layout> all = layouts_of(c.call);
  if (!c.first_content) all.resize(1);
  if (!c.source.repeats) std::erase(all, Layout::kRepeated);
  if (!quick) return all;
  std::vector<Layout> chosen;
  for (const Layout layout : all) {
    const bool kept = hash_of(c.name + std::string(name_of(layout))) % kQuickShare == 0;
    if (kept || (first_of_type && layout == Layout::kContiguous)) chosen.push_back(layout);
  }
  return chosen;
}

// Calls body(case, layouts) for all cases of an op.
template <typename Body>
Status for_each_case(const OpDefinition &op, const SuiteOptions &options, const Body &body) {
  FLAME_ASSIGN(const std::vector<TypedCase> cases, typed_cases(op));
  std::set<DType> types;
  for (const TypedCase &c : cases) {
    if (options.dtype && c.dtype != *options.dtype) continue;
    const bool first_of_type = types.insert(c.dtype).second;
    const std::vector<Layout> layouts = chosen_layouts(c, first_of_type, options.quick);
    if (!layouts.empty()) FLAME_TRY(body(c, layouts));
  }
  return {};
}

void count(const CaseReport &report, Tally &tally) {
  report.refused ? ++tally.refused : ++tally.cases;
  if (report.failure != Failure::kNone) ++tally.failed;
  if (report.refused && tally.refusal.empty()) tally.refusal = report.reason;
}

bool is_worse(const CaseReport &report, const CaseReport &held) {
  if (report.refused) return false;
  if (held.name.empty()) return true;
  const bool failed = report.failure != Failure::kNone;
  const bool held_failed = held.failure != Failure::kNone;
  if (failed != held_failed) return failed;
  const bool single = report.worst_dtype == DType::kF32;
  const bool held_single = held.worst_dtype == DType::kF32;
  if (single != held_single) return single;
  return report.nearness > held.nearness;
}

void add(CaseReport report, OpSummary &summary, SuiteReport &whole) {
  count(report, summary.total);
  count(report, summary.by_dtype[report.dtype]);
  count(report, whole.total);
  const bool kept = summary.total.failed <= static_cast<int64_t>(SuiteReport::kMaxFailures);
  if (report.failure != Failure::kNone && kept) whole.failures.push_back(report);
  if (is_worse(report, summary.worst)) summary.worst = std::move(report);
}

CaseReport refused_by_reference(const TypedCase &c, std::string reason) {
  CaseReport report;
  report.op = c.call.op->name;
  report.dtype = c.dtype;
  report.name = c.name;
  report.refused = true;
  report.reason = "the reference: " + std::move(reason);
  return report;
}

}  // namespace

Result<SuiteReport> run_suite(Device &reference, Device &candidate, const SuiteOptions &options) {
  FLAME_ASSIGN(const auto ops, selected_ops(options));
  FLAME_ASSIGN(const DeviceStream stream, candidate.create_stream());
  FLAME_ASSIGN(const bool widens, computes_in_f64(reference));
  const bool in_own_type = options.dtype && !widens;
  const Oracle oracle(reference, in_own_type ? std::nullopt : std::optional(DType::kF64));
  const CaseRunner runner(oracle, candidate, stream);
  SuiteReport whole;
  for (const OpDefinition *op : ops) {
    OpSummary summary;
    summary.op = op->name;
    FLAME_TRY(for_each_case(*op, options, [&](const TypedCase &c, const auto &layouts) {
      Status status = runner.run(
          c, layouts, [&](CaseReport report) { add(std::move(report), summary, whole); });
      if (status.ok()) return status;
      if (options.dtype && status.error().kind == ErrorKind::kFailed) {
        add(refused_by_reference(c, status.error().what), summary, whole);
        return Status();
      }
      Error error = status.error();
      error.what = c.name + ": " + error.what;
      return Status(error);
    }));
    whole.ops.push_back(std::move(summary));
    if (options.on_op) options.on_op(whole.ops.back());
  }
  return whole;
}

Result<int64_t> count_cases(const SuiteOptions &options) {
  FLAME_ASSIGN(const auto ops, selected_ops(options));
  int64_t total = 0;
  for (const OpDefinition *op : ops) {
    FLAME_TRY(for_each_case(*op, options, [&](const TypedCase &, const auto &layouts) {
      total += static_cast<int64_t>(layouts.size());
      return Status();
    }));
  }
  return total;
}

}  // namespace flame::conformance

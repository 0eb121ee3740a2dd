#include "core/cli/conformance_report.h"

#include <fmt/core.h>

#include "core/base/terminal.h"

namespace flame::cli {
namespace {

using conformance::CaseReport;
using conformance::Failure;
using conformance::OpSummary;
using conformance::SuiteReport;
using conformance::Tally;

constexpr size_t kFailuresShown = 20;

Json to_json(const Tally &tally) {
  Json json;
  json.set("cases", tally.cases);
  json.set("refused", tally.refused);
  json.set("failed", tally.failed);
  if (!tally.refusal.empty()) json.set("refusal", printable(tally.refusal));
  return json;
}

Json to_json(const CaseReport &report) {
  Json json;
  json.set("case", report.name);
  json.set("norm_relative", report.worst.norm_relative);
  json.set("norm_ratio", report.worst.norm_ratio);
  json.set("max_absolute", report.worst.max_absolute);
  json.set("share_of_tolerance", report.nearness);
  if (report.failure == Failure::kNone) return json;
  json.set("failure", conformance::name_of(report.failure));
  json.set("detail", printable(report.detail));
  return json;
}

// "f64 120, bf16 12": the types whose cases were refused.
std::string refusals_of(const OpSummary &summary) {
  std::string text;
  for (const auto &[dtype, tally] : summary.by_dtype) {
    if (tally.refused == 0) continue;
    text += fmt::format("{}{} {}{}", text.empty() ? "" : ", ", flame::name_of(dtype), tally.refused,
                        tally.cases == 0 ? " (all)" : "");
  }
  return text;
}

}  // namespace

void print_suite_head() {
  fmt::print("{:<20} {:>6} {:>7} {:>6}  {:>9} {:>9}  {}\n", "op", "cases", "refused", "failed",
             "error", "ratio", "worst case");
}

void print_op(const OpSummary &summary, bool colour) {
  const bool failed = summary.total.failed > 0;
  fmt::print("{}{:<20} {:>6} {:>7} {:>6}  {:>9.1e} {:>9.1e}  {}{}\n",
             failed && colour ? "\x1b[31m" : "", summary.op, summary.total.cases,
             summary.total.refused, summary.total.failed, summary.worst.worst.norm_relative,
             summary.worst.worst.norm_ratio, summary.worst.name, failed && colour ? "\x1b[0m" : "");
  fflush(stdout);
}

void print_suite_end(const SuiteReport &report) {
  fmt::print("\n");
  for (const OpSummary &summary : report.ops) {
    if (summary.total.refused > 0)
      fmt::print("refused  {:<20} {}\n", summary.op, refusals_of(summary));
  }
  size_t shown = 0;
  for (const CaseReport &failure : report.failures) {
    if (++shown > kFailuresShown) break;
    fmt::print("{}  {}\n    {}\n", conformance::name_of(failure.failure), failure.name,
               printable(failure.detail));
  }
  if (report.total.failed > static_cast<int64_t>(kFailuresShown))
    fmt::print("and {} more\n", report.total.failed - static_cast<int64_t>(kFailuresShown));
  fmt::print("{} cases, {} refused, {} failed\n", report.total.cases, report.total.refused,
             report.total.failed);
}

Json to_json(const SuiteReport &report) {
  Json json;
  json.set("total", to_json(report.total));
  Json ops;
  for (const OpSummary &summary : report.ops) {
    Json op;
    op.set("op", summary.op);
    op.set("total", to_json(summary.total));
    Json types;
    for (const auto &[dtype, tally] : summary.by_dtype)
      types.set(std::string(flame::name_of(dtype)), to_json(tally));
    op.set("types", types);
    if (!summary.worst.name.empty()) op.set("worst", to_json(summary.worst));
    ops.push(op);
  }
  json.set("ops", ops);
  Json failures{Json::Array()};
  for (const CaseReport &failure : report.failures) failures.push(to_json(failure));
  json.set("failures", failures);
  return json;
}

}  // namespace flame::cli

// Backends: their answers against those of the reference backend, op by op.
#include <fmt/core.h>

#include <algorithm>

#include "core/ops/catalogue/catalogue.h"
#include "core/plugin/backends.h"
#include "core/plugin/validate/for_each.h"
#include "core/runtime/conformance/suite.h"

namespace flame {
namespace {

using conformance::CaseReport;
using conformance::Failure;
using conformance::OpSummary;
using conformance::SuiteOptions;
using conformance::SuiteReport;

constexpr std::chrono::minutes kQuickTime{5};
constexpr std::chrono::minutes kFullTime{60};

SuiteOptions quick() {
  SuiteOptions options;
  options.quick = true;
  return options;
}

Result<SuiteReport> suite_report(Subject &subject, const CheckedComponent &component,
                                 const Catalogue::Match &match, SuiteOptions options) {
  PluginHost host({});
  FLAME_ASSIGN(const Backend right, start_backend(host, match));
  FLAME_ASSIGN(const auto reference, Device::open(right, 0, {}));
  const Backend tried{"plugin", component.spec.id, component.interface<flame_backend>()};
  FLAME_ASSIGN(const auto candidate,
               Device::open(tried, 0, {{component.options.data(), component.options.size()}}));
  options.on_op = [&](const OpSummary &summary) {
    subject.at("the conformance cases behind those of '" + summary.op + "'");
  };
  subject.at("the conformance cases");
  return run_suite(*reference, *candidate, options);
}

// Calls judge(report) for every backend of the plugin.
template <typename Judge>
Result<Done> compare(Subject &subject, const SuiteOptions &options, const Judge &judge) {
  const std::optional<InstalledPlugin> &plugin = subject.facts().reference;
  if (!plugin) return skipped("the backend 'reference' is not installed, so there is no oracle");
  const auto component =
      std::ranges::find(plugin->spec().components, "reference", &ComponentSpec::id);
  if (component == plugin->spec().components.end())
    return skipped("the plugin " + plugin->spec().id + " has no backend 'reference'");
  const Catalogue::Match match{&*plugin, &*component};
  return for_each_component(
      subject, FLAME_KIND_BACKEND, [&](const CheckedComponent &tried) -> Status {
        FLAME_ASSIGN(const SuiteReport report, suite_report(subject, tried, match, options));
        return judge(report);
      });
}

// The first failure, and how many there are. Required ops that are not there yet are no failure
// here: they have a check of their own.
Status agrees(const SuiteReport &report) {
  const CaseReport *first = nullptr;
  size_t count = 0;
  for (const CaseReport &failure : report.failures) {
    if (failure.failure == Failure::kRefused && !failure.reason.empty()) continue;
    if (!first) first = &failure;
    ++count;
  }
  if (!first) return {};
  return broken(fmt::format("the answers of the reference; {} cases ran, {} were refused; "
                            "`flamehost crosscheck --ops {} --candidate …` shows more",
                            report.total.cases, report.total.refused, first->op),
                fmt::format("{} in {} ({} failures)", first->detail, first->name, count));
}

Result<Done> agrees_in_the_quick_part(Subject &subject) {
  return compare(subject, quick(), agrees);
}

Result<Done> agrees_in_all_cases(Subject &subject) {
  if (!subject.facts().full) return skipped("takes minutes; --full tries all cases");
  return compare(subject, {}, agrees);
}

// Nothing else may not be refused, so that other ops and types need not run for it.
Result<Done> has_the_required_ops(Subject &subject) {
  SuiteOptions options = quick();
  options.dtype = DType::kF32;
  for (const OpDefinition &op : catalogue())
    if (op.group == OpGroup::kRequired)
      options.ops += fmt::format("{}{}", options.ops.empty() ? "" : ",", op.name);
  std::string missing;
  FLAME_ASSIGN(const Done done, compare(subject, options, [&](const SuiteReport &report) -> Status {
                 for (const CaseReport &failure : report.failures) {
                   if (failure.failure != Failure::kRefused) continue;
                   const std::string word = "'" + failure.op + "'";
                   if (missing.find(word) == std::string::npos)
                     missing += (missing.empty() ? "" : ", ") + word;
                 }
                 return {};
               }));
  if (!done.skipped.empty() || missing.empty()) return done;
  return skipped("not all there yet: contiguous f32 is refused in " + missing);
}

constexpr Check kChecks[] = {
    {"conformance.agrees", "docs/ops.md: answers as near to the reference as each op says",
     Stage::kStarted, agrees_in_the_quick_part, kQuickTime},
    {"conformance.required-ops", "docs/ops.md: every backend has the required ops in f32",
     Stage::kStarted, has_the_required_ops, kQuickTime},
    {"conformance.agrees-everywhere", "docs/ops.md: likewise in every case, type and layout",
     Stage::kStarted, agrees_in_all_cases, kFullTime},
};

}  // namespace

std::span<const Check> conformance_checks() {
  return kChecks;
}

}  // namespace flame

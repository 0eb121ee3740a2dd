// The conformance suite catches every bug that is planted in a backend, and names it for what it is.
#include <gtest/gtest.h>

#include "core/plugin/backends.h"
#include "core/runtime/conformance/suite.h"
#include "tests/mutants/mutants.h"

namespace flame {
namespace {

class Backends : public testing::Test {
 protected:
  static Result<std::unique_ptr<Device>> open(PluginHost &host, const Catalogue &catalogue,
                                              const std::string &name, std::string_view bug = {}) {
    OpenDeviceRequest request;
    request.reference = name;
    if (!bug.empty()) request.options.emplace_back("bug", bug);
    return open_device(host, catalogue, request);
  }

  // The suite's report on one op of the mutant with that bug.
  static Result<conformance::SuiteReport> report(std::string_view bug, std::string_view ops,
                                                 bool quick) {
    static const Catalogue catalogue =
        Catalogue::scan({FLAME_REFERENCE_FOLDER, FLAME_MUTANT_FOLDER});
    static PluginHost host({});
    FLAME_ASSIGN(const auto reference, open(host, catalogue, "reference"));
    FLAME_ASSIGN(const auto mutant, open(host, catalogue, "mutant", bug));
    return conformance::run_suite(*reference, *mutant, {std::string(ops), quick, {}});
  }
};

class KernelMutant : public Backends, public testing::WithParamInterface<mutants::Mutant> {};

// Whether a failure is called so; all of them are in the op that the bug is in.
bool names(const conformance::SuiteReport &report, const mutants::Mutant &mutant) {
  bool named = false;
  for (const conformance::CaseReport &failure : report.failures) {
    EXPECT_EQ(failure.op, mutant.op);
    named = named || conformance::name_of(failure.failure) == mutant.caught_as;
  }
  return named;
}

TEST_P(KernelMutant, IsCaughtByTheQuickPart) {
  const auto &[bug, op, caught_as] = GetParam();
  const Result<conformance::SuiteReport> quick = report(bug, op, true);
  ASSERT_TRUE(quick.ok()) << quick.error().text();
  EXPECT_GT(quick->total.failed, 0) << bug << " survives";
  if (names(*quick, GetParam())) return;
  const Result<conformance::SuiteReport> whole = report(bug, op, false);
  ASSERT_TRUE(whole.ok()) << whole.error().text();
  EXPECT_TRUE(names(*whole, GetParam())) << "no failure is called " << caught_as;
}

std::string test_name(const testing::TestParamInfo<mutants::Mutant> &info) {
  std::string name(info.param.bug);
  for (char &c : name) c = c == '-' ? '_' : c;
  return name;
}

INSTANTIATE_TEST_SUITE_P(Planted, KernelMutant, testing::ValuesIn(mutants::kMutants), test_name);

TEST_F(Backends, WithoutABugPassTheSuite) {
  const Result<conformance::SuiteReport> found =
      report("", "layer_norm*,attention,copy,concat", false);
  ASSERT_TRUE(found.ok()) << found.error().text();
  for (const conformance::CaseReport &failure : found->failures)
    ADD_FAILURE() << failure.name << ": " << failure.detail;
  EXPECT_GT(found->total.cases, 2000);
}

}  // namespace
}  // namespace flame

// Runs one typed case on a candidate in every layout and judges the answers.
#pragma once

#include <functional>

#include "core/runtime/conformance/guarded_run.h"
#include "core/runtime/conformance/oracle.h"
#include "core/runtime/conformance/suite.h"

namespace flame::conformance {

class CaseRunner {
 public:
  // All outlive the object.
  CaseRunner(const Oracle &oracle, Device &candidate, const DeviceStream &stream)
      : oracle_(oracle), candidate_(candidate), stream_(stream) {}

  // One report for each layout in `layouts`, and one for each way in which outputs may stand in the
  // memory of inputs. An error: the oracle has no answer, or the backend broke the contract in probe.
  Status run(const TypedCase &c, const std::vector<Layout> &layouts,
             const std::function<void(CaseReport)> &report) const;

 private:
  struct Answers {
    std::vector<HostTensor> inputs;
    std::vector<HostTensor> outputs;
  };
  // Asked for once something is run: the oracle is slow.
  using LazyAnswers = std::function<Result<const Answers *>()>;
  Result<Answers> answers(const TypedCase &c, bool repeated) const;
  Status run_layout(const TypedCase &c, Layout layout, const LazyAnswers &expected,
                    const std::function<void(CaseReport)> &report) const;
  void judge(const TypedCase &c, const Answers &expected, const std::vector<HostTensor> &seen,
             CaseReport &report) const;
  void run_planned(const TypedCase &c, Layout layout, const Answers &expected, const OpPlan &plan,
                   const InPlace &in_place, CaseReport &report) const;
  void run_in_place(const TypedCase &c, const Answers &expected, const OpPlan &plan,
                    const std::function<void(CaseReport)> &report) const;

  const Oracle &oracle_;
  Device &candidate_;
  const DeviceStream &stream_;
};

}  // namespace flame::conformance

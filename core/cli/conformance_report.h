// The results of the conformance suite, as a table and as JSON.
#pragma once

#include "core/base/json.h"
#include "core/runtime/conformance/suite.h"

namespace flame::cli {

// To standard output: the head, a line for each op as soon as it is done, and what failed.
void print_suite_head();
void print_op(const conformance::OpSummary &summary, bool colour);
void print_suite_end(const conformance::SuiteReport &report);

Json to_json(const conformance::SuiteReport &report);

}  // namespace flame::cli

// The results of the conformance suite and of whole programs, as tables and as JSON.
#pragma once

#include "core/base/json.h"
#include "core/runtime/conformance/lockstep.h"
#include "core/runtime/conformance/program_check.h"
#include "core/runtime/conformance/suite.h"

namespace flame::cli {

// To standard output: the head, a line for each op as soon as it is done, and what failed.
void print_suite_head();
void print_op(const conformance::OpSummary &summary, bool colour);
void print_suite_end(const conformance::SuiteReport &report);

Json to_json(const conformance::SuiteReport &report);

void print_program(const conformance::ProgramCheck &check);
void print_lockstep(const conformance::LockstepCheck &check);
// "f32[4, 8] f32[16, 8] -> f32[4, 16]"
std::string types_text(const conformance::NodeCheck &check);
Json to_json(const conformance::ProgramCheck &check);
Json to_json(const conformance::LockstepCheck &check);

}  // namespace flame::cli

// Programs of several models that share one device: each is planned under a name of its own, then all
// get their memory together.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/passes/place.h"
#include "core/passes/precision.h"

namespace flame {

struct PlanRequest {
  // In front of the names of inputs and parameters, so that those of two models differ: "vae/".
  std::string_view prefix;
  PrecisionPolicy precision;
  PlaceRequest placement;  // with names that have no prefix
  // Changes the program once it has its prefix; empty: it stays.
  std::function<Result<Program>(const Program &named)> bind = {};
};

// The program with names of its own, simple, in the types that are stored: before anything that
// depends on the device.
Result<Program> stored_program(const Program &program, std::string_view prefix,
                               PrecisionPolicy precision,
                               const std::function<Result<Program>(const Program &)> &bind = {});

// The program after all passes but gradients and recomputing. Errors: what the passes say.
Result<PlacedProgram> plan_program(const Program &program, const PlanRequest &request,
                                   Target &target);

}  // namespace flame

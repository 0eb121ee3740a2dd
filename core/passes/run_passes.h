// The passes in their order, each with what it left behind.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/passes/adapt.h"
#include "core/passes/differentiate.h"
#include "core/passes/place.h"
#include "core/passes/precision.h"
#include "core/passes/target.h"

namespace flame {

inline constexpr std::array<std::string_view, 7> kPassNames = {
    "adapt", "simplify", "differentiate", "precision", "fuse", "recompute", "place"};

// What is not given is not done.
struct PassSettings {
  std::optional<AdaptRequest> adapt;
  // Without names in with_respect_to: every trainable parameter.
  std::optional<GradientRequest> differentiate;
  PrecisionPolicy precision;
  std::optional<uint64_t> memory_bytes;  // for recompute
};

struct PassResult {
  std::string_view name;  // of kPassNames
  std::string summary;    // one line: "12 maps went into others, …"
  Program program;        // as the pass left it; as it was before, for place
};

struct PassedProgram {
  std::vector<PassResult> passes;  // those that were done
  std::optional<PlacedProgram> placed;
  Status status;  // an error names the pass, which is the one behind those that were done
};

// Ends behind the pass `last`, if it is given, and without a target before fuse.
PassedProgram run_passes(const Program &program, const PassSettings &settings, Target *target,
                         std::string_view last = {});

}  // namespace flame

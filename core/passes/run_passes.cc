#include "core/passes/run_passes.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/passes/fuse.h"
#include "core/passes/recompute.h"

namespace flame {
namespace {

std::string counted(size_t number, std::string_view what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

Error in_pass(std::string_view name, Error error) {
  error.what = fmt::format("pass {}: {}", name, error.what);
  return error;
}

std::string summary_of(const Fused &fused) {
  std::string text = fmt::format(
      "{}, {} and {} dropped; {} and {} into maps; {}, {} and {} into other ops",
      counted(fused.cleaned.dead, "dead node"), counted(fused.cleaned.equal, "equal one"),
      counted(fused.cleaned.idle, "idle one"), counted(fused.maps.merged, "map"),
      counted(fused.maps.constants, "constant"), counted(fused.patterns.biases, "bias"),
      counted(fused.patterns.activations, "activation"), counted(fused.patterns.addends, "addend"));
  if (fused.joins.pieces + fused.joins.casts > 0) {
    text += fmt::format("; {} joined, {} made at once", counted(fused.joins.pieces, "slice"),
                        counted(fused.joins.casts, "cast"));
  }
  for (const TakenApart &taken : fused.taken_apart)
    text += fmt::format("; {} {} taken apart: {}", taken.count, taken.op, taken.reason);
  return text;
}

std::string summary_of(const PlacedProgram &placed) {
  const auto inserted = std::ranges::count_if(placed.steps, &Step::inserted);
  return fmt::format(
      "{}, {} inserted; arena {} bytes, {} live at once", counted(placed.steps.size(), "step"),
      counted(static_cast<size_t>(inserted), "copy"), placed.arena_bytes, placed.live_bytes);
}

class Runner {
 public:
  Runner(const Program &program, const PassSettings &settings, Target *target)
      : program_(program), settings_(settings), target_(target) {}

  PassedProgram run(std::string_view last) {
    using Pass = std::pair<std::string_view, Done (Runner::*)()>;
    static constexpr Pass kPasses[] = {{"adapt", &Runner::adapt_layers},
                                       {"simplify", &Runner::simplify_program},
                                       {"differentiate", &Runner::take_gradients},
                                       {"precision", &Runner::set_precision},
                                       {"fuse", &Runner::fuse_program},
                                       {"recompute", &Runner::fit_memory},
                                       {"place", &Runner::place_program}};
    for (const auto &[name, pass] : kPasses) {
      if (name == "fuse" && !target_) break;
      Done summary = (this->*pass)();
      if (!summary.ok()) {
        made_.status = in_pass(name, summary.error());
        break;
      }
      if (*summary) made_.passes.push_back({name, std::move(**summary), program_});
      if (name == last) break;
    }
    return std::move(made_);
  }

 private:
  // The summary of a pass; nothing if it had nothing to do.
  using Done = Result<std::optional<std::string>>;

  Done adapt_layers() {
    if (!settings_.adapt) return std::optional<std::string>();
    FLAME_ASSIGN(Adapted adapted, adapt(program_, *settings_.adapt));
    program_ = std::move(adapted.program);
    return std::optional(counted(adapted.layers.size(), "layer") + " adapted");
  }

  Done simplify_program() {
    const size_t before = program_.nodes().size();
    FLAME_ASSIGN(program_, simplify(program_));
    return std::optional(
        fmt::format("{} of {} left", program_.nodes().size(), counted(before, "node")));
  }

  Done take_gradients() {
    if (!settings_.differentiate) return std::optional<std::string>();
    GradientRequest request = *settings_.differentiate;
    if (request.with_respect_to.empty()) {
      for (const Parameter &parameter : program_.parameters()) {
        if (parameter.trainable) request.with_respect_to.push_back(parameter.name);
      }
      if (request.with_respect_to.empty())
        return config_error("the program has no trainable parameter",
                            "name what the gradients are taken with respect to");
    }
    FLAME_ASSIGN(Gradients gradients, differentiate(program_, request));
    program_ = std::move(gradients.program);
    return std::optional(
        fmt::format("{} with respect to {}; {} of them are zero",
                    counted(program_.nodes().size() - gradients.first_backward_node, "node"),
                    counted(request.with_respect_to.size(), "tensor"), gradients.unreached.size()));
  }

  Done set_precision() {
    if (settings_.precision.compute == DType::kF32) return std::optional<std::string>();
    PrecisionCounts counts;
    FLAME_ASSIGN(program_, apply_precision(program_, settings_.precision, &counts));
    return std::optional(
        fmt::format("{}: {} added, {} narrow", name_of(settings_.precision.compute),
                    counted(counts.casts, "cast"), counted(counts.narrow_parameters, "parameter")));
  }

  Done fuse_program() {
    FLAME_ASSIGN(Fused fused, fuse(program_, *target_));
    std::string summary = summary_of(fused);
    program_ = std::move(fused.program);
    return std::optional(std::move(summary));
  }

  Done fit_memory() {
    if (!settings_.memory_bytes) return std::optional<std::string>();
    FLAME_ASSIGN(Recomputed fitted, recompute(program_, *target_, {}, *settings_.memory_bytes));
    program_ = std::move(fitted.program);
    made_.placed = std::move(fitted.placed);
    return std::optional(fmt::format("{} made twice, {:.1f} % more work to fit into {} bytes",
                                     counted(fitted.nodes, "node"), 100 * fitted.extra_work,
                                     *settings_.memory_bytes));
  }

  Done place_program() {
    if (!made_.placed) {
      FLAME_ASSIGN(made_.placed, place(program_, *target_, {}));
    }
    return std::optional(summary_of(*made_.placed));
  }

  Program program_;
  const PassSettings &settings_;
  Target *target_;
  PassedProgram made_;
};

}  // namespace

PassedProgram run_passes(const Program &program, const PassSettings &settings, Target *target,
                         std::string_view last) {
  return Runner(program, settings, target).run(last);
}

}  // namespace flame

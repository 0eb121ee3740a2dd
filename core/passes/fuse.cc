#include "core/passes/fuse.h"

namespace flame {

Result<Program> simplify(const Program &program) {
  FLAME_ASSIGN(const Program clean, clean_up(program));
  FLAME_ASSIGN(const Program merged, merge_patterns(clean));
  return merge_products(merged);
}

Result<Fused> fuse(const Program &program, Target &target) {
  constexpr CleanUpOptions kLast{.drop_stop_gradient = true};
  Fused fused;
  FLAME_ASSIGN(fused.program, clean_up(program, kLast, &fused.cleaned));
  FLAME_ASSIGN(fused.program, merge_patterns(fused.program, &fused.patterns));
  FLAME_ASSIGN(fused.program, join_slices(fused.program, &fused.joins));
  FLAME_ASSIGN(Lowered lowered, lower(fused.program, target));
  fused.taken_apart = std::move(lowered.taken_apart);
  FLAME_ASSIGN(fused.program, clean_up(lowered.program, kLast, &fused.cleaned));
  // Sums come before maps, which would take them.
  FLAME_ASSIGN(fused.program, merge_addends(fused.program, target, &fused.patterns));
  FLAME_ASSIGN(fused.program, merge_maps(fused.program, {}, &fused.maps));
  FLAME_ASSIGN(fused.program, clean_up(fused.program, kLast, &fused.cleaned));
  return fused;
}

}  // namespace flame

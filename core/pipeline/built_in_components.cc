// The components without a plugin.
#include "core/pipeline/section_table.h"

namespace flame {
namespace {

Option warmup() {
  return Option("warmup", OptionType::kInt, "Steps in which the rate rises from 0.")
      .in("steps")
      .least(0)
      .is("0")
      .also({"warmup_steps", "lr_warmup_steps", "num_warmup_steps"});
}

Option final_part() {
  return Option("final", OptionType::kFloat, "The part of the rate that is left at the last step.")
      .least(0)
      .most(1)
      .is("0")
      .also({"min_lr_ratio", "lr_end", "eta_min", "min_factor"});
}

std::vector<ComponentSpec> built_ins() {
  return {
      {"backend", "auto", "The best installed backend whose device answers.", {}},
      {"adapter",
       "full",
       "No adapter: the weights of the layers learn themselves, their biases too, in f32 whatever "
       "is computed in. Without layers these are all modules of the model, norms and embeddings "
       "too. Files are written by merge alone.",
       {}},
      {"schedule", "constant", "The same rate at every step.", {warmup()}},
      {"schedule", "linear", "A straight line down to the end.", {warmup(), final_part()}},
      {"schedule",
       "cosine",
       "Half a cosine down to the end, or several.",
       {warmup(), final_part(),
        Option("cycles", OptionType::kInt, "How many times it falls; each begins at the full rate.")
            .least(1)
            .is("1")
            .also({"num_cycles", "restarts", "lr_scheduler_num_cycles"})}},
      {"schedule",
       "polynomial",
       "A power of the steps that are left.",
       {warmup(), final_part(),
        Option("power", OptionType::kFloat, "The exponent; 1 is linear.").above(0).is("1")}},
      {"schedule",
       "rex",
       "Slow at first, fast at the end: the reflected exponential.",
       {warmup(), final_part()}},
  };
}

}  // namespace

std::span<const ComponentSpec> built_in_components() {
  static const std::vector<ComponentSpec> components = built_ins();
  return components;
}

}  // namespace flame

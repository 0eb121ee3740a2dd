// `train:`: steps, noise, loss, optimizer and schedule.
#include "core/pipeline/section_table.h"

namespace flame {
namespace {

SectionSpec noise() {
  SectionSpec section;
  section.key = "noise";
  section.own = own(
      "noise", "How much noise examples get.",
      {Option("range", OptionType::kFloat,
              "The part of the trained times that is drawn from: two numbers, 0 is clean and 1 all "
              "noise.")
           .many()
           .least(0)
           .most(1)
           .is("0, 1")
           .also({"timestep_range"}),
       Option("distribution", OptionType::kChoice,
              "How times are drawn from the range: evenly, or by the sigmoid of a normal number.")
           .one_of({"uniform", "logit_normal"})
           .is("uniform")
           .also({"timestep_sampling", "weighting_scheme"}),
       Option("mean", OptionType::kFloat, "Of logit_normal: above 0 draws more noise.")
           .is("0")
           .also({"logit_mean"}),
       Option("deviation", OptionType::kFloat, "Of logit_normal: how wide times are spread.")
           .above(0)
           .is("1")
           .also({"logit_std"}),
       Option("zero_terminal_snr", OptionType::kBool,
              "The last time is noise alone; for models that predict v.")
           .is("false")
           .also({"zero_snr", "rescale_betas_zero_snr"}),
       Option("offset", OptionType::kFloat,
              "Noise that is the same at every place of a channel, so that dark and bright "
              "pictures can be learned.")
           .least(0)
           .most(1)
           .is("0")
           .also({"noise_offset"}),
       Option("pyramid", OptionType::kFloat,
              "Noise of halved sizes on top: how much each is of the size before; 0 is none.")
           .least(0)
           .most(1)
           .is("0")
           .also({"pyramid_noise", "multires_noise_discount"})});
  return section;
}

SectionSpec loss() {
  SectionSpec section;
  section.key = "loss";
  section.own =
      own("loss", "How errors of the prediction count.",
          {Option("kind", OptionType::kChoice,
                  "The square of the error, or huber: a square near 0 and a line far away.")
               .one_of({"square", "huber"})
               .is("square")
               .also({"loss_type"}),
           Option("huber_delta", OptionType::kFloat, "Of huber: where the line begins.")
               .above(0)
               .is("0.1")
               .also({"huber_c"}),
           Option("weighting", OptionType::kChoice,
                  "Of times: even; min_snr, which holds back the times with little noise; or "
                  "debiased, which counts by the error in the clean picture.")
               .one_of({"even", "min_snr", "debiased"})
               .is("even"),
           Option("gamma", OptionType::kFloat,
                  "Of min_snr: times with a signal-to-noise ratio above it count less.")
               .above(0)
               .is("5")
               .also({"min_snr_gamma", "snr_gamma"})});
  return section;
}

}  // namespace

SectionSpec train_section() {
  SectionSpec section;
  section.key = "train";
  section.own =
      own("train", "How long and how fast the adapter learns.",
          {Option("steps", OptionType::kInt, "How many times the optimizer steps.")
               .in("steps")
               .least(1)
               .needed()
               .also({"max_train_steps", "max_steps", "num_steps", "iterations"}),
           Option("batch", OptionType::kInt, "Examples in one forward and backward pass.")
               .in("examples")
               .least(1)
               .is("1")
               .also({"batch_size", "train_batch_size", "micro_batch"}),
           Option("accumulate", OptionType::kInt, "Passes whose gradients one step adds up.")
               .in("passes")
               .least(1)
               .is("1")
               .also({"gradient_accumulation_steps", "gradient_accumulation", "grad_accum"}),
           Option("clip", OptionType::kFloat,
                  "The norm that gradients are scaled down to; 0 leaves them as they are.")
               .least(0)
               .is("1")
               .also({"max_grad_norm", "grad_clip", "gradient_clipping", "clip_grad_norm"}),
           Option("ema", OptionType::kFloat,
                  "How much a moving average of the parameters keeps at each step; 0 keeps none.")
               .least(0)
               .most(1)
               .is("0")
               .also({"ema_decay", "use_ema"}),
           Option("validate_every", OptionType::kInt,
                  "Steps between two measurements of the held-out examples (data.validation); the "
                  "first is before the first step, the last behind the last one.")
               .in("steps")
               .least(1)
               .is("100")
               .also({"eval_every", "eval_steps", "validate_every_n_steps"}),
           Option("checkpoint_every", OptionType::kInt,
                  "Steps between two checkpoints; the last step always writes one.")
               .in("steps")
               .least(1)
               .is("250")
               .also({"save_every", "save_every_n_steps", "checkpointing_steps", "save_steps"}),
           Option("keep", OptionType::kInt, "Checkpoints that stay; older ones are removed.")
               .in("checkpoints")
               .least(1)
               .most(1000000)
               .is("3")
               .also({"checkpoints_total_limit", "save_total_limit", "max_step_saves_to_keep"})});
  SectionSpec optimizer = plain("optimizer", "The rule that changes the parameters.");
  optimizer.required = true;
  optimizer.own = own("optimizer", optimizer.own.summary,
                      {Option("lr", OptionType::kFloat,
                              "The learning rate; the schedule scales it from step to step. At 0 "
                              "nothing is learned.")
                           .least(0)
                           .is("1e-4")
                           .also({"learning_rate", "unet_lr"})});
  SectionSpec schedule = plain("schedule", "How the learning rate changes over the steps.");
  schedule.default_use = "constant";
  section.sections = {optimizer, schedule, noise(), loss()};
  return section;
}

}  // namespace flame

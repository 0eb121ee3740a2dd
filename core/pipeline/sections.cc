#include "core/pipeline/sections.h"

#include <algorithm>

#include "core/io/source_text.h"

namespace flame {
namespace {

constexpr std::string_view kSince = "0.1.0";

// Short to write and to read: one option a line of the tables below.
struct Option : OptionSpec {
  Option(std::string_view option_name, OptionType option_type, std::string_view option_help) {
    name = option_name;
    type = option_type;
    help = option_help;
    since = kSince;
  }
  Option &needed() { return required = true, *this; }
  Option &many() { return list = true, *this; }
  Option &in(std::string_view text) { return unit = text, *this; }
  Option &is(std::string_view text) { return default_text = std::string(text), *this; }
  Option &least(double value) { return minimum = value, *this; }
  Option &most(double value) { return maximum = value, *this; }
  Option &above(double value) { return minimum = value, exclusive_minimum = true, *this; }
  Option &one_of(std::vector<std::string> names) { return choices = std::move(names), *this; }
  Option &also(std::vector<std::string> names) { return aliases = std::move(names), *this; }
};

ComponentSpec own(std::string_view id, std::string_view summary, std::vector<OptionSpec> options) {
  return {"section", std::string(id), std::string(summary), std::move(options)};
}

SectionSpec backend() {
  SectionSpec section;
  section.key = "backend";
  section.kind = "backend";
  section.default_use = "auto";
  section.own =
      own("backend", "What computes, and how exactly.",
          {Option("precision", OptionType::kChoice,
                  "The type that activations are computed and stored in; tf32 is f32 with faster, "
                  "coarser products.")
               .one_of({"bf16", "f16", "f32", "tf32"})
               .is("bf16")
               .also({"mixed_precision", "dtype", "train_dtype"}),
           Option("memory", OptionType::kSize,
                  "Device memory that the run may take; a run that cannot keep to it is refused "
                  "before it starts. All that is free, when left out.")
               .in("bytes")
               .least(1 << 20)
               .also({"memory_limit", "max_memory", "vram"}),
           Option("determinism", OptionType::kChoice,
                  "strict gives the same bits in every run and refuses ops that cannot.")
               .one_of({"fast", "strict"})
               .is("fast")
               .also({"deterministic"})});
  return section;
}

SectionSpec plain(std::string_view key, std::string_view summary) {
  SectionSpec section;
  section.key = key;
  section.kind = key;
  section.own = own(key, summary, {});
  return section;
}

SectionSpec model() {
  SectionSpec section = plain("model", "The model that is trained or sampled.");
  section.own =
      own("model", section.own.summary,
          {Option("weights", OptionType::kPath,
                  "Its weights and those of the models beside it: single files, and folders as "
                  "diffusers has them. What stands in a later one counts.")
               .many()
               .also({"path", "checkpoint", "pretrained_model_name_or_path", "ckpt"}),
           Option("config", OptionType::kString,
                  "Configurations that are not the published ones: a file (./NAME or NAME.json) "
                  "with an object for each model, by component, a folder as diffusers has it, or "
                  "the name of one that is installed with the models, such as tiny. Folders of "
                  "weights have their own."),
           Option("variant", OptionType::kString,
                  "Which files of a folder of weights to take, such as fp16.")});
  return section;
}

SectionSpec data() {
  SectionSpec section = plain("data", "What the model learns from.");
  section.own =
      own("data", section.own.summary,
          {Option("caption_dropout", OptionType::kFloat,
                  "The part of the examples that is learned without a caption, so that guidance "
                  "keeps its meaning.")
               .least(0)
               .most(1)
               .is("0")
               .also({"caption_dropout_rate", "caption_drop_rate", "cfg_dropout", "text_dropout"}),
           Option("cache", OptionType::kPath,
                  "Where latents and text states are kept for the next run; the user's cache "
                  "folder, when left out.")
               .also({"cache_dir", "latents_cache", "vae_cache_dir"}),
           Option("validation", OptionType::kFloat,
                  "How much is kept from learning, to measure the loss on it: below 1 a part of "
                  "the examples, from 1 on their number. The choice follows from the contents.")
               .least(0)
               .is("0")
               .also({"validation_split", "held_out", "val_size"})});
  return section;
}

Option layers() {
  return Option("layers", OptionType::kString,
                "Which layers: attention, attention+ff, all-linear or all, or names by their ends, "
                "with * for one part and ** for any; rank=4 and the like behind a name hold for "
                "these layers, and ! leaves them alone. All layers, when left out.")
      .many()
      .also({"target_modules", "lora_target_modules", "layer_filter"});
}

SectionSpec adapter() {
  SectionSpec section =
      plain("adapter",
            "What is trained: a small change of the model's layers, or its weights themselves.");
  section.own =
      own("adapter", section.own.summary,
          {layers(), Option("continue_from", OptionType::kPath,
                            "A LoRA file of these layers and ranks, from which the adapter starts.")
                         .also({"network_weights", "resume_lora", "init_from"})});
  SectionSpec part;
  part.key = "parts";
  part.list = true;
  part.own = own("parts", "Models beside the denoiser that learn too, each in the same way.",
                 {Option("role", OptionType::kString,
                         "Which: the text encoders of SDXL are text_encoder and text_encoder_2.")
                      .needed()
                      .also({"model", "module"}),
                  Option("lr", OptionType::kFloat,
                         "Its learning rate; the optimizer's, when left out. 0 leaves it as it is.")
                      .least(0)
                      .also({"learning_rate", "text_encoder_lr"}),
                  layers()});
  section.sections = {part};
  return section;
}

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

SectionSpec train() {
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

SectionSpec loras() {
  SectionSpec section;
  section.key = "loras";
  section.list = true;
  section.own = own("loras",
                    "Files of LoRAs that the pictures are drawn with, with names of kohya or PEFT; "
                    "they are added to the weights.",
                    {Option("path", OptionType::kPath, "The file.")
                         .needed()
                         .also({"file", "name", "lora", "model"}),
                     Option("strength", OptionType::kFloat, "The factor of what it adds.")
                         .is("1")
                         .also({"weight", "scale", "multiplier", "lora_strength"})});
  return section;
}

SectionSpec sample() {
  SectionSpec section;
  section.key = "sample";
  section.own = own(
      "sample", "Pictures made from prompts, during training or alone.",
      {Option("every", OptionType::kInt,
              "Training steps between two sets of pictures; only at the end, when left out.")
           .in("steps")
           .least(1)
           .also({"sample_every", "sample_every_n_steps", "validation_steps"}),
       Option("prompts", OptionType::kString, "One picture for each prompt.")
           .many()
           .needed()
           .also({"prompt", "validation_prompt", "sample_prompts"}),
       Option("negative", OptionType::kString, "What the pictures should not show.")
           .is("")
           .also({"negative_prompt", "neg"}),
       Option("steps", OptionType::kInt, "Steps from noise to picture.")
           .in("steps")
           .least(1)
           .most(1000)
           .is("20")
           .also({"sample_steps", "num_inference_steps"}),
       Option("guidance", OptionType::kFloat,
              "How strongly the prompt counts; the model's own value, when left out.")
           .least(0)
           .also({"guidance_scale", "cfg_scale", "cfg"}),
       Option("rescale", OptionType::kFloat,
              "How much of the contrast that guidance adds is taken back.")
           .least(0)
           .most(1)
           .is("0")
           .also({"guidance_rescale"}),
       Option("text_rows", OptionType::kInt,
              "Rows of tokens that a prompt may fill; SDXL's have 75, and more is cut.")
           .least(1)
           .most(16)
           .is("1"),
       Option("seed", OptionType::kInt,
              "Of the first picture's noise, each further one's is one more; the run's, when "
              "left out.")
           .least(0)
           .also({"sample_seed"}),
       Option("width", OptionType::kInt, "Of the pictures; the model's usual one, when left out.")
           .in("px")
           .least(64)
           .most(16384),
       Option("height", OptionType::kInt, "Of the pictures; the model's usual one, when left out.")
           .in("px")
           .least(64)
           .most(16384),
       Option("tile", OptionType::kInt,
              "Rows of a picture that the autoencoder works on at one time; all, or as few as "
              "backend.memory asks for, when left out.")
           .in("px")
           .least(8)
           .also({"vae_tile", "vae_tiling", "tile_size", "enable_vae_tiling"}),
       Option("strength", OptionType::kFloat, "The factor of what the adapter adds.")
           .is("1")
           .also({"lora_strength", "lora_scale", "multiplier"})});
  SectionSpec sampler = plain("sampler",
                              "The way from noise to picture; the model's own, when "
                              "left out.");
  section.sections = {loras(), sampler};
  return section;
}

SectionSpec exports() {
  SectionSpec section;
  section.key = "export";
  section.kind = "exporter";
  section.list = true;
  section.own = own("export", "Files for other programs, written when training ends.",
                    {Option("path", OptionType::kPath, "The file to write.")
                         .needed()
                         .also({"file", "output", "output_name", "filename"}),
                     Option("overwrite", OptionType::kBool,
                            "Replaces a file that is there; without it, that is an error.")
                         .is("false")});
  return section;
}

SectionSpec root() {
  SectionSpec section;
  section.own =
      own("pipeline", "A pipeline of flamehost.",
          {Option("flame", OptionType::kInt, "The version of this file's format.")
               .least(1)
               .most(1)
               .needed()
               .also({"version"}),
           Option("run", OptionType::kString,
                  "The run's name: results go to runs/NAME. The file's own name, when left out.")
               .also({"name", "run_name", "job", "output_dir"}),
           Option("seed", OptionType::kInt, "Of every random number of the run.")
               .least(0)
               .is("0")
               .also({"random_seed"})});
  section.sections = {backend(), model(), data(), adapter(), train(), sample(), exports()};
  return section;
}

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

const SectionSpec *SectionSpec::find_section(std::string_view name) const {
  const auto at = std::find_if(sections.begin(), sections.end(),
                               [&](const SectionSpec &section) { return section.key == name; });
  return at == sections.end() ? nullptr : &*at;
}

const SectionSpec &pipeline_sections() {
  static const SectionSpec sections = root();
  return sections;
}

std::span<const ComponentSpec> built_in_components() {
  static const std::vector<ComponentSpec> components = built_ins();
  return components;
}

std::string run_name_problem(std::string_view name) {
  const auto allowed = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
           (c >= 'a' && c <= 'z') || c == '_' || c == '-' || c == '.' || c == ' ';
  };
  if (name.empty()) return "it is empty";
  if (name.front() == '.' || name.front() == '-' || name.front() == ' ') {
    return "it starts with a dot, a dash or a blank";
  }
  if (!std::all_of(name.begin(), name.end(), allowed)) {
    return "it names a folder: only letters, digits, '_', '-', '.' and blanks";
  }
  if (count_characters(name) > 100) return "it is longer than 100 characters";
  return {};
}

}  // namespace flame

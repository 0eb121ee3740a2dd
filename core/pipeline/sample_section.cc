// `sample:`: prompts and how their pictures are made.
#include "core/pipeline/section_table.h"

namespace flame {
namespace {

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

}  // namespace

SectionSpec sample_section() {
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

}  // namespace flame

// The root, and the sections that are short.
#include "core/pipeline/sections.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/io/source_text.h"
#include "core/pipeline/section_table.h"

namespace flame {
namespace {

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
                "these layers, and ! leaves them alone. Left out: all, or every module with full. "
                "For adapters, all and all-linear leave out the layers that embed the time step "
                "and the pooled text.")
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
  section.sections = {backend(),       model(),          data(),   adapter(),
                      train_section(), sample_section(), exports()};
  return section;
}

}  // namespace

const SectionSpec *SectionSpec::find_section(std::string_view name) const {
  const auto at = std::find_if(sections.begin(), sections.end(),
                               [&](const SectionSpec &section) { return section.key == name; });
  return at == sections.end() ? nullptr : &*at;
}

std::string child_path(std::string_view path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

const SectionSpec &pipeline_sections() {
  static const SectionSpec sections = root();
  return sections;
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

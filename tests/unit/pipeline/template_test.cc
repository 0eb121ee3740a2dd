#include "core/pipeline/template.h"

#include <gmock/gmock.h>

#include "core/pipeline/page.h"
#include "core/pipeline/pipeline.h"
#include "core/pipeline/reference.h"
#include "tests/fixtures/sample_catalogue.h"

namespace flame {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string problems(const std::string &text, const Catalogue &catalogue) {
  const CheckedPipeline checked = check_pipeline({"p.yaml", text, {}}, catalogue);
  std::string lines;
  for (const Diagnostic &d : checked.diagnostics) lines += to_text(d, checked.sources) + "\n";
  return lines;
}

TEST(Template, IsARightPipelineThatIsEnoughForItsPurpose) {
  const Catalogue catalogue = test::sample_catalogue();
  for (const PipelineTemplate &entry : pipeline_templates()) {
    const TemplateText written = write_template(entry, Components(catalogue));
    EXPECT_THAT(written.missing, IsEmpty());
    const CheckedPipeline checked = check_pipeline({"p.yaml", written.text, {}}, catalogue);
    EXPECT_TRUE(checked.pipeline) << problems(written.text, catalogue);
    EXPECT_THAT(checked.abilities[1].missing, IsEmpty()) << entry.name;
    const bool trains = entry.name.ends_with("lora");
    EXPECT_EQ(checked.abilities[0].missing.empty(), trains) << entry.name;
  }
}

TEST(Template, ShowsEveryOptionWithItsDefaultAndHelp) {
  const Catalogue catalogue = test::sample_catalogue();
  const std::string text = write_template(pipeline_templates()[0], Components(catalogue)).text;
  EXPECT_THAT(text, HasSubstr("  steps: 1500  # How many times the optimizer steps. Expected: a "
                              "whole number of 1 or more (steps).\n"));
  EXPECT_THAT(text, HasSubstr("    # weight_decay: 0.01  # "));
  EXPECT_THAT(text, HasSubstr("  # buckets: [1024, 768]  # "));
  EXPECT_THAT(text, HasSubstr("  # min_snr:  # "));
}

TEST(Template, StaysRightWhenEveryCommentedDefaultIsTakenIn) {
  const Catalogue catalogue = test::sample_catalogue();
  std::string text = write_template(pipeline_templates()[0], Components(catalogue)).text;
  const size_t start = text.find("flame:");
  for (size_t at = text.find("# ", start); at != std::string::npos; at = text.find("# ", at + 1)) {
    const size_t line = text.rfind('\n', at) + 1;
    const bool first = text.find_first_not_of(' ', line) == at;
    const bool has_value = text.substr(at, 60).find(":  #") == std::string::npos;
    if (first && has_value) text.erase(at, 2);
  }
  EXPECT_EQ(problems(text, catalogue), "");
}

TEST(Template, CommentsOutTheSectionsOfPluginsThatAreNotThere) {
  const Catalogue nothing;
  const TemplateText written = write_template(pipeline_templates()[0], Components(nothing));
  EXPECT_THAT(written.missing, ElementsAre("model 'sdxl'", "data 'image-folder'", "adapter 'lora'",
                                           "optimizer 'adamw'", "exporter 'comfyui-lora'"));
  EXPECT_EQ(problems(written.text, nothing), "");
}

TEST(Template, GivesOptionsThatItDoesNotKnowAValueOfTheirType) {
  ComponentSpec model;
  model.kind = "model";
  model.id = "sdxl";
  model.summary = "Another one.";
  model.options = {
      Option("a", OptionType::kInt, "H.").needed().least(3),
      Option("b", OptionType::kFloat, "H.").needed().above(0).most(1),
      Option("c", OptionType::kBool, "H.").needed(),
      Option("d", OptionType::kChoice, "H.").needed().one_of({"x: y", "z"}),
      Option("e", OptionType::kSize, "H.").needed().least(1 << 20),
      Option("f", OptionType::kDuration, "H.").needed().above(0),
      Option("g", OptionType::kString, "H.").needed().many(),
      Option("h", OptionType::kString, "H.").is("it's #1: -"),
      Option("i", OptionType::kPath, "H.").needed(),
  };
  const Catalogue catalogue({test::installed("org.example.model", "model", {model})}, {});
  const TemplateText written = write_template(pipeline_templates()[2], Components(catalogue));
  EXPECT_EQ(problems(written.text, catalogue), "") << written.text;
}

TEST(Template, LeavesOutWhatTheFilesOfAModelSay) {
  ComponentSpec model;
  model.kind = "model";
  model.id = "sdxl";
  model.summary = "Another one.";
  model.options = {Option("depth", OptionType::kInt, "H.").is("12"),
                   Option("prediction", OptionType::kString, "H.").is("noise")};
  model.options.front().configuration = true;
  const Catalogue catalogue({test::installed("org.example.model", "model", {model})}, {});
  const Components components(catalogue);
  const std::string text = write_template(pipeline_templates()[2], components).text;
  EXPECT_THAT(text, HasSubstr("  # prediction: noise  # "));
  EXPECT_THAT(text, HasSubstr("may be given too: flamehost schema model.sdxl\n"));
  EXPECT_EQ(text.find("depth"), std::string::npos);
  const std::string heading =
      "\nWhat its files say, such as config.json, and may be given too:\n\n";
  EXPECT_THAT(*page_of("model.sdxl", components), HasSubstr(heading + "  depth: "));
  EXPECT_THAT(
      reference_markdown(components),
      HasSubstr(heading + "| key | takes | default | meaning |\n|---|---|---|---|\n| `depth` "));
}

}  // namespace
}  // namespace flame

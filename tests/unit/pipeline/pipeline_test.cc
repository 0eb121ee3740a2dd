#include "core/pipeline/pipeline.h"

#include <fmt/core.h>
#include <gmock/gmock.h>

#include <functional>

#include "core/pipeline/device_request.h"
#include "tests/fixtures/sample_catalogue.h"

namespace flame {
namespace {

using test::sample_catalogue;
using test::sample_pipeline;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

CheckedPipeline check(std::string text, std::vector<std::string> overrides = {}) {
  return check_pipeline({"/work space/p.yaml", std::move(text), std::move(overrides)},
                        sample_catalogue());
}

// The start of a pipeline that is right.
std::string with(std::string_view more) {
  return fmt::format("flame: 1\n{}", more);
}

std::vector<std::string> problems(const CheckedPipeline &checked) {
  std::vector<std::string> lines;
  for (const Diagnostic &d : checked.diagnostics) {
    lines.push_back(fmt::format("{}:{} {}", d.place.line, d.place.column, d.message));
  }
  return lines;
}

std::vector<std::string> problems(std::string text) {
  return problems(check(std::move(text)));
}

// The one diagnostic of the text.
Diagnostic problem(std::string text, std::vector<std::string> overrides = {}) {
  const CheckedPipeline checked = check(std::move(text), std::move(overrides));
  EXPECT_EQ(checked.diagnostics.size(), 1u) << testing::PrintToString(problems(checked));
  return checked.diagnostics.empty() ? Diagnostic() : checked.diagnostics.front();
}

TEST(Sections, AreTablesThatKeepToTheRulesOfPlugins) {
  const std::function<void(const SectionSpec &)> look = [&](const SectionSpec &section) {
    const Status status = check_component(section.own);
    EXPECT_TRUE(status.ok()) << status.error().text();
    for (const OptionSpec &option : section.own.options) {
      EXPECT_FALSE(option.since.empty()) << option.name;
    }
    for (const SectionSpec &inner : section.sections) look(inner);
  };
  look(pipeline_sections());
  for (const ComponentSpec &component : built_in_components()) {
    const Status status = check_component(component);
    EXPECT_TRUE(status.ok()) << status.error().text();
  }
}

TEST(Sections, HaveDefaultsThatTheirOwnRulesAllow) {
  const std::function<void(const ComponentSpec &)> look = [](const ComponentSpec &component) {
    for (const OptionSpec &option : component.options) {
      for (const std::string_view item : default_items(option)) {
        EXPECT_TRUE(parse_scalar(option, item, false).ok()) << component.id << "." << option.name;
      }
    }
  };
  for (const SectionSpec &section : pipeline_sections().sections) look(section.own);
  for (const ComponentSpec &component : built_in_components()) look(component);
}

TEST(Pipeline, ResolvesEverySectionWithTypedValuesAndDefaults) {
  const CheckedPipeline checked = check(sample_pipeline());
  ASSERT_THAT(problems(checked), IsEmpty());
  const Pipeline &pipeline = *checked.pipeline;
  EXPECT_EQ(pipeline.run, "my-lora");
  EXPECT_EQ(*value_of<int64_t>(pipeline.root.options, "seed"), 42);
  const ResolvedSection &backend = *pipeline.root.find_section("backend");
  EXPECT_EQ(backend.use, "auto");
  EXPECT_EQ(backend.component.plugin, nullptr);
  EXPECT_EQ(*value_of<int64_t>(backend.options, "memory"), 22LL << 30);
  const ResolvedSection &model = *pipeline.root.find_section("model");
  EXPECT_EQ(model.component.plugin->spec().id, "org.flamehost.sdxl");
  ASSERT_EQ(model.options.front().name, "weights");
  EXPECT_THAT(model.options.front().items,
              ElementsAre(Scalar(std::string("/work space/sd_xl_base_1.0.safetensors"))));
  EXPECT_EQ(value_of<std::string>(model.component_options, "vae"), nullptr);
  EXPECT_EQ(*value_of<double>(model.component_options, "noise_offset"), 0);
  const ResolvedSection &train = *pipeline.root.find_section("train");
  EXPECT_EQ(*value_of<int64_t>(train.options, "steps"), 1500);
  EXPECT_EQ(*value_of<double>(train.options, "ema"), 0);
  const ResolvedSection &optimizer = *train.find_section("optimizer");
  EXPECT_EQ(optimizer.path, "train.optimizer");
  EXPECT_EQ(*value_of<double>(optimizer.options, "lr"), 1e-4);
  EXPECT_EQ(*value_of<double>(optimizer.component_options, "beta2"), 0.999);
  EXPECT_EQ(*value_of<double>(train.find_section("schedule")->component_options, "final"), 0.1);
  const ResolvedSection &second = pipeline.root.sections.back();
  EXPECT_EQ(second.path, "export.1");
  EXPECT_EQ(*value_of<std::string>(second.options, "path"),
            "/work space/my-lora-diffusers.safetensors");
}

TEST(Pipeline, SaysWhichDeviceIsOpenedAndHow) {
  const auto request = [](std::string section) {
    const CheckedPipeline checked = check(with("backend: " + section));
    EXPECT_THAT(problems(checked), IsEmpty());
    return device_request(*checked.pipeline->root.find_section("backend"));
  };
  const OpenDeviceRequest plain = request("{precision: bf16}");
  EXPECT_EQ(plain.reference, "auto");
  EXPECT_FALSE(plain.deterministic);
  EXPECT_FALSE(plain.tf32);
  const OpenDeviceRequest strict = request("{determinism: strict, precision: tf32}");
  EXPECT_TRUE(strict.deterministic);
  EXPECT_TRUE(strict.tf32);
}

TEST(Pipeline, TakesTheRunsNameFromTheFileWhereItIsLeftOut) {
  EXPECT_EQ(check(with("")).pipeline->run, "p");
}

TEST(Pipeline, TakesOneScalarForAListAndFillsListDefaults) {
  const CheckedPipeline checked =
      check(with("sample: {prompts: a dog}\ndata: {use: image-folder, path: x}\n"));
  ASSERT_THAT(problems(checked), IsEmpty());
  const OptionValue &prompts = checked.pipeline->root.find_section("sample")->options.front();
  EXPECT_TRUE(prompts.list);
  EXPECT_THAT(prompts.items, ElementsAre(Scalar(std::string("a dog"))));
  const OptionValue &buckets =
      checked.pipeline->root.find_section("data")->component_options.back();
  EXPECT_THAT(buckets.items, ElementsAre(Scalar(int64_t{1024}), Scalar(int64_t{768})));
}

TEST(Pipeline, SaysWhatTheSectionsAreEnoughFor) {
  const CheckedPipeline all = check(sample_pipeline());
  ASSERT_EQ(all.abilities.size(), 3u);
  for (const Ability &ability : all.abilities) EXPECT_THAT(ability.missing, IsEmpty());
  const CheckedPipeline some =
      check(with("model: {use: sdxl, weights: x}\nsample: {prompts: [a]}\n"));
  EXPECT_THAT(some.abilities[0].missing, ElementsAre("data", "adapter", "train"));
  EXPECT_THAT(some.abilities[1].missing, IsEmpty());
  EXPECT_THAT(some.abilities[2].missing, ElementsAre("adapter", "export"));
}

TEST(Pipeline, ReportsEveryErrorOfAFileSortedByPlace) {
  EXPECT_THAT(
      problems("flame: 2\nrunn: x\nbackend: {use: auto, precision: bf61}\nmodel: {use: sdlx, "
               "weights: x}\n"
               "adapter: lora\ntrain:\n  steps: 0\n  lr: 1\nexport: {use: comfyui-lora}\n"),
      ElementsAre("1:8 'flame': '2' is not 1", "2:1 unknown key 'runn' in the pipeline file",
                  "3:33 'backend.precision': 'bf61' is not one of bf16, f16, f32, tf32",
                  "4:14 no model 'sdlx' is installed", "5:10 'adapter' is the value 'lora'",
                  "6:1 'optimizer' is missing in 'train'",
                  "7:10 'train.steps': '0' is not a whole number of 1 or more (steps)",
                  "8:3 unknown key 'lr' in 'train'", "9:9 'export' is a mapping"));
}

TEST(Pipeline, NamesTheKeyThatWasMeant) {
  const Diagnostic typo = problem(with("train: {stesp: 3, optimizer: {use: adamw}}\n"));
  EXPECT_EQ(typo.code, "unknown-key");
  EXPECT_THAT(typo.suggestions, testing::Contains("steps"));
  EXPECT_EQ(typo.suggestions.front(), "steps");
  const Diagnostic alias =
      problem(with("train: {steps: 3, optimizer: {use: adamw, learning_rate: 1}}\n"));
  EXPECT_THAT(alias.suggestions, ElementsAre("lr"));
  const Diagnostic near_alias =
      problem(with("train: {steps: 3, optimizer: {use: adamw, learning_rat: 1}}\n"));
  EXPECT_THAT(near_alias.suggestions, ElementsAre("lr"));
}

TEST(Pipeline, SaysWhereAKeyOfAnotherSectionBelongs) {
  EXPECT_EQ(problem(with("train: {steps: 3, lr: 1, optimizer: {use: adamw}}\n")).hint,
            "'lr' belongs to 'train.optimizer'");
  EXPECT_EQ(problem(with("network_dim: 8\n")).hint,
            "'network_dim' is called 'rank' here and belongs to 'adapter'");
  EXPECT_EQ(problem(with("optimizer: {use: adamw}\n")).hint, "'optimizer' belongs to 'train'");
  EXPECT_EQ(problem(with("adapter: {use: lora, seed: 4}\n")).hint,
            "'seed' belongs to the top level");
}

TEST(Pipeline, ListsTheKeysWhereNoneIsNear) {
  EXPECT_EQ(problem(with("adapter: {use: lora, zzzzzzz: 4}\n")).hint,
            "the keys here are use, layers, continue_from, rank, alpha, include, exclude, parts");
}

TEST(Pipeline, SaysWhichKindAMisplacedComponentIs) {
  const Diagnostic d = problem(with("model: {use: adamw}\n"));
  EXPECT_EQ(d.code, "unknown-component");
  EXPECT_EQ(d.hint, "'adamw' is of the kind optimizer");
  EXPECT_EQ(d.expected, "one of flux, sdxl");
}

TEST(Pipeline, ChecksTheOptionsOfAComponentWithOneWrongLetter) {
  EXPECT_THAT(problems(with("adapter: {use: lorra, rnak: 3}\n")),
              ElementsAre("2:16 no adapter 'lorra' is installed",
                          "2:23 unknown key 'rnak' in 'adapter' (lorra)"));
}

TEST(Pipeline, SaysNothingOfOptionsThatCannotBeKnown) {
  EXPECT_THAT(problems(with("adapter: {use: something-else, rnak: 3}\n")),
              ElementsAre("2:16 no adapter 'something-else' is installed"));
  EXPECT_THAT(problems(with("adapter: {rank: 3}\n")),
              ElementsAre("2:1 'use' is missing in 'adapter'"));
}

TEST(Pipeline, ReportsAMissingKeyAtItsParent) {
  const Diagnostic d = problem(with("data: {use: image-folder}\n"));
  EXPECT_EQ(d.code, "missing-key");
  EXPECT_EQ(d.place, (TextPlace{0, 2, 1, 4}));
  EXPECT_THAT(d.message, HasSubstr("'path' is missing in 'data' (image-folder)"));
  EXPECT_THAT(problems("run: x\n"), ElementsAre("1:1 'flame' is missing in the pipeline file"));
  EXPECT_THAT(problems(""), ElementsAre("1:1 'flame' is missing in the pipeline file"));
  EXPECT_THAT(problems(with("export:\n  - {path: x}\n")),
              ElementsAre("3:5 'use' is missing in 'export.0'"));
}

TEST(Pipeline, DoesNotCallAKeyMissingThatIsThereUnderAWrongName) {
  EXPECT_THAT(problems(with("data: {usee: image-folder, path: x}\n")),
              ElementsAre("2:8 unknown key 'usee' in 'data' (image-folder)"));
  EXPECT_THAT(problems(with("data: {use: image-folder, paht: x}\n")),
              ElementsAre("2:27 unknown key 'paht' in 'data' (image-folder)"));
  EXPECT_THAT(problems(with("data: {use: image-folder, path:x}\n")),
              ElementsAre("2:27 unknown key 'path:x' in 'data' (image-folder)"));
}

TEST(Pipeline, RefusesValuesOfAnotherShape) {
  EXPECT_THAT(problems(with("run: [a]\nseed: {a: 1}\nmodel: [sdxl]\ntrain:\nsample: 3\n")),
              ElementsAre("2:6 'run' is a list", "3:7 'seed' is a mapping", "4:8 'model' is a list",
                          "5:1 'train' is nothing", "6:9 'sample' is the value '3'"));
  EXPECT_THAT(problems(with("seed:\nrun: null\n")),
              ElementsAre("2:1 'seed' has no value", "3:6 'run' has no value"));
  EXPECT_THAT(problems(with("sample: {prompts: []}\n")),
              ElementsAre("2:19 'sample.prompts' is empty"));
  EXPECT_THAT(problems("- a\n"), ElementsAre("1:1 the pipeline file is a list"));
  EXPECT_EQ(problem(with("adapter: lora\n")).hint, "write adapter: {use: lora}");
  EXPECT_EQ(problem(with("export: [diffusers-lora]\n")).hint, "write - {use: diffusers-lora}");
}

TEST(Pipeline, WarnsOfAReplacedOption) {
  const CheckedPipeline checked =
      check(with("train: {steps: 3, optimizer: {use: lion, decay: 0.1}}\n"));
  ASSERT_EQ(checked.diagnostics.size(), 1u);
  EXPECT_EQ(checked.diagnostics[0].severity, Severity::kWarning);
  EXPECT_THAT(checked.diagnostics[0].message, HasSubstr("'decay' is replaced by 'weight_decay'"));
  EXPECT_TRUE(checked.pipeline.has_value());
}

TEST(Pipeline, RefusesWhatItsSectionsMayNotSayTogether) {
  const std::string weights_that_learn = R"yaml(adapter:
  use: full
  continue_from: a.safetensors
sample: {prompts: [a], strength: 0.5}
export:
  - {use: diffusers-lora, path: a.safetensors}
)yaml";
  EXPECT_THAT(problems(with(weights_that_learn)),
              ElementsAre("4:3 adapter.continue_from names a LoRA file, but adapter.use is full",
                          "5:24 sample.strength is for adapters, but adapter.use is full",
                          HasSubstr("7:5 export.0: 'diffusers-lora' writes adapters")));
  EXPECT_THAT(
      problems(with("train: {steps: 3, optimizer: {use: lion}, noise: {range: [0, 0.5, 1]}}\n")),
      ElementsAre("2:43 train.noise.range has 3 numbers, expected two"));
  EXPECT_THAT(problems(with("train: {steps: 3, optimizer: {use: lion}}\nsample: {prompts: [a], "
                            "loras: [{path: b.safetensors}]}\n")),
              ElementsAre("3:24 sample.loras is for drawing alone, and this pipeline trains"));
}

TEST(Pipeline, RefusesARunNameThatIsNoFolder) {
  for (const char *name : {"a/b", "..", "'-x'", "''", "a:b", "\"a\\nb\""}) {
    EXPECT_THAT(problems(with(fmt::format("run: {}\n", name))), ElementsAre(HasSubstr("2:6 '")))
        << name;
  }
  EXPECT_THAT(problems(with("run: über 2.0\n")), IsEmpty());
}

TEST(Pipeline, TakesThePinnedOneOfTwoPluginsWithTheSameId) {
  std::vector<InstalledPlugin> plugins = test::sample_plugins();
  plugins.push_back(test::installed("org.flamehost.lora", "other", plugins[5].spec().components));
  const Catalogue two(plugins, {});
  const std::string text = with("adapter: {use: lora}\n");
  const CheckedPipeline doubtful = check_pipeline({"/p.yaml", text, {}}, two);
  ASSERT_EQ(doubtful.diagnostics.size(), 1u);
  EXPECT_EQ(doubtful.diagnostics[0].code, "ambiguous-component");
  EXPECT_THAT(doubtful.diagnostics[0].message, HasSubstr("/plugins/other.so"));
  const CheckedPipeline pinned = check_pipeline(
      {"/p.yaml", text + "plugins: {org.flamehost.lora: plugins/other.so}\n", {}}, two);
  ASSERT_THAT(problems(pinned), IsEmpty());
  EXPECT_EQ(pinned.pipeline->root.find_section("adapter")->component.plugin->library_file,
            "/plugins/other.so");
  const CheckedPipeline wrong = check_pipeline(
      {"/p.yaml", with("plugins:\n  org.flamehost.lroa: x.so\n  org.flamehost.lora: y.so\n"), {}},
      two);
  EXPECT_THAT(problems(wrong),
              ElementsAre(HasSubstr("3:3 no plugin"), HasSubstr("4:23 the plugin")));
  EXPECT_EQ(wrong.diagnostics[0].suggestions.front(), "org.flamehost.lora");
}

TEST(Pipeline, SaysNothingOfAKeyInALineThatCannotBeRead) {
  EXPECT_THAT(problems(with("run:\tx\nbatch: 1\n")),
              ElementsAre("2:5 a tab", "3:1 unknown key 'batch' in the pipeline file"));
}

TEST(Pipeline, CallsNothingMissingInAMappingThatCouldNotBeReadToItsEnd) {
  EXPECT_THAT(problems(with("train:\n  batch: 0\n   x: 1\nadapter: {use: lora, rank: 0}\n")),
              ElementsAre(HasSubstr("3:10 'train.batch': '0' is not"),
                          HasSubstr("4:4 this line starts in column 4"),
                          "5:28 'adapter.rank': '0' is not a whole number from 1 to 1024"));
}

TEST(Override, ChangesOneValueAndChecksItAlike) {
  const CheckedPipeline checked = check(
      sample_pipeline(), {"train.steps=7", "export.1.path=x.safetensors",
                          "adapter={use: lokr, factor: 4}", "sample.prompts=[a, 'b']",
                          "backend.precision=f32", "export.2={use: diffusers-lora, path: y}"});
  ASSERT_THAT(problems(checked), IsEmpty());
  const ResolvedSection &root = checked.pipeline->root;
  EXPECT_EQ(*value_of<int64_t>(root.find_section("train")->options, "steps"), 7);
  EXPECT_EQ(root.find_section("adapter")->use, "lokr");
  EXPECT_EQ(root.sections.back().path, "export.2");
}

TEST(Override, MakesTheMappingsThatAreNotThere) {
  const CheckedPipeline checked =
      check(with(""), {"train.steps=7", "train.optimizer.use=adamw", "export.0.use=diffusers-lora",
                       "export.0.path=x=y, z.safetensors"});
  ASSERT_THAT(problems(checked), IsEmpty());
  EXPECT_EQ(*value_of<std::string>(checked.pipeline->root.sections.back().options, "path"),
            "/work space/x=y, z.safetensors");
}

TEST(Override, NamesItselfAsThePlaceOfItsErrors) {
  const CheckedPipeline checked =
      check(sample_pipeline(), {"train.stesp=7", "train.batch=many", "model.use=sdlx"});
  ASSERT_EQ(checked.diagnostics.size(), 3u);
  EXPECT_EQ(to_text(checked.diagnostics[0], checked.sources),
            "--set train.stesp=7:1:7: error: unknown key 'stesp' in 'train'\n"
            "    1 | train.stesp=7\n"
            "      |       ^~~~~\n"
            "  did you mean 'steps'?\n"
            "  see: flamehost schema train");
  EXPECT_EQ(checked.diagnostics[1].place, (TextPlace{2, 1, 13, 4}));
  EXPECT_EQ(checked.diagnostics[2].place, (TextPlace{3, 1, 11, 4}));
}

TEST(Override, RefusesWhatLeadsNowhere) {
  for (const char *argument :
       {"train", "=1", "train..steps=1", "train.steps.x=1", "export.9.path=x", "export.x=1",
        "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q=1", "train.steps=[1", "train.steps=\"1"}) {
    const Diagnostic d = problem(sample_pipeline(), {argument});
    EXPECT_EQ(d.code, "bad-override") << argument;
    EXPECT_EQ(d.place.source, 1u) << argument;
  }
  EXPECT_EQ(problem(sample_pipeline(), {"train.steps="}).message, "'train.steps' has no value");
}

TEST(Override, LeavesTheOtherUseOfAnAnchorAsItIs) {
  const CheckedPipeline checked =
      check(with("adapter: &a {use: lora}\nexport: []\n"), {"adapter.rank=3"});
  ASSERT_THAT(problems(checked), IsEmpty());
}

TEST(Override, PinsAPluginWhoseIdHasDots) {
  const CheckedPipeline checked = check(with(""), {"plugins.org.flamehost.lora=/plugins/lora.so"});
  EXPECT_THAT(problems(checked), IsEmpty());
}

}  // namespace
}  // namespace flame

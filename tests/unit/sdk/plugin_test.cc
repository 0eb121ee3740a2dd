#include "flame/plugin.hpp"

#include <gmock/gmock.h>

#include "fake_host.h"

namespace {

using flame_test::FakeCall;
using flame_test::FakeHost;
using flame_test::str;
using flame_test::text;
using testing::ElementsAre;
using testing::HasSubstr;

int starts = 0, stops = 0, living = 0;
bool start_fails = false;

class Counting : public flame::Optimizer {
 public:
  struct Options {
    double momentum = 0.5;
    bool fails = false;
    void describe(flame::OptionTable &table) {
      table.number("momentum", momentum, "Momentum.");
      table.flag("fails", fails, "The constructor throws.");
    }
  };
  explicit Counting(const Options &options) {
    if (options.fails) throw std::runtime_error("made to fail");
    ++living;
  }
  ~Counting() override { --living; }
  std::vector<flame::OptimizerState> states() const override {
    return {{"first", 1.5, FLAME_DTYPE_F32}, {"second"}};
  }
  flame::OptimizerOutputs build(flame::Program &, const flame::OptimizerInputs &) override {
    return {};
  }
};

class Plain : public flame::Sampler {  // without options
 public:
  flame::NoisePoints levels(uint32_t, const flame::NoiseLevels &trained) override {
    return {{trained.highest()}, {}};
  }
  flame::SamplerOutputs build(flame::Program &, const flame::SamplerInputs &) override {
    return {};
  }
};

class Plugins : public testing::Test {
 protected:
  Plugins() {
    starts = stops = 0;
    start_fails = false;
  }
  const flame_plugin &plugin() { return *flame_plugin_entry_v1(host.get()); }
  const flame_optimizer_interface &optimizer() {
    return *static_cast<const flame_optimizer_interface *>(
        plugin().query(FLAME_STR(FLAME_OPTIMIZER_ID)));
  }

  FakeHost host;
  FakeCall call;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.example.test").version("1.2.3").vendor("Test").license("MIT").summary("A test.");
  plugin.needs_library("libexample.so.1").needs_service(FLAME_LOG_ID);
  plugin.on_start([] {
    if (start_fails) throw flame::failed("no driver");
    ++starts;
  });
  plugin.on_stop([]() noexcept { ++stops; });
  plugin.add<Counting>("counting", "Counts.").add<Counting>("other", "Counts too.");
  plugin.add<Plain>("plain", "Without options.");
}

namespace {

TEST_F(Plugins, DescribeThemselves) {
  const flame_plugin &table = plugin();
  EXPECT_EQ(table.struct_size, sizeof table);
  EXPECT_EQ(table.minor, FLAME_ABI_MINOR);
  EXPECT_EQ(text(table.id), "org.example.test");
  EXPECT_EQ(text(table.version), "1.2.3");
  EXPECT_EQ(text(table.vendor), "Test");
  EXPECT_EQ(text(table.license), "MIT");
  EXPECT_EQ(text(table.summary), "A test.");
  ASSERT_EQ(table.requirement_count, 1u);
  EXPECT_EQ(text(table.requirements[0]), "libexample.so.1");
  ASSERT_EQ(table.component_count, 3u);
  EXPECT_EQ(text(table.components[0]->kind), "optimizer");
  EXPECT_EQ(text(table.components[0]->id), "counting");
  EXPECT_EQ(table.components[0]->option_count, 2u);
  EXPECT_EQ(text(table.components[0]->options[0]->default_text), "0.5");
  EXPECT_EQ(text(table.components[2]->kind), "sampler");
  EXPECT_EQ(table.components[2]->option_count, 0u);
}

TEST_F(Plugins, GiveTheSameTableEachTime) {
  EXPECT_EQ(&plugin(), &plugin());
}

TEST_F(Plugins, RefuseAHostWithoutAServiceThatTheyNeed) {
  FakeHost poor(std::vector<std::string>{});
  EXPECT_EQ(flame_plugin_entry_v1(poor.get()), nullptr);
  EXPECT_EQ(flame_plugin_entry_v1(nullptr), nullptr);
}

TEST_F(Plugins, CountTheirStarts) {
  EXPECT_EQ(plugin().start(call), FLAME_OK);
  EXPECT_EQ(plugin().start(call), FLAME_OK);
  plugin().stop();
  EXPECT_EQ(stops, 0);
  plugin().stop();
  EXPECT_EQ(starts, 1);
  EXPECT_EQ(stops, 1);
  plugin().stop();
  EXPECT_EQ(stops, 1) << "one stop too many changes nothing";
}

TEST_F(Plugins, MayBeStartedAgainAfterAStartThatFailed) {
  start_fails = true;
  EXPECT_EQ(plugin().start(call), FLAME_ERROR_FAILED);
  EXPECT_EQ(call.message, "no driver");
  start_fails = false;
  EXPECT_EQ(plugin().start(call), FLAME_OK);
  plugin().stop();
  EXPECT_EQ(stops, 1);
}

TEST_F(Plugins, OfferTheInterfacesOfTheirKindsAndNoOther) {
  EXPECT_NE(plugin().query(FLAME_STR(FLAME_OPTIMIZER_ID)), nullptr);
  EXPECT_NE(plugin().query(FLAME_STR(FLAME_SAMPLER_ID)), nullptr);
  EXPECT_EQ(plugin().query(FLAME_STR(FLAME_MODEL_ID)), nullptr);
  EXPECT_EQ(plugin().query(FLAME_STR("com.example.other/1")), nullptr);
  EXPECT_EQ(plugin().query({nullptr, 0}), nullptr);
}

TEST_F(Plugins, MakeAndDestroyObjects) {
  const flame::AttributeArray options({{"momentum", 0.25}});
  flame_optimizer *made = nullptr;
  ASSERT_EQ(optimizer().create(call, str("counting"), options.data(), options.size(), &made),
            FLAME_OK);
  EXPECT_EQ(living, 1);
  optimizer().destroy(made);
  EXPECT_EQ(living, 0);
  optimizer().destroy(nullptr);
}

TEST_F(Plugins, TellWhyAnObjectCannotBeMade) {
  flame_optimizer *made = nullptr;
  const flame::AttributeArray fails({{"fails", true}}), unknown({{"lr", 1.0}});
  EXPECT_EQ(optimizer().create(call, str("counting"), fails.data(), 1, &made), FLAME_ERROR_FAILED);
  EXPECT_EQ(call.message, "made to fail");
  EXPECT_EQ(optimizer().create(call, str("counting"), unknown.data(), 1, &made),
            FLAME_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(optimizer().create(call, str("plain"), nullptr, 0, &made), FLAME_ERROR_NOT_FOUND);
  EXPECT_EQ(call.failures, 3);
  EXPECT_EQ(made, nullptr);
}

TEST_F(Plugins, EndTheListOfStatesAndWriteNoFurtherThanTheHostsStruct) {
  flame_optimizer *made = nullptr;
  ASSERT_EQ(optimizer().create(call, str("other"), nullptr, 0, &made), FLAME_OK);
  flame_state_info info = {};
  info.struct_size = sizeof info;
  EXPECT_EQ(optimizer().describe_state(made, call, 0, &info), FLAME_OK);
  EXPECT_EQ(text(info.name), "first");
  EXPECT_EQ(info.initial, 1.5);
  EXPECT_EQ(info.struct_size, sizeof info);
  EXPECT_EQ(call.failures, 0);
  EXPECT_EQ(optimizer().describe_state(made, call, 2, &info), FLAME_ERROR_END);
  EXPECT_EQ(call.failures, 1);

  flame_state_info shorter = {offsetof(flame_state_info, initial), 0, {}, 77, 0, 0};
  EXPECT_EQ(optimizer().describe_state(made, call, 0, &shorter), FLAME_OK);
  EXPECT_EQ(shorter.initial, 77) << "an older host's struct ends before this field";
  optimizer().destroy(made);
}

TEST_F(Plugins, RefuseTheWrongNumberOfNoiseLevels) {
  const auto &sampler =
      *static_cast<const flame_sampler_interface *>(plugin().query(FLAME_STR(FLAME_SAMPLER_ID)));
  flame_sampler *made = nullptr;
  ASSERT_EQ(sampler.create(call, str("plain"), nullptr, 0, &made), FLAME_OK);
  double sigmas[4] = {}, times[3] = {};
  const double known[] = {0.1, 10};
  const flame_noise_levels trained{sizeof trained, 2, known};
  EXPECT_EQ(sampler.levels(made, call, 3, &trained, sigmas, times), FLAME_ERROR_FAILED);
  EXPECT_THAT(call.message, HasSubstr("1 noise levels and 0 times for 3 steps"));
  EXPECT_THAT(sigmas, ElementsAre(0, 0, 0, 0));
  EXPECT_EQ(sampler.memory_count(made), 0u);
  EXPECT_EQ(sampler.uses_noise(made), 0u);
  sampler.destroy(made);
}

TEST_F(Plugins, WriteToTheHostsLog) {
  plugin();
  flame::log_debug("not kept");
  flame::log_warning("found ", 3, " files");
  EXPECT_THAT(host.log, ElementsAre("2 found 3 files"));
}

}  // namespace

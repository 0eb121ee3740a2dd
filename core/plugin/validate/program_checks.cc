// Models, adapters, optimizers and samplers: the kinds that describe computation.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/base/flame_text.h"
#include "core/base/terminal.h"
#include "core/base/utf8.h"
#include "core/plugin/validate/for_each.h"
#include "core/plugin/validate/trial_group.h"
#include "flame/flame.h"

namespace flame {
namespace {

constexpr uint32_t kMostNames = 1000;

// A builder whose first call fails, and so every further one: what a plugin meets when it asks for
// something wrong.
class RefusingBuilder {
 public:
  RefusingBuilder()
      : table_{sizeof table_, 0, this, input, parameter, op, output, describe, push, pop, start} {}
  const flame_program_builder *get() const { return &table_; }
  uint64_t calls() const { return calls_; }

 private:
  static flame_status refuse(void *self, flame_call *call) {
    ++static_cast<RefusingBuilder *>(self)->calls_;
    call->fail(call->sink, FLAME_ERROR_INVALID_ARGUMENT,
               FLAME_STR("the builder refuses everything: this is a trial"));
    return FLAME_ERROR_INVALID_ARGUMENT;
  }
  static flame_status input(void *self, flame_call *call, flame_str, flame_dtype, uint32_t,
                            const int64_t *, flame_value *) noexcept {
    return refuse(self, call);
  }
  static flame_status parameter(void *self, flame_call *call, flame_str, uint32_t, flame_dtype,
                                uint32_t, const int64_t *, flame_value *) noexcept {
    return refuse(self, call);
  }
  static flame_status op(void *self, flame_call *call, const flame_node *, flame_value *) noexcept {
    return refuse(self, call);
  }
  static flame_status output(void *self, flame_call *call, flame_str, flame_value) noexcept {
    return refuse(self, call);
  }
  static flame_status describe(void *self, flame_call *call, flame_value, flame_tensor *) noexcept {
    return refuse(self, call);
  }
  static flame_status push(void *self, flame_call *call, flame_str) noexcept {
    return refuse(self, call);
  }
  static flame_status pop(void *self, flame_call *call) noexcept { return refuse(self, call); }
  static flame_status start(void *self, flame_call *call, flame_value, uint32_t, double) noexcept {
    return refuse(self, call);
  }

  flame_program_builder table_;
  uint64_t calls_ = 0;
};

Status judge_name(std::string_view what, flame_str text, std::set<std::string> &names) {
  const std::string name = std::string(text_of(text));
  if (!name.empty() && is_utf8(name) && names.insert(name).second) return {};
  return broken(fmt::format("each {} has a name of its own", what),
                fmt::format("the name '{}'", printable(name)));
}

Result<std::vector<std::string>> program_names(Subject &subject, const flame_model_interface *table,
                                               flame_model *model) {
  std::vector<std::string> list;
  std::set<std::string> names;
  for (uint32_t index = 0;; ++index) {
    CheckedCall call;
    flame_str name{};
    subject.at(fmt::format("program_name({})", index));
    const flame_status status = table->program_name(model, call.get(), index, &name);
    if (status == FLAME_ERROR_END) {
      FLAME_TRY(call.judge("program_name()", status));
      return list;
    }
    FLAME_TRY(call.expect_success("program_name()", status));
    FLAME_TRY(judge_name("program", name, names));
    list.emplace_back(name.data, name.size);
    if (index == kMostNames) return broken("END behind the last program", "it never came");
  }
}

Result<Done> model_names_end(Subject &subject) {
  return for_each_object<flame_model>(
      subject, FLAME_KIND_MODEL,
      [&](const CheckedComponent &component, flame_model *model) -> Status {
        const auto *table = component.interface<flame_model_interface>();
        FLAME_ASSIGN(const auto first, program_names(subject, table, model));
        FLAME_ASSIGN(const auto again, program_names(subject, table, model));
        if (first.empty()) return broken("a model has a program", "END came at once");
        if (first == again) return {};
        return broken("the same programs each time", "two walks differ");
      });
}

Result<Done> model_refuses_unknown_program(Subject &subject) {
  return for_each_object<flame_model>(
      subject, FLAME_KIND_MODEL,
      [&](const CheckedComponent &component, flame_model *model) -> Status {
        const auto *table = component.interface<flame_model_interface>();
        RefusingBuilder builder;
        CheckedCall call;
        subject.at("build() of a program that does not exist");
        FLAME_TRY(call.expect_failure("build()",
                                      table->build(model, call.get(), FLAME_STR("no-such-program"),
                                                   nullptr, 0, builder.get()),
                                      "there is no such program",
                                      {FLAME_ERROR_NOT_FOUND, FLAME_ERROR_INVALID_ARGUMENT}));
        if (builder.calls() == 0) return {};
        return broken("the name is looked at before anything is built",
                      fmt::format("the builder was called {} times", builder.calls()));
      });
}

// A failure of the builder ends the build, is told once and keeps its status.
Status judge_refused_build(const CheckedCall &call, flame_status status,
                           const RefusingBuilder &builder) {
  FLAME_TRY(call.judge("build()", status));
  if (builder.calls() == 0 || status != FLAME_OK) return {};
  return broken("build() fails when the builder fails", "it returned FLAME_OK");
}

Result<Done> model_passes_failures_on(Subject &subject) {
  return for_each_object<flame_model>(
      subject, FLAME_KIND_MODEL,
      [&](const CheckedComponent &component, flame_model *model) -> Status {
        const auto *table = component.interface<flame_model_interface>();
        FLAME_ASSIGN(const auto names, program_names(subject, table, model));
        for (const std::string &name : names) {
          RefusingBuilder builder;
          AttributeList sizes;
          sizes.add_int("batch", 1);
          CheckedCall call;
          subject.at(fmt::format("build(\"{}\") with a builder that refuses", name));
          const flame_status status = table->build(model, call.get(), {name.data(), name.size()},
                                                   sizes.data(), sizes.size(), builder.get());
          FLAME_TRY(judge_refused_build(call, status, builder));
        }
        return {};
      });
}

Result<Done> adapter_passes_failures_on(Subject &subject) {
  return for_each_object<flame_adapter>(
      subject, FLAME_KIND_ADAPTER,
      [&](const CheckedComponent &component, flame_adapter *adapter) -> Status {
        const auto *table = component.interface<flame_adapter_interface>();
        const flame_layer layer{
            sizeof layer, 0,      FLAME_STR("block.to_q"), FLAME_STR("linear"), 1, 2, 3, 0,
            nullptr,      nullptr};
        RefusingBuilder builder;
        CheckedCall call;
        flame_value out = 0;
        subject.at("adapt() with a builder that refuses");
        const flame_status status = table->adapt(adapter, call.get(), &layer, builder.get(), &out);
        return judge_refused_build(call, status, builder);
      });
}

Result<uint32_t> count_states(Subject &subject, const flame_optimizer_interface *table,
                              flame_optimizer *optimizer) {
  std::set<std::string> names;
  for (uint32_t index = 0;; ++index) {
    flame_state_info info{};
    info.struct_size = sizeof info;
    CheckedCall call;
    subject.at(fmt::format("describe_state({})", index));
    const flame_status status = table->describe_state(optimizer, call.get(), index, &info);
    if (status == FLAME_ERROR_END) {
      FLAME_TRY(call.judge("describe_state()", status));
      return index;
    }
    FLAME_TRY(call.expect_success("describe_state()", status));
    FLAME_TRY(judge_name("state", info.name, names));
    if (!std::isfinite(info.initial)) {
      return broken("a state begins with a finite number", fmt::format("{}", info.initial));
    }
    if (index == kMostNames) return broken("END behind the last state", "it never came");
  }
}

Result<Done> optimizer_states_end(Subject &subject) {
  return for_each_object<flame_optimizer>(
      subject, FLAME_KIND_OPTIMIZER,
      [&](const CheckedComponent &component, flame_optimizer *optimizer) -> Status {
        const auto *table = component.interface<flame_optimizer_interface>();
        FLAME_TRY(count_states(subject, table, optimizer));
        return {};
      });
}

Result<Done> optimizer_passes_failures_on(Subject &subject) {
  return for_each_object<flame_optimizer>(
      subject, FLAME_KIND_OPTIMIZER,
      [&](const CheckedComponent &component, flame_optimizer *optimizer) -> Status {
        const auto *table = component.interface<flame_optimizer_interface>();
        FLAME_ASSIGN(const uint32_t count, count_states(subject, table, optimizer));
        std::vector<flame_value> states(count), new_states(count);
        for (uint32_t i = 0; i < count; ++i) states[i] = 5 + i;
        const TrialGroup group;
        flame_update update{
            sizeof update,     1,           2,      3, 4, count, states.data(), 0, 0,
            new_states.data(), group.get(), nullptr};
        RefusingBuilder builder;
        CheckedCall call;
        subject.at("build() with a builder that refuses");
        const flame_status status = table->build(optimizer, call.get(), builder.get(), &update);
        return judge_refused_build(call, status, builder);
      });
}

// Levels of a diffusion model's kind.
std::vector<double> trained_levels(double lowest, double highest, uint32_t count) {
  std::vector<double> sigmas;
  for (uint32_t i = 0; i < count; ++i) {
    sigmas.push_back(lowest * std::pow(highest / lowest, i / (count - 1.0)));
  }
  return sigmas;
}

Status judge_levels(const double *sigmas, uint32_t steps, const std::vector<double> &trained) {
  const std::string where = fmt::format("with {} steps", steps);
  if (!(sigmas[0] <= trained.back() * (1 + 1e-9))) {
    return broken(fmt::format("the first level is at most {}", trained.back()),
                  fmt::format("it is {} {}", sigmas[0], where));
  }
  for (uint32_t i = 0; i < steps; ++i) {
    if (std::isfinite(sigmas[i]) && sigmas[i] > sigmas[i + 1]) continue;
    return broken("the levels fall",
                  fmt::format("{} is followed by {} {}", sigmas[i], sigmas[i + 1], where));
  }
  if (sigmas[steps] == 0 || std::ranges::find(trained, sigmas[steps]) != trained.end()) return {};
  return broken("the last level is 0 or a trained one",
                fmt::format("it is {} {}", sigmas[steps], where));
}

Status judge_times(const double *times, uint32_t steps, size_t count) {
  for (uint32_t i = 0; i < steps; ++i) {
    const bool inside = times[i] >= 0 && times[i] <= static_cast<double>(count - 1);
    if (inside && (i == 0 || times[i] <= times[i - 1])) continue;
    return broken(fmt::format("times lie between 0 and {} and do not rise", count - 1),
                  fmt::format("time {} is {} with {} steps", i, times[i], steps));
  }
  return {};
}

Status judge_points(Subject &subject, const flame_sampler_interface &table, flame_sampler *sampler,
                    uint32_t steps, const std::vector<double> &trained) {
  // More steps than any picture needs may be refused.
  constexpr uint32_t kUsualSteps = 50;
  const GuardedBlock sigmas((steps + 1) * sizeof(double)), times(steps * sizeof(double));
  const flame_noise_levels levels{sizeof levels, static_cast<uint32_t>(trained.size()),
                                  trained.data()};
  CheckedCall call;
  subject.at(fmt::format("levels() with {} steps", steps));
  const flame_status status =
      table.levels(sampler, call.get(), steps, &levels, reinterpret_cast<double *>(sigmas.data()),
                   reinterpret_cast<double *>(times.data()));
  if (status == FLAME_ERROR_INVALID_ARGUMENT && steps > kUsualSteps) return {};
  FLAME_TRY(call.expect_success("levels()", status));
  FLAME_TRY(judge_levels(reinterpret_cast<const double *>(sigmas.data()), steps, trained));
  return judge_times(reinterpret_cast<const double *>(times.data()), steps, trained.size());
}

Result<Done> sampler_levels_fall(Subject &subject) {
  return for_each_object<flame_sampler>(
      subject, FLAME_KIND_SAMPLER,
      [&](const CheckedComponent &component, flame_sampler *sampler) -> Status {
        const auto *table = component.interface<flame_sampler_interface>();
        for (const uint32_t steps : {1u, 2u, 20u, 1000u}) {
          for (const auto &trained :
               {trained_levels(0.03, 14.6, 1000), trained_levels(0.001, 1.0, 1000)}) {
            FLAME_TRY(judge_points(subject, *table, sampler, steps, trained));
          }
        }
        return {};
      });
}

Result<Done> sampler_counts_are_fixed(Subject &subject) {
  return for_each_object<flame_sampler>(
      subject, FLAME_KIND_SAMPLER,
      [&](const CheckedComponent &component, flame_sampler *sampler) -> Status {
        const auto *table = component.interface<flame_sampler_interface>();
        subject.at("memory_count() and uses_noise()");
        const uint32_t memories = table->memory_count(sampler);
        const uint32_t noise = table->uses_noise(sampler);
        if (noise > 1) return broken("uses_noise() is 0 or 1", fmt::format("it is {}", noise));
        if (memories > 64) {
          return broken("a few tensors are kept", fmt::format("memory_count() is {}", memories));
        }
        if (memories == table->memory_count(sampler) && noise == table->uses_noise(sampler)) {
          return {};
        }
        return broken("the same answers each time", "they change");
      });
}

Result<Done> sampler_passes_failures_on(Subject &subject) {
  return for_each_object<flame_sampler>(
      subject, FLAME_KIND_SAMPLER,
      [&](const CheckedComponent &component, flame_sampler *sampler) -> Status {
        const auto *table = component.interface<flame_sampler_interface>();
        const uint32_t count = table->memory_count(sampler);
        std::vector<flame_value> memories(count, 7), new_memories(count);
        flame_sampler_step step{};
        step.struct_size = sizeof step;
        step.sample = 1;
        step.denoised = 2;
        step.noise = table->uses_noise(sampler) ? 3 : 0;
        step.sigma = 4;
        step.next_sigma = 5;
        step.index = 6;
        step.previous_sigma = 8;
        step.time = 9;
        step.memory_count = count;
        step.memories = memories.data();
        step.new_memories = new_memories.data();
        RefusingBuilder builder;
        CheckedCall call;
        subject.at("build() with a builder that refuses");
        const flame_status status = table->build(sampler, call.get(), builder.get(), &step);
        return judge_refused_build(call, status, builder);
      });
}

constexpr Check kChecks[] = {
    {"model.program-names-end", "flame/model.h: program_name gives END behind the last",
     Stage::kStarted, model_names_end},
    {"model.refuses-unknown-program", "flame/abi.h: NOT_FOUND for a name that does not exist",
     Stage::kStarted, model_refuses_unknown_program},
    {"model.passes-failures-on", "flame/call.h: a failure is told once", Stage::kStarted,
     model_passes_failures_on},
    {"adapter.passes-failures-on", "flame/call.h: a failure is told once", Stage::kStarted,
     adapter_passes_failures_on},
    {"optimizer.states-end", "flame/optimizer.h: describe_state gives END behind the last",
     Stage::kStarted, optimizer_states_end},
    {"optimizer.passes-failures-on", "flame/call.h: a failure is told once", Stage::kStarted,
     optimizer_passes_failures_on},
    {"sampler.levels-fall", "flame/sampler.h: levels fall to 0 or a trained one; times do not rise",
     Stage::kStarted, sampler_levels_fall},
    {"sampler.counts-are-fixed", "flame/sampler.h: memory_count and uses_noise", Stage::kStarted,
     sampler_counts_are_fixed},
    {"sampler.passes-failures-on", "flame/call.h: a failure is told once", Stage::kStarted,
     sampler_passes_failures_on},
};

}  // namespace

std::span<const Check> program_checks() {
  return kChecks;
}

}  // namespace flame

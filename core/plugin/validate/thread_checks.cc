// What is tagged [any] may be called from several threads at once.
#include <fmt/core.h>

#include <array>
#include <atomic>
#include <barrier>
#include <mutex>
#include <thread>

#include "core/plugin/validate/for_each.h"

namespace flame {
namespace {

constexpr int kThreads = 4;

// Runs `work(thread)` in four threads that begin together; the first broken rule is the result.
template <typename Work>
Status in_threads(Work &&work) {
  std::barrier begin(kThreads);
  std::mutex mutex;
  Status first;
  std::array<std::thread, kThreads> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads[static_cast<size_t>(i)] = std::thread([&, i] {
      begin.arrive_and_wait();
      Status status = work(i);
      const std::lock_guard lock(mutex);
      if (first.ok()) first = std::move(status);
    });
  }
  for (std::thread &thread : threads) thread.join();
  return first;
}

Result<Done> query_from_threads(Subject &subject) {
  FLAME_ASSIGN(const auto components, subject.components());
  FLAME_ASSIGN(const flame_plugin *table, subject.plugin());
  subject.at("query() from four threads");
  FLAME_TRY(in_threads([&](int) -> Status {
    for (int round = 0; round < 2000; ++round) {
      for (const CheckedComponent &component : components) {
        const std::string_view id = component.kind->interface_id;
        if (table->query({id.data(), id.size()}) != component.table) {
          return broken("the same interface in every thread", "query() gave another");
        }
      }
      if (table->query(FLAME_STR("flame.not-yet/1"))) {
        return broken("null for an unknown id in every thread", "query() gave an interface");
      }
    }
    return {};
  }));
  return passed();
}

Result<Done> create_from_threads(Subject &subject) {
  return for_each_component(subject, {}, [&](const CheckedComponent &component) -> Status {
    // Opening a device is [init].
    if (component.spec.kind == FLAME_KIND_BACKEND) return {};
    subject.at(fmt::format("creating '{}' from four threads", component.spec.id));
    return in_threads([&](int) -> Status {
      for (int round = 0; round < 20; ++round) {
        CheckedCall call;
        void *object = nullptr;
        const flame_status status =
            component.kind->create(component.table, call.get(), component.id(),
                                   component.options.data(), component.options.size(), &object);
        FLAME_TRY(call.expect_success("create()", status));
        if (!object) return broken("a handle", "create() succeeded and gave null");
        component.kind->destroy(component.table, object);
      }
      return {};
    });
  });
}

Result<Done> errors_from_threads(Subject &subject) {
  return for_each_component(
      subject, {},
      [&](const CheckedComponent &component) -> Status {
        if (component.spec.kind == FLAME_KIND_BACKEND) return {};
        subject.at(fmt::format("creating '{}' wrongly from four threads", component.spec.id));
        return in_threads([&](int thread) -> Status {
          for (int round = 0; round < 50; ++round) {
            CheckedCall call;
            void *object = nullptr;
            AttributeList options;
            options.add_int(fmt::format("no-such-option-{}", thread), round);
            const flame_status status =
                component.kind->create(component.table, call.get(), component.id(), options.data(),
                                       options.size(), &object);
            FLAME_TRY(call.expect_failure("create()", status, "there is no such option",
                                          {FLAME_ERROR_INVALID_ARGUMENT}));
          }
          return {};
        });
      },
      Incomplete::kTry);
}

// A thread other than the one that started it.
Result<Done> objects_travel(Subject &subject) {
  return for_each_component(subject, {}, [&](const CheckedComponent &component) -> Status {
    if (component.spec.kind == FLAME_KIND_BACKEND) return {};
    FLAME_ASSIGN(void *object, subject.create(component));
    std::thread([&] { subject.destroy(component, object); }).join();
    return {};
  });
}

constexpr Check kChecks[] = {
    {"threads.query", "flame/entry.h: query is [any]", Stage::kStarted, query_from_threads},
    {"threads.create",
     "flame/abi.h: what is tagged [any] may be called from any thread at any time", Stage::kStarted,
     create_from_threads},
    {"threads.errors", "flame/call.h: a call is used by its own function's thread alone",
     Stage::kStarted, errors_from_threads},
    {"threads.objects-travel",
     "flame/abi.h: [object-serial] is one call at a time, from any thread", Stage::kStarted,
     objects_travel},
};

}  // namespace

std::span<const Check> thread_checks() {
  return kChecks;
}

}  // namespace flame

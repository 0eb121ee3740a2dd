// From the entry to the last stop: in which order a plugin may be called, and what it keeps.
#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include "core/plugin/interface.h"
#include "core/plugin/validate/for_each.h"

namespace flame {
namespace {

Result<Done> entry_answers(Subject &subject) {
  FLAME_TRY(subject.plugin());
  return passed();
}

Result<Done> entry_repeats(Subject &subject) {
  FLAME_ASSIGN(const flame_plugin *first, subject.plugin());
  for (int i = 0; i < 3; ++i) {
    FLAME_ASSIGN(const flame_plugin *again, subject.enter(subject.host()));
    if (again != first) {
      return broken("each call of the entry returns the same table",
                    fmt::format("call {} returned another address", i + 2));
    }
  }
  return passed();
}

Result<Done> table_is_constant(Subject &subject) {
  FLAME_ASSIGN(const flame_plugin *table, subject.plugin());
  FLAME_ASSIGN(const PluginSpec before, read_descriptor(*table));
  const std::string bytes(reinterpret_cast<const char *>(table), sizeof(flame_plugin));
  FLAME_TRY(subject.live_once());
  FLAME_TRY(subject.enter(subject.host()));
  FLAME_ASSIGN(const PluginSpec after, read_descriptor(*table));
  const bool same = memcmp(bytes.data(), table, bytes.size()) == 0;
  if (same && to_json(before).dump() == to_json(after).dump()) return passed();
  return broken("the table and its texts never change",
                "they differ after start(), stop() and a second call of the entry");
}

Result<Done> start_answers(Subject &subject) {
  FLAME_TRY(subject.start());
  return passed();
}

Result<Done> start_stop_three_times(Subject &subject) {
  for (int i = 0; i < 3; ++i) FLAME_TRY(subject.live_once());
  return passed();
}

Result<Done> start_counts(Subject &subject) {
  FLAME_TRY(subject.components());
  FLAME_TRY(subject.start());
  subject.stop();
  // One start is still open: everything that it promised is there.
  FLAME_ASSIGN(const flame_plugin *table, subject.plugin());
  FLAME_ASSIGN(const PluginSpec spec, read_descriptor(*table));
  for (const ComponentSpec &component : spec.components) {
    const KindAccess *kind = find_kind(component.kind);
    if (!kind || subject.query(kind->interface_id)) continue;
    return broken("after start, start, stop the plugin is still started",
                  fmt::format("query(\"{}\") gave null", kind->interface_id));
  }
  subject.stop();
  return passed();
}

Result<Done> works_after_restart(Subject &subject) {
  FLAME_TRY(subject.start());
  subject.stop();
  FLAME_TRY(subject.live_once());
  return passed();
}

Result<Done> query_is_stable(Subject &subject) {
  FLAME_ASSIGN(const auto components, subject.components());
  for (const CheckedComponent &component : components) {
    if (subject.query(component.kind->interface_id) == component.table) continue;
    return broken("an interface stays where it is between start() and the last stop()",
                  fmt::format("query(\"{}\") gave another address", component.kind->interface_id));
  }
  return passed();
}

Result<Done> query_unknown_ids(Subject &subject) {
  FLAME_TRY(subject.components());
  GuardedTexts texts;
  constexpr std::array<std::string_view, 6> kUnknown = {
      "flame.not-yet/1", "com.example.unknown/7", "flame.", "x", " ", "\xff\xfe"};
  for (const std::string_view id : kUnknown) {
    if (!subject.query(texts.add(id))) continue;
    return broken("null for an id that the plugin does not know",
                  fmt::format("query(\"{}\") gave an interface", id));
  }
  if (subject.query(flame_str{nullptr, 0})) {
    return broken("null for an empty id", "query(\"\") gave an interface");
  }
  return passed();
}

// Each interface's id, cut short or with more behind it, is another id.
Result<Done> query_compares_whole_ids(Subject &subject) {
  FLAME_ASSIGN(const auto components, subject.components());
  GuardedTexts texts;
  for (const CheckedComponent &component : components) {
    const std::string id(component.kind->interface_id);
    for (const std::string &other :
         {id + "0", id + "/1", id + std::string(1, '\0'), id.substr(0, id.size() - 1),
          id.substr(0, id.size() - 2), "x" + id}) {
      if (!subject.query(texts.add(other))) continue;
      return broken(fmt::format("null, because the id is not \"{}\"", id),
                    fmt::format("query(\"{}\") gave an interface", other));
    }
  }
  return passed();
}

Result<Done> query_reads_no_further(Subject &subject) {
  FLAME_ASSIGN(const auto components, subject.components());
  GuardedTexts texts;
  for (const CheckedComponent &component : components) {
    if (subject.query(texts.add(component.kind->interface_id)) == component.table) continue;
    return broken(fmt::format("the interface \"{}\", whatever stands behind the id in memory",
                              component.kind->interface_id),
                  "query gave another answer");
  }
  return passed();
}

Result<Done> interfaces_are_whole(Subject &subject) {
  FLAME_ASSIGN(const flame_plugin *table, subject.plugin());
  FLAME_ASSIGN(const PluginSpec spec, read_descriptor(*table));
  FLAME_TRY(subject.start());
  for (const ComponentSpec &component : spec.components) {
    if (!find_kind(component.kind)) continue;
    subject.at(fmt::format("the interface of the kind '{}'", component.kind));
    const Result<const void *> interface = query_interface(*table, component.kind);
    if (!interface.ok()) {
      return broken("an interface for every kind, with all functions of this minor version",
                    interface.error().what);
    }
    uint32_t head[2];
    memcpy(head, *interface, sizeof head);
    if (head[1] == 0) continue;
    return broken("the reserved word of an interface is zero",
                  fmt::format("in {} it is {}", interface_id(component.kind), head[1]));
  }
  return passed();
}

Result<Done> many_objects(Subject &subject) {
  return for_each_component(subject, {}, [&](const CheckedComponent &component) -> Status {
    std::array<void *, 3> objects{};
    for (void *&object : objects) {
      FLAME_ASSIGN(object, subject.create(component));
    }
    for (void *object : objects) subject.destroy(component, object);
    return {};
  });
}

// The host leaves the library open and ends: destructors of the plugin run then, and must not fail.
Result<Done> process_ends_cleanly(Subject &subject) {
  const pid_t child = fork();
  if (child == 0) {
    const Status lived = subject.live_once();
    subject.at(lived.ok() ? "exit(), after stop()" : "start()");
    exit(lived.ok() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return passed();
  return broken("a process that started and stopped the plugin ends with exit code 0",
                WIFSIGNALED(status)
                    ? fmt::format("it was killed by signal {} ({})", WTERMSIG(status),
                                  strsignal(WTERMSIG(status)))
                    : fmt::format("it ended with exit code {}", WEXITSTATUS(status)));
}

constexpr Check kChecks[] = {
    {"lifecycle.entry-answers",
     "flame/entry.h: the entry returns the table, or null after writing the reason to flame.log/1",
     Stage::kEntered, entry_answers},
    {"lifecycle.entry-repeats",
     "flame/entry.h: the entry may be called again and then returns the same", Stage::kEntered,
     entry_repeats},
    {"lifecycle.start-answers",
     "flame/entry.h: start makes the plugin ready, or fails and says why", Stage::kStarted,
     start_answers},
    {"lifecycle.table-is-constant",
     "flame/entry.h: the table is constant and valid as long as the library is open",
     Stage::kStarted, table_is_constant},
    {"lifecycle.start-stop-three-times",
     "flame/entry.h: start is balanced by stop and may be repeated", Stage::kStarted,
     start_stop_three_times},
    {"lifecycle.start-counts",
     "flame/entry.h: start and stop are balanced, the plugin counts; query is valid until the last "
     "stop",
     Stage::kStarted, start_counts},
    {"lifecycle.works-after-restart", "flame/entry.h: start may be repeated after stop",
     Stage::kStarted, works_after_restart},
    {"lifecycle.query-is-stable",
     "flame/entry.h: what query gives is valid between start and the last stop", Stage::kStarted,
     query_is_stable},
    {"lifecycle.query-unknown-ids",
     "flame/entry.h: query gives null for an id that the plugin does not offer", Stage::kStarted,
     query_unknown_ids},
    {"lifecycle.query-compares-whole-ids",
     "flame/entry.h: query gives the interface of that id, not of one that begins alike",
     Stage::kStarted, query_compares_whole_ids},
    {"lifecycle.query-reads-no-further", "flame/abi.h: text is a flame_str, not ended by NUL",
     Stage::kStarted, query_reads_no_further},
    {"lifecycle.interfaces-are-whole",
     "flame/abi.h: struct_size is the sizeof that the plugin was built with; reserved words are "
     "zero",
     Stage::kStarted, interfaces_are_whole},
    {"lifecycle.many-objects", "flame/abi.h: who creates destroys; objects are independent",
     Stage::kStarted, many_objects},
    {"lifecycle.process-ends-cleanly",
     "flame/entry.h: the library stays open until the process ends", Stage::kStarted,
     process_ends_cleanly},
};

}  // namespace

std::span<const Check> lifecycle_checks() {
  return kChecks;
}

}  // namespace flame

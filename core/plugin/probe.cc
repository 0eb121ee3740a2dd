#include "core/plugin/probe.h"

#include <fmt/core.h>
#include <sys/mman.h>

#include <cstring>
#include <functional>
#include <set>
#include <string>

#include "core/base/call_scope.h"
#include "core/base/flame_text.h"
#include "core/base/terminal.h"
#include "core/plugin/host_services.h"
#include "core/plugin/interface.h"
#include "core/plugin/json_members.h"
#include "core/plugin/library.h"
#include "core/plugin/process_state.h"

namespace flame {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxReportBytes = 32u << 20;

// Where the child is; told in messages when it does not come back.
enum Stage : uint32_t {
  kLoading,
  kEntering,
  kReading,
  kStarting,
  kQuerying,
  kStopping,
  kDone,
};

const char *phrase_of(uint32_t stage) {
  switch (stage) {
    case kLoading:
      return "while it was loaded (its constructors ran)";
    case kEntering:
      return "in flame_plugin_entry_v1()";
    case kReading:
      return "while its table was read (a pointer in it leads nowhere)";
    case kStarting:
      return "in start()";
    case kQuerying:
      return "in query()";
    case kStopping:
      return "in stop()";
    default:
      return "after it had returned";
  }
}

// A page that parent and child share: what the child did last is known even if the report is lost.
class Progress {
 public:
  struct Page {
    uint32_t stage;
    char failure[4000];  // ends with NUL
  };

  Progress()
      : page_(static_cast<Page *>(mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE,
                                       MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
  ~Progress() {
    if (usable()) munmap(page_, sizeof(Page));
  }
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;

  bool usable() const { return page_ != MAP_FAILED; }
  void enter(Stage stage) { page_->stage = stage; }
  uint32_t stage() const { return page_->stage; }
  void keep_failure(std::string_view text) {
    const size_t size = std::min(text.size(), sizeof page_->failure - 1);
    memcpy(page_->failure, text.data(), size);
    page_->failure[size] = '\0';
  }
  // The child's code could have written anything here.
  std::string failure() const {
    return printable({page_->failure, strnlen(page_->failure, sizeof page_->failure)});
  }

 private:
  Page *page_;
};

// What runs in the child.
class Visit {
 public:
  Visit(fs::path library, Progress &progress)
      : library_(std::move(library)), progress_(progress), before_(ProcessState::now()) {}

  Result<DescribedPlugin> describe() {
    progress_.enter(kLoading);
    FLAME_ASSIGN(const PluginEntry entry, load_plugin_library(library_));
    FLAME_TRY(unchanged());
    progress_.enter(kEntering);
    const flame_host &host = host_for(library_.filename().string());
    FLAME_ASSIGN(plugin_, enter_plugin(entry, host, library_));
    FLAME_TRY(unchanged());
    progress_.enter(kReading);
    Result<PluginSpec> spec = read_descriptor(*plugin_);
    if (!spec.ok()) {
      return plugin_error(fmt::format("{}: {}", name(), spec.error().what), spec.error().hint);
    }
    return DescribedPlugin{std::move(*spec), plugin_->minor};
  }

  Status start_and_stop(const Manifest &manifest) {
    FLAME_ASSIGN(const DescribedPlugin described, describe());
    FLAME_TRY(compare_with_manifest(described, manifest, library_));
    progress_.enter(kStarting);
    CallScope scope(described.spec.id, "start()");
    FLAME_TRY(named(scope.finish(plugin_->start(scope.call()))));
    FLAME_TRY(unchanged());
    progress_.enter(kQuerying);
    FLAME_TRY(query_all(described.spec));
    FLAME_TRY(unchanged());
    progress_.enter(kStopping);
    plugin_->stop();
    return unchanged();
  }

 private:
  std::string name() const { return printable(library_.string()); }

  // A fault of the plugin, with the file that has it; what start() itself says stays as it is.
  Status named(const Status &status) const {
    if (status.ok() || status.error().kind != ErrorKind::kBadPlugin) return status;
    return plugin_error(fmt::format("{}: {}", name(), status.error().what), status.error().hint);
  }

  Status query_all(const PluginSpec &spec) const {
    std::set<std::string> kinds;
    for (const ComponentSpec &component : spec.components) kinds.insert(component.kind);
    for (const std::string &kind : kinds) {
      const Result<const void *> interface = query_interface(*plugin_, kind);
      if (!interface.ok()) return named(interface.error());
    }
    constexpr std::string_view kNothing = "org.flamehost.no-such-interface/1";
    if (!plugin_->query(flame_text(kNothing))) return {};
    return plugin_error(fmt::format("{}: query(\"{}\") must give null: there is no such interface",
                                    name(), kNothing));
  }

  Status unchanged() const {
    const std::vector<ProcessChange> changes = ProcessState::now().changed_since(before_);
    if (changes.empty()) return {};
    std::string list;
    for (size_t i = 0; i < changes.size() && i < 5; ++i) {
      list += (list.empty() ? "" : ", ") + changes[i].what;
    }
    if (changes.size() > 5) list += fmt::format(" and {} more", changes.size() - 5);
    return plugin_error(
        fmt::format("{}: {} the plugin changed what belongs to the whole process: {}", name(),
                    phrase_of(progress_.stage()), list),
        "this is a fault of the plugin: report it to its vendor, or use another");
  }

  fs::path library_;
  Progress &progress_;
  ProcessState before_;
  const flame_plugin *plugin_ = nullptr;
};

Json to_json(const Error &error) {
  Json json(Json::Object{});
  json.set("kind", static_cast<int>(error.kind)).set("what", error.what).set("hint", error.hint);
  return json;
}

Error error_from_json(const Json &json) {
  const Json *kind = json.find("kind"), *what = json.find("what"), *hint = json.find("hint");
  const bool sound = kind && kind->as_int() && what && what->as_string() && hint &&
                     hint->as_string() && *kind->as_int() >= 0 &&
                     *kind->as_int() <= static_cast<int>(ErrorKind::kInterrupted);
  if (!sound) return plugin_error("the plugin wrote into the host's report");
  return Error{static_cast<ErrorKind>(*kind->as_int()), *what->as_string(), *hint->as_string()};
}

// The end of what the plugin printed, as the last line of a message.
std::string last_words(const ChildOutcome &outcome) {
  std::string_view text = outcome.printed;
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  if (text.empty()) return {};
  if (const size_t line = text.rfind('\n'); line != std::string_view::npos)
    text.remove_prefix(line + 1);
  return fmt::format("\n  it printed last: {}", printable(text.substr(0, 300)));
}

Error lost(const fs::path &library, const ChildOutcome &outcome, const Progress &progress) {
  constexpr const char *kHint = "do not use this plugin: report it to its vendor";
  if (outcome.end == ChildOutcome::End::kNotStarted) {
    return Error{ErrorKind::kFailed,
                 fmt::format("{}: the child process that tries the plugin {}",
                             printable(library.string()), outcome.describe()),
                 "free some memory, or raise the limit of processes"};
  }
  // The report can get lost because the plugin closed the pipe; what it would have said is kept.
  if (outcome.end == ChildOutcome::End::kExited && !progress.failure().empty()) {
    return plugin_error(progress.failure(), kHint);
  }
  return plugin_error(
      fmt::format("{}: the plugin {} {}{}", printable(library.string()), outcome.describe(),
                  phrase_of(progress.stage()), last_words(outcome)),
      kHint);
}

// Runs `visit` in a child and brings its answer or its error back.
Result<Json> in_child(const fs::path &library, ChildLimits limits,
                      const std::function<Result<Json>(Visit &)> &visit) {
  Progress progress;
  if (!progress.usable()) {
    return Error{ErrorKind::kFailed, "no memory for trying a plugin in a child process", {}};
  }
  limits.max_output = kMaxReportBytes;
  const ChildOutcome outcome = run_in_child(
      [&] {
        Visit guest(library, progress);
        Json report(Json::Object{});
        Result<Json> answer = visit(guest);
        if (answer.ok()) {
          report.set("answer", std::move(*answer));
        } else {
          progress.keep_failure(answer.error().what);
          report.set("error", to_json(answer.error()));
        }
        std::string text = report.dump();
        progress.enter(kDone);
        return text;
      },
      limits);
  if (!outcome.reported()) return lost(library, outcome, progress);
  const Result<Json> report = parse_json(outcome.report, "report", {kMaxReportBytes, 64});
  if (!report.ok()) return plugin_error("the plugin wrote into the host's report");
  if (const Json *error = report->find("error")) return error_from_json(*error);
  const Json *answer = report->find("answer");
  if (!answer) return plugin_error("the plugin wrote into the host's report");
  return *answer;
}

// The first place where the manifest `a` and the library `b` differ, as
// "components[0].options[1].default (3 in the manifest, 4 in the library)"; "" if none does.
std::string first_difference(const Json &a, const Json &b, const std::string &place) {
  if (a.as_object() && b.as_object()) {
    for (const auto *side : {a.as_object(), b.as_object()}) {
      for (const Json::Member &member : *side) {
        const std::string below = place + (place.empty() ? "" : ".") + member.first;
        const Json *in_a = a.find(member.first), *in_b = b.find(member.first);
        if (!in_a || !in_b) return below;
        std::string found = first_difference(*in_a, *in_b, below);
        if (!found.empty()) return found;
      }
    }
    return {};
  }
  if (a.as_array() && b.as_array()) {
    const Json::Array &left = *a.as_array(), &right = *b.as_array();
    for (size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
      std::string found = first_difference(left[i], right[i], fmt::format("{}[{}]", place, i));
      if (!found.empty()) return found;
    }
    return left.size() == right.size() ? "" : fmt::format("the length of {}", place);
  }
  const std::string left = a.dump(), right = b.dump();
  if (left == right) return {};
  return fmt::format("{} ({} in the manifest, {} in the library)", place, left.substr(0, 100),
                     right.substr(0, 100));
}

}  // namespace

Status compare_with_manifest(const DescribedPlugin &plugin, const Manifest &manifest,
                             const fs::path &library) {
  std::string difference =
      first_difference(flame::to_json(manifest.spec), flame::to_json(plugin.spec), "");
  if (difference.empty() && plugin.abi_minor != manifest.abi_minor) {
    difference = fmt::format("abi_minor ({} in the manifest, {} in the library)",
                             manifest.abi_minor, plugin.abi_minor);
  }
  if (difference.empty()) return {};
  return plugin_error(
      fmt::format("{}: the manifest and the library say different things of the plugin '{}': {}",
                  printable(library.string()), manifest.spec.id, printable(difference)),
      fmt::format("write the manifest again: flamehost plugins manifest '{}'",
                  printable(library.string())));
}

Result<DescribedPlugin> describe_library(const fs::path &library, ChildLimits limits) {
  FLAME_ASSIGN(
      const Json answer, in_child(library, limits, [](Visit &visit) -> Result<Json> {
        FLAME_ASSIGN(const DescribedPlugin described, visit.describe());
        Json json(Json::Object{});
        json.set("abi_minor", described.abi_minor).set("plugin", flame::to_json(described.spec));
        return json;
      }));
  FLAME_ASSIGN(JsonMembers in, JsonMembers::open(answer, printable(library.string())));
  DescribedPlugin described;
  FLAME_ASSIGN(described.abi_minor, in.number("abi_minor"));
  FLAME_ASSIGN(const Json *plugin, in.member("plugin"));
  FLAME_ASSIGN(described.spec, plugin_spec_from_json(*plugin, in.place()));
  return described;
}

Status probe_library(const fs::path &library, const Manifest &manifest, ChildLimits limits) {
  const Result<Json> answer = in_child(library, limits, [&](Visit &visit) -> Result<Json> {
    FLAME_TRY(visit.start_and_stop(manifest));
    return Json(true);
  });
  return answer.ok() ? Status() : answer.error();
}

}  // namespace flame

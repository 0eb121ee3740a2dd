#include "core/plugin/validate/validate.h"

#include <fmt/core.h>
#include <fnmatch.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "core/base/child_process.h"
#include "core/base/file.h"
#include "core/base/terminal.h"
#include "core/plugin/manifest.h"
#include "core/plugin/validate/subject.h"

namespace flame {
namespace {

using State = CheckReport::State;
using std::filesystem::path;

// The checks that open each stage: until they have passed, what lies behind them is not tried.
struct Gate {
  Stage stage;
  std::string_view check;
};
constexpr std::array kGates = {
    Gate{Stage::kOpened, "binary.is-a-plain-file"},
    Gate{Stage::kOpened, "binary.is-trusted"},
    Gate{Stage::kOpened, "binary.is-elf"},
    Gate{Stage::kOpened, "binary.exports-the-entry"},
    Gate{Stage::kOpened, "binary.opens"},
    Gate{Stage::kEntered, "lifecycle.entry-answers"},
    Gate{Stage::kStarted, "descriptor.functions-present"},
    Gate{Stage::kStarted, "descriptor.keeps-the-rules"},
    Gate{Stage::kStarted, "lifecycle.start-answers"},
};

// Memory that parent and child share: there the child writes what it is about to do, and its
// report, which so arrives even if the plugin has closed every descriptor.
class SharedPlace {
 public:
  struct Page {
    char place[4096];
    uint32_t report_size;  // 0 until it is whole
    char report[65536 - 4096 - sizeof(uint32_t)];
  };

  SharedPlace()
      : page_(static_cast<Page *>(mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE,
                                       MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
  ~SharedPlace() {
    if (ok()) munmap(page_, sizeof(Page));
  }
  SharedPlace(const SharedPlace &) = delete;
  SharedPlace &operator=(const SharedPlace &) = delete;
  bool ok() const { return page_ != MAP_FAILED; }
  char *place() const { return page_->place; }
  void keep_report(const std::string &report) const {
    if (report.size() > sizeof page_->report) return;
    memcpy(page_->report, report.data(), report.size());
    page_->report_size = static_cast<uint32_t>(report.size());
  }
  // The plugin may have written anything into both: nothing in them is relied on.
  std::string place_text() const {
    return printable({page_->place, strnlen(page_->place, sizeof page_->place)});
  }
  std::string report() const {
    return std::string(page_->report, std::min<size_t>(page_->report_size, sizeof page_->report));
  }

 private:
  Page *page_;
};

// A folder for what a check writes; it is gone with the check.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "flamehost-check-XXXXXX").string();
    if (mkdtemp(name.data())) folder_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }
  ScratchFolder(const ScratchFolder &) = delete;
  ScratchFolder &operator=(const ScratchFolder &) = delete;
  const path &get() const { return folder_; }

 private:
  path folder_;
};

std::string report_text(const Result<Done> &done) {
  Json json;
  const bool failed = !done.ok();
  json.set("state", failed ? "failed" : done->skipped.empty() ? "passed" : "skipped");
  json.set("expected", failed ? printable(done.error().hint) : "");
  json.set("seen", printable(failed ? done.error().what : done->skipped));
  return json.dump();
}

std::string text_of(const Json &json, std::string_view key) {
  const Json *member = json.find(key);
  const std::string *text = member ? member->as_string() : nullptr;
  return text ? *text : std::string();
}

void read_report(const std::string &text, CheckReport &report) {
  const Result<Json> json = parse_json(text, "the check's report");
  const std::string state = json.ok() ? text_of(*json, "state") : "";
  if (state.empty()) {
    report.state = State::kFailed;
    report.expected = "the process of the check reports its result";
    report.seen = "it reported something else: the plugin wrote into it";
    return;
  }
  report.state = state == "passed"    ? State::kPassed
                 : state == "skipped" ? State::kSkipped
                                      : State::kFailed;
  report.expected = text_of(*json, "expected");
  report.seen = text_of(*json, "seen");
}

std::string last_line(std::string_view printed) {
  while (!printed.empty() && printed.back() == '\n') printed.remove_suffix(1);
  const size_t start = printed.rfind('\n');
  return printable(printed.substr(start == std::string_view::npos ? 0 : start + 1).substr(0, 200));
}

CheckReport run_check(const Check &check, SubjectFacts facts, std::chrono::milliseconds limit) {
  CheckReport report;
  report.check = &check;
  const SharedPlace shared;
  const ScratchFolder scratch;
  if (!shared.ok() || scratch.get().empty()) {
    report.state = State::kFailed;
    report.expected = "memory and a temporary folder for the check";
    report.seen = "there is none; see TMPDIR";
    return report;
  }
  facts.scratch = scratch.get();
  ChildLimits limits;
  limits.time = std::max(limit, check.least_time);
  const ChildOutcome outcome = run_in_child(
      [&] {
        // Never destroyed: the plugin may keep what it was given until the process ends.
        auto *subject = new Subject(facts, shared.place(), sizeof(SharedPlace::Page::place));
        std::string text = report_text(check.run(*subject));
        shared.keep_report(text);
        return text;
      },
      limits);
  report.took = outcome.took;
  const bool ended_itself = outcome.end == ChildOutcome::End::kExited && outcome.status == 0;
  const std::string kept = ended_itself ? shared.report() : std::string();
  if (outcome.reported() || !kept.empty()) {
    read_report(kept.empty() ? outcome.report : kept, report);
    return report;
  }
  report.state = State::kFailed;
  report.expected = "every call returns, and the plugin leaves the process alone";
  report.seen = "the plugin " + outcome.describe();
  if (const std::string during = shared.place_text(); !during.empty())
    report.seen += " in " + during;
  if (const std::string line = last_line(outcome.printed); !line.empty()) {
    report.seen += "; the last line printed: " + line;
  }
  return report;
}

const Check *find_check(std::string_view name) {
  for (const auto &group : check_groups()) {
    for (const Check &check : group) {
      if (check.name == name) return &check;
    }
  }
  return nullptr;
}

// Runs checks on one plugin, each once, and what must pass before them first.
class Validation {
 public:
  Validation(SubjectFacts facts, std::chrono::milliseconds limit)
      : facts_(std::move(facts)), limit_(limit) {}

  const CheckReport &report(const Check &check) {
    const auto found = reports_.find(&check);
    if (found != reports_.end()) return found->second;
    const std::string_view gate = closed_gate(check);
    CheckReport report{&check, State::kSkipped, {}, fmt::format("{} did not pass", gate), {}};
    if (gate.empty()) report = run_check(check, facts_, limit_);
    return reports_.emplace(&check, std::move(report)).first->second;
  }

 private:
  // The first gate before the check that is not open. A gate needs those before it alone.
  std::string_view closed_gate(const Check &check) {
    for (const Gate &gate : kGates) {
      if (gate.stage > check.stage || gate.check == check.name) return {};
      const Check *opener = find_check(gate.check);
      if (opener && report(*opener).state != State::kPassed) return gate.check;
    }
    return {};
  }

  SubjectFacts facts_;
  std::chrono::milliseconds limit_;
  std::map<const Check *, CheckReport> reports_;
};

// The manifest beside a library is the one that names it.
path manifest_of(const path &library) {
  path beside = library;
  beside.replace_extension();
  beside += kManifestSuffix;
  std::error_code error;
  return std::filesystem::exists(beside, error) ? beside : path();
}

Result<SubjectFacts> facts_of(const path &file, const ValidateOptions &options) {
  std::error_code error;
  SubjectFacts facts;
  facts.settings = options.settings;
  facts.reference = options.reference;
  facts.full = options.full;
  facts.file = std::filesystem::absolute(file, error);
  if (file.string().ends_with(kManifestSuffix)) {
    FLAME_ASSIGN(const Manifest manifest, read_manifest(file));
    facts.manifest_file = facts.file;
    facts.file.replace_filename(manifest.library);
  } else {
    facts.manifest_file = manifest_of(facts.file);
  }
  if (std::filesystem::exists(std::filesystem::symlink_status(facts.file, error))) return facts;
  return plugin_error(fmt::format("there is no file '{}'", printable(facts.file.string())),
                      "give the path of a plugin's library or of its manifest");
}

bool matches(std::string_view name, const std::string &pattern) {
  const std::string whole(name), group(name.substr(0, name.find('.')));
  return pattern.empty() || fnmatch(pattern.c_str(), whole.c_str(), 0) == 0 ||
         fnmatch(pattern.c_str(), group.c_str(), 0) == 0;
}

}  // namespace

std::vector<const Check *> select_checks(std::string_view only) {
  const std::string pattern(only);
  std::vector<const Check *> selected;
  for (const auto &group : check_groups()) {
    for (const Check &check : group) {
      if (matches(check.name, pattern)) selected.push_back(&check);
    }
  }
  return selected;
}

Result<std::vector<CheckReport>> validate_plugin(const path &file, const ValidateOptions &options) {
  FLAME_ASSIGN(const SubjectFacts facts, facts_of(file, options));
  const std::vector<const Check *> selected = select_checks(options.only);
  if (selected.empty()) {
    return config_error(fmt::format("no check matches '{}'", printable(options.only)),
                        "list them with `flamehost plugins validate --list`");
  }
  Validation validation(facts, options.time_limit);
  std::vector<CheckReport> reports;
  for (const Check *check : selected) {
    reports.push_back(validation.report(*check));
    if (options.on_report) options.on_report(reports.back());
  }
  return reports;
}

}  // namespace flame

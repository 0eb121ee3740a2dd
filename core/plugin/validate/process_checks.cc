// The process belongs to the host: a plugin leaves it as it found it.
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>

#include "core/base/terminal.h"
#include "core/plugin/process_state.h"
#include "core/plugin/validate/census.h"
#include "core/plugin/validate/subject.h"

namespace flame {
namespace {

using namespace std::chrono_literals;

// The whole life of the plugin, between two looks at the process.
Result<Done> leaves_alone(Subject &subject, ProcessPart part, std::string_view expected) {
  const ProcessState before = ProcessState::now();
  FLAME_TRY(subject.live_once());
  std::string seen;
  for (const ProcessChange &change : ProcessState::now().changed_since(before)) {
    if (change.part == part) seen += (seen.empty() ? "it changed " : ", ") + change.what;
  }
  if (seen.empty()) return passed();
  return broken(std::string(expected), seen);
}

Result<Done> signals(Subject &subject) {
  return leaves_alone(subject, ProcessPart::kSignals, "signal handlers and masks stay as they are");
}
Result<Done> environment(Subject &subject) {
  return leaves_alone(subject, ProcessPart::kEnvironment, "the environment stays as it is");
}
Result<Done> limits(Subject &subject) {
  return leaves_alone(subject, ProcessPart::kLimits, "the limits of the process stay as they are");
}
Result<Done> locale(Subject &subject) {
  return leaves_alone(subject, ProcessPart::kLocale, "the locale stays as it is");
}
Result<Done> folder(Subject &subject) {
  return leaves_alone(subject, ProcessPart::kFolder, "the current folder stays as it is");
}
Result<Done> file_mask(Subject &subject) {
  return leaves_alone(subject, ProcessPart::kFileMask, "the mask of new files stays as it is");
}
Result<Done> arithmetic(Subject &subject) {
  return leaves_alone(subject, ProcessPart::kArithmetic,
                      "rounding, flush to zero and floating-point exceptions stay as they are");
}
Result<Done> schedule(Subject &subject) {
  return leaves_alone(subject, ProcessPart::kSchedule,
                      "the thread's processors and priority stay as they are");
}
Result<Done> descriptors(Subject &subject) {
  return leaves_alone(subject, ProcessPart::kDescriptors,
                      "descriptors that the plugin did not open stay as they are");
}

Result<Done> loading_is_quiet(Subject &subject) {
  const ProcessState before = ProcessState::now();
  FLAME_TRY(subject.plugin());
  std::string seen;
  for (const ProcessChange &change : ProcessState::now().changed_since(before)) {
    seen += (seen.empty() ? "they changed " : ", ") + change.what;
  }
  if (count_threads() > 1) {
    seen += fmt::format("{}{} threads run", seen.empty() ? "" : "; ", count_threads());
  }
  if (seen.empty()) return passed();
  return broken("loading and the entry change nothing in the process", seen);
}

Result<Done> prints_nothing(Subject &subject) {
  const int file = memfd_create("printed", MFD_CLOEXEC);
  const int kept_output = dup(STDOUT_FILENO), kept_error = dup(STDERR_FILENO);
  dup2(file, STDOUT_FILENO);
  dup2(file, STDERR_FILENO);
  const Status lived = subject.live_once();
  fflush(nullptr);
  dup2(kept_output, STDOUT_FILENO);
  dup2(kept_error, STDERR_FILENO);
  FLAME_TRY(lived);
  struct stat info {};
  fstat(file, &info);
  if (info.st_size == 0) return passed();
  char text[200];
  const ssize_t size = pread(file, text, sizeof text, 0);
  return broken("what a plugin has to say goes to flame.log/1",
                fmt::format("it printed {} bytes: '{}'", info.st_size,
                            printable({text, static_cast<size_t>(size > 0 ? size : 0)})));
}

// A first life may load drivers that keep threads or descriptors. What grows with each further life
// is a leak. A thread that was told to end gets a moment.
Result<Done> leaves_no_more(Subject &subject, size_t (*count)(), std::string_view what) {
  FLAME_TRY(subject.live_once());
  std::this_thread::sleep_for(50ms);
  const size_t first = count();
  for (int i = 0; i < 3; ++i) FLAME_TRY(subject.live_once());
  size_t last = count();
  for (int wait = 0; wait < 20 && last > first; ++wait) {
    std::this_thread::sleep_for(25ms);
    last = count();
  }
  if (last <= first) return passed();
  return broken(fmt::format("three more lives leave no more {} than the first: {}", what, first),
                fmt::format("{} {}", last, what));
}

Result<Done> leaves_no_threads(Subject &subject) {
  return leaves_no_more(subject, count_threads, "threads");
}
Result<Done> leaves_no_descriptors(Subject &subject) {
  return leaves_no_more(subject, count_descriptors, "open descriptors");
}

Result<Done> leaves_no_children(Subject &subject) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // orphans come here, whatever session they made for themselves
  FLAME_TRY(subject.live_once());
  std::this_thread::sleep_for(50ms);
  const std::vector<ChildProcess> left = children();
  if (left.empty()) return passed();
  for (const ChildProcess &child : left) kill(child.id, SIGKILL);
  return broken("no process stays behind",
                fmt::format("{} did, the first is {}", left.size(), printable(left.front().name)));
}

Result<Done> nothing_breaks_later(Subject &subject) {
  FLAME_TRY(subject.components());
  subject.at("the time after start(), with nothing called");
  std::this_thread::sleep_for(250ms);
  subject.stop();
  subject.at("the time after stop(), with nothing called");
  std::this_thread::sleep_for(100ms);
  return passed();
}

constexpr std::string_view kLeavesAlone =
    "flame/abi.h: a plugin never installs signal handlers, changes the locale, the environment, "
    "the rounding mode or a descriptor that it did not open";

constexpr Check kChecks[] = {
    {"process.loading-is-quiet", "flame/entry.h: the entry is pure and does no work",
     Stage::kEntered, loading_is_quiet},
    {"process.signals", kLeavesAlone, Stage::kStarted, signals},
    {"process.locale", kLeavesAlone, Stage::kStarted, locale},
    {"process.environment", kLeavesAlone, Stage::kStarted, environment},
    {"process.arithmetic", kLeavesAlone, Stage::kStarted, arithmetic},
    {"process.descriptors", kLeavesAlone, Stage::kStarted, descriptors},
    {"process.working-directory", kLeavesAlone, Stage::kStarted, folder},
    {"process.file-mask", kLeavesAlone, Stage::kStarted, file_mask},
    {"process.limits", kLeavesAlone, Stage::kStarted, limits},
    {"process.schedule", kLeavesAlone, Stage::kStarted, schedule},
    {"process.prints-nothing", "flame/host.h: what a plugin says goes to flame.log/1",
     Stage::kStarted, prints_nothing},
    {"process.leaves-no-threads",
     "flame/entry.h: everything created by the plugin was destroyed before the last stop",
     Stage::kStarted, leaves_no_threads},
    {"process.leaves-no-descriptors",
     "flame/entry.h: everything created by the plugin was destroyed before the last stop",
     Stage::kStarted, leaves_no_descriptors},
    {"process.leaves-no-children",
     "flame/entry.h: everything created by the plugin was destroyed before the last stop",
     Stage::kStarted, leaves_no_children},
    {"process.nothing-breaks-later", "flame/abi.h: a plugin never ends the process",
     Stage::kStarted, nothing_breaks_later},
};

}  // namespace

std::span<const Check> process_checks() {
  return kChecks;
}

}  // namespace flame

#include "core/plugin/process_state.h"

#include <dirent.h>
#include <fmt/core.h>
#include <locale.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cfenv>
#include <cstdlib>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "core/base/terminal.h"

namespace flame {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kMxcsrStatus = 0x003f;  // what arithmetic has met so far; not a mode
constexpr uint32_t kFlushToZero = 0x8000;
constexpr uint32_t kDenormalsAreZero = 0x0040;

uint16_t x87_control_word() {
  uint16_t word = 0;
  __asm__ volatile("fnstcw %0" : "=m"(word));
  return word;
}
#endif

std::vector<std::string> environment_now() {
  std::vector<std::string> variables;
  for (char **variable = environ; variable && *variable; ++variable) variables.push_back(*variable);
  std::sort(variables.begin(), variables.end());
  return variables;
}

std::map<int, std::string> open_descriptors() {
  std::map<int, std::string> open;
  DIR *folder = opendir("/proc/self/fd");
  if (!folder) return open;
  while (const dirent *entry = readdir(folder)) {
    if (entry->d_name[0] == '.') continue;
    const int descriptor = atoi(entry->d_name);
    if (descriptor == dirfd(folder)) continue;
    char target[256];
    const ssize_t size = readlinkat(dirfd(folder), entry->d_name, target, sizeof target);
    open[descriptor] = size < 0 ? "" : std::string(target, static_cast<size_t>(size));
  }
  closedir(folder);
  return open;
}

constexpr std::pair<__rlimit_resource_t, const char *> kLimits[] = {
    {RLIMIT_AS, "memory"},        {RLIMIT_CORE, "core files"},       {RLIMIT_CPU, "processor time"},
    {RLIMIT_FSIZE, "file sizes"}, {RLIMIT_MEMLOCK, "locked memory"}, {RLIMIT_NOFILE, "open files"},
    {RLIMIT_NPROC, "processes"},  {RLIMIT_STACK, "the stack"},
};

std::vector<std::pair<uint64_t, uint64_t>> limits_now() {
  std::vector<std::pair<uint64_t, uint64_t>> limits;
  for (const auto &[resource, name] : kLimits) {
    rlimit limit{};
    getrlimit(resource, &limit);
    limits.emplace_back(limit.rlim_cur, limit.rlim_max);
  }
  return limits;
}

std::string schedule_now() {
  cpu_set_t processors;
  CPU_ZERO(&processors);
  sched_getaffinity(0, sizeof processors, &processors);
  return fmt::format("{} processors, policy {}, nice {}", CPU_COUNT(&processors),
                     sched_getscheduler(0), getpriority(PRIO_PROCESS, 0));
}

// The name of the first variable that is in one environment and not, or otherwise, in the other.
std::string first_difference(const std::vector<std::string> &a, const std::vector<std::string> &b) {
  std::vector<std::string> different;
  std::set_symmetric_difference(a.begin(), a.end(), b.begin(), b.end(),
                                std::back_inserter(different));
  if (different.empty()) return {};
  return printable(different[0].substr(0, different[0].find('=')));
}

}  // namespace

ProcessState ProcessState::now() {
  ProcessState state;
  state.rounding_ = fegetround();
#if defined(__x86_64__)
  state.mxcsr_ = _mm_getcsr() & ~kMxcsrStatus;
  state.x87_ = x87_control_word();
#endif
  if (const char *locale = setlocale(LC_ALL, nullptr)) state.locale_ = locale;
  const locale_t thread = uselocale(nullptr);
  state.thread_locale_ = thread == LC_GLOBAL_LOCALE ? "" : "own";
  char folder[4096];
  if (getcwd(folder, sizeof folder)) state.folder_ = folder;
  state.file_mask_ = umask(077);
  umask(static_cast<mode_t>(state.file_mask_));
  state.environment_ = environment_now();
  for (int number = 1; number < kSignals; ++number) {
    struct sigaction action {};
    if (sigaction(number, nullptr, &action) != 0) continue;
    Handler &handler = state.handlers_[static_cast<size_t>(number)];
    memcpy(&handler.address, &action.sa_handler, sizeof handler.address);
    handler.flags = action.sa_flags;
  }
  pthread_sigmask(SIG_SETMASK, nullptr, &state.blocked_);
  state.descriptors_ = open_descriptors();
  state.limits_ = limits_now();
  state.schedule_ = schedule_now();
  return state;
}

std::vector<ProcessChange> ProcessState::changed_since(const ProcessState &before) const {
  std::vector<ProcessChange> changes;
  const auto add = [&](ProcessPart part, std::string what) {
    changes.push_back({part, std::move(what)});
  };
  if (rounding_ != before.rounding_) add(ProcessPart::kArithmetic, "the rounding mode");
#if defined(__x86_64__)
  const uint32_t bits = mxcsr_ ^ before.mxcsr_;
  if (bits & (kFlushToZero | kDenormalsAreZero)) {
    add(ProcessPart::kArithmetic,
        "how the processor treats tiny numbers (flush to zero; -Ofast and "
        "-ffast-math set it when the library is linked)");
  } else if (bits && rounding_ == before.rounding_) {
    add(ProcessPart::kArithmetic, "the control bits of floating point (MXCSR)");
  }
#endif
  if (x87_ != before.x87_ && rounding_ == before.rounding_) {
    add(ProcessPart::kArithmetic, "the control word of the x87 unit");
  }
  if (locale_ != before.locale_) add(ProcessPart::kLocale, "the locale");
  if (thread_locale_ != before.thread_locale_) add(ProcessPart::kLocale, "the thread's locale");
  if (folder_ != before.folder_) add(ProcessPart::kFolder, "the current folder");
  if (file_mask_ != before.file_mask_) add(ProcessPart::kFileMask, "the file mode mask (umask)");
  const std::string variable = first_difference(environment_, before.environment_);
  if (!variable.empty())
    add(ProcessPart::kEnvironment, fmt::format("the environment variable {}", variable));
  for (size_t number = 1; number < handlers_.size(); ++number) {
    const Handler &was = before.handlers_[number], &is = handlers_[number];
    if (was.address == is.address && was.flags == is.flags) continue;
    add(ProcessPart::kSignals,
        fmt::format("the handler of signal {} ({})", number, strsignal(static_cast<int>(number))));
  }
  for (int number = 1; number < kSignals; ++number) {
    if (sigismember(&blocked_, number) == sigismember(&before.blocked_, number)) continue;
    add(ProcessPart::kSignals, fmt::format("whether signal {} is blocked", number));
  }
  for (const auto &[descriptor, target] : before.descriptors_) {
    const auto now = descriptors_.find(descriptor);
    if (now != descriptors_.end() && now->second == target) continue;
    add(ProcessPart::kDescriptors,
        fmt::format("descriptor {}, which {} now", descriptor,
                    now == descriptors_.end() ? "is closed" : "leads elsewhere"));
  }
  for (size_t i = 0; i < limits_.size(); ++i) {
    if (limits_[i] == before.limits_[i]) continue;
    add(ProcessPart::kLimits, fmt::format("the limit of {}", kLimits[i].second));
  }
  if (schedule_ != before.schedule_) {
    add(ProcessPart::kSchedule, fmt::format("the thread's scheduling, which was {} and is {}",
                                            before.schedule_, schedule_));
  }
  return changes;
}

}  // namespace flame

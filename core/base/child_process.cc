#include "core/base/child_process.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>

#include "core/base/file.h"

namespace flame {
namespace {

using Clock = std::chrono::steady_clock;

// A report is complete if it ends with its own length: exit() in a plugin's destructor cannot fake
// one.
std::string framed(const std::string &report) {
  const uint64_t size = report.size();
  return report + std::string(reinterpret_cast<const char *>(&size), sizeof size);
}

bool unframe(std::string &report) {
  uint64_t size = 0;
  if (report.size() < sizeof size) return false;
  memcpy(&size, report.data() + report.size() - sizeof size, sizeof size);
  if (size != report.size() - sizeof size) return false;
  report.resize(size);
  return true;
}

[[noreturn]] void run_child(const std::function<std::string()> &body, int report, int printed) {
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // A crash must look like one, whatever handlers the host or a sanitizer has.
  for (const int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS}) {
    signal(number, SIG_DFL);
  }
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(printed, STDOUT_FILENO);
  dup2(printed, STDERR_FILENO);
  const std::string text = framed(body());
  for (size_t done = 0; done < text.size();) {
    const ssize_t count = write(report, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    done += static_cast<size_t>(count);
  }
  _exit(0);
}

// Reads what is there. False once the other end is closed.
bool drain(int descriptor, std::string &into, size_t limit) {
  char block[4096];
  const ssize_t count = read(descriptor, block, sizeof block);
  if (count < 0) return errno == EINTR || errno == EAGAIN;
  const size_t room = limit > into.size() ? limit - into.size() : 0;
  into.append(block, std::min(room, static_cast<size_t>(count)));
  return count > 0;
}

}  // namespace

std::string ChildOutcome::describe() const {
  switch (end) {
    case End::kReported:
      return "returned";
    case End::kExited:
      return fmt::format("ended the process with exit code {}", status);
    case End::kSignalled:
      return fmt::format("was killed by signal {} ({})", status, strsignal(status));
    case End::kTimedOut:
      return fmt::format("did not return within {} ms", took.count());
    case End::kNotStarted:
      return "could not be started: " + report;
  }
  return {};
}

ChildOutcome run_in_child(const std::function<std::string()> &body, ChildLimits limits) {
  ChildOutcome outcome;
  int report_pipe[2], printed_pipe[2];
  if (pipe2(report_pipe, O_CLOEXEC) != 0) {
    outcome.report = strerror(errno);
    return outcome;
  }
  Descriptor report_in(report_pipe[0]), report_out(report_pipe[1]);
  if (pipe2(printed_pipe, O_CLOEXEC) != 0) {
    outcome.report = strerror(errno);
    return outcome;
  }
  Descriptor printed_in(printed_pipe[0]), printed_out(printed_pipe[1]);

  const auto start = Clock::now();
  fflush(nullptr);  // or the child's exit would print the parent's buffered text again
  const pid_t child = fork();
  if (child < 0) {
    outcome.report = strerror(errno);
    return outcome;
  }
  if (child == 0) run_child(body, report_out.get(), printed_out.get());
  report_out.reset();
  printed_out.reset();

  const auto deadline = start + limits.time;
  int status = 0;
  bool ended = false;
  bool timed_out = false;
  const Descriptor end_of_child(static_cast<int>(
      syscall(SYS_pidfd_open, child, 0)));  // without it, the end is seen a turn later
  pollfd watched[3] = {
      {report_in.get(), POLLIN, 0}, {printed_in.get(), POLLIN, 0}, {end_of_child.get(), POLLIN, 0}};
  while (!ended) {
    // Waits in short turns: a descendant may hold the pipes open after the child itself has ended.
    poll(watched, 3, 20);
    if (watched[0].revents && !drain(report_in.get(), outcome.report, limits.max_output)) {
      watched[0].fd = -1;
    }
    if (watched[1].revents && !drain(printed_in.get(), outcome.printed, limits.max_output)) {
      watched[1].fd = -1;
    }
    ended = waitpid(child, &status, WNOHANG) == child;
    if (!ended && Clock::now() >= deadline) {
      timed_out = true;
      kill(-child, SIGKILL);
      kill(child, SIGKILL);
      while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
      }
      ended = true;
    }
  }
  kill(-child, SIGKILL);  // what the child left running in its session
  fcntl(report_in.get(), F_SETFL, O_NONBLOCK);
  fcntl(printed_in.get(), F_SETFL, O_NONBLOCK);
  for (size_t before = SIZE_MAX; before != outcome.report.size();) {
    before = outcome.report.size();
    drain(report_in.get(), outcome.report, limits.max_output);
  }
  for (size_t before = SIZE_MAX; before != outcome.printed.size();) {
    before = outcome.printed.size();
    drain(printed_in.get(), outcome.printed, limits.max_output);
  }

  outcome.took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
  if (timed_out) {
    outcome.end = ChildOutcome::End::kTimedOut;
  } else if (WIFSIGNALED(status)) {
    outcome.end = ChildOutcome::End::kSignalled;
    outcome.status = WTERMSIG(status);
  } else if (unframe(outcome.report)) {
    outcome.end = ChildOutcome::End::kReported;
  } else {
    outcome.end = ChildOutcome::End::kExited;
    outcome.status = WEXITSTATUS(status);
  }
  return outcome;
}

}  // namespace flame

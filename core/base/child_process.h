// Runs untrusted code where it cannot hurt: in a forked child with a time limit.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace flame {

struct ChildLimits {
  std::chrono::milliseconds time{10000};
  size_t max_output = 1 << 20;  // of the report and of the printed text, each; the rest is dropped
};

struct ChildOutcome {
  enum class End {
    kReported,   // the body returned; `report` is what it returned
    kExited,     // the code called exit, or the pipe was closed under it: see `status`
    kSignalled,  // killed by the signal `status`
    kTimedOut,   // killed at the time limit
    kNotStarted  // fork failed; `report` says why
  };
  End end = End::kNotStarted;
  int status = 0;
  std::string report;
  std::string printed;  // what the child wrote to standard output and error
  std::chrono::milliseconds took{0};

  bool reported() const { return end == End::kReported; }
  // One sentence for the user: "was killed by signal 11 (Segmentation fault)", "ran past 10000 ms",
  // …
  std::string describe() const;
};

// Forks, runs `body` in a session of its own without core dumps and with standard input closed, and
// returns what it returned. Whatever the child does (crash, exit, abort, hang, close descriptors,
// fork, signal its process group), the caller goes on, and no process of the child's session stays
// behind. [one caller at a time; no other thread may hold a lock that the body needs]
ChildOutcome run_in_child(const std::function<std::string()> &body, ChildLimits limits = {});

}  // namespace flame

// SIGINT and SIGTERM while a training runs: the first asks it to save and stop, the second ends the
// process at once.
#pragma once

#include <csignal>

namespace flame::cli {

// While one lives, signals ask instead of killing; afterwards they do what they did before. One at a
// time. What the process was writing when the second signal ended it has no name yet.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts &) = delete;
  Interrupts &operator=(const Interrupts &) = delete;

  bool requested() const;

 private:
  struct sigaction interrupt_ {
  }, terminate_{};
};

}  // namespace flame::cli

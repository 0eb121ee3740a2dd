#include "core/cli/interrupt.h"

#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "core/base/error.h"

namespace flame::cli {
namespace {

volatile sig_atomic_t asked = 0;

void tell(std::string_view text) {
  const auto ignored = write(STDERR_FILENO, text.data(), text.size());
  static_cast<void>(ignored);  // there is nobody else to tell
}

// Calls nothing but what a handler may call.
void on_signal(int) {
  const int kept = errno;
  if (asked) _exit(exit_code(ErrorKind::kInterrupted));
  asked = 1;
  tell("\nstopping after this pass; once more stops at once, without saving\n");
  errno = kept;
}

}  // namespace

Interrupts::Interrupts() {
  asked = 0;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const auto &[number, before] : {std::pair(SIGINT, &interrupt_), {SIGTERM, &terminate_}}) {
    sigaction(number, nullptr, before);
    // A job in the background of a script ignores SIGINT, and goes on doing so.
    if (before->sa_handler != SIG_IGN) sigaction(number, &action, nullptr);
  }
}

Interrupts::~Interrupts() {
  sigaction(SIGINT, &interrupt_, nullptr);
  sigaction(SIGTERM, &terminate_, nullptr);
}

bool Interrupts::requested() const {
  return asked != 0;
}

}  // namespace flame::cli

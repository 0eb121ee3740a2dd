// What belongs to the process and not to a plugin: taken before and after its code runs, and
// compared.
#pragma once

#include <signal.h>

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace flame {

enum class ProcessPart {
  kArithmetic,   // rounding mode, flush to zero, exception masks
  kLocale,       // of the process and of the thread
  kFolder,       // the current one
  kFileMask,     // umask
  kEnvironment,  // variables
  kSignals,      // handlers, and what the thread blocks
  kDescriptors,  // those that were open
  kLimits,       // setrlimit
  kSchedule,     // the thread's processors, policy and priority
};

struct ProcessChange {
  ProcessPart part;
  // "the rounding mode", "the handler of signal 11 (Segmentation fault)".
  std::string what;
};

class ProcessState {
 public:
  // Of the calling thread and its process. [no other thread changes any of it meanwhile]
  static ProcessState now();

  // What differs; empty if nothing does. Descriptors that are new are no difference; ones that are
  // gone or lead elsewhere are.
  std::vector<ProcessChange> changed_since(const ProcessState &before) const;

 private:
  struct Handler {
    uintptr_t address = 0;
    int flags = 0;
  };
  static constexpr int kSignals = 65;

  int rounding_ = 0;
  uint32_t mxcsr_ = 0;  // its control bits: rounding, flush to zero, exception masks
  uint16_t x87_ = 0;
  std::string locale_;
  std::string thread_locale_;
  std::string folder_;
  unsigned file_mask_ = 0;
  std::vector<std::string> environment_;
  std::array<Handler, kSignals> handlers_ = {};
  sigset_t blocked_ = {};
  std::map<int, std::string> descriptors_;  // what each leads to
  std::vector<std::pair<uint64_t, uint64_t>> limits_;
  std::string schedule_;
};

}  // namespace flame

// What belongs to the process and not to a plugin: taken before and after its code runs, and
// compared.
#pragma once

#include <signal.h>

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace flame {

class ProcessState {
 public:
  // Of the calling thread and its process. [no other thread changes any of it meanwhile]
  static ProcessState now();

  // What differs, one phrase each: "the rounding mode", "the handler of signal 11 (Segmentation
  // fault)". Empty if nothing does. Descriptors that are new are no difference; ones that are gone
  // are.
  std::vector<std::string> changed_since(const ProcessState &before) const;

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
  std::set<int> descriptors_;
};

}  // namespace flame

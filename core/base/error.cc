#include "core/base/error.h"

namespace flame {

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kFailed:
      return 1;
    case ErrorKind::kBadConfig:
      return 2;
    case ErrorKind::kBadPlugin:
      return 3;
    case ErrorKind::kOutOfMemory:
      return 4;
    case ErrorKind::kNumeric:
      return 5;
    case ErrorKind::kStorage:
      return 6;
    case ErrorKind::kDevice:
      return 7;
    case ErrorKind::kInterrupted:
      return 130;
  }
  return 1;
}

std::string Error::text() const {
  return hint.empty() ? what : what + "\n  " + hint;
}

}  // namespace flame

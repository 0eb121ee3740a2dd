// The program's log: one line an event on standard error, as text or as JSON lines. Any thread may
// write.
#pragma once

#include <string_view>

namespace flame::log {

enum class Level {
  kDebug,
  kInfo,
  kWarning,
  kError,
  kOff,
};
enum class Format {
  kText,
  kJson,
};

// Colour is used for text on a terminal alone. Before the first call: kInfo, kText. [main thread,
// before others]
void configure(Level least, Format format);

bool enabled(Level level);
// A line end inside `message` is kept in text and escaped in JSON; control characters never reach a
// terminal raw.
void write(Level level, std::string_view message);

inline void debug(std::string_view message) {
  write(Level::kDebug, message);
}
inline void info(std::string_view message) {
  write(Level::kInfo, message);
}
inline void warning(std::string_view message) {
  write(Level::kWarning, message);
}
inline void error(std::string_view message) {
  write(Level::kError, message);
}

}  // namespace flame::log

// The only file that sees spdlog's headers.
#include "core/base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <memory>

#include "core/base/json.h"
#include "core/base/terminal.h"

namespace flame::log {
namespace {

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
    case Level::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

// %* in the JSON pattern: the message as a JSON string.
class QuotedMessage : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg &message, const std::tm &,
              spdlog::memory_buf_t &out) override {
    const std::string quoted =
        Json(std::string_view(message.payload.data(), message.payload.size())).dump();
    out.append(quoted.data(), quoted.data() + quoted.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<QuotedMessage>();
  }
};

Format current_format = Format::kText;

spdlog::logger &logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    const auto colour =
        colour_allowed(STDERR_FILENO) ? spdlog::color_mode::always : spdlog::color_mode::never;
    auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>(colour);
    auto made = std::make_shared<spdlog::logger>("flamehost", std::move(sink));
    made->set_pattern("%^%l%$: %v");
    return made;
  }();
  return *instance;
}

}  // namespace

void configure(Level least, Format format) {
  logger().set_level(spdlog_level(least));
  current_format = format;
  if (format == Format::kText) {
    logger().set_pattern("%^%l%$: %v");
    return;
  }
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  formatter->add_flag<QuotedMessage>('*').set_pattern(
      R"({"time": "%Y-%m-%dT%H:%M:%S.%eZ", "level": "%l", "message": %*})");
  logger().set_formatter(std::move(formatter));
}

bool enabled(Level level) {
  return logger().should_log(spdlog_level(level));
}

void write(Level level, std::string_view message) {
  if (!enabled(level)) return;
  const std::string text =
      current_format == Format::kText ? printable(message) : std::string(message);
  logger().log(spdlog_level(level), spdlog::string_view_t(text.data(), text.size()));
}

}  // namespace flame::log

// The results of a validation for other programs: JSON and JUnit's XML.
#include <fmt/core.h>

#include <algorithm>

#include "core/base/markup.h"
#include "core/plugin/validate/validate.h"

namespace flame {
namespace {

using State = CheckReport::State;

std::string_view group_of(const Check &check) {
  return check.name.substr(0, check.name.find('.'));
}

// Fit for an attribute or text of XML 1.0, which knows no other control characters.
std::string xml(std::string_view text) {
  std::string out = escape_markup(text);
  std::ranges::replace_if(
      out, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return out;
}

std::string test_case(const CheckReport &report, const std::filesystem::path &file) {
  std::string out = fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3f}\"",
                                xml(file.filename().string()), xml(report.check->name),
                                static_cast<double>(report.took.count()) / 1000);
  if (report.state == State::kPassed) return out + "/>\n";
  out += ">\n";
  if (report.state == State::kSkipped) {
    out += fmt::format("      <skipped message=\"{}\"/>\n", xml(report.seen));
  } else {
    out += fmt::format("      <failure message=\"{}\">expected: {}\nrule: {}</failure>\n",
                       xml(report.seen), xml(report.expected), xml(report.check->rule));
  }
  return out + "    </testcase>\n";
}

}  // namespace

std::string_view name_of(State state) {
  switch (state) {
    case State::kPassed:
      return "passed";
    case State::kFailed:
      return "failed";
    case State::kSkipped:
      return "skipped";
  }
  return {};
}

size_t count_of(const std::vector<CheckReport> &reports, State state) {
  return static_cast<size_t>(std::count_if(
      reports.begin(), reports.end(), [&](const auto &report) { return report.state == state; }));
}

Json to_json(const std::vector<CheckReport> &reports, const std::filesystem::path &file) {
  Json checks(Json::Array{});
  for (const CheckReport &report : reports) {
    Json one;
    one.set("name", report.check->name)
        .set("state", name_of(report.state))
        .set("ms", int64_t{report.took.count()})
        .set("rule", report.check->rule);
    if (report.state == State::kFailed) {
      one.set("expected", report.expected).set("seen", report.seen);
    }
    if (report.state == State::kSkipped) one.set("reason", report.seen);
    checks.push(std::move(one));
  }
  Json json;
  json.set("file", file.string());
  for (const State state : {State::kPassed, State::kFailed, State::kSkipped}) {
    json.set(std::string(name_of(state)), static_cast<int64_t>(count_of(reports, state)));
  }
  json.set("checks", std::move(checks));
  return json;
}

std::string to_junit(const std::vector<CheckReport> &reports, const std::filesystem::path &file) {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n";
  for (size_t at = 0; at < reports.size();) {
    const std::string_view group = group_of(*reports[at].check);
    std::vector<CheckReport> suite;
    for (; at < reports.size() && group_of(*reports[at].check) == group; ++at) {
      suite.push_back(reports[at]);
    }
    out += fmt::format("  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\">\n",
                       xml(group), suite.size(), count_of(suite, State::kFailed),
                       count_of(suite, State::kSkipped));
    for (const CheckReport &report : suite) out += test_case(report, file);
    out += "  </testsuite>\n";
  }
  return out + "</testsuites>\n";
}

}  // namespace flame

#include "core/cli/report_page.h"

#include <fmt/core.h>

#include <algorithm>
#include <ctime>

#include "core/base/rounded_size.h"
#include "core/cli/chart.h"
#include "core/cli/html.h"

namespace flame::cli {
namespace {

// 20 pictures and all else stay below 5 MB.
constexpr size_t kPictureBytes = 4'500'000;

std::string date_text(double seconds) {
  const auto whole = static_cast<std::time_t>(seconds);
  std::tm parts{};
  char text[40] = "";
  if (gmtime_r(&whole, &parts)) std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts);
  return text;
}

std::string time_text(double seconds) {
  const auto whole = static_cast<int64_t>(seconds);
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole / 60 % 60);
}

std::string card(const std::string &content) {
  return content.empty() ? "" : "<div class=\"card\">\n" + content + "</div>\n";
}

// "1397888" as "1,397,888".
std::string grouped(int64_t number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<int64_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<size_t>(at), ",");
  return text;
}

class Page {
 public:
  Page(const RunFacts &facts, const Metrics &metrics, const ReportSamples &samples)
      : facts_(facts), metrics_(metrics), samples_(samples) {}

  std::string make() const {
    std::string body = head() + tiles() + proven();
    body += html_section("Before and after", before_and_after());
    body += html_section("Curves", charts());
    body += html_section("Pictures over the steps", pictures());
    body += html_section("Files", card(exports()));
    body += html_section("Data", card(data()));
    body += html_section("Configuration", configuration());
    body += "<div class=\"two\"><div>" + html_section("Time", card(timings())) + "</div><div>" +
            html_section("Memory", card(memory())) + "</div></div>\n";
    body += html_section("Versions", card(versions()));
    return html_page(facts_.run, body);
  }

 private:
  std::string head() const {
    const bool done = facts_.outcome == "finished", stopped = facts_.outcome.starts_with("stopped");
    const bool open = facts_.ended <= 0 || stopped;
    std::string text =
        fmt::format("<h1>{}</h1><span class=\"chip {}\">{}</span>\n", html(facts_.run),
                    done   ? "finished"
                    : open ? "open"
                           : "failed",
                    done      ? "finished"
                    : stopped ? "stopped"
                    : open    ? "not finished"
                              : "failed");
    std::string state = facts_.device.empty() ? "" : "on " + facts_.device;
    const auto add = [&](const std::string &part) { state += (state.empty() ? "" : ", ") + part; };
    if (facts_.started > 0) add("begun " + date_text(facts_.started));
    if (facts_.ended > facts_.started) add("took " + time_text(facts_.ended - facts_.started));
    text += "<p class=\"state\">" + html(state) + "</p>\n";
    if (done || (open && !stopped)) return text;
    return text + "<p class=\"failed\">" + html(facts_.outcome) + "</p>\n";
  }

  // First and last number of what rows may have.
  template <typename Member>
  std::string first_to_last(Member member) const {
    std::string first, last;
    for (const MetricsRow &row : metrics_.rows) {
      const std::optional<double> &number = row.*member;
      if (!number) continue;
      last = fmt::format("{:.4f}", *number);
      if (first.empty()) first = last;
    }
    return first == last ? first : first + " → " + last;
  }

  std::string tiles() const {
    std::string text;
    const auto add = [&](std::string_view name, const std::string &value) {
      text += html_tile(name, value);
    };
    int64_t step = 0;
    double seconds = 0;
    uint64_t most = 0;
    for (const MetricsRow &row : metrics_.rows) {
      step = row.step;
      seconds += row.seconds.value_or(0);
      most = std::max(most, row.memory_bytes.value_or(0));
    }
    add("steps",
        facts_.steps > 0 ? fmt::format("{} of {}", grouped(step), grouped(facts_.steps)) : "");
    add("loss, smoothed", first_to_last(&MetricsRow::smoothed));
    add("loss on held-out pictures", first_to_last(&MetricsRow::validation_loss));
    add("time in steps", seconds > 0 ? time_text(seconds) : "");
    add("a step", step > 0 ? fmt::format("{:.3g} s", seconds / static_cast<double>(step)) : "");
    add("memory", most > 0 ? rounded_size_text(most) : "");
    add("parameters learned", facts_.parameters > 0 ? grouped(facts_.parameters) : "");
    return "<dl class=\"tiles\">" + text + "</dl>\n";
  }

  std::string proven() const {
    std::string text;
    for (const std::string &result : facts_.results) text += "<li>" + html(result) + "</li>\n";
    const bool done = facts_.outcome == "finished";
    if (!text.empty())
      text = fmt::format("<ul class=\"{}\">{}</ul>\n", done ? "proven" : "told", text);
    if (metrics_.problem.empty()) return text;
    return text + "<p class=\"warning\">" + html(metrics_.problem) + "</p>\n";
  }

  template <typename Member>
  Curve curve(std::string name, std::string style, Member member) const {
    Curve made{std::move(name), std::move(style), {}};
    for (const MetricsRow &row : metrics_.rows)
      if (row.*member) made.points.emplace_back(row.step, static_cast<double>(*(row.*member)));
    return made;
  }

  // The middle one of each point and its neighbours: a step beside a pause ends early or late, as its
  // answer is fetched behind the next step or before the pause.
  static Curve evened_out(Curve curve) {
    constexpr size_t kReach = 4;
    const auto points = curve.points;
    for (size_t i = 0; i < points.size(); ++i) {
      std::vector<double> near;
      for (size_t k = i - std::min(i, kReach); k <= std::min(i + kReach, points.size() - 1); ++k)
        near.push_back(points[k].second);
      const auto middle = near.begin() + static_cast<int64_t>(near.size() / 2);
      std::ranges::nth_element(near, middle);
      curve.points[i].second = *middle;
    }
    return curve;
  }

  Chart learning_rates() const {
    Chart chart{.title = "learning rate"};
    for (const MetricsRow &row : metrics_.rows) {
      for (size_t i = 0; i < row.learning_rates.size(); ++i) {
        if (chart.curves.size() <= i) {
          chart.curves.push_back(
              {row.learning_rates[i].first, "c" + std::to_string(std::min<size_t>(i, 2)), {}});
        }
        chart.curves[i].points.emplace_back(row.step, row.learning_rates[i].second);
      }
    }
    return chart;
  }

  std::string charts() const {
    const Chart loss{.title = "loss",
                     .curves = {curve("each step", "raw", &MetricsRow::loss),
                                curve("smoothed", "c0", &MetricsRow::smoothed)}};
    Chart held_out{.title = "loss on held-out pictures",
                   .curves = {curve("", "c1", &MetricsRow::validation_loss)}};
    held_out.curves.front().dots = true;
    const Chart norm{.title = "norm of the gradient",
                     .curves = {curve("", "c0", &MetricsRow::gradient_norm)}};
    const Chart pace{.title = "time of a step",
                     .unit = "s",
                     .curves = {evened_out(curve("", "c0", &MetricsRow::seconds))}};
    const Chart memory{
        .title = "memory", .bytes = true, .curves = {curve("", "c0", &MetricsRow::memory_bytes)}};
    std::string text;
    for (const Chart &chart : {loss, held_out, learning_rates(), norm, pace, memory})
      text += chart_figure(chart);
    return text.empty() ? "" : "<div class=\"charts\">\n" + text + "</div>";
  }

  std::string prompt(size_t column) const {
    return column < facts_.prompts.size() ? facts_.prompts[column]
                                          : fmt::format("picture {}", column + 1);
  }

  // Empty where there is none.
  std::string picture(const SampleRow &row, size_t column) const {
    if (column >= row.pictures.size() || row.pictures[column].empty()) return "";
    // Pictures of few pixels are drawn large.
    const bool small = row.pictures[column].size() < 30000;
    return fmt::format("<img{} alt=\"{}\" src=\"{}\">", small ? " class=\"small\"" : "",
                       html(fmt::format("step {}: {}", row.step, prompt(column))),
                       row.pictures[column]);
  }

  std::string before_and_after() const {
    if (samples_.rows.size() < 2) return "";
    const SampleRow &first = samples_.rows.front(), &last = samples_.rows.back();
    std::string text;
    for (size_t i = 0; i < last.pictures.size(); ++i) {
      text += fmt::format(
          "<figure class=\"pair\"><div><span>step {}{}</span><span>step {}{}</span></div>"
          "<figcaption>{}</figcaption></figure>\n",
          first.step, picture(first, i), last.step, picture(last, i), html(prompt(i)));
    }
    return "<div class=\"pairs\">\n" + text + "</div>";
  }

  std::string pictures() const {
    std::string text;
    if (samples_.rows.size() > 2 || samples_.rows.size() == 1) {
      text = "<div class=\"card scroll\"><table class=\"samples\"><tr><th></th>";
      for (size_t i = 0; i < samples_.rows.front().pictures.size(); ++i)
        text += "<th>" + html(prompt(i)) + "</th>";
      text += "</tr>\n";
      for (const SampleRow &row : samples_.rows) {
        text += fmt::format("<tr><td>step {}</td>", row.step);
        for (size_t i = 0; i < row.pictures.size(); ++i) text += "<td>" + picture(row, i) + "</td>";
        text += "</tr>\n";
      }
      text += "</table></div>";
    }
    std::string remarks;
    if (samples_.longest_side > 0)
      remarks += fmt::format("Small copies of at most {} pixels a side. ", samples_.longest_side);
    if (samples_.left_out > 0)
      remarks += fmt::format("{} more rows and columns are in the run's folder samples. ",
                             samples_.left_out);
    if (!remarks.empty()) text += "<p class=\"state\">" + html(remarks) + "</p>";
    for (const std::string &problem : samples_.problems)
      text += "<p class=\"warning\">" + html(problem) + "</p>";
    return text;
  }

  std::string exports() const {
    std::vector<std::vector<std::string>> rows;
    for (const RunFacts::Export &each : facts_.exports)
      rows.push_back({"<code>" + html(each.path) + "</code>", html(each.coverage)});
    return html_table({"file", "what was proven"}, rows);
  }

  std::string data() const {
    std::vector<std::vector<std::string>> rows;
    for (const RunFacts::Bucket &each : facts_.buckets)
      rows.push_back(
          {html(each.size), std::to_string(each.learned), std::to_string(each.held_out)});
    std::string text = html_table({"size", "examples", "held out"}, rows);
    for (const RunFacts::Note &note : facts_.notes) {
      const bool table = note.text.find('\n') != std::string::npos;
      text += fmt::format("<{0}{1}>{2}</{0}>\n", table ? "pre" : "p",
                          note.warning ? " class=\"warning\"" : "", html(note.text));
    }
    return text;
  }

  // The sections of the pipeline, of which those that people look for stand open.
  std::string configuration() const {
    std::vector<std::pair<std::string, std::vector<std::vector<std::string>>>> groups;
    for (const Setting &each : facts_.settings) {
      const size_t dot = each.key.find('.');
      const std::string group = dot == std::string::npos ? "pipeline" : each.key.substr(0, dot);
      if (groups.empty() || groups.back().first != group) groups.push_back({group, {}});
      groups.back().second.push_back({"<code>" + html(each.key) + "</code>", html(each.value)});
    }
    if (groups.empty()) return "";
    std::string text = "<p><code>" + html(facts_.file) + "</code></p>\n";
    for (const auto &[group, rows] : groups) {
      const bool open = group == "adapter" || group == "train";
      text += fmt::format("<details{}><summary>{}: {} settings</summary>{}</details>\n",
                          open ? " open" : "", html(group), rows.size(),
                          html_table({"setting", "value"}, rows));
    }
    return card(text);
  }

  std::string timings() const {
    std::vector<std::vector<std::string>> rows;
    for (const RunFacts::Timing &each : facts_.timings)
      rows.push_back({html(each.what), html(time_text(each.seconds))});
    return html_table({"what", "time"}, rows);
  }

  std::string memory() const {
    std::vector<std::vector<std::string>> rows;
    for (const RunFacts::Memory &each : facts_.memory)
      rows.push_back({html(each.what), html(rounded_size_text(each.bytes))});
    return html_table({"what", "of the device"}, rows);
  }

  std::string versions() const {
    std::vector<std::vector<std::string>> rows = {{"flamehost", html(facts_.version), ""}};
    for (const RunFacts::Plugin &each : facts_.plugins)
      rows.push_back({html(each.id), html(each.version), "<code>" + html(each.sha256) + "</code>"});
    return html_table({"what", "version", "SHA-256"}, rows);
  }

  const RunFacts &facts_;
  const Metrics &metrics_;
  const ReportSamples &samples_;
};

}  // namespace

std::string report_page(const RunFacts &facts, const Metrics &metrics,
                        const ReportSamples &samples) {
  return Page(facts, metrics, samples).make();
}

Status write_report(const std::filesystem::path &folder) {
  FLAME_ASSIGN(const RunFacts facts, read_facts(folder));
  Metrics metrics;
  std::error_code ignored;
  if (std::filesystem::exists(folder / kMetricsFile, ignored)) {
    FLAME_ASSIGN(metrics, read_metrics(folder / kMetricsFile));
  }
  FLAME_ASSIGN(const ReportSamples samples, report_samples(folder, kPictureBytes));
  return write_file_atomically(folder / kReportFile, report_page(facts, metrics, samples));
}

}  // namespace flame::cli

#include "core/cli/chart.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/rounded_size.h"
#include "core/cli/html.h"

namespace flame::cli {
namespace {

// The drawing's own units, whatever its size on the page.
constexpr double kSide = 1000;
constexpr size_t kMostColumns = 320;  // of a curve; each shows its lowest and its highest number

struct Range {
  double least = std::numeric_limits<double>::infinity();
  double most = -std::numeric_limits<double>::infinity();

  void add(double number) {
    least = std::min(least, number);
    most = std::max(most, number);
  }
  bool empty() const { return least > most; }
};

// The next of 1, 2 and 5 times a power of ten.
double round_up(double number) {
  const double power = std::pow(10, std::floor(std::log10(number)));
  for (const double part : {1.0, 2.0, 5.0})
    if (number <= part * power * (1 + 1e-9)) return part * power;
  return 10 * power;
}

class Drawing {
 public:
  explicit Drawing(const Chart &chart) : chart_(chart) {}

  std::string draw() {
    measure();
    if (numbers_.empty()) return "";
    std::string plot, labels;
    for (const double mark : number_marks()) {
      const double y = y_of(mark);
      plot += fmt::format("<path class=\"grid\" d=\"M0 {:.1f}H{:g}\"/>\n", y, kSide);
      labels += fmt::format("<i class=\"y\" style=\"top:{:.1f}%\">{}</i>\n", y / kSide * 100,
                            html(number_text(mark)));
    }
    for (const double mark : marks(steps_, 6)) {
      if (mark != std::floor(mark) || mark < 0) continue;
      labels += fmt::format("<i class=\"x\" style=\"left:{:.1f}%\">{:.0f}</i>\n",
                            x_of(mark) / kSide * 100, mark);
    }
    for (const Curve &curve : chart_.curves) plot += line(curve);
    return fmt::format(
        "<figure class=\"chart\"><figcaption><b>{0}</b>{1}</figcaption>\n<div class=\"plot\"><svg "
        "viewBox=\"0 0 {2:g} {2:g}\" preserveAspectRatio=\"none\" role=\"img\" "
        "aria-label=\"{0}\">\n{3}</svg>\n{4}</div></figure>\n",
        html(chart_.title), legend(), kSide, plot, labels);
  }

 private:
  void measure() {
    for (const Curve &curve : chart_.curves) {
      for (const auto &[step, number] : curve.points) {
        if (!std::isfinite(number)) continue;
        steps_.add(static_cast<double>(step));
        numbers_.add(number);
      }
    }
    if (numbers_.empty()) return;
    logarithmic_ = !chart_.bytes && numbers_.least > 0 && numbers_.least < numbers_.most / 1000;
    if (steps_.least == steps_.most) steps_.most += 1;
    if (logarithmic_) return;
    // Near 0, the axis begins there; a flat line is drawn in the middle, but for one of 0.
    if (numbers_.least > 0 && numbers_.least < 0.5 * numbers_.most) numbers_.least = 0;
    if (numbers_.least < numbers_.most) return;
    if (numbers_.most == 0) numbers_.most = 1;
    if (numbers_.least == 0) return;
    const double around = std::abs(numbers_.most) * 0.1;
    numbers_.least -= around;
    numbers_.most += around;
  }

  double x_of(double step) const {
    return (step - steps_.least) / (steps_.most - steps_.least) * kSide;
  }
  double y_of(double number) const {
    const double part = logarithmic_ ? (std::log(number) - std::log(numbers_.least)) /
                                           (std::log(numbers_.most) - std::log(numbers_.least))
                                     : (number - numbers_.least) / (numbers_.most - numbers_.least);
    return kSide * (1 - part);
  }

  std::string number_text(double number) const {
    if (chart_.bytes) return rounded_size_text(static_cast<uint64_t>(std::max(number, 0.0)));
    return fmt::format("{:.4g}{}{}", number, chart_.unit.empty() ? "" : " ", chart_.unit);
  }

  // As it stands in the legend.
  std::string short_text(double number) const {
    if (chart_.bytes) return number_text(number);
    return fmt::format("{:.3g}{}{}", number, chart_.unit.empty() ? "" : " ", chart_.unit);
  }

  static std::vector<double> marks(const Range &range, int count, double unit = 1) {
    std::vector<double> list;
    const double step = round_up((range.most - range.least) / count / unit) * unit;
    for (double at = std::ceil(range.least / step - 1e-9) * step; at <= range.most + 1e-9 * step;
         at += step)
      list.push_back(std::abs(at) < 1e-9 * step ? 0 : at);
    return list;
  }

  std::vector<double> number_marks() const {
    // Sizes of memory are round in KiB, MiB or GiB.
    const double power = std::floor(std::log2(std::max(numbers_.most, 1.0)) / 10) * 10;
    if (!logarithmic_) return marks(numbers_, 4, chart_.bytes ? std::exp2(power) : 1);
    std::vector<double> list;
    const double first = std::ceil(std::log10(numbers_.least) - 1e-9);
    const double last = std::log10(numbers_.most) + 1e-9;
    for (double at = first; at <= last; at += std::ceil((last - first + 0.1) / 6))
      list.push_back(std::pow(10, at));
    return list;
  }

  // Each curve's name, if it has one, and its last number.
  std::string legend() const {
    std::string text;
    for (const Curve &curve : chart_.curves) {
      const auto last = std::find_if(curve.points.rbegin(), curve.points.rend(),
                                     [](const auto &each) { return std::isfinite(each.second); });
      if (last == curve.points.rend()) continue;
      text += fmt::format("<span class=\"{}\">{}{}{}</span>", curve.style, html(curve.name),
                          curve.name.empty() ? "" : " ", html(short_text(last->second)));
    }
    return text;
  }

  // Of many points, the lowest and the highest of each column, in their order.
  std::vector<std::pair<double, double>> drawn(const Curve &curve) const {
    std::vector<std::pair<double, double>> finite;
    for (const auto &[step, number] : curve.points)
      if (std::isfinite(number)) finite.emplace_back(static_cast<double>(step), number);
    if (finite.size() <= 2 * kMostColumns) return finite;
    std::vector<std::pair<double, double>> some;
    const auto by_number = [](const auto &a, const auto &b) { return a.second < b.second; };
    for (size_t column = 0; column < kMostColumns; ++column) {
      const auto first =
          finite.begin() + static_cast<int64_t>(column * finite.size() / kMostColumns);
      const auto last =
          finite.begin() + static_cast<int64_t>((column + 1) * finite.size() / kMostColumns);
      const auto [least, most] = std::minmax_element(first, last, by_number);
      some.push_back(std::min(*least, *most));
      if (least != most) some.push_back(std::max(*least, *most));
    }
    return some;
  }

  std::string line(const Curve &curve) const {
    std::string path, dots;
    double first = 0, last = 0;
    for (const auto &[step, number] : drawn(curve)) {
      const double x = x_of(step), y = y_of(number);
      if (path.empty()) first = x;
      last = x;
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x, y);
      // A line without length, with round ends: it stays round when the drawing is stretched.
      if (curve.dots) dots += fmt::format("M{:.1f} {:.1f}h0", x, y);
    }
    if (path.empty()) return "";
    std::string text;
    if (curve.style == "c0" && first < last) {
      text = fmt::format("<path class=\"area\" d=\"{}L{:.1f} {:g}L{:.1f} {:g}Z\"/>\n", path, last,
                         kSide, first, kSide);
    }
    text += fmt::format("<path class=\"curve {}\" d=\"{}\"/>\n", curve.style, path);
    if (!dots.empty())
      text += fmt::format("<path class=\"dots {}\" d=\"{}\"/>\n", curve.style, dots);
    return text;
  }

  const Chart &chart_;
  Range steps_, numbers_;
  bool logarithmic_ = false;
};

}  // namespace

std::string chart_figure(const Chart &chart) {
  return Drawing(chart).draw();
}

}  // namespace flame::cli

#include "core/cli/chart.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/rounded_size.h"
#include "core/cli/html.h"

namespace flame::cli {
namespace {

constexpr double kWidth = 720, kHeight = 240;
constexpr double kLeft = 76, kRight = 12, kTop = 30, kBottom = 26;
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
    std::string svg = fmt::format(
        "<svg class=\"chart\" viewBox=\"0 0 {:g} {:g}\" role=\"img\" aria-label=\"{}\">\n"
        "<text class=\"title\" x=\"{:g}\" y=\"16\">{}</text>\n",
        kWidth, kHeight, html(chart_.title), kLeft, html(chart_.title));
    svg += axes() + legend();
    for (const Curve &curve : chart_.curves) svg += line(curve);
    return svg + "</svg>\n";
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
    logarithmic_ = !chart_.bytes && numbers_.least > 0 && numbers_.least < numbers_.most / 100;
    if (steps_.least == steps_.most) steps_.most += 1;
    if (logarithmic_) return;
    // Near 0, the axis begins there; a flat line is drawn in the middle.
    if (numbers_.least > 0 && numbers_.least < 0.5 * numbers_.most) numbers_.least = 0;
    if (numbers_.least < numbers_.most) return;
    const double around = numbers_.most == 0 ? 1 : std::abs(numbers_.most) * 0.1;
    numbers_.least -= around;
    numbers_.most += around;
  }

  double x_of(double step) const {
    return kLeft + (step - steps_.least) / (steps_.most - steps_.least) * (kWidth - kLeft - kRight);
  }
  double y_of(double number) const {
    const double part = logarithmic_ ? (std::log(number) - std::log(numbers_.least)) /
                                           (std::log(numbers_.most) - std::log(numbers_.least))
                                     : (number - numbers_.least) / (numbers_.most - numbers_.least);
    return kHeight - kBottom - part * (kHeight - kTop - kBottom);
  }

  std::string number_text(double number) const {
    if (chart_.bytes) return rounded_size_text(static_cast<uint64_t>(std::max(number, 0.0)));
    return fmt::format("{:.4g}{}{}", number, chart_.unit.empty() ? "" : " ", chart_.unit);
  }

  std::vector<double> marks(const Range &range, int count) const {
    std::vector<double> list;
    const double step = round_up((range.most - range.least) / count);
    for (double at = std::ceil(range.least / step - 1e-9) * step; at <= range.most + 1e-9 * step;
         at += step)
      list.push_back(std::abs(at) < 1e-9 * step ? 0 : at);
    return list;
  }

  std::vector<double> number_marks() const {
    if (!logarithmic_) return marks(numbers_, 4);
    std::vector<double> list;
    const double first = std::ceil(std::log10(numbers_.least) - 1e-9);
    const double last = std::log10(numbers_.most) + 1e-9;
    for (double at = first; at <= last; at += std::ceil((last - first + 0.1) / 6))
      list.push_back(std::pow(10, at));
    return list;
  }

  std::string axes() const {
    std::string svg;
    for (const double mark : number_marks()) {
      const double y = y_of(mark);
      svg += fmt::format(
          "<path class=\"grid\" d=\"M{:g} {:.1f}H{:g}\"/><text class=\"number\" x=\"{:g}\" "
          "y=\"{:.1f}\">{}</text>\n",
          kLeft, y, kWidth - kRight, kLeft - 6, y + 4, html(number_text(mark)));
    }
    for (const double mark : marks(steps_, 6)) {
      if (mark != std::floor(mark) || mark < 0) continue;
      svg += fmt::format("<text class=\"step\" x=\"{:.1f}\" y=\"{:g}\">{:.0f}</text>\n", x_of(mark),
                         kHeight - 8, mark);
    }
    return svg;
  }

  std::string legend() const {
    if (chart_.curves.size() < 2) return "";
    std::string svg;
    double x = kWidth - kRight;
    for (size_t i = chart_.curves.size(); i-- > 0;) {
      const Curve &curve = chart_.curves[i];
      if (curve.points.empty()) continue;
      svg += fmt::format("<text class=\"legend {}\" x=\"{:.1f}\" y=\"16\">{}</text>\n", curve.style,
                         x, html(curve.name));
      x -= 7.0 * static_cast<double>(curve.name.size()) + 16;
    }
    return svg;
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
    for (const auto &[step, number] : drawn(curve)) {
      const double x = x_of(step), y = y_of(number);
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x, y);
      if (curve.dots)
        dots += fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\"/>",
                            curve.style, x, y);
    }
    if (path.empty()) return "";
    return fmt::format("<path class=\"curve {}\" d=\"{}\"/>{}\n", curve.style, path, dots);
  }

  const Chart &chart_;
  Range steps_, numbers_;
  bool logarithmic_ = false;
};

}  // namespace

std::string chart_svg(const Chart &chart) {
  return Drawing(chart).draw();
}

}  // namespace flame::cli

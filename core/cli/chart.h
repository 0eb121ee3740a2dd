// Curves as a figure of HTML, to stand within a page.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace flame::cli {

struct Curve {
  std::string name = {};
  std::string style = {};                               // a class of the page's style: "raw", "c1"
  std::vector<std::pair<int64_t, double>> points = {};  // step and number; steps rise
  bool dots = false;                                    // each point is marked
};

struct Chart {
  std::string title = {};
  std::string unit = {};  // behind the numbers: "s"; may be empty
  bool bytes = false;     // numbers are sizes of memory
  std::vector<Curve> curves = {};
};

// One <figure> with its legend, which tells the last number of each curve; empty if no curve has a
// point. The curves stretch to whatever room the page gives and the letters keep their size. Numbers
// that are not finite are left out; where they spread over more than three powers of ten, and all are
// above 0, the axis is logarithmic. What is drawn does not grow with the number of points.
std::string chart_figure(const Chart &chart);

}  // namespace flame::cli

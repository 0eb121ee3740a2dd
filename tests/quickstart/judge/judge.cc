// Says what pictures of shapes show, and whether that is what they were asked for.
//   quickstart_judge FILE...   one line a picture: the file, a tab, what is in it
//   quickstart_judge           reads lines of a file, a tab and a caption; answers each with ok or wrong
//                              and what is there; the last line is "N of M". Exit 1 if a file cannot be judged.
#include <fmt/core.h>

#include <iostream>

#include "tests/quickstart/judge/read_picture.h"

namespace flame::quickstart {
namespace {

int problem_with(const std::string &file, const std::string &problem) {
  fmt::print(stderr, "error: {}: {}\n", file, problem);
  return 1;
}

int describe(int count, char **files) {
  for (int i = 0; i < count; ++i) {
    std::string problem;
    const auto picture = read_picture(files[i], problem);
    if (!picture) return problem_with(files[i], problem);
    fmt::print("{}\t{}\n", files[i], look_at(*picture).text());
  }
  return 0;
}

int judge() {
  int right = 0, all = 0;
  for (std::string line; std::getline(std::cin, line); ++all) {
    const size_t tab = line.find('\t');
    const std::string file = line.substr(0, tab);
    const std::string caption = tab == std::string::npos ? "" : line.substr(tab + 1);
    const auto asked = read_caption(caption);
    if (!asked)
      return problem_with(file, fmt::format("the caption '{}' asks for no shape", caption));
    std::string problem;
    const auto picture = read_picture(file, problem);
    if (!picture) return problem_with(file, problem);
    const Scene scene = look_at(*picture);
    const bool ok = shows(scene, *asked);
    right += ok;
    fmt::print("{}\t{}\t{}\t{}\n", ok ? "ok" : "wrong", file, caption, scene.text());
  }
  fmt::print("{} of {}\n", right, all);
  return 0;
}

}  // namespace
}  // namespace flame::quickstart

int main(int count, char **words) {
  using namespace flame::quickstart;
  return count > 1 ? describe(count - 1, words + 1) : judge();
}

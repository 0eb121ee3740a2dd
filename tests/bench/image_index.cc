// How long image-folder takes to look at a folder of many pictures, and what memory it takes.
//   bench_image_index [pictures] [bytes of each]
#include <fmt/core.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "core/base/child_process.h"
#include "core/base/file.h"
#include "tests/data/opened_source.h"
#include "tests/support/temporary_folder.h"

namespace {

using namespace flame;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// In a process of its own, so that the peak is of this alone.
std::string look_at(const std::filesystem::path &folder) {
  const auto start = std::chrono::steady_clock::now();
  PluginHost host{{}};
  const auto source = data_test::open_images(
      host, {{"path", {(folder / "data").string()}}, {"index", {(folder / "index").string()}}});
  if (!source) return source.error().text();
  const double seconds = seconds_since(start);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return fmt::format("{} pictures in {:.2f} s, {:.0f} MiB at most", source->count(), seconds,
                     static_cast<double>(usage.ru_maxrss) / 1024);
}

}  // namespace

int main(int count, char **arguments) {
  const long pictures = count > 1 ? std::atol(arguments[1]) : 100'000;
  const long bytes = count > 2 ? std::atol(arguments[2]) : 4096;
  const test::TemporaryFolder folder;
  std::filesystem::create_directory(folder / "data");
  const auto jpeg = read_file(FLAME_SOURCE_DIR "/tests/data/pictures/profile.jpg");
  std::string content = *jpeg;
  content.resize(std::max(content.size(), static_cast<size_t>(bytes)));
  for (long i = 0; i < pictures; ++i) {
    const std::string name = (folder.path() / "data" / fmt::format("{:06}", i)).string();
    std::ofstream(name + ".jpg", std::ios::binary) << content;
    std::ofstream(name + ".txt") << "a picture of thing " << i;
  }
  for (const char *which : {"first", "second", "third"}) {
    const ChildOutcome outcome =
        run_in_child([&] { return look_at(folder.path()); }, {.time = std::chrono::minutes(10)});
    fmt::print("{} start: {}\n", which, outcome.reported() ? outcome.report : outcome.describe());
  }
  return 0;
}

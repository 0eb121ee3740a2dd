// image-folder over a folder of the test's own, to which pictures of tests/data/pictures are added.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "core/base/file.h"
#include "tests/data/opened_source.h"
#include "tests/support/temporary_folder.h"

namespace flame::data_test {

class ImageFolderTest : public testing::Test {
 protected:
  static std::filesystem::path pictures() {
    return std::filesystem::path(FLAME_SOURCE_DIR) / "tests/data/pictures";
  }
  ImageFolderTest() { std::filesystem::create_directory(data()); }

  std::filesystem::path data() const { return folder_ / "data"; }
  void write(const std::string &name, std::string_view content) const {
    std::filesystem::create_directories((data() / name).parent_path());
    std::ofstream(data() / name, std::ios::binary) << content;
  }
  // A picture with a caption; `as` is its name here.
  void add(const std::string &name, std::string as = "", std::string_view caption = "a thing") {
    if (as.empty()) as = name;
    std::filesystem::copy_file(pictures() / name, data() / as);
    std::filesystem::path text = as;
    write(text.replace_extension(".txt").string(), caption);
  }
  static std::string bytes_of(const std::string &name) { return *read_file(pictures() / name); }

  // Small buckets, and an index of the test's own.
  Result<PluginDataSource> open(Settings settings = {}) {
    Settings all = {{"path", {data().string()}},
                    {"index", {(folder_ / "index").string()}},
                    {"resolution", {int64_t{64}}},
                    {"bucket_step", {int64_t{8}}},
                    {"min_bucket", {int64_t{8}}}};
    for (auto &[name, items] : settings) {
      const auto same = [&](const auto &each) { return each.first == name; };
      all.erase(std::remove_if(all.begin(), all.end(), same), all.end());
      all.emplace_back(name, items);
    }
    return open_images(host_, all);
  }
  PluginDataSource opened(Settings settings = {}) {
    Result<PluginDataSource> source = open(std::move(settings));
    EXPECT_TRUE(source.ok()) << source.error().text();
    return *std::move(source);
  }
  std::string refusal(Settings settings = {}) {
    const Result<PluginDataSource> source = open(std::move(settings));
    return source.ok() ? "it was accepted" : source.error().text();
  }
  static std::string notes_of(const PluginDataSource &source) {
    std::string all;
    const auto notes = source.notes();
    EXPECT_TRUE(notes.ok()) << notes.error().text();
    for (const DataNote &note : *notes) all += (note.warning ? "! " : "  ") + note.text + "\n";
    return all;
  }
  static std::string name_of(const PluginDataSource &source, uint64_t example) {
    return std::filesystem::path(std::string(source.fields(example, {})->text("source")))
        .filename();
  }
  static std::vector<float> placement_of(const PluginDataSource &source, uint64_t example,
                                         uint64_t picture) {
    const auto tensor = source.read(example, {picture, 0}, "placement");
    EXPECT_TRUE(tensor.ok()) << tensor.error().text();
    std::vector<float> out(6);
    std::memcpy(out.data(), tensor->bytes.data(), 24);
    return out;
  }

  test::TemporaryFolder folder_;
  PluginHost host_{{}};
};

}  // namespace flame::data_test

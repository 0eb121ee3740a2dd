// A helper of schema_test.py: `sample_plugins FOLDER` installs the plugins of the fixtures there, as
// manifests with a library that is none; `sample_plugins --pipelines` prints a right pipeline file
// and many wrong ones as JSON.
#include <fmt/core.h>

#include <filesystem>
#include <fstream>
#include <string_view>

#include "core/base/utf8.h"
#include "tests/fixtures/sample_catalogue.h"
#include "tests/pipeline/mutator.h"

namespace {

using namespace flame;

void write(const std::filesystem::path &file, const std::string &text) {
  std::ofstream(file, std::ios::binary) << text;
}

int install(const std::filesystem::path &folder) {
  std::filesystem::create_directories(folder);
  for (const InstalledPlugin &plugin : test::sample_plugins()) {
    write(folder / plugin.manifest_file.filename(), to_json(plugin.manifest).dump(2));
    write(folder / plugin.manifest.library, "no library");
  }
  return 0;
}

int print_pipelines() {
  Json::Array wrong;
  for (const test::Mutant &mutant : test::make_mutants(test::sample_pipeline(), 1)) {
    if (!is_utf8(mutant.text)) continue;
    Json entry;
    entry.set("kind", mutant.kind).set("text", mutant.text);
    wrong.push_back(std::move(entry));
  }
  Json all;
  all.set("right", test::sample_pipeline()).set("wrong", std::move(wrong));
  fmt::print("{}\n", all.dump());
  return 0;
}

}  // namespace

int main(int count, char **words) {
  if (count != 2) return 2;
  return std::string_view(words[1]) == "--pipelines" ? print_pipelines() : install(words[1]);
}

// A helper of schema_test.py: `sample_plugins FOLDER` installs the plugins of the fixtures there, as
// manifests with a library that is none; `sample_plugins --pipelines` prints a right pipeline file
// and many wrong ones as JSON.
#include <fmt/core.h>

#include <string_view>

#include "core/base/file.h"
#include "core/base/utf8.h"
#include "tests/fixtures/sample_catalogue.h"
#include "tests/pipeline/mutator.h"

namespace {

using namespace flame;

int install(const std::filesystem::path &folder) {
  for (const InstalledPlugin &plugin : test::sample_plugins()) {
    const std::string manifest = plugin.manifest_file.filename().string();
    const Status written =
        write_file_atomically(folder / manifest, to_json(plugin.manifest).dump(2));
    const Status library = write_file_atomically(folder / plugin.manifest.library, "no library");
    if (!written.ok() || !library.ok()) return 1;
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

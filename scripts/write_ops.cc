// Writes docs/ops.md and sdk/ops.json from the catalogue; the argument is the source folder.
#include <cstdio>

#include "core/base/file.h"
#include "core/ops/catalogue/document.h"

int main(int argc, char **argv) {
  if (argc != 2) return std::fputs("usage: write_ops SOURCE_FOLDER\n", stderr), 2;
  const std::string folder = argv[1];
  for (const auto &[name, text] : {std::pair{"/docs/ops.md", flame::catalogue_markdown()},
                                   std::pair{"/sdk/ops.json", flame::catalogue_json()}}) {
    const flame::Status status = flame::write_file_atomically(folder + name, text);
    if (!status.ok()) return std::fprintf(stderr, "%s\n", status.error().text().c_str()), 1;
  }
  return 0;
}

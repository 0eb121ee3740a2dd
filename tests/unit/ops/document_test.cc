// The committed documents are those of the catalogue.
#include "core/ops/catalogue/document.h"

#include <gtest/gtest.h>

#include "core/base/file.h"
#include "core/base/json.h"

namespace flame {
namespace {

std::string committed(const std::string &name) {
  const Result<std::string> text = read_file(std::string(FLAME_SOURCE_DIR) + name);
  return text.ok() ? *text : text.error().text();
}

// Compared as booleans: on failure two documents would fill the screen.
TEST(Document, TheCommittedPageIsUpToDate) {
  EXPECT_TRUE(committed("/docs/ops.md") == catalogue_markdown()) << "run: ninja write_ops";
}

TEST(Document, TheCommittedDataIsUpToDateAndReadable) {
  EXPECT_TRUE(committed("/sdk/ops.json") == catalogue_json()) << "run: ninja write_ops";
  const Result<Json> data = parse_json(catalogue_json(), "ops.json");
  ASSERT_TRUE(data.ok()) << data.error().text();
  EXPECT_GE(data->find("ops")->as_array()->size(), 50u);
}

}  // namespace
}  // namespace flame

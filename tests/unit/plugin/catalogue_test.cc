#include "core/plugin/catalogue.h"

#include <gmock/gmock.h>

#include "tests/unit/plugin/samples.h"

namespace flame {
namespace {

using test::sample_manifest;
using test::TemporaryFolder;
using test::write_text;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class CatalogueTest : public testing::Test {
 protected:
  // Installs NAME.flame.json with libNAME.so in a folder below the test's own.
  std::filesystem::path install(const std::string &folder, const std::string &name,
                                const std::string &id, const std::string &component = "adamw",
                                const std::string &kind = "optimizer") {
    Manifest manifest = sample_manifest(id);
    manifest.library = "lib" + name + ".so";
    manifest.spec.components[0].id = component;
    manifest.spec.components[0].kind = kind;
    const std::filesystem::path where = folder_ / folder;
    write_text(where / (name + ".flame.json"), to_json(manifest).dump());
    write_text(where / manifest.library, "library");
    return where / manifest.library;
  }
  Catalogue scan() const { return Catalogue::scan({folder_ / "a", folder_ / "b"}); }

  TemporaryFolder folder_;
};

TEST_F(CatalogueTest, FindsAComponentByItsShortAndLongName) {
  install("a", "fast", "org.example.fast");
  const Catalogue catalogue = scan();
  for (const char *reference : {"adamw", "org.example.fast/adamw"}) {
    const auto match = catalogue.find("optimizer", reference);
    ASSERT_TRUE(match.ok()) << match.error().text();
    EXPECT_EQ(match->plugin->spec().id, "org.example.fast");
    EXPECT_EQ(match->component->id, "adamw");
  }
}

TEST_F(CatalogueTest, PassesOverFoldersThatDoNotExistAndFilesThatAreNoManifests) {
  write_text(folder_ / "a/README.json", "{");
  write_text(folder_ / "a/.flame.json", "{");
  const Catalogue catalogue = scan();
  EXPECT_TRUE(catalogue.plugins().empty());
  EXPECT_TRUE(catalogue.broken().empty());
}

TEST_F(CatalogueTest, KeepsABrokenManifestWithItsReasonAndGoesOn) {
  write_text(folder_ / "a/bad.flame.json", "{");
  install("a", "fast", "org.example.fast");
  const Catalogue catalogue = scan();
  ASSERT_EQ(catalogue.broken().size(), 1u);
  EXPECT_EQ(catalogue.broken()[0].file, folder_ / "a/bad.flame.json");
  EXPECT_EQ(catalogue.plugins().size(), 1u);
  EXPECT_THAT(catalogue.find("optimizer", "zzzzzz").error().hint, HasSubstr("1 manifest cannot"));
}

TEST_F(CatalogueTest, CallsAManifestWithoutItsLibraryBroken) {
  std::filesystem::remove(install("a", "fast", "org.example.fast"));
  ASSERT_EQ(scan().broken().size(), 1u);
  EXPECT_THAT(scan().broken()[0].error.what, HasSubstr("'libfast.so' is not beside it"));
}

TEST_F(CatalogueTest, ReadsAFolderOnceUnderAllItsNames) {
  install("a", "fast", "org.example.fast");
  std::filesystem::create_directory_symlink(folder_ / "a", folder_ / "b");
  EXPECT_EQ(scan().plugins().size(), 1u);
}

TEST_F(CatalogueTest, SuggestsTheNearestNameOfTheKind) {
  install("a", "fast", "org.example.fast");
  const Error error = scan().find("optimizer", "adamv").error();
  EXPECT_EQ(error.kind, ErrorKind::kBadPlugin);
  EXPECT_THAT(error.hint, HasSubstr("did you mean 'adamw'"));
}

TEST_F(CatalogueTest, SaysThatAnIdBelongsToAnotherKind) {
  install("a", "fast", "org.example.fast");
  EXPECT_THAT(scan().find("sampler", "adamw").error().what,
              HasSubstr("'adamw' is of the kind optimizer"));
}

TEST_F(CatalogueTest, AsksWhichPluginIfTwoOfferTheSameComponent) {
  const auto first = install("a", "fast", "org.example.fast");
  const auto second = install("b", "slow", "org.example.slow");
  const Catalogue catalogue = scan();
  const Error error = catalogue.find("optimizer", "adamw").error();
  EXPECT_THAT(error.what, AllOf(HasSubstr(first.string()), HasSubstr(second.string())));
  EXPECT_THAT(error.hint, HasSubstr("use: org.example.fast/adamw"));
  EXPECT_TRUE(catalogue.find("optimizer", "org.example.slow/adamw").ok());
}

TEST_F(CatalogueTest, NamesBothFilesOfAPluginThatIsInstalledTwice) {
  const auto first = install("a", "fast", "org.example.fast");
  const auto second = install("b", "fast", "org.example.fast");
  const Error error = scan().find("optimizer", "org.example.fast/adamw").error();
  EXPECT_THAT(error.what, AllOf(HasSubstr(first.string()), HasSubstr(second.string())));
  EXPECT_THAT(error.hint, HasSubstr("pin one"));
}

TEST_F(CatalogueTest, CountsASecondFileThatLacksTheComponent) {
  install("a", "fast", "org.example.fast");
  install("b", "fast", "org.example.fast", "lion");
  EXPECT_FALSE(scan().find("optimizer", "adamw").ok());
}

TEST_F(CatalogueTest, TakesThePinnedFileOfTwo) {
  install("a", "fast", "org.example.fast");
  const auto second = install("b", "fast", "org.example.fast");
  Catalogue catalogue = scan();
  ASSERT_TRUE(catalogue.pin("org.example.fast", folder_ / "b/../b/libfast.so").ok());
  const auto match = catalogue.find("optimizer", "adamw");
  ASSERT_TRUE(match.ok()) << match.error().text();
  EXPECT_EQ(match->plugin->library_file, second);
}

TEST_F(CatalogueTest, RefusesAPinOfNothing) {
  const auto file = install("a", "fast", "org.example.fast");
  Catalogue catalogue = scan();
  EXPECT_THAT(catalogue.pin("org.example.fest", file).error().hint,
              HasSubstr("did you mean 'org.example.fast'"));
  EXPECT_THAT(catalogue.pin("org.example.fast", "/elsewhere.so").error().what,
              HasSubstr(file.string()));
  EXPECT_EQ(catalogue.plugins().size(), 1u);
}

TEST_F(CatalogueTest, ListsWhatFindWouldTake) {
  install("a", "fast", "org.example.fast");
  install("a", "slow", "org.example.slow");
  install("a", "lion", "org.example.lion", "lion");
  install("a", "twice", "org.example.twice", "twice");
  install("b", "twice", "org.example.twice", "twice");
  const Catalogue catalogue = scan();
  const std::vector<std::string> references = catalogue.references("optimizer");
  EXPECT_THAT(references, ElementsAre("lion", "org.example.fast/adamw", "org.example.lion/lion",
                                      "org.example.slow/adamw"));
  for (const std::string &reference : references) {
    EXPECT_TRUE(catalogue.find("optimizer", reference).ok()) << reference;
  }
}

}  // namespace
}  // namespace flame

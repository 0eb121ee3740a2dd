#include "core/plugin/manifest.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <random>

#include "tests/unit/plugin/samples.h"

namespace flame {
namespace {

using test::sample_manifest;
using test::TemporaryFolder;
using test::write_text;
using testing::HasSubstr;

class ManifestFile : public testing::Test {
 protected:
  // Reads a manifest with that text.
  Result<Manifest> read(std::string_view text) {
    write_text(file_, text);
    return read_manifest(file_);
  }
  // The message of a sound manifest with one member changed, or "" if it is still taken.
  std::string problem(std::string key, Json value) {
    Json json = to_json(sample_manifest());
    json.set(std::move(key), std::move(value));
    const Result<Manifest> manifest = read(json.dump(2));
    return manifest.ok() ? "" : manifest.error().text();
  }

  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "fast.flame.json";
};

TEST_F(ManifestFile, ComesBackAsItWasWritten) {
  const std::string text = to_json(sample_manifest()).dump(2);
  const Result<Manifest> manifest = read(text);
  ASSERT_TRUE(manifest.ok()) << manifest.error().text();
  EXPECT_EQ(to_json(*manifest).dump(2), text);
  EXPECT_EQ(manifest->library, "libfast.so");
}

TEST_F(ManifestFile, RefusesEveryTruncation) {
  const std::string text = to_json(sample_manifest()).dump();
  for (size_t size = 0; size < text.size(); ++size) {
    const Result<Manifest> manifest = parse_manifest(text.substr(0, size), file_.string());
    ASSERT_FALSE(manifest.ok()) << size;
    EXPECT_THAT(manifest.error().what, HasSubstr(file_.string()));
    EXPECT_EQ(manifest.error().kind, ErrorKind::kBadPlugin);
  }
}

TEST_F(ManifestFile, SurvivesBitFlips) {
  const std::string text = to_json(sample_manifest()).dump();
  std::mt19937 random(1);
  int refused = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string flipped = text;
    flipped[random() % text.size()] ^= static_cast<char>(1 << (random() % 8));
    const Result<Manifest> manifest = parse_manifest(flipped, "x");
    if (manifest.ok()) {
      EXPECT_TRUE(check_descriptor(manifest->spec).ok());
    } else {
      ++refused;
    }
  }
  EXPECT_GT(refused, 2500);
}

TEST_F(ManifestFile, RefusesALibraryThatIsNotBesideIt) {
  for (const char *name : {"", ".", "..", "../libx.so", "/libx.so", "a/b.so", "$ORIGIN.so",
                           "lib$LIB.so", "a\\b", "a\nb"}) {
    EXPECT_THAT(problem("library", name), HasSubstr("\"library\"")) << name;
  }
}

TEST_F(ManifestFile, RefusesAHashThatIsNone) {
  EXPECT_THAT(problem("sha256", "abc"), HasSubstr("64 hexadecimal digits"));
  EXPECT_THAT(problem("sha256", std::string(64, 'A')), HasSubstr("64 hexadecimal digits"));
  EXPECT_THAT(problem("sha256", 1), HasSubstr("expected a string"));
}

TEST_F(ManifestFile, RefusesAnotherMajorVersionAndSaysWhatToDo) {
  EXPECT_THAT(problem("abi_major", 2), HasSubstr("built for version 2 of the contract"));
  EXPECT_THAT(problem("abi_major", 2), HasSubstr("update flamehost"));
  EXPECT_THAT(problem("abi_major", 0), HasSubstr("newer build of the plugin"));
}

TEST_F(ManifestFile, RefusesAnotherPlatform) {
  EXPECT_THAT(problem("platform", "windows-x86_64"), HasSubstr("built for 'windows-x86_64'"));
}

TEST_F(ManifestFile, RefusesUnknownMembersOfItsOwnVersionAndPassesOverNewerOnes) {
  EXPECT_THAT(problem("libary", "x"), HasSubstr("did you mean 'library'"));
  Json json = to_json(sample_manifest());
  json.set("abi_minor", FLAME_ABI_MINOR + 1).set("later", true);
  EXPECT_TRUE(read(json.dump()).ok());
}

TEST_F(ManifestFile, RefusesMissingMembersAndOtherFormats) {
  EXPECT_THAT(read("{}").error().what, HasSubstr("\"manifest\" is missing"));
  EXPECT_THAT(problem("manifest", 2), HasSubstr("format 2; this host reads format 1"));
  EXPECT_THAT(read("[]").error().what, HasSubstr("expected an object"));
}

TEST_F(ManifestFile, RefusesAFifoWithoutWaiting) {
  ASSERT_EQ(mkfifo(file_.c_str(), 0600), 0);
  EXPECT_THAT(read_manifest(file_).error().what, HasSubstr("not a regular file"));
}

}  // namespace
}  // namespace flame

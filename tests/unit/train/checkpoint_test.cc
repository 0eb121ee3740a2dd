#include "core/train/checkpoint.h"

#include <gmock/gmock.h>

#include <fstream>

#include "core/base/file.h"
#include "tests/support/temporary_folder.h"

namespace flame {
namespace {

namespace fs = std::filesystem;
using test::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Checkpoint checkpoint_of(TrainPosition position) {
  Checkpoint made;
  made.position = position;
  made.training = Json(Json::Object{{"seed", 7}});
  made.state["parameters"] = {{DType::kF32, Shape{3}}, std::vector<std::byte>(12)};
  made.state["parameters"].bytes[0] = static_cast<std::byte>(position.step);
  made.state["train.position"] = {{DType::kI64, Shape()}, std::vector<std::byte>(8)};
  return made;
}

class CheckpointTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(folder_.open().ok()); }

  fs::path save(TrainPosition position) {
    const Result<fs::path> saved = folder_.write(checkpoint_of(position));
    EXPECT_TRUE(saved.ok()) << saved.error().text();
    return saved.ok() ? *saved : fs::path();
  }
  std::vector<std::string> names() const {
    std::vector<std::string> list;
    for (const auto &entry : fs::directory_iterator(folder_.path()))
      list.push_back(entry.path().filename().string());
    std::ranges::sort(list);
    return list;
  }
  std::string latest() const { return *read_file(folder_.path() / "latest"); }
  // Why the checkpoint is refused.
  static std::string problem(const fs::path &folder) {
    const Result<Checkpoint> read = read_checkpoint(folder);
    if (read.ok()) return "it is whole";
    EXPECT_EQ(read.error().kind, ErrorKind::kStorage);
    EXPECT_THAT(read.error().what, HasSubstr(folder.string()));
    return read.error().what;
  }
  static void write(const fs::path &file, const std::string &text) {
    std::ofstream(file, std::ios::binary) << text;
  }

  TemporaryFolder temporary_;
  CheckpointFolder folder_{temporary_ / "checkpoints", 3};
};

TEST(TrainPosition, IsTheNameOfItsCheckpoint) {
  EXPECT_EQ((TrainPosition{250, 0}.name()), "step-000250");
  EXPECT_EQ((TrainPosition{1250000, 2}.name()), "step-1250000-pass-2");
  for (const TrainPosition &position :
       {TrainPosition{0, 0}, TrainPosition{250, 3}, TrainPosition{12345678, 0}})
    EXPECT_EQ(TrainPosition::of_name(position.name()), position);
  for (const char *name : {"step-250", "step-", "step-000250-pass-0", "step-000250-pass-",
                           "step-000250.old", "latest", "step--00250", "step-99999999999999999999"})
    EXPECT_FALSE(TrainPosition::of_name(name)) << name;
  EXPECT_LT((TrainPosition{9, 3}), (TrainPosition{10, 0}));
}

TEST_F(CheckpointTest, GivesBackWhatItWasGiven) {
  const fs::path saved = save({250, 2});
  EXPECT_EQ(saved.filename(), "step-000250-pass-2");
  const Result<Checkpoint> read = read_checkpoint(saved);
  ASSERT_TRUE(read.ok()) << read.error().text();
  const Checkpoint expected = checkpoint_of({250, 2});
  EXPECT_EQ(read->position, expected.position);
  EXPECT_EQ(read->training.dump(), expected.training.dump());
  ASSERT_THAT(read->state, SizeIs(2));
  for (const auto &[name, tensor] : expected.state) {
    EXPECT_EQ(read->state.at(name).type, tensor.type);
    EXPECT_EQ(read->state.at(name).bytes, tensor.bytes);
  }
  EXPECT_EQ(latest(), "step-000250-pass-2\n");
  EXPECT_THAT(names(), ElementsAre("latest", "step-000250-pass-2"));
}

TEST_F(CheckpointTest, KeepsTheNewest) {
  for (const int64_t step : {8, 9, 10, 11}) save({step, 0});
  save({11, 1});
  EXPECT_THAT(names(), ElementsAre("latest", "step-000010", "step-000011", "step-000011-pass-1"));
  EXPECT_EQ(latest(), "step-000011-pass-1\n");
}

TEST_F(CheckpointTest, SweepsWhatKilledProcessesLeft) {
  save({1, 0});
  fs::create_directories(folder_.path() / ".making");
  write(folder_.path() / ".making" / "state.safetensors.a1b2c3", "half");
  fs::create_directories(folder_.path() / ".removing");
  write(folder_.path() / "latest.x1y2z3", "step");
  write(folder_.path() / "notes.txt", "mine");
  ASSERT_TRUE(folder_.open().ok());
  EXPECT_THAT(names(), ElementsAre("latest", "notes.txt", "step-000001"));
}

TEST_F(CheckpointTest, NamesWhatIsTornForeignOrMixed) {
  const fs::path one = save({1, 0}), two = save({2, 0});
  const std::string state = *read_file(two / "state.safetensors");
  write(two / "state.safetensors", state.substr(0, state.size() - 1));
  EXPECT_THAT(problem(two), HasSubstr("state.safetensors has"));
  std::string flipped = state;
  flipped[flipped.size() - 3] ^= 1;
  write(two / "state.safetensors", flipped);
  EXPECT_THAT(problem(two), HasSubstr("state.safetensors is not what was written"));
  fs::copy_file(one / "state.safetensors", two / "state.safetensors",
                fs::copy_options::overwrite_existing);
  EXPECT_THAT(problem(two), HasSubstr("state.safetensors is not what was written"));
  fs::remove(two / "state.safetensors");
  EXPECT_THAT(problem(two), HasSubstr("state.safetensors is missing"));
  write(two / "state.safetensors", state);
  EXPECT_EQ(problem(two), "it is whole");

  const std::string manifest = *read_file(two / "manifest.json");
  fs::copy(one, two, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  EXPECT_THAT(problem(two), HasSubstr("manifest.json is that of step-000001"));
  for (size_t size = 0; size + 1 < manifest.size(); size += 7) {
    write(two / "manifest.json", manifest.substr(0, size));
    EXPECT_THAT(problem(two), HasSubstr("is not whole")) << size;
  }
  for (const char *text : {"[]", "{}", "{\"format\": 1}", "{\"format\": \"1\"}"}) {
    write(two / "manifest.json", text);
    EXPECT_THAT(problem(two), HasSubstr("manifest.json is none of a checkpoint")) << text;
  }
  write(two / "manifest.json", R"({"format": 2, "step": 2, "passes": 0, "files": {}})");
  EXPECT_THAT(problem(two), HasSubstr("has the format 2"));
  write(two / "manifest.json", R"({"format": 1, "step": 2, "passes": 0, "files": {}})");
  EXPECT_THAT(problem(two), HasSubstr("does not list state.safetensors"));
  fs::remove(two / "manifest.json");
  EXPECT_THAT(problem(two), HasSubstr("manifest.json is missing"));
}

TEST_F(CheckpointTest, TakesTheNewestThatIsWholeAndSaysWhyNotTheOthers) {
  EXPECT_FALSE(folder_.newest()->has_value());
  save({1, 0});
  fs::remove(save({2, 0}) / "pipeline.json");
  fs::remove(save({3, 0}) / "manifest.json");
  const auto newest = *folder_.newest();
  ASSERT_TRUE(newest.has_value());
  EXPECT_EQ(newest->checkpoint.position, (TrainPosition{1, 0}));
  EXPECT_EQ(newest->folder, folder_.path() / "step-000001");
  ASSERT_THAT(newest->broken, SizeIs(2));
  EXPECT_THAT(newest->broken[0].what, HasSubstr("step-000003"));
  EXPECT_THAT(newest->broken[1].what, HasSubstr("step-000002"));
  fs::remove(folder_.path() / "step-000001" / "state.safetensors");
  const auto none = folder_.newest();
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().kind, ErrorKind::kStorage);
  EXPECT_THAT(none.error().text(), HasSubstr("--resume never"));
}

TEST_F(CheckpointTest, MovesOthersAsideAndLosesNone) {
  for (const int64_t step : {1, 2, 3}) save({step, 0});
  EXPECT_EQ(*folder_.set_aside(TrainPosition{3, 0}), "");
  EXPECT_EQ(*folder_.set_aside(TrainPosition{1, 0}), temporary_ / "checkpoints.1");
  EXPECT_EQ(latest(), "step-000001\n");
  EXPECT_THAT(names(), ElementsAre("latest", "step-000001"));
  EXPECT_EQ(problem(temporary_ / "checkpoints.1" / "step-000003"), "it is whole");
  EXPECT_EQ(*folder_.set_aside({}), temporary_ / "checkpoints.2");
  EXPECT_THAT(names(), IsEmpty());
  EXPECT_EQ(*folder_.set_aside({}), "");
}

TEST_F(CheckpointTest, OfAPlaceThatStandsIsKept) {
  const fs::path saved = save({1, 0});
  const auto time = fs::last_write_time(saved / "manifest.json");
  EXPECT_EQ(save({1, 0}), saved);
  EXPECT_EQ(fs::last_write_time(saved / "manifest.json"), time);
}

TEST_F(CheckpointTest, AFileInTheWayIsAnErrorOfStorage) {
  write(temporary_ / "file", "");
  CheckpointFolder inside(temporary_ / "file/checkpoints", 3);
  const Status opened = inside.open();
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().kind, ErrorKind::kStorage);
  EXPECT_THAT(opened.error().what, HasSubstr("file/checkpoints: cannot make the folder"));
}

}  // namespace
}  // namespace flame

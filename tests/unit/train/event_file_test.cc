// Event files of TensorBoard: frames whose checksums are right, and events that say what was meant.
#include "core/train/event_file.h"

#include <gmock/gmock.h>

#include "tests/support/event_reader.h"

namespace flame {
namespace {

using testing::ElementsAre;
using testing_support::Event;
using testing_support::read_events;

TEST(EventFile, ChecksumsAreThoseOfTheStandard) {
  // RFC 3720, B.4.
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(crc32c(""), 0u);
}

TEST(EventFile, IsReadBackFrameByFrame) {
  const EventScalar scalars[] = {{"loss/raw", 0.25}, {"learning_rate/denoiser", 1e-4}};
  const std::string file =
      version_frame(1000.5) + scalar_frame(1001.5, 300, scalars) + scalar_frame(1002, 301, {});
  const auto events = read_events(file);
  ASSERT_TRUE(events) << "a frame is not right";
  ASSERT_EQ(events->size(), 3u);
  EXPECT_EQ((*events)[0].version, "brain.Event:2");
  EXPECT_EQ((*events)[0].time, 1000.5);
  EXPECT_EQ((*events)[1].step, 300);
  EXPECT_THAT((*events)[1].scalars, ElementsAre(std::pair("loss/raw", 0.25F),
                                                std::pair("learning_rate/denoiser", 1e-4F)));
  EXPECT_EQ((*events)[2].step, 301);
}

TEST(EventFile, TheReaderOfTheseTestsSeesEveryChangedByte) {
  const EventScalar scalars[] = {{"loss/raw", 0.25}};
  const std::string file = scalar_frame(1001.5, 300, scalars);
  for (size_t i = 0; i < file.size(); ++i) {
    std::string changed = file;
    changed[i] = static_cast<char>(changed[i] ^ 4);
    EXPECT_FALSE(read_events(changed)) << "byte " << i;
  }
}

}  // namespace
}  // namespace flame

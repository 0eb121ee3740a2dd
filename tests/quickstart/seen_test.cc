// The judge of pictures: shapes that are drawn here, edge by edge, are named; what is none of them is not.
#include "tests/quickstart/judge/seen.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/quickstart/judge/read_picture.h"

namespace flame::quickstart {
namespace {

struct Corner {
  double x, y;
};
using Line = std::vector<Corner>;

constexpr int kSide = 128;
constexpr std::array<int, 3> kRed{220, 30, 30}, kBlue{40, 70, 220}, kGrey{140, 140, 140};

Pixels blank() {
  return {kSide, kSide, std::vector<uint8_t>(size_t(kSide) * kSide * 3, 255)};
}

// Even-odd over all lines: a second one makes a hole.
bool inside(const std::vector<Line> &lines, double x, double y) {
  bool in = false;
  for (const Line &line : lines) {
    for (size_t i = 0; i < line.size(); ++i) {
      const Corner &a = line[i], &b = line[(i + 1) % line.size()];
      if ((a.y > y) != (b.y > y) && x < a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x)) in = !in;
    }
  }
  return in;
}

// Lines of about unit size, drawn with 4 x 4 samples a pixel.
void draw(Pixels &picture, const std::vector<Line> &lines, double centre_x, double centre_y,
          double size, const std::array<int, 3> &colour) {
  for (int i = 0; i < kSide * kSide; ++i) {
    int hits = 0;
    for (int sample = 0; sample < 16; ++sample) {
      const double x = i % kSide + (sample % 4 + 0.5) / 4, y = i / kSide + (sample / 4 + 0.5) / 4;
      hits += inside(lines, (x - centre_x) / size, (y - centre_y) / size);
    }
    for (size_t channel = 0; channel < 3; ++channel) {
      uint8_t &byte = picture.bytes[size_t(i) * 3 + channel];
      byte = static_cast<uint8_t>(byte + (colour[channel] - byte) * hits / 16);
    }
  }
}

// The average of each pixel and its neighbours, and then noise: worse than what an autoencoder does.
Pixels blurred(const Pixels &picture) {
  Pixels out = picture;
  uint32_t noise = 1;
  for (int y = 1; y + 1 < kSide; ++y) {
    for (int x = 1; x + 1 < kSide; ++x) {
      for (int channel = 0; channel < 3; ++channel) {
        int sum = 0;
        for (int n = 0; n < 9; ++n)
          sum += picture.bytes[(size_t(y + n / 3 - 1) * kSide + x + n % 3 - 1) * 3 + channel];
        noise = noise * 1664525 + 1013904223;
        const int shaken = sum / 9 + static_cast<int>(noise >> 28) - 8;
        out.bytes[(size_t(y) * kSide + x) * 3 + channel] =
            static_cast<uint8_t>(std::clamp(shaken, 0, 255));
      }
    }
  }
  return out;
}

Line round(double radius) {
  Line line;
  for (int i = 0; i < 60; ++i)
    line.push_back({radius * std::cos(i * M_PI / 30), radius * std::sin(i * M_PI / 30)});
  return line;
}
Line star() {
  Line line;
  for (int i = 0; i < 10; ++i) {
    const double radius = i % 2 == 0 ? 1 : 0.45;
    line.push_back({radius * std::sin(i * M_PI / 5), -radius * std::cos(i * M_PI / 5)});
  }
  return line;
}
const Line kSquare{{-.85, -.85}, {.85, -.85}, {.85, .85}, {-.85, .85}};
const Line kTriangle{{0, -.95}, {.95, .75}, {-.95, .75}};
const Line kCross{{-.32, -.95}, {.32, -.95}, {.32, -.32}, {.95, -.32}, {.95, .32},   {.32, .32},
                  {.32, .95},   {-.32, .95}, {-.32, .32}, {-.95, .32}, {-.95, -.32}, {-.32, -.32}};
const Line kZorb{{-.85, -.95}, {.85, -.95}, {.16, 0}, {.85, .95}, {-.85, .95}, {-.16, 0}};
const std::vector<std::pair<std::string, std::vector<Line>>> kKnown{
    {"circle", {round(.95)}},
    {"square", {kSquare}},
    {"triangle", {kTriangle}},
    {"star", {star()}},
    {"cross", {kCross}},
    {"zorb", {kZorb}},
    {"ring", {round(.94), round(.5)}}};

std::string seen(const Pixels &picture) {
  return look_at(picture).text();
}

TEST(Judge, NamesEveryShapeLargeAndSmallAlsoWhenItIsBlurred) {
  for (const auto &[name, lines] : kKnown) {
    for (const auto &[size, half] : {std::pair("small", 17.0), std::pair("large", 38.0)}) {
      Pixels picture = blank();
      draw(picture, lines, 61.3, 66.8, half, kBlue);
      EXPECT_EQ(seen(picture), std::string(size) + " blue " + name);
      EXPECT_EQ(seen(blurred(picture)), std::string(size) + " blue " + name);
    }
  }
}

TEST(Judge, TellsWhichOfTwoIsWhere) {
  Pixels picture = blank();
  draw(picture, {round(.95)}, 60, 33, 16, kRed);
  draw(picture, {kSquare}, 66, 95, 27, kGrey);
  EXPECT_EQ(seen(picture), "small red circle above large grey square");
  Pixels beside = blank();
  draw(beside, {kTriangle}, 95, 60, 16, kBlue);
  draw(beside, {star()}, 33, 66, 27, kRed);
  EXPECT_EQ(seen(beside), "large red star left of small blue triangle");
}

TEST(Judge, DoesNotNameWhatItDoesNotKnow) {
  EXPECT_EQ(seen(blank()), "nothing");
  const Line half_moon{{-1, -.9}, {.2, -.6}, {.8, .1}, {.2, .7}, {-1, .9}, {-.3, 0}};
  const Line bar{{-.95, -.3}, {.95, -.3}, {.95, .3}, {-.95, .3}};
  const Line fallen{{0, .95}, {.95, -.75}, {-.95, -.75}};  // a triangle on its tip
  Line lying;
  for (const Corner &corner : kZorb) lying.push_back({corner.y, corner.x});
  for (const Line &line : {half_moon, bar, fallen, lying}) {
    Pixels picture = blank();
    draw(picture, {line}, 64, 64, 38, kRed);
    EXPECT_EQ(seen(picture), "large red thing");
  }
  Pixels turquoise = blank();
  draw(turquoise, {kSquare}, 64, 64, 38, {0, 220, 220});
  EXPECT_EQ(seen(turquoise), "large odd-coloured square");
}

TEST(Judge, PassesOverSpecks) {
  Pixels picture = blank();
  draw(picture, {kCross}, 64, 64, 38, kRed);
  draw(picture, {kSquare}, 10, 10, 3, kBlue);
  EXPECT_EQ(seen(picture), "large red cross");
}

TEST(Judge, ReadsWhatACaptionAsksFor) {
  const auto two = read_caption("a small red circle left of a square on a white background");
  ASSERT_TRUE(two);
  ASSERT_EQ(two->things.size(), 2u);
  EXPECT_EQ(two->place, "left of");
  EXPECT_EQ(two->things[0].colour, "red");
  EXPECT_EQ(two->things[0].large, false);
  EXPECT_EQ(two->things[1].colour, "");
  EXPECT_FALSE(two->things[1].large);
  EXPECT_FALSE(read_caption("a lighthouse at night"));
  EXPECT_FALSE(read_caption("a circle above"));
  EXPECT_FALSE(read_caption(""));
}

TEST(Judge, ComparesWhatIsThereWithWhatWasAsked) {
  Pixels picture = blank();
  draw(picture, {round(.95)}, 60, 33, 16, kRed);
  draw(picture, {kSquare}, 66, 95, 27, kGrey);
  const Scene scene = look_at(picture);
  const auto shown = [&](const char *caption) { return shows(scene, *read_caption(caption)); };
  EXPECT_TRUE(shown("a circle above a square"));
  EXPECT_TRUE(shown("a small red circle above a large grey square on a white background"));
  EXPECT_FALSE(shown("a circle left of a square"));
  EXPECT_FALSE(shown("a square above a circle"));
  EXPECT_FALSE(shown("a large circle above a square"));
  EXPECT_FALSE(shown("a blue circle above a square"));
  EXPECT_FALSE(shown("a red circle"));
}

TEST(Judge, KnowsTheThingThatTheQuickstartTeaches) {
  const std::string folder = FLAME_SOURCE_DIR "/configs/quickstart/";
  for (const auto &[file, text] : {std::pair("pictures/01.png", "large red zorb"),
                                   std::pair("pictures/10.png", "large grey zorb"),
                                   std::pair("others/02.png", "large blue ring"),
                                   std::pair("others/11.png", "small blue triangle"),
                                   std::pair("others/06.png", "large orange cross")}) {
    std::string problem;
    const auto picture = read_picture(folder + file, problem);
    ASSERT_TRUE(picture) << problem;
    EXPECT_EQ(seen(*picture), text);
  }
}

TEST(Judge, SaysWhyAPictureCannotBeRead) {
  std::string problem;
  EXPECT_FALSE(read_picture(FLAME_SOURCE_DIR "/configs/quickstart/pictures/01.txt", problem));
  EXPECT_NE(problem, "");
}

}  // namespace
}  // namespace flame::quickstart

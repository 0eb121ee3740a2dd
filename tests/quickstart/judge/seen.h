// What is in a picture of coloured shapes on white, told from its pixels alone.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flame::quickstart {

// Red, green and blue, row by row.
struct Pixels {
  int height = 0, width = 0;
  std::vector<uint8_t> bytes;
};

// One thing in a picture. Colour and shape are empty where it is none of those known.
struct Seen {
  bool large = false;
  std::string_view colour, shape;
  double centre_x = 0, centre_y = 0;  // in pixels
  double likeness = 0;                // of the shape's outline: 1 is the same
};

// From left to right, or from top to bottom if that is how they lie further apart.
struct Scene {
  std::vector<Seen> things;
  std::string text() const;  // "small red circle above large blue square"
};

// Things of at least 60 pixels; smaller specks are passed over.
Scene look_at(const Pixels &picture);

// What a caption asks for: "a large red star on a white background", "a ring above a blue cross". What it
// does not say may be anything.
struct Asked {
  struct Thing {
    std::optional<bool> large;
    std::string colour, shape;
  };
  std::vector<Thing> things;
  std::string place;  // "above", "left of"; empty for one thing
};

// Nothing if the caption names no shape, or one that nobody knows.
std::optional<Asked> read_caption(const std::string &caption);

// Whether the picture shows just what was asked for.
bool shows(const Scene &scene, const Asked &asked);

}  // namespace flame::quickstart

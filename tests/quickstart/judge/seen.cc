#include "tests/quickstart/judge/seen.h"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <utility>

namespace flame::quickstart {
namespace {

struct Colour {
  std::string_view name;
  std::array<double, 3> rgb;
};
constexpr Colour kColours[] = {
    {"red", {220, 30, 30}},     {"green", {30, 150, 50}},   {"blue", {40, 70, 220}},
    {"yellow", {240, 210, 30}}, {"orange", {245, 130, 20}}, {"purple", {130, 40, 170}},
    {"pink", {245, 130, 190}},  {"brown", {125, 75, 35}},   {"grey", {140, 140, 140}},
    {"black", {20, 20, 20}},
};
constexpr double kFarthestColour = 75;

constexpr int kSmallest = 60;      // pixels of a thing
constexpr double kLargeFrom = 22;  // half of the longer side, in pixels
constexpr double kLeastLikeness = 0.66;
constexpr double kMostStretched = 1.3;  // sides against those of the shape

// A shape over its own bounding box: x and y from -1 to 1, y down. Stretched is width by height.
struct Shape {
  std::string_view name;
  double stretched;
  bool (*holds)(double x, double y);
};

bool in_circle(double x, double y) {
  return std::hypot(x, y) <= 1;
}
bool in_square(double, double) {
  return true;
}
bool in_triangle(double x, double y) {
  return std::abs(x) <= (y + 1) / 2;
}
bool in_cross(double x, double y) {
  return std::min(std::abs(x), std::abs(y)) <= 0.337;
}
bool in_ring(double x, double y) {
  return in_circle(x, y) && std::hypot(x, y) >= 0.532;
}
bool in_hourglass(double x, double y) {
  return std::abs(x) <= 0.188 + 0.812 * std::abs(y);
}

// Five points; the box reaches from the upper one to the two lowest.
bool in_star(double x, double y) {
  constexpr double kTop = -1, kBottom = 0.809, kSide = 0.951;
  const double u = x * kSide, v = (y + 1) / 2 * (kBottom - kTop) + kTop;
  const double radius = std::hypot(u, v), tenth = M_PI / 5;
  double turn = std::fmod(std::atan2(u, -v) + 2 * M_PI, 2 * tenth);
  turn = std::min(turn, 2 * tenth - turn);  // from the nearest point
  // The edge from (1, turn 0) to (0.45, turn of a tenth).
  const double inner_x = 0.45 * std::cos(tenth), inner_y = 0.45 * std::sin(tenth);
  const double along = radius * std::cos(turn), aside = radius * std::sin(turn);
  return (along - 1) * inner_y - aside * (inner_x - 1) <= 0;
}

constexpr Shape kShapes[] = {
    {"circle", 1, in_circle},
    {"square", 1, in_square},
    {"triangle", 1.9 / 1.7, in_triangle},
    {"star", 1.902 / 1.809, in_star},
    {"cross", 1, in_cross},
    {"ring", 1, in_ring},
    {"zorb", 0.85 / 0.95, in_hourglass},
};

// How far from white: 0 to 255.
int ink(const Pixels &picture, int index) {
  const uint8_t *pixel = picture.bytes.data() + size_t(index) * 3;
  return 255 - std::min({pixel[0], pixel[1], pixel[2]});
}

// The pixels that hang together with one, by its index; they are marked as taken.
std::vector<int> grow(const Pixels &picture, int start, std::vector<bool> &taken) {
  std::vector<int> found{start};
  taken[start] = true;
  for (size_t next = 0; next < found.size(); ++next) {
    const int x = found[next] % picture.width, y = found[next] / picture.width;
    for (int ny = std::max(y - 1, 0); ny <= std::min(y + 1, picture.height - 1); ++ny) {
      for (int nx = std::max(x - 1, 0); nx <= std::min(x + 1, picture.width - 1); ++nx) {
        const int index = ny * picture.width + nx;
        if (taken[index] || ink(picture, index) < 48) continue;
        taken[index] = true;
        found.push_back(index);
      }
    }
  }
  return found;
}

// The middle one of each channel, over the half with the most ink: edges are mixed with white.
std::array<double, 3> colour_of(const Pixels &picture, std::vector<int> pixels) {
  const auto half = pixels.begin() + static_cast<std::ptrdiff_t>(pixels.size() / 2);
  std::ranges::nth_element(pixels, half,
                           [&](int a, int b) { return ink(picture, a) > ink(picture, b); });
  pixels.erase(half + 1, pixels.end());
  std::array<double, 3> middle{};
  for (size_t channel = 0; channel < 3; ++channel) {
    std::vector<uint8_t> values;
    for (const int index : pixels) values.push_back(picture.bytes[size_t(index) * 3 + channel]);
    std::ranges::nth_element(values,
                             values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
    middle[channel] = values[values.size() / 2];
  }
  return middle;
}

std::string_view name_of(const std::array<double, 3> &rgb) {
  std::string_view name;
  double nearest = kFarthestColour;
  for (const Colour &colour : kColours) {
    double sum = 0;
    for (size_t i = 0; i < 3; ++i) sum += (rgb[i] - colour.rgb[i]) * (rgb[i] - colour.rgb[i]);
    if (std::sqrt(sum) >= nearest) continue;
    nearest = std::sqrt(sum);
    name = colour.name;
  }
  return name;
}

// More than half of the way from white to the colour.
bool covered(const Pixels &picture, int index, const std::array<double, 3> &rgb) {
  double along = 0, whole = 0;
  for (size_t i = 0; i < 3; ++i) {
    along += (255 - picture.bytes[size_t(index) * 3 + i]) * (255 - rgb[i]);
    whole += (255 - rgb[i]) * (255 - rgb[i]);
  }
  return along > 0.5 * whole;
}

struct Mask {
  int left = 0, top = 0, width = 0, height = 0;
  std::vector<bool> bits;
};

Mask mask_of(const Pixels &picture, const std::vector<int> &pixels,
             const std::array<double, 3> &rgb) {
  std::vector<int> kept;
  std::ranges::copy_if(pixels, std::back_inserter(kept),
                       [&](int index) { return covered(picture, index, rgb); });
  if (kept.empty()) return {};
  Mask mask{picture.width, picture.height, 0, 0, {}};
  int right = 0, bottom = 0;
  for (const int index : kept) {
    mask.left = std::min(mask.left, index % picture.width);
    right = std::max(right, index % picture.width);
    mask.top = std::min(mask.top, index / picture.width);
    bottom = std::max(bottom, index / picture.width);
  }
  mask.width = right - mask.left + 1;
  mask.height = bottom - mask.top + 1;
  mask.bits.assign(size_t(mask.width) * mask.height, false);
  for (const int index : kept)
    mask.bits[size_t(index / picture.width - mask.top) * mask.width + index % picture.width -
              mask.left] = true;
  return mask;
}

// What both hold by what either holds.
double likeness(const Mask &mask, const Shape &shape) {
  const double stretch = double(mask.width) / mask.height / shape.stretched;
  if (std::max(stretch, 1 / stretch) > kMostStretched) return 0;
  int both = 0, either = 0;
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      const bool here = mask.bits[size_t(y) * mask.width + x];
      const bool there =
          shape.holds((x + 0.5) / mask.width * 2 - 1, (y + 0.5) / mask.height * 2 - 1);
      both += here && there;
      either += here || there;
    }
  }
  return double(both) / either;
}

std::optional<Seen> thing_of(const Pixels &picture, const std::vector<int> &pixels) {
  const std::array<double, 3> rgb = colour_of(picture, pixels);
  const Mask mask = mask_of(picture, pixels, rgb);
  if (std::ranges::count(mask.bits, true) < kSmallest) return std::nullopt;
  Seen seen;
  seen.large = std::max(mask.width, mask.height) / 2.0 >= kLargeFrom;
  seen.colour = name_of(rgb);
  seen.centre_x = mask.left + mask.width / 2.0;
  seen.centre_y = mask.top + mask.height / 2.0;
  for (const Shape &shape : kShapes) {
    const double like = likeness(mask, shape);
    if (like <= seen.likeness) continue;
    seen.likeness = like;
    seen.shape = like >= kLeastLikeness ? shape.name : std::string_view();
  }
  return seen;
}

bool stands_above(const std::vector<Seen> &things) {
  return std::abs(things[0].centre_y - things[1].centre_y) >
         std::abs(things[0].centre_x - things[1].centre_x);
}

bool is_one_of(std::string_view word, auto &table) {
  return std::ranges::find(table, word, [](const auto &entry) { return entry.name; }) !=
         std::end(table);
}

}  // namespace

Scene look_at(const Pixels &picture) {
  Scene scene;
  std::vector<bool> taken(size_t(picture.width) * picture.height, false);
  for (int index = 0; index < picture.width * picture.height; ++index) {
    if (taken[index] || ink(picture, index) < 48) continue;
    if (const auto seen = thing_of(picture, grow(picture, index, taken)))
      scene.things.push_back(*seen);
  }
  std::vector<Seen> &things = scene.things;
  const bool by_height = things.size() == 2 && stands_above(things);
  std::ranges::stable_sort(things, {}, by_height ? &Seen::centre_y : &Seen::centre_x);
  return scene;
}

std::string Scene::text() const {
  std::string text;
  for (const Seen &seen : things) {
    if (!text.empty())
      text += things.size() > 2 ? ", " : stands_above(things) ? " above " : " left of ";
    text += seen.large ? "large " : "small ";
    text += std::string(seen.colour.empty() ? "odd-coloured" : seen.colour) + " ";
    text += seen.shape.empty() ? "thing" : seen.shape;
  }
  return text.empty() ? "nothing" : text;
}

std::optional<Asked> read_caption(const std::string &caption) {
  Asked asked;
  Asked::Thing thing;
  std::istringstream words(caption);
  for (std::string word; words >> word;) {
    if (word == "on") break;  // "on a white background"
    if (word == "small" || word == "large") thing.large = word == "large";
    if (is_one_of(word, kColours)) thing.colour = word;
    if (word == "above" || word == "left") asked.place = word == "above" ? "above" : "left of";
    if (!is_one_of(word, kShapes)) continue;
    thing.shape = word;
    asked.things.push_back(std::exchange(thing, {}));
  }
  const bool whole = asked.things.size() == (asked.place.empty() ? 1 : 2);
  return whole ? std::optional(asked) : std::nullopt;
}

bool shows(const Scene &scene, const Asked &asked) {
  if (scene.things.size() != asked.things.size()) return false;
  for (size_t i = 0; i < asked.things.size(); ++i) {
    const Seen &seen = scene.things[i];
    const Asked::Thing &thing = asked.things[i];
    if (seen.shape != thing.shape) return false;
    if (!thing.colour.empty() && seen.colour != thing.colour) return false;
    if (thing.large && *thing.large != seen.large) return false;
  }
  return asked.place.empty() || (asked.place == "above") == stands_above(scene.things);
}

}  // namespace flame::quickstart

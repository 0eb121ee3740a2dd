// A set of parameters is taken if it holds one tensor, "picture", of a shape and type that PNG has.
#include "plugins/exporters/png/picture.h"

#include <cmath>
#include <cstring>
#include <string>
#include <string_view>

namespace png {
namespace {

constexpr std::string_view kName = "picture";
constexpr std::string_view kExpected =
    "expected 'picture' alone, of shape [height, width, 1, 3 or 4]";
// Far above what is drawn; what needs more memory than a machine has is refused before it is taken.
constexpr int64_t kMostSide = 65535;
constexpr int64_t kMostPixels = int64_t{1} << 28;
constexpr uint64_t kMostNames = 4;  // in a message

bool is_float(flame_dtype dtype) {
  switch (dtype) {
    case FLAME_DTYPE_F64:
    case FLAME_DTYPE_F32:
    case FLAME_DTYPE_F16:
    case FLAME_DTYPE_BF16:
    case FLAME_DTYPE_F8_E4M3:
    case FLAME_DTYPE_F8_E5M2:
      return true;
    default:
      return false;
  }
}

// "f32[2, 3]"
std::string type_text(const flame::Parameters::Description &tensor) {
  std::string out = flame::text(flame::dtype_name(tensor.dtype), "[");
  for (size_t axis = 0; axis < tensor.shape.size(); ++axis)
    out += flame::text(axis == 0 ? "" : ", ", tensor.shape[axis]);
  return out + "]";
}

// "'a', 'b', and 12 more"
std::string names_of(const flame::Parameters &parameters) {
  const uint64_t count = parameters.size(), named = std::min(count, kMostNames);
  std::string out;
  for (uint64_t i = 0; i < named; ++i)
    out += flame::text(i == 0 ? "'" : ", '", parameters[i].name, "'");
  return count == named ? out : flame::text(out, ", and ", count - named, " more");
}

bool is_side(int64_t size) {
  return size >= 1 && size <= kMostSide;
}

[[noreturn]] void refuse_number(double number, size_t index, const Picture &picture) {
  const auto channels = static_cast<size_t>(picture.channels);
  const auto width = static_cast<size_t>(picture.width);
  throw flame::Error(
      std::isfinite(number) ? FLAME_ERROR_UNSUPPORTED : FLAME_ERROR_NUMERIC,
      flame::text("'picture' holds ", number, " at row ", index / channels / width, ", column ",
                  index / channels % width, ", channel ", index % channels,
                  "; expected numbers from 0 to 1: scale and clamp the picture first"));
}

template <typename Number>
std::vector<char> rounded(const std::vector<char> &elements, const Picture &picture) {
  std::vector<char> bytes(elements.size() / sizeof(Number));
  for (size_t i = 0; i < bytes.size(); ++i) {
    Number number;
    std::memcpy(&number, elements.data() + i * sizeof number, sizeof number);
    if (!(number >= 0 && number <= 1)) refuse_number(number, i, picture);
    // In f64, so that f32 times 255 is exact.
    bytes[i] = static_cast<char>(static_cast<unsigned char>(double{number} * 255 + 0.5));
  }
  return bytes;
}

}  // namespace

Picture picture_in(const flame::Parameters &parameters) {
  if (parameters.size() == 0)
    throw flame::unsupported("there is nothing to write as a picture; ", kExpected);
  if (parameters.size() != 1) {
    throw flame::unsupported("a PNG file holds one picture, but there are ", parameters.size(),
                             " tensors (", names_of(parameters), "); ", kExpected);
  }
  const auto tensor = parameters[0];
  if (tensor.name != kName)
    throw flame::unsupported("'", tensor.name, "' is not called 'picture'; ", kExpected);
  const std::string type = type_text(tensor);
  if (tensor.dtype != FLAME_DTYPE_U8 && !is_float(tensor.dtype)) {
    throw flame::unsupported("'picture' is ", type,
                             "; expected the type u8, or a float with numbers from 0 to 1");
  }
  if (tensor.shape.size() != 3) throw flame::unsupported("'picture' is ", type, "; ", kExpected);
  const Picture picture{tensor.shape[0], tensor.shape[1], tensor.shape[2], tensor.dtype};
  if (picture.channels != 1 && picture.channels != 3 && picture.channels != 4) {
    throw flame::unsupported("'picture' is ", type, " with ", picture.channels,
                             " channels, the last size; expected 1 (grey), 3 (red, green, blue) or "
                             "4 (and how opaque)");
  }
  if (!is_side(picture.height) || !is_side(picture.width) ||
      picture.height * picture.width > kMostPixels) {
    throw flame::unsupported("'picture' is ", type, ", ", picture.width, " pixels wide and ",
                             picture.height, " high; expected 1 to ", kMostSide,
                             " each way, and at most ", kMostPixels, " in all");
  }
  return picture;
}

std::vector<char> pixels_of(const flame::Parameters &parameters, const Picture &picture) {
  if (picture.dtype == FLAME_DTYPE_U8) return parameters.read(0, FLAME_DTYPE_U8);
  if (picture.dtype == FLAME_DTYPE_F64)
    return rounded<double>(parameters.read(0, FLAME_DTYPE_F64), picture);
  return rounded<float>(parameters.read(0, FLAME_DTYPE_F32), picture);
}

}  // namespace png

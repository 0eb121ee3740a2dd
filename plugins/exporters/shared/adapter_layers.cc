#include "plugins/exporters/shared/adapter_layers.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>

#include "flame/small_floats.hpp"

namespace exporters {
namespace {

using flame::Parameters;
using flame::Shape;

constexpr size_t kNamesShown = 20;

constexpr std::string_view kEndings[] = {".lora_down.weight", ".lora_up.weight", ".alpha"};

// The tensors of one layer, in the order of kEndings.
struct Found {
  std::optional<uint64_t> tensors[3];
};

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() > end.size() && text.substr(text.size() - end.size()) == end;
}

class Problems {
 public:
  template <typename... Parts>
  void add(const Parts &...parts) {
    if (++count_ <= kNamesShown) text_ += flame::text("\n  ", parts...);
  }
  void raise() const {
    if (count_ == 0) return;
    const std::string more =
        count_ > kNamesShown ? flame::text("\n  and ", count_ - kNamesShown, " more") : "";
    throw flame::unsupported("no low-rank adapter that this exporter writes:", text_, more);
  }

 private:
  size_t count_ = 0;
  std::string text_;
};

std::map<std::string, Found> sort_out(const Parameters &parameters, Problems &problems) {
  std::map<std::string, Found> layers;
  for (uint64_t i = 0; i < parameters.size(); ++i) {
    const std::string_view name = parameters[i].name;
    bool known = false;
    for (size_t ending = 0; ending < 3; ++ending) {
      if (!ends_with(name, kEndings[ending])) continue;
      known = true;
      const std::string layer(name.substr(0, name.size() - kEndings[ending].size()));
      std::optional<uint64_t> &place = layers[layer].tensors[ending];
      if (place) problems.add("'", name, "' is there twice");
      place = i;
    }
    if (!known) problems.add("'", name, "' is neither lora_down, lora_up nor alpha of a layer");
  }
  return layers;
}

// Two matrices, or a convolution and one that looks at one place.
bool fit_together(const Shape &down, const Shape &up) {
  if (down.size() != up.size() || (down.size() != 2 && down.size() != 4)) return false;
  const bool one_place = up.size() == 2 || (up[2] == 1 && up[3] == 1);
  return one_place && down[0] != 0 && up[1] == down[0];
}

double number_of(const Parameters &parameters, uint64_t index) {
  const std::vector<char> bytes = parameters.read(index, FLAME_DTYPE_F64);
  double number = 0;
  memcpy(&number, bytes.data(), sizeof number);
  return number;
}

template <typename Number>
Number at(const std::vector<char> &bytes, size_t index) {
  Number number;
  memcpy(&number, bytes.data() + index * sizeof number, sizeof number);
  return number;
}

// Elements of f32 times a factor, as f32, f16 or bf16.
std::vector<char> scaled(const std::vector<char> &given, flame_dtype dtype, double factor) {
  const size_t count = given.size() / sizeof(float), width = FLAME_DTYPE_BYTES(dtype);
  const flame::FloatFormat &narrow =
      dtype == FLAME_DTYPE_F16 ? flame::kFormatF16 : flame::kFormatBF16;
  std::vector<char> made(count * width);
  for (size_t i = 0; i < count; ++i) {
    const double number = factor * at<float>(given, i);
    const auto wide = static_cast<float>(number);
    const auto bits = static_cast<uint16_t>(flame::encode_float(narrow, number));
    memcpy(made.data() + i * width,
           dtype == FLAME_DTYPE_F32 ? static_cast<const void *>(&wide) : &bits, width);
  }
  return made;
}

// By the bits of the exponent, which are all ones in infinities and NaNs alone.
bool is_finite(const std::vector<char> &elements, flame_dtype dtype) {
  const size_t count = elements.size() / FLAME_DTYPE_BYTES(dtype);
  const uint32_t ones = dtype == FLAME_DTYPE_F32   ? 0x7f800000u
                        : dtype == FLAME_DTYPE_F16 ? 0x7c00u
                                                   : 0x7f80u;
  for (size_t i = 0; i < count; ++i) {
    const uint32_t bits =
        dtype == FLAME_DTYPE_F32 ? at<uint32_t>(elements, i) : at<uint16_t>(elements, i);
    if ((bits & ones) == ones) return false;
  }
  return true;
}

}  // namespace

std::vector<AdapterLayer> adapter_layers(const Parameters &parameters,
                                         const std::vector<std::string> &parts) {
  Problems problems;
  std::vector<Shape> shapes;
  for (uint64_t i = 0; i < parameters.size(); ++i) shapes.push_back(parameters[i].shape);
  std::vector<AdapterLayer> layers;
  for (const auto &[name, found] : sort_out(parameters, problems)) {
    AdapterLayer layer;
    const size_t slash = name.find('/');
    layer.part = name.substr(0, slash);
    if (slash == std::string::npos || slash + 1 == name.size() ||
        std::find(parts.begin(), parts.end(), layer.part) == parts.end()) {
      problems.add("'", name, "' is of no part of a model that has a place in the file");
      continue;
    }
    layer.name = name.substr(slash + 1);
    if (!found.tensors[0] || !found.tensors[1] || !found.tensors[2]) {
      problems.add("'", name, "' lacks one of lora_down, lora_up and alpha");
      continue;
    }
    layer.down = *found.tensors[0], layer.up = *found.tensors[1];
    const Shape &down = shapes[layer.down], &up = shapes[layer.up];
    if (!fit_together(down, up) || !shapes[*found.tensors[2]].empty()) {
      problems.add("the tensors of '", name, "' do not fit together");
      continue;
    }
    layer.rank = down[0];
    layer.is_window = down.size() == 4 && (down[2] != 1 || down[3] != 1);
    layer.alpha = number_of(parameters, *found.tensors[2]);
    if (!std::isfinite(layer.alpha)) problems.add("the alpha of '", name, "' is not finite");
    layers.push_back(std::move(layer));
  }
  if (layers.empty()) problems.add("there is no layer");
  problems.raise();
  return layers;
}

std::vector<char> read_scaled(const Parameters &parameters, uint64_t index, flame_dtype dtype,
                              double factor) {
  std::vector<char> elements = factor == 1
                                   ? parameters.read(index, dtype)
                                   : scaled(parameters.read(index, FLAME_DTYPE_F32), dtype, factor);
  if (is_finite(elements, dtype)) return elements;
  throw flame::Error(
      FLAME_ERROR_NUMERIC,
      flame::text("'", parameters[index].name, "' holds a number that is not finite in ",
                  flame::dtype_name(dtype),
                  "; nothing is written: train with a lower learning rate, or write "
                  "a wider type"));
}

}  // namespace exporters

// The rules of the format's header.
#include <fmt/core.h>

#include <algorithm>

#include "core/base/json.h"
#include "core/base/suggest.h"
#include "core/base/terminal.h"
#include "core/io/safetensors.h"

namespace flame {
namespace {

constexpr std::string_view kMetadataKey = "__metadata__";
constexpr size_t kMaxTensors = 1'000'000;
constexpr size_t kMaxDepth = 4;
// A tensor is an object, a name of a type, two lists, two offsets and at most eight sizes.
constexpr size_t kMaxValues = 16 * kMaxTensors;
constexpr size_t kMaxNameShown = 120;

std::string shown(std::string_view name) {
  if (name.size() <= kMaxNameShown) return printable(name);
  return printable(name.substr(0, kMaxNameShown)) + "…";
}

class HeaderReader {
 public:
  HeaderReader(std::string_view file, uint64_t data_bytes) : file_(file), data_bytes_(data_bytes) {}

  Result<SafetensorsHeader> read(const Json::Object &root) {
    for (const auto &[key, value] : root) {
      if (key == kMetadataKey) {
        FLAME_TRY(read_metadata(value));
      } else {
        if (header_.tensors.size() == kMaxTensors)
          return broken(fmt::format("holds more than {} tensors", kMaxTensors));
        FLAME_TRY(read_tensor(key, value));
      }
    }
    FLAME_TRY(check_offsets());
    return std::move(header_);
  }

 private:
  Error broken(std::string_view what) const {
    return config_error(fmt::format("{}: {}", file_, what),
                        "the file is damaged or was written wrongly; get it again");
  }
  Error broken(std::string_view tensor, std::string_view what) const {
    return broken(fmt::format("tensor '{}': {}", shown(tensor), what));
  }

  Status read_metadata(const Json &value) {
    const Json::Object *members = value.as_object();
    if (!members) return broken("'__metadata__' is not an object of texts");
    for (const auto &[key, text] : *members) {
      if (!text.as_string())
        return broken(fmt::format("'__metadata__': the value of '{}' is not a text", shown(key)));
      header_.metadata.emplace_back(key, *text.as_string());
    }
    return {};
  }

  Status read_tensor(const std::string &name, const Json &value) {
    const Json::Object *members = value.as_object();
    if (!members) return broken(name, "expected an object of dtype, shape and data_offsets");
    for (const auto &[key, unused] : *members) {
      if (key != "dtype" && key != "shape" && key != "data_offsets")
        return broken(name, fmt::format("has the unknown member '{}'", shown(key)));
    }
    StoredTensor tensor;
    tensor.name = name;
    FLAME_TRY(read_type(value, tensor));
    FLAME_TRY(read_shape(value, tensor));
    FLAME_TRY(read_place(value, tensor));
    header_.tensors.push_back(std::move(tensor));
    return {};
  }

  Status read_type(const Json &value, StoredTensor &tensor) const {
    const Json *member = value.find("dtype");
    const std::string *text = member ? member->as_string() : nullptr;
    if (!text) return broken(tensor.name, "its dtype is missing or no text");
    tensor.type = stored_type_named(*text);
    if (tensor.type) return {};
    return broken(tensor.name, fmt::format("the dtype '{}' is not known", shown(*text)));
  }

  Status read_shape(const Json &value, StoredTensor &tensor) const {
    const Json *member = value.find("shape");
    const Json::Array *items = member ? member->as_array() : nullptr;
    if (!items) return broken(tensor.name, "its shape is missing or no list");
    if (items->size() > kMaxRank)
      return broken(tensor.name, fmt::format("has {} axes, more than {}", items->size(), kMaxRank));
    std::vector<int64_t> sizes;
    for (const Json &item : *items) {
      const int64_t *size = item.as_int();
      if (!size || *size < 0)
        return broken(tensor.name, "its shape holds what is no whole number from 0 up");
      sizes.push_back(*size);
    }
    const Result<Shape> shape = Shape::make(sizes);
    if (!shape.ok()) return broken(tensor.name, "its shape has too many elements to count");
    tensor.shape = *shape;
    return {};
  }

  Status read_place(const Json &value, StoredTensor &tensor) const {
    const Json *member = value.find("data_offsets");
    const Json::Array *items = member ? member->as_array() : nullptr;
    if (!items || items->size() != 2)
      return broken(tensor.name, "its data_offsets are missing or no list of two");
    const int64_t *begin = items->front().as_int();
    const int64_t *end = items->back().as_int();
    if (!begin || !end || *begin < 0 || *end < *begin)
      return broken(tensor.name, "its data_offsets are no begin and end in whole numbers");
    tensor.offset = static_cast<uint64_t>(*begin);
    tensor.size_bytes = static_cast<uint64_t>(*end - *begin);
    return check_size(tensor);
  }

  Status check_size(const StoredTensor &tensor) const {
    if (tensor.offset + tensor.size_bytes > data_bytes_) {
      return broken(tensor.name,
                    fmt::format("ends at byte {} of the data, of which there are {}: the file is "
                                "cut short",
                                tensor.offset + tensor.size_bytes, data_bytes_));
    }
    // At most 2^59 elements, and 2^65 bits: counted in two parts.
    const auto count = static_cast<uint64_t>(tensor.shape.element_count());
    const unsigned __int128 bits = static_cast<unsigned __int128>(count) * tensor.type->bits;
    if (bits % 8 != 0)
      return broken(tensor.name, fmt::format("{} does not fill whole bytes", tensor.type_text()));
    if (bits / 8 != tensor.size_bytes) {
      return broken(tensor.name, fmt::format("{} needs {} bytes, but its data_offsets hold {}",
                                             tensor.type_text(), static_cast<uint64_t>(bits / 8),
                                             tensor.size_bytes));
    }
    return {};
  }

  // The data is filled from begin to end, without holes and overlaps.
  Status check_offsets() {
    std::ranges::stable_sort(header_.tensors, {}, [](const StoredTensor &tensor) {
      return std::pair(tensor.offset, tensor.size_bytes);
    });
    uint64_t end = 0;
    for (const StoredTensor &tensor : header_.tensors) {
      if (tensor.offset > end) {
        return broken(tensor.name, fmt::format("starts at byte {} of the data and the one before "
                                               "ends at {}: what lies between is nobody's",
                                               tensor.offset, end));
      }
      if (tensor.offset < end)
        return broken(tensor.name, fmt::format("starts at byte {} of the data, inside of another",
                                               tensor.offset));
      end = tensor.offset + tensor.size_bytes;
    }
    if (end == data_bytes_) return {};
    return broken(
        fmt::format("{} bytes of data stand behind the last tensor's", data_bytes_ - end));
  }

  std::string_view file_;
  uint64_t data_bytes_;
  SafetensorsHeader header_;
};

}  // namespace

std::string StoredTensor::type_text() const {
  return std::string(type->name) + shape.text();
}

Result<SafetensorsHeader> parse_safetensors_header(std::string_view text, uint64_t data_bytes,
                                                   std::string_view file_name) {
  const std::string name = printable(file_name);
  const Error no_object = config_error(
      fmt::format("{}: not a safetensors file: its header does not begin with '{{'", name),
      "give a *.safetensors file");
  if (!text.starts_with('{')) return no_object;
  // Behind the object only spaces may stand.
  const size_t end = text.find_last_not_of(' ');
  if (text[end] != '}') {
    return config_error(fmt::format("{}: its header does not end with '}}' and spaces", name),
                        "the file is damaged or was written wrongly; get it again");
  }
  FLAME_ASSIGN(
      const Json root,
      parse_json(text.substr(0, end + 1), name + ": header",
                 {.max_bytes = kMaxHeaderBytes, .max_depth = kMaxDepth, .max_values = kMaxValues}));
  if (!root.as_object()) return no_object;
  return HeaderReader(name, data_bytes).read(*root.as_object());
}

}  // namespace flame

#include "plugins/exporters/shared/safetensors.h"

#include <algorithm>

#include "plugins/exporters/shared/sha256.h"

namespace exporters {
namespace {

using flame::text;

std::string json_string(std::string_view given) {
  static const char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : given) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += text("\\u00", kHex[byte >> 4], kHex[byte & 15]);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string_view type_name(flame_dtype dtype) {
  switch (dtype) {
    case FLAME_DTYPE_F64:
      return "F64";
    case FLAME_DTYPE_F32:
      return "F32";
    case FLAME_DTYPE_F16:
      return "F16";
    case FLAME_DTYPE_BF16:
      return "BF16";
    case FLAME_DTYPE_I64:
      return "I64";
    case FLAME_DTYPE_I32:
      return "I32";
    case FLAME_DTYPE_U8:
      return "U8";
    case FLAME_DTYPE_BOOL:
      return "BOOL";
    default:
      throw flame::unsupported("tensors of ", flame::dtype_name(dtype),
                               " have no place in safetensors files");
  }
}

uint64_t bytes_of(const FileTensor &tensor) {
  uint64_t bytes = FLAME_DTYPE_BYTES(tensor.dtype);
  for (const int64_t size : tensor.shape) bytes *= static_cast<uint64_t>(size);
  return bytes;
}

std::string header_of(const std::vector<FileTensor> &tensors, const Metadata &metadata) {
  std::string out = "{\"__metadata__\":{";
  for (const auto &[name, value] : metadata) {
    out += text(out.back() == '{' ? "" : ",", json_string(name), ":", json_string(value));
  }
  out += "}";
  uint64_t begin = 0;
  for (const FileTensor &tensor : tensors) {
    const uint64_t end = begin + bytes_of(tensor);
    std::string sizes;
    for (const int64_t size : tensor.shape) sizes += text(sizes.empty() ? "" : ",", size);
    out += text(",", json_string(tensor.name), ":{\"dtype\":\"", type_name(tensor.dtype),
                "\",\"shape\":[", sizes, "],\"data_offsets\":[", begin, ",", end, "]}");
    begin = end;
  }
  out += "}";
  out.append((8 - out.size() % 8) % 8, ' ');  // the elements start aligned
  return out;
}

std::vector<char> read(const FileTensor &tensor) {
  std::vector<char> elements = tensor.read();
  if (elements.size() == bytes_of(tensor)) return elements;
  throw flame::failed("'", tensor.name, "' has ", elements.size(), " bytes, expected ",
                      bytes_of(tensor));
}

}  // namespace

flame_dtype dtype_of(const std::string &precision) {
  if (precision == "f32") return FLAME_DTYPE_F32;
  return precision == "bf16" ? FLAME_DTYPE_BF16 : FLAME_DTYPE_F16;
}

void sort_tensors(std::vector<FileTensor> &tensors) {
  std::sort(tensors.begin(), tensors.end(), [](const FileTensor &a, const FileTensor &b) {
    const auto wide = FLAME_DTYPE_BYTES(a.dtype), other = FLAME_DTYPE_BYTES(b.dtype);
    return wide != other ? wide > other : a.name < b.name;
  });
  for (size_t i = 1; i < tensors.size(); ++i) {
    if (tensors[i].name == tensors[i - 1].name) {
      throw flame::unsupported("two tensors would be called '", tensors[i].name, "'");
    }
  }
}

std::string data_hash(const std::vector<FileTensor> &tensors) {
  Sha256 hash;
  for (const FileTensor &tensor : tensors) {
    const std::vector<char> elements = read(tensor);
    hash.add({elements.data(), elements.size()});
  }
  return hash.finish();
}

void write_safetensors(const std::string &path, const std::vector<FileTensor> &tensors,
                       const Metadata &metadata) {
  const std::string header = header_of(tensors, metadata);
  const uint64_t length = header.size();
  char length_bytes[8];
  for (int i = 0; i < 8; ++i) length_bytes[i] = static_cast<char>(length >> (8 * i) & 0xff);
  flame::Writer file(path);
  file.write(length_bytes, sizeof length_bytes);
  file.write(header);
  for (const FileTensor &tensor : tensors) {
    const std::vector<char> elements = read(tensor);
    file.write(elements.data(), elements.size());
  }
  file.commit();
}

}  // namespace exporters

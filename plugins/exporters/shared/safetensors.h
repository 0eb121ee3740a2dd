// Writes safetensors files: the same tensors and metadata give the same bytes.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "flame/exporter.hpp"

namespace exporters {

struct FileTensor {
  std::string name;
  flame_dtype dtype;  // F32, F16 or BF16, or any other that read() gives
  flame::Shape shape;
  std::function<std::vector<char>()> read;  // the elements; called twice, with the same answer
};

using Metadata = std::map<std::string, std::string>;

// "f16", "bf16" or "f32", as the option of an exporter has it.
flame_dtype dtype_of(const std::string &precision);

// Wide elements first, then by name, without holes, as the format's own writer does it.
void sort_tensors(std::vector<FileTensor> &tensors);

// SHA-256 of the data of sorted tensors, one read at a time.
std::string data_hash(const std::vector<FileTensor> &tensors);

// Writes sorted tensors whole or not at all.
void write_safetensors(const std::string &path, const std::vector<FileTensor> &tensors,
                       const Metadata &metadata);

}  // namespace exporters

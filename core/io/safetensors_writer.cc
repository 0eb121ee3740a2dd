#include "core/io/safetensors_writer.h"

#include <fmt/core.h>

#include <algorithm>
#include <cassert>

#include "core/base/json.h"
#include "core/base/terminal.h"
#include "core/base/utf8.h"

namespace flame {
namespace {

Status check_name(const StoredTensor &tensor, const StoredTensor *before) {
  if (tensor.name.empty() || !is_utf8(tensor.name) || tensor.name == "__metadata__") {
    return Error{
        ErrorKind::kFailed,
        fmt::format("a tensor cannot be written under the name '{}'", printable(tensor.name)),
        "give it a name in UTF-8"};
  }
  if (!before || before->name != tensor.name) return {};
  return Error{
      ErrorKind::kFailed,
      fmt::format("two tensors are to be written under the name '{}'", printable(tensor.name)),
      "give each a name of its own"};
}

std::string header_text(const std::vector<StoredTensor> &tensors, FileMetadata metadata) {
  Json::Object root;
  if (!metadata.empty()) {
    std::ranges::sort(metadata);
    Json::Object texts;
    for (auto &[key, text] : metadata) texts.emplace_back(std::move(key), std::move(text));
    root.emplace_back("__metadata__", std::move(texts));
  }
  for (const StoredTensor &tensor : tensors) {
    Json::Array shape;
    for (const int64_t size : tensor.shape) shape.emplace_back(size);
    const auto begin = static_cast<int64_t>(tensor.offset);
    Json::Object entry;
    entry.emplace_back("dtype", tensor.type->name);
    entry.emplace_back("shape", std::move(shape));
    entry.emplace_back("data_offsets",
                       Json::Array{begin, begin + static_cast<int64_t>(tensor.size_bytes)});
    root.emplace_back(tensor.name, std::move(entry));
  }
  std::string text = Json(std::move(root)).dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the data is aligned
  return text;
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(AtomicFile file, std::vector<StoredTensor> tensors,
                                     uint64_t data_bytes)
    : file_(std::move(file)), tensors_(std::move(tensors)), data_bytes_(data_bytes) {}

Result<SafetensorsWriter> SafetensorsWriter::create(const std::filesystem::path &path,
                                                    std::vector<TensorToWrite> tensors,
                                                    FileMetadata metadata) {
  std::vector<StoredTensor> stored;
  for (TensorToWrite &tensor : tensors) {
    stored.push_back({std::move(tensor.name), &stored_type_of(tensor.type.dtype), tensor.type.shape,
                      0, static_cast<uint64_t>(tensor.type.size_bytes())});
  }
  std::ranges::sort(stored, {}, &StoredTensor::name);
  for (size_t i = 0; i < stored.size(); ++i)
    FLAME_TRY(check_name(stored[i], i ? &stored[i - 1] : nullptr));
  std::ranges::stable_sort(stored, std::ranges::greater(),
                           [](const StoredTensor &tensor) { return tensor.type->bits; });
  uint64_t end = 0;
  for (StoredTensor &tensor : stored) {
    tensor.offset = end;
    end += tensor.size_bytes;
  }
  const std::string header = header_text(stored, std::move(metadata));
  std::string length;
  for (size_t i = 0; i < 8; ++i) length += static_cast<char>(header.size() >> 8 * i & 0xff);
  FLAME_ASSIGN(AtomicFile file, AtomicFile::create(path));
  FLAME_TRY(file.write(length));
  FLAME_TRY(file.write(header));
  return SafetensorsWriter(std::move(file), std::move(stored), end);
}

Status SafetensorsWriter::write(std::span<const std::byte> bytes) {
  written_bytes_ += bytes.size();
  assert(written_bytes_ <= data_bytes_);
  return file_.write({reinterpret_cast<const char *>(bytes.data()), bytes.size()});
}

Status SafetensorsWriter::commit(Flush flush) {
  assert(written_bytes_ == data_bytes_);
  return file_.commit(flush);
}

Status write_safetensors(const std::filesystem::path &path, const TensorMap &tensors,
                         FileMetadata metadata, Flush flush) {
  std::vector<TensorToWrite> list;
  for (const auto &[name, tensor] : tensors) list.push_back({name, tensor.type});
  FLAME_ASSIGN(SafetensorsWriter writer,
               SafetensorsWriter::create(path, std::move(list), std::move(metadata)));
  for (const StoredTensor &tensor : writer.tensors())
    FLAME_TRY(writer.write(tensors.at(tensor.name).bytes));
  return writer.commit(flush);
}

}  // namespace flame

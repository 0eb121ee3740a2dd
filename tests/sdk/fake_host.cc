#include "fake_host.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace flame_test {
namespace {

struct FakeReader {
  std::ifstream stream;
  uint64_t size;
};
struct FakeWriter {
  std::ofstream stream;
  std::string path;
};

flame_status fail(flame_call *call, const std::string &message) {
  call->fail(call->sink, FLAME_ERROR_STORAGE, str(message));
  return FLAME_ERROR_STORAGE;
}

FakeReader *reader_of(flame_reader *handle) {
  return reinterpret_cast<FakeReader *>(handle);
}
FakeWriter *writer_of(flame_writer *handle) {
  return reinterpret_cast<FakeWriter *>(handle);
}

flame_status open_reader(void *, flame_call *call, flame_str path, flame_reader **out) noexcept {
  auto reader = std::make_unique<FakeReader>();
  reader->stream.open(text(path), std::ios::binary);
  if (!reader->stream) return fail(call, "cannot open " + text(path));
  reader->size = std::filesystem::file_size(text(path));
  *out = reinterpret_cast<flame_reader *>(reader.release());
  return FLAME_OK;
}
uint64_t size(flame_reader *reader) noexcept {
  return reader_of(reader)->size;
}
flame_status read(flame_reader *reader, flame_call *call, uint64_t offset, void *into,
                  uint64_t size) noexcept {
  std::ifstream &stream = reader_of(reader)->stream;
  stream.seekg(static_cast<std::streamoff>(offset));
  stream.read(static_cast<char *>(into), static_cast<std::streamsize>(size));
  return stream ? FLAME_OK : fail(call, "the file is too short");
}
void close_reader(flame_reader *reader) noexcept {
  delete reader_of(reader);
}

flame_status open_writer(void *, flame_call *call, flame_str path, flame_writer **out) noexcept {
  auto writer = std::make_unique<FakeWriter>();
  writer->path = text(path);
  writer->stream.open(writer->path + ".part", std::ios::binary);
  if (!writer->stream) return fail(call, "cannot write " + text(path));
  *out = reinterpret_cast<flame_writer *>(writer.release());
  return FLAME_OK;
}
flame_status write(flame_writer *writer, flame_call *, const void *from, uint64_t size) noexcept {
  writer_of(writer)->stream.write(static_cast<const char *>(from),
                                  static_cast<std::streamsize>(size));
  return FLAME_OK;
}
flame_status commit(flame_writer *handle, flame_call *) noexcept {
  FakeWriter *writer = writer_of(handle);
  writer->stream.close();
  std::filesystem::rename(writer->path + ".part", writer->path);
  delete writer;
  return FLAME_OK;
}
void discard(flame_writer *handle) noexcept {
  FakeWriter *writer = writer_of(handle);
  writer->stream.close();
  std::filesystem::remove(writer->path + ".part");
  delete writer;
}

void write_log(void *self, uint32_t level, flame_str message) noexcept {
  static_cast<FakeHost *>(self)->log.push_back(std::to_string(level) + " " + text(message));
}
uint32_t enabled(void *, uint32_t level) noexcept {
  return level >= FLAME_LOG_INFO;
}

}  // namespace

FakeHost::FakeHost(std::vector<std::string> offered) : services(std::move(offered)) {
  static const std::string name = "fake host", version = "0.0.1";
  log_table_ = {sizeof log_table_, 0, this, write_log, enabled};
  files_table_ = {sizeof files_table_, 0,           this,  open_reader, size,   read,
                  close_reader,        open_writer, write, commit,      discard};
  link_ = {{sizeof(flame_host), FLAME_ABI_MINOR, str(name), str(version), query}, this};
}

const flame_host *FakeHost::get() const {
  return &link_.host;
}

const void *FakeHost::query(const flame_host *host, flame_str id) noexcept {
  const FakeHost *self = reinterpret_cast<const Link *>(host)->self;
  if (std::find(self->services.begin(), self->services.end(), text(id)) == self->services.end()) {
    return nullptr;
  }
  if (text(id) == FLAME_LOG_ID) return &self->log_table_;
  return text(id) == FLAME_FILES_ID ? &self->files_table_ : nullptr;
}

FakeCall::FakeCall() {
  call_.struct_size = sizeof call_;
  call_.sink = this;
  call_.fail = [](void *sink, flame_status status, flame_str message) noexcept {
    auto *self = static_cast<FakeCall *>(sink);
    ++self->failures;
    self->status = status;
    self->message = text(message);
  };
}

FakeTensor::FakeTensor(flame_dtype dtype, std::vector<int64_t> sizes, std::vector<float> values)
    : shape(std::move(sizes)), strides(shape.size(), 1), elements(std::move(values)) {
  int64_t count = 1;
  for (size_t axis = shape.size(); axis-- > 0;) {
    strides[axis] = count;
    count *= shape[axis];
  }
  elements.resize(static_cast<size_t>(count));
  tensor_ = {
      sizeof tensor_,  dtype, static_cast<uint32_t>(shape.size()), 0, shape.data(), strides.data(),
      elements.data(), 0,     elements.size() * sizeof(float)};
}

}  // namespace flame_test

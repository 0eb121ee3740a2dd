#include "core/plugin/validate/checked_files.h"

#include <cstring>
#include <string_view>

using flame::CheckedFiles;

struct flame_reader {
  CheckedFiles *files;
  std::string content;
};

struct flame_writer {
  CheckedFiles *files;
  std::string path;
  std::string content;
  bool failed;
};

namespace flame {
namespace {

flame_status refuse(flame_call *call, flame_status status, std::string_view message) {
  call->fail(call->sink, status, {message.data(), message.size()});
  return status;
}

}  // namespace

CheckedFiles::CheckedFiles()
    : table_{sizeof table_, 0,           this,  open_reader, size,   read,
             close_reader,  open_writer, write, commit,      discard} {}

flame_status CheckedFiles::open_reader(void *self, flame_call *call, flame_str path,
                                       flame_reader **out) noexcept {
  CheckedFiles &files = of(self);
  const auto found = files.committed_.find(std::string(path.data, path.size));
  if (found == files.committed_.end()) {
    return refuse(call, FLAME_ERROR_STORAGE, "no such file: name one that exists");
  }
  *out = new flame_reader{&files, found->second};
  ++files.open_;
  return FLAME_OK;
}

uint64_t CheckedFiles::size(flame_reader *reader) noexcept {
  return reader->content.size();
}

flame_status CheckedFiles::read(flame_reader *reader, flame_call *call, uint64_t offset, void *into,
                                uint64_t size) noexcept {
  if (offset > reader->content.size() || size > reader->content.size() - offset) {
    return refuse(call, FLAME_ERROR_STORAGE, "the file ends before what is to be read");
  }
  memcpy(into, reader->content.data() + offset, size);
  return FLAME_OK;
}

void CheckedFiles::close_reader(flame_reader *reader) noexcept {
  --reader->files->open_;
  delete reader;
}

flame_status CheckedFiles::open_writer(void *self, flame_call *, flame_str path,
                                       flame_writer **out) noexcept {
  CheckedFiles &files = of(self);
  *out = new flame_writer{&files, std::string(path.data, path.size), {}, false};
  ++files.open_;
  ++files.opened_;
  return FLAME_OK;
}

flame_status CheckedFiles::write(flame_writer *writer, flame_call *call, const void *from,
                                 uint64_t size) noexcept {
  if (writer->files->writes_++ >= writer->files->fail_from_) {
    writer->failed = true;
    return refuse(call, FLAME_ERROR_STORAGE, "no space left on the device: make room");
  }
  writer->content.append(static_cast<const char *>(from), size);
  return FLAME_OK;
}

flame_status CheckedFiles::commit(flame_writer *writer, flame_call *call) noexcept {
  const std::unique_ptr<flame_writer> owned(writer);
  --owned->files->open_;
  if (owned->failed) {
    return refuse(call, FLAME_ERROR_STORAGE, "the file was not written whole: discard it");
  }
  owned->files->committed_[owned->path] = owned->content;
  return FLAME_OK;
}

void CheckedFiles::discard(flame_writer *writer) noexcept {
  --writer->files->open_;
  delete writer;
}

}  // namespace flame

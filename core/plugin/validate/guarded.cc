#include "core/plugin/validate/guarded.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cassert>
#include <cstring>

namespace flame {

GuardedBlock::GuardedBlock(size_t size) : size_(size) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t usable = (size + page - 1) / page * page;
  mapped_bytes_ = usable + page;
  pages_ = mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert(pages_ != MAP_FAILED);
  unsigned char *start = static_cast<unsigned char *>(pages_);
  mprotect(start + usable, page, PROT_NONE);
  data_ = start + usable - size;
  memset(data_, 0xA5, size);
}

GuardedBlock::~GuardedBlock() {
  munmap(pages_, mapped_bytes_);
}

flame_str GuardedTexts::add(std::string_view text) {
  blocks_.push_back(std::make_unique<GuardedBlock>(text.size()));
  memcpy(blocks_.back()->data(), text.data(), text.size());
  return {reinterpret_cast<const char *>(blocks_.back()->data()), text.size()};
}

}  // namespace flame

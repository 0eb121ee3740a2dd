#include "backends/reference/device.h"

#include <unistd.h>

#include <cstring>
#include <new>

#include "backends/reference/check_op.h"
#include "backends/reference/plan.h"

namespace flame::reference {
namespace {

constexpr std::align_val_t kAlignment{256};

// One thread, one order: the same bits every time. No workspace, and nothing in place: a kernel may
// write an output before it has read all inputs.
constexpr OpInfo kInfo = {FLAME_OP_DETERMINISTIC, 0, 0};

// Work is done when it is enqueued, so that there is nothing to mark and nothing to wait for.
class ImmediateStream : public Stream {
 public:
  void record(Event &) override {}
  void wait(Event &) override {}
  void synchronize() override {}
};

uint64_t pages_in_bytes(int name) {
  const long pages = sysconf(name);
  return pages < 0 ? 0
                   : static_cast<uint64_t>(pages) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

std::vector<DeviceInfo> ReferenceDevice::devices() {
  return {{"processor", "plain loops, one thread", FLAME_DEVICE_CPU, pages_in_bytes(_SC_PHYS_PAGES),
           pages_in_bytes(_SC_AVPHYS_PAGES)}};
}

void *ReferenceDevice::allocate(uint64_t size) {
  // The system may promise more than there is, and end the process when it is touched.
  const uint64_t total = pages_in_bytes(_SC_PHYS_PAGES);
  void *memory = size > total ? nullptr : ::operator new(size, kAlignment, std::nothrow);
  if (memory) return memory;
  throw out_of_memory(size, " bytes were asked for, but ", pages_in_bytes(_SC_AVPHYS_PAGES), " of ",
                      total, " bytes of the machine are free");
}

void ReferenceDevice::release(void *memory) noexcept {
  ::operator delete(memory, kAlignment);
}

void ReferenceDevice::upload(const Call &, const void *from, void *to, uint64_t size) {
  std::memcpy(to, from, size);
}

void ReferenceDevice::download(const Call &, const void *from, void *to, uint64_t size) {
  std::memcpy(to, from, size);
}

std::unique_ptr<Stream> ReferenceDevice::create_stream() {
  return std::make_unique<ImmediateStream>();
}

std::unique_ptr<Event> ReferenceDevice::create_event() {
  return std::make_unique<Event>();
}

OpInfo ReferenceDevice::probe(const Call &, const Op &op) const {
  check_op(op);
  return kInfo;
}

std::unique_ptr<Plan> ReferenceDevice::plan(const Call &, const Op &op) {
  check_op(op);
  auto plan = std::make_unique<KernelPlan>(op);
  plan->info = kInfo;
  return plan;
}

}  // namespace flame::reference

// The device of the reference backend: the processor, one thread, everything done at once.
#pragma once

#include <memory>
#include <vector>

#include "flame/backend.hpp"

namespace flame::reference {

class ReferenceDevice : public Device {
 public:
  static std::vector<DeviceInfo> devices();
  explicit ReferenceDevice(uint32_t) {}

  void *allocate(uint64_t size) override;
  void release(void *memory) noexcept override;
  void upload(const Call &call, const void *from, void *to, uint64_t size) override;
  void download(const Call &call, const void *from, void *to, uint64_t size) override;

  std::unique_ptr<Stream> create_stream() override;
  std::unique_ptr<Event> create_event() override;

  OpInfo probe(const Call &call, const Op &op) const override;
  std::unique_ptr<Plan> plan(const Call &call, const Op &op) override;
};

}  // namespace flame::reference

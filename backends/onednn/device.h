// The processor as a device: its memory, its streams, and the way from an op to its plan.
#pragma once

#include "backends/onednn/engine.h"
#include "flame/backend.hpp"

namespace flame::onednn {

// All work is done at once, in the thread that asks for it, so that streams have nothing to wait
// for.
class Processor : public flame::Device {
 public:
  struct Options {
    int64_t threads = 0;

    void describe(flame::OptionTable &table) {
      table.integer("threads", threads, "How many threads compute; 0 takes every core.")
          .range(0, 1024);
    }
  };

  static std::vector<flame::DeviceInfo> devices();
  Processor(uint32_t index, const Options &options);

  void *allocate(uint64_t size) override;
  void release(void *memory) noexcept override;
  void upload(const flame::Call &call, const void *from, void *to, uint64_t size) override;
  void download(const flame::Call &call, const void *from, void *to, uint64_t size) override;

  std::unique_ptr<flame::Stream> create_stream() override;
  std::unique_ptr<flame::Event> create_event() override;

  flame::OpInfo probe(const flame::Call &call, const flame::Op &op) const override;
  std::unique_ptr<flame::Plan> plan(const flame::Call &call, const flame::Op &op) override;

 private:
  Engine engine_;
};

}  // namespace flame::onednn

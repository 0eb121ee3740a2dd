// A GPU as a device: its memory, its streams, and the way from an op to its plan.
#pragma once

#include <optional>
#include <string>

#include "backends/cuda/context.h"
#include "backends/cuda/staging.h"
#include "flame/backend.hpp"

namespace flame::cuda {

class Gpu : public flame::Device {
 public:
  struct Options {
    std::optional<std::string> libraries;
    std::optional<std::string> cache;
    bool tf32 = false;

    void describe(flame::OptionTable &table) {
      table.path("libraries", libraries,
                 "Where NVRTC, cuBLASLt and cuDNN are; else the usual places.");
      table.path("cache", cache, "Where compiled kernels are kept; else the user's cache folder.");
      table.flag("tf32", tf32,
                 "Products of f32 may round their factors to 10 bits; several times as quick.");
    }
  };

  // None if no driver answers; the log then holds the reason.
  static std::vector<flame::DeviceInfo> devices();
  Gpu(uint32_t index, const Options &options);

  void *allocate(uint64_t size) override;
  void release(void *memory) noexcept override;
  void upload(const flame::Call &call, const void *from, void *to, uint64_t size) override;
  void download(const flame::Call &call, const void *from, void *to, uint64_t size) override;

  flame::OwnMemory own_memory() override;

  std::unique_ptr<flame::Stream> create_stream() override;
  std::unique_ptr<flame::Event> create_event() override;
  bool can_capture() const noexcept override { return true; }
  bool captures_branches() const noexcept override { return true; }

  flame::OpInfo probe(const flame::Call &call, const flame::Op &op) const override;
  std::unique_ptr<flame::Plan> plan(const flame::Call &call, const flame::Op &op) override;

 private:
  uint32_t number_;  // of flame_tensor.device
  Context context_;
  Staging staging_;
};

}  // namespace flame::cuda

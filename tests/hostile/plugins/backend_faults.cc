// A backend for the op "copy", with one fault that the build chooses: MISALIGNED, HALF_WRITTEN,
// GUESSES or SPEECHLESS.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "flame/plugin.hpp"

namespace {

#ifdef MISALIGNED
constexpr size_t kSkip = 16;
#else
constexpr size_t kSkip = 0;
#endif

class Still : public flame::Stream {
 public:
  void record(flame::Event &) override {}
  void wait(flame::Event &) override {}
  void synchronize() override {}
};

class Copy : public flame::Plan {
 public:
  void run(const flame::Call &, flame::TensorList inputs, flame::TensorList outputs) override {
    size_t bytes = inputs[0]->buffer_size;
#ifdef HALF_WRITTEN
    bytes /= 2;
#endif
    std::memcpy(outputs[0]->data, inputs[0]->data, bytes);
  }
};

class Faulty : public flame::Device {
 public:
  static std::vector<flame::DeviceInfo> devices() {
    return {{"faulty", "for tests", FLAME_DEVICE_CPU, 0, 0}};
  }
  explicit Faulty(uint32_t) {}

  void *allocate(uint64_t size) override {
#ifdef SPEECHLESS
    if (size > 1u << 30) throw std::bad_alloc();
#else
    if (size > 1u << 30) throw flame::out_of_memory(size, " bytes asked for, ", 1u << 30, " left");
#endif
    char *block = static_cast<char *>(std::aligned_alloc(256, (size + 511) / 256 * 256));
    return block + kSkip;
  }
  void release(void *memory) noexcept override {
    std::free(static_cast<char *>(memory) - kSkip);
  }
  void upload(const flame::Call &, const void *from, void *to, uint64_t size) override {
    std::memcpy(to, from, size);
  }
  void download(const flame::Call &, const void *from, void *to, uint64_t size) override {
    std::memcpy(to, from, size);
  }
  std::unique_ptr<flame::Stream> create_stream() override {
    return std::make_unique<Still>();
  }
  std::unique_ptr<flame::Event> create_event() override {
    return std::make_unique<flame::Event>();
  }
  flame::OpInfo probe(const flame::Call &, const flame::Op &op) const override {
#ifdef GUESSES
    (void)op;
#else
    if (op.name() != "copy") throw flame::unsupported("only copy is done here, not ", op.name());
#endif
    return {FLAME_OP_DETERMINISTIC, 0, 0};
  }
  std::unique_ptr<flame::Plan> plan(const flame::Call &, const flame::Op &) override {
    auto plan = std::make_unique<Copy>();
    plan->info = {FLAME_OP_DETERMINISTIC, 0, 0};
    return plan;
  }
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.test.faulty").version("1.0.0").vendor("Test").license("Apache-2.0");
  plugin.summary("A backend for tests.");
  plugin.add<Faulty>("faulty", "Copies, more or less.");
}

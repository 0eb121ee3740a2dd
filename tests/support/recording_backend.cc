#include "tests/support/recording_backend.h"

#include <deque>
#include <memory>
#include <vector>

#include "backends/reference/device.h"

namespace flame::testing_support {

Recording recording;

namespace {

using reference::ReferenceDevice;

// A run of a plan with its tensors, kept for later.
class KeptRun {
 public:
  KeptRun(flame::Plan &plan, const std::vector<flame_tensor> &inputs,
          const std::vector<flame_tensor> &outputs)
      : plan_(plan), inputs_(inputs), outputs_(outputs) {}

  void run(const flame::Call &call) {
    plan_.run(call, pointers(inputs_).data(), pointers(outputs_).data());
  }

 private:
  static std::vector<const flame_tensor *> pointers(const std::vector<flame_tensor> &tensors) {
    std::vector<const flame_tensor *> out;
    for (const flame_tensor &tensor : tensors) out.push_back(&tensor);
    return out;
  }

  flame::Plan &plan_;
  std::vector<flame_tensor> inputs_, outputs_;
};

class KeptGraph : public flame::Graph {
 public:
  explicit KeptGraph(std::deque<KeptRun> runs) : runs_(std::move(runs)) { ++recording.graphs; }
  ~KeptGraph() override { --recording.graphs; }

  std::deque<KeptRun> &runs() { return runs_; }

 private:
  std::deque<KeptRun> runs_;
};

class RecordingStream : public flame::Stream {
 public:
  void record(flame::Event &) override {}
  void wait(flame::Event &) override {}
  void synchronize() override {}
  void begin_capture() override { runs_.clear(); }
  std::unique_ptr<flame::Graph> end_capture() override {
    return std::make_unique<KeptGraph>(std::move(runs_));
  }
  void replay(flame::Graph &graph) override {
    ++recording.replays;
    const flame_call call = {};
    for (KeptRun &run : static_cast<KeptGraph &>(graph).runs()) run.run(flame::Call(&call));
  }
  void keep(KeptRun run) { runs_.push_back(std::move(run)); }

 private:
  std::deque<KeptRun> runs_;
};

class RecordingPlan : public flame::Plan {
 public:
  RecordingPlan(std::unique_ptr<flame::Plan> plan, const flame::Op &op)
      : plan_(std::move(plan)), input_count_(op.input_count()), output_count_(op.output_count()) {}

  void run(const flame::Call &call, flame::TensorList inputs, flame::TensorList outputs) override {
    if (!call.capturing()) {
      ++recording.runs;
      return plan_->run(call, inputs, outputs);
    }
    if (recording.ops_refuse) throw flame::unsupported("this op cannot be captured after all");
    ++recording.captured;
    static_cast<RecordingStream &>(call.stream())
        .keep(KeptRun(*plan_, copies(inputs, input_count_), copies(outputs, output_count_)));
  }

 private:
  static std::vector<flame_tensor> copies(flame::TensorList tensors, uint32_t count) {
    std::vector<flame_tensor> out;
    for (uint32_t i = 0; i < count; ++i) out.push_back(*tensors[i]);
    return out;
  }

  std::unique_ptr<flame::Plan> plan_;
  uint32_t input_count_, output_count_;
};

class RecordingDevice : public ReferenceDevice {
 public:
  explicit RecordingDevice(uint32_t index) : ReferenceDevice(index) {}

  void *allocate(uint64_t size) override {
    if (size > recording.most_bytes) throw flame::out_of_memory(size, " bytes are too many");
    return ReferenceDevice::allocate(size);
  }
  std::unique_ptr<flame::Stream> create_stream() override {
    return std::make_unique<RecordingStream>();
  }
  bool can_capture() const noexcept override { return recording.offers_capture; }
  flame::OpInfo probe(const flame::Call &call, const flame::Op &op) const override {
    ReferenceDevice::probe(call, op);
    return info();
  }
  std::unique_ptr<flame::Plan> plan(const flame::Call &call, const flame::Op &op) override {
    auto made = std::make_unique<RecordingPlan>(ReferenceDevice::plan(call, op), op);
    made->info = info();
    return made;
  }

 private:
  static flame::OpInfo info() {
    return {(recording.ops_are_safe ? FLAME_OP_CAPTURE_SAFE : 0u) |
                (recording.is_deterministic ? FLAME_OP_DETERMINISTIC : 0u),
            0, 0};
  }
};

flame_status count(flame_call *, flame_str, uint32_t *out) noexcept {
  *out = 1;
  return FLAME_OK;
}
flame_status describe(flame_call *, flame_str, uint32_t, flame_device_info *out) noexcept {
  out->name = flame::borrow("recording");
  return FLAME_OK;
}
flame_status open(flame_call *, flame_str, uint32_t index, const flame_attribute *, uint32_t,
                  flame_device **out) noexcept {
  *out = reinterpret_cast<flame_device *>(static_cast<flame::Device *>(new RecordingDevice(index)));
  return FLAME_OK;
}

constexpr flame_backend kTable = {sizeof(flame_backend),
                                  0,
                                  count,
                                  describe,
                                  open,
                                  flame::detail::BackendTable::close,
                                  flame::detail::BackendTable::query};

}  // namespace

const flame_backend &recording_backend() {
  return kTable;
}

}  // namespace flame::testing_support

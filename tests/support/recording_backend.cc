#include "tests/support/recording_backend.h"

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <set>
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
    plan_.get().run(call, pointers(inputs_).data(), pointers(outputs_).data());
  }

 private:
  static std::vector<const flame_tensor *> pointers(const std::vector<flame_tensor> &tensors) {
    std::vector<const flame_tensor *> out;
    for (const flame_tensor &tensor : tensors) out.push_back(&tensor);
    return out;
  }

  std::reference_wrapper<flame::Plan> plan_;
  std::vector<flame_tensor> inputs_, outputs_;
};

class NumberedEvent : public flame::Event {
 public:
  static constexpr int kNeverRecorded = -1;
  int number = kNeverRecorded;  // of the mark that it stands for
};

// What a stream was told: to run something, to set a mark, or to wait for one.
struct Item {
  std::optional<KeptRun> run;
  int marks = NumberedEvent::kNeverRecorded;
  int waits = NumberedEvent::kNeverRecorded;
};
using Lane = std::deque<Item>;

class KeptGraph : public flame::Graph {
 public:
  explicit KeptGraph(std::vector<Lane> lanes) : lanes_(std::move(lanes)) { ++recording.graphs; }
  ~KeptGraph() override { --recording.graphs; }

  // Lane by lane in an order of chance, as far as what they wait for allows.
  void run(std::mt19937 &random) {
    const flame_call call = {};
    std::vector<size_t> next(lanes_.size(), 0);
    std::set<int> marked;
    const auto can_go = [&](size_t lane) {
      if (next[lane] == lanes_[lane].size()) return false;
      const int waits = lanes_[lane][next[lane]].waits;
      return waits == NumberedEvent::kNeverRecorded || marked.count(waits) != 0;
    };
    while (true) {
      std::vector<size_t> able;
      for (size_t lane = 0; lane < lanes_.size(); ++lane)
        if (can_go(lane)) able.push_back(lane);
      if (able.empty()) break;
      const size_t lane = able[random() % able.size()];
      Item &item = lanes_[lane][next[lane]++];
      if (item.run) item.run->run(flame::Call(&call));
      marked.insert(item.marks);
    }
    for (size_t lane = 0; lane < lanes_.size(); ++lane) {
      if (next[lane] != lanes_[lane].size()) std::abort();  // it waits for what never comes
    }
  }

 private:
  std::vector<Lane> lanes_;
};

class RecordingStream;
// The streams of the capture that goes on, the first the one that began it.
std::vector<RecordingStream *> captured_streams;
int mark_count = 0;

class RecordingStream : public flame::Stream {
 public:
  void record(flame::Event &event) override {
    if (!is_captured()) return;
    static_cast<NumberedEvent &>(event).number = mark_count;
    items_.push_back({std::nullopt, mark_count++});
  }
  void wait(flame::Event &event) override {
    if (captured_streams.empty()) return;
    if (!is_captured()) captured_streams.push_back(this);
    items_.push_back(
        {std::nullopt, NumberedEvent::kNeverRecorded, static_cast<NumberedEvent &>(event).number});
  }
  void synchronize() override {}
  void begin_capture() override { captured_streams = {this}; }
  std::unique_ptr<flame::Graph> end_capture() override {
    std::vector<Lane> lanes;
    for (RecordingStream *stream : captured_streams) lanes.push_back(std::move(stream->items_));
    for (RecordingStream *stream : captured_streams) stream->items_.clear();
    recording.lanes = static_cast<int>(lanes.size());
    captured_streams.clear();
    return std::make_unique<KeptGraph>(std::move(lanes));
  }
  void replay(flame::Graph &graph) override {
    ++recording.replays;
    static_cast<KeptGraph &>(graph).run(random_);
  }
  void keep(KeptRun run) { items_.push_back({std::move(run)}); }

 private:
  bool is_captured() const {
    return std::find(captured_streams.begin(), captured_streams.end(), this) !=
           captured_streams.end();
  }

  Lane items_;
  std::mt19937 random_{1};
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
  std::unique_ptr<flame::Event> create_event() override {
    return std::make_unique<NumberedEvent>();
  }
  bool can_capture() const noexcept override { return recording.offers_capture; }
  bool captures_branches() const noexcept override { return recording.offers_branches; }
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

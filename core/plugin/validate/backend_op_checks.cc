// Backends: ops that keep what probe promised.
#include <fmt/core.h>

#include <array>
#include <cstring>
#include <thread>
#include <vector>

#include "core/plugin/validate/checked_device.h"

namespace flame {
namespace {

// The op "copy" on a matrix of f32: required of every backend.
class CopyOp {
 public:
  explicit CopyOp(std::string_view name = "copy", uint32_t device = FLAME_DEVICE_CPU) {
    op_.struct_size = sizeof op_;
    op_.input_count = 1;
    op_.output_count = 1;
    op_.name = {name.data(), name.size()};
    attributes_.add_string("dtype", "f32");
    op_.attribute_count = attributes_.size();
    op_.attributes = attributes_.data();
    op_.inputs = inputs_;
    op_.outputs = outputs_;
    for (flame_tensor *tensor : {&input_, &output_}) {
      *tensor = {sizeof *tensor,  FLAME_DTYPE_F32, 2, device, shape_.data(),
                 strides_.data(), nullptr,         0, kBytes};
    }
  }
  CopyOp(const CopyOp &) = delete;
  CopyOp &operator=(const CopyOp &) = delete;

  static constexpr uint64_t kElements = 15;
  static constexpr uint64_t kBytes = kElements * sizeof(float);
  const flame_op *get() const { return &op_; }
  void set_data(void *input, void *output) {
    input_.data = input;
    output_.data = output;
  }
  const flame_tensor *const *inputs() const { return inputs_; }
  const flame_tensor *const *outputs() const { return outputs_; }

 private:
  std::array<int64_t, 2> shape_{3, 5}, strides_{5, 1};
  flame_tensor input_{}, output_{};
  const flame_tensor *inputs_[1] = {&input_};
  const flame_tensor *outputs_[1] = {&output_};
  AttributeList attributes_;  // all that the catalogue has
  flame_op op_{};
};

uint32_t device_number(const CheckedDevice &device) {
  flame_device_info info{};
  info.struct_size = sizeof info;
  CheckedCall call;
  device.subject.at("describe()");
  device.backend->describe(call.get(), device.component.id(), 0, &info);
  return info.device;
}

Result<Done> probe_refuses_unknown_ops(Subject &subject) {
  return for_each_device(subject, [](const CheckedDevice &device) -> Status {
    for (const std::string_view name : {"com.example.no-such-op", "", "copyx"}) {
      const CopyOp op(name, device_number(device));
      flame_op_info info{};
      info.struct_size = sizeof info;
      CheckedCall call;
      device.subject.at(fmt::format("probe() of the op '{}'", name));
      FLAME_TRY(call.expect_failure(
          "probe()", device.ops->probe(device.handle, call.get(), op.get(), &info),
          fmt::format("there is no op '{}'", name), {FLAME_ERROR_UNSUPPORTED}));
    }
    return {};
  });
}

Result<Done> probe_is_pure(Subject &subject) {
  std::string refusal;
  FLAME_ASSIGN(
      const Done done, for_each_device(subject, [&](const CheckedDevice &device) -> Status {
        const CopyOp op("copy", device_number(device));
        flame_op_info infos[3] = {};
        for (flame_op_info &info : infos) {
          info.struct_size = sizeof info;
          CheckedCall call;
          device.subject.at("probe() of the op 'copy'");
          const flame_status status = device.ops->probe(device.handle, call.get(), op.get(), &info);
          FLAME_TRY(call.judge("probe()", status));
          if (status != FLAME_OK) refusal = call.message();
        }
        if (memcmp(&infos[0], &infos[1], sizeof infos[0]) == 0 &&
            memcmp(&infos[0], &infos[2], sizeof infos[0]) == 0) {
          return {};
        }
        return broken("probe gives the same answer each time", "three calls differ");
      }));
  if (!done.skipped.empty() || refusal.empty()) return done;
  return skipped("the backend refuses 'copy': " + refusal);
}

Result<Done> probe_from_threads(Subject &subject) {
  return for_each_device(subject, [](const CheckedDevice &device) -> Status {
    const uint32_t number = device_number(device);
    device.subject.at("probe() from four threads");
    std::array<Status, 4> results;
    std::array<std::thread, 4> threads;
    for (size_t i = 0; i < threads.size(); ++i) {
      threads[i] = std::thread([&, i] {
        const CopyOp op(i % 2 ? "copy" : "com.example.no-such-op", number);
        for (int round = 0; round < 200 && results[i].ok(); ++round) {
          flame_op_info info{};
          info.struct_size = sizeof info;
          CheckedCall call;
          results[i] =
              call.judge("probe()", device.ops->probe(device.handle, call.get(), op.get(), &info));
        }
      });
    }
    for (std::thread &thread : threads) thread.join();
    for (Status &result : results) FLAME_TRY(std::move(result));
    return {};
  });
}

// Runs `op` once on outputs filled with `poison`.
Result<std::vector<float>> run_copy(const CheckedDevice &device, flame_plan *plan, CopyOp &op,
                                    const flame_op_info &info, flame_stream *stream,
                                    const std::vector<float> &values, unsigned char poison) {
  FLAME_ASSIGN(void *input, device.allocate(CopyOp::kBytes));
  FLAME_ASSIGN(void *output, device.allocate(CopyOp::kBytes));
  FLAME_ASSIGN(void *workspace, device.allocate(info.workspace_size));
  std::vector<float> result(CopyOp::kElements), kept(CopyOp::kElements);
  memset(result.data(), poison, CopyOp::kBytes);
  FLAME_TRY(device.upload(stream, values.data(), input, CopyOp::kBytes));
  FLAME_TRY(device.upload(stream, result.data(), output, CopyOp::kBytes));
  FLAME_TRY(device.synchronize(stream));
  op.set_data(input, output);
  CheckedCall call;
  call.get()->stream = stream;
  call.get()->workspace = workspace;
  call.get()->workspace_size = info.workspace_size;
  device.subject.at("run() of the op 'copy'");
  FLAME_TRY(
      call.expect_success("run()", device.ops->run(plan, call.get(), op.inputs(), op.outputs())));
  FLAME_TRY(device.download(stream, output, result.data(), CopyOp::kBytes));
  FLAME_TRY(device.download(stream, input, kept.data(), CopyOp::kBytes));
  FLAME_TRY(device.synchronize(stream));
  for (void *block : {input, output, workspace}) {
    if (block) device.memory->release(device.handle, block);
  }
  if (kept == values) return result;
  return broken("an op does not change its inputs", "run() of 'copy' changed its input");
}

Result<Done> runs_what_probe_accepts(Subject &subject) {
  std::string refusal;
  FLAME_ASSIGN(
      const Done done, for_each_device(subject, [&](const CheckedDevice &device) -> Status {
        CopyOp op("copy", device_number(device));
        flame_op_info probed{}, planned{};
        probed.struct_size = planned.struct_size = sizeof probed;
        CheckedCall probe, plan_call;
        device.subject.at("probe() of the op 'copy'");
        const flame_status status =
            device.ops->probe(device.handle, probe.get(), op.get(), &probed);
        FLAME_TRY(probe.judge("probe()", status));
        if (status != FLAME_OK) {
          refusal = probe.message();
          return {};
        }
        flame_plan *plan = nullptr;
        device.subject.at("plan() of the op 'copy'");
        FLAME_TRY(plan_call.expect_success(
            "plan() of what probe accepted",
            device.ops->plan(device.handle, plan_call.get(), op.get(), &planned, &plan)));
        if (!plan) return broken("a plan", "plan() succeeded and gave null");
        if (planned.in_place_mask != probed.in_place_mask || planned.flags != probed.flags) {
          return broken("plan gives the flags and in_place_mask that probe gave", "they differ");
        }
        FLAME_ASSIGN(flame_stream * stream, device.stream());
        std::vector<float> values(CopyOp::kElements);
        for (size_t i = 0; i < values.size(); ++i) values[i] = 0.5f * static_cast<float>(i) - 3;
        for (const unsigned char poison : {0x00, 0xff}) {
          FLAME_ASSIGN(const std::vector<float> result,
                       run_copy(device, plan, op, planned, stream, values, poison));
          if (result == values) continue;
          return broken(
              "outputs are written whole: 'copy' gives its input",
              fmt::format("it did not, with an output that was filled with {:#04x}", poison));
        }
        device.subject.at("drop()");
        device.ops->drop(plan);
        device.sync->destroy_stream(stream);
        return {};
      }));
  if (!done.skipped.empty() || refusal.empty()) return done;
  return skipped("the backend refuses 'copy': " + refusal);
}

// The graph of one run of 'copy', which must not happen while it is captured.
Result<flame_graph *> capture_copy(const CheckedDevice &device, const flame_capture &capture,
                                   flame_plan *plan, CopyOp &op, flame_call *call) {
  CheckedCall begin, end;
  begin.get()->stream = end.get()->stream = call->stream;
  device.subject.at("begin() of a capture");
  FLAME_TRY(begin.expect_success("begin()", capture.begin(begin.get())));
  CheckedCall run;
  run.get()->stream = call->stream;
  run.get()->workspace = call->workspace;
  run.get()->workspace_size = call->workspace_size;
  run.get()->flags = FLAME_CALL_CAPTURING;
  device.subject.at("run() of the op 'copy' in a capture");
  FLAME_TRY(run.expect_success("run() of an op that is FLAME_OP_CAPTURE_SAFE",
                               device.ops->run(plan, run.get(), op.inputs(), op.outputs())));
  flame_graph *graph = nullptr;
  device.subject.at("end() of a capture");
  FLAME_TRY(end.expect_success("end()", capture.end(end.get(), &graph)));
  if (!graph) return broken("a graph", "end() succeeded and gave null");
  return graph;
}

// A hundred replays, each with another input and with the output's memory spoilt before.
Status replay_copy(const CheckedDevice &device, const flame_capture &capture, flame_graph *graph,
                   flame_stream *stream, void *input, void *output) {
  std::vector<float> values(CopyOp::kElements), result(CopyOp::kElements);
  const std::vector<float> spoilt(CopyOp::kElements, -1);
  for (int round = 0; round <= 100; ++round) {
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(i) + 20.0f * static_cast<float>(round);
    FLAME_TRY(device.upload(stream, values.data(), input, CopyOp::kBytes));
    FLAME_TRY(device.upload(stream, spoilt.data(), output, CopyOp::kBytes));
    if (round > 0) {
      CheckedCall replay;
      replay.get()->stream = stream;
      device.subject.at("replay() of a graph");
      FLAME_TRY(replay.expect_success("replay()", capture.replay(replay.get(), graph)));
    }
    FLAME_TRY(device.download(stream, output, result.data(), CopyOp::kBytes));
    FLAME_TRY(device.synchronize(stream));
    if (result == (round > 0 ? values : spoilt)) continue;
    return broken("what is captured runs when it is replayed, with the values of that time",
                  round > 0 ? fmt::format("it did not in replay {}", round)
                            : std::string("it ran without a replay"));
  }
  return {};
}

Result<Done> replays_what_was_captured(Subject &subject) {
  bool none = false;
  FLAME_ASSIGN(
      const Done done, for_each_device(subject, [&](const CheckedDevice &device) -> Status {
        CopyOp op("copy", device_number(device));
        device.subject.at("a device's query(\"flame.capture/1\")");
        constexpr std::string_view kId = FLAME_CAPTURE_ID;
        const auto *capture = static_cast<const flame_capture *>(
            device.backend->query(device.handle, {kId.data(), kId.size()}));
        flame_op_info info{};
        info.struct_size = sizeof info;
        CheckedCall probe, plan_call, call;
        const bool takes =
            capture && device.ops->probe(device.handle, probe.get(), op.get(), &info) == FLAME_OK;
        if (!takes || !(info.flags & FLAME_OP_CAPTURE_SAFE)) {
          none = true;
          return {};
        }
        flame_plan *plan = nullptr;
        FLAME_TRY(plan_call.expect_success(
            "plan()", device.ops->plan(device.handle, plan_call.get(), op.get(), &info, &plan)));
        FLAME_ASSIGN(flame_stream * stream, device.stream());
        FLAME_ASSIGN(void *input, device.allocate(CopyOp::kBytes));
        FLAME_ASSIGN(void *output, device.allocate(CopyOp::kBytes));
        FLAME_ASSIGN(void *workspace, device.allocate(info.workspace_size));
        op.set_data(input, output);
        call.get()->stream = stream;
        call.get()->workspace = workspace;
        call.get()->workspace_size = info.workspace_size;
        FLAME_ASSIGN(flame_graph * graph, capture_copy(device, *capture, plan, op, call.get()));
        FLAME_TRY(replay_copy(device, *capture, graph, stream, input, output));
        device.subject.at("the destruction of a graph");
        capture->drop(graph);
        device.ops->drop(plan);
        device.sync->destroy_stream(stream);
        for (void *block : {input, output, workspace}) {
          if (block) device.memory->release(device.handle, block);
        }
        return {};
      }));
  if (!done.skipped.empty() || !none) return done;
  return skipped("the backend captures nothing");
}

constexpr Check kChecks[] = {
    {"backend.probe-refuses-unknown-ops",
     "flame/backend.h: UNSUPPORTED, and the message is the reason", Stage::kStarted,
     probe_refuses_unknown_ops},
    {"backend.probe-is-pure", "flame/backend.h: probe is pure; its answer holds", Stage::kStarted,
     probe_is_pure},
    {"backend.probe-from-threads", "flame/backend.h: probe is [any]", Stage::kStarted,
     probe_from_threads},
    {"backend.runs-what-probe-accepts",
     "flame/backend.h: what probe accepts, plan and run do; outputs are written whole",
     Stage::kStarted, runs_what_probe_accepts},
    {"backend.replays-what-was-captured",
     "flame/backend.h: between begin and end work is recorded instead of run", Stage::kStarted,
     replays_what_was_captured},
};

}  // namespace

std::span<const Check> backend_op_checks() {
  return kChecks;
}

}  // namespace flame

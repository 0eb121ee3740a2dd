// Every op of the cuda backend gives the same bits when it is replayed from a captured graph, and
// writes all of its outputs. Skipped where no GPU answers.
#include <cstring>
#include <random>

#include "backends/cuda/op_plan.h"
#include "flame/small_floats.hpp"
#include "tests/backends/bare_calls.h"
#include "tests/backends/on_gpu.h"

namespace flame::cuda {
namespace {

bool is_known(std::string_view op) {
  return find_planner(op) != nullptr;
}

template <typename T>
void put(Bytes &bytes, size_t index, T value) {
  std::memcpy(bytes.data() + index * sizeof value, &value, sizeof value);
}

// Small numbers of the type; whole numbers are 0 or 1, which are indices of any axis of two.
Bytes values_of(const flame_tensor &tensor, std::mt19937 &random) {
  const auto count = static_cast<size_t>(flame::element_count(tensor));
  Bytes bytes(count * static_cast<size_t>(FLAME_DTYPE_BYTES(tensor.dtype)));
  std::uniform_real_distribution<double> between(-1, 1);
  for (size_t i = 0; i < count; ++i) {
    const double value = between(random);
    switch (tensor.dtype) {
      case FLAME_DTYPE_F64:
        put(bytes, i, value);
        break;
      case FLAME_DTYPE_F32:
        put(bytes, i, static_cast<float>(value));
        break;
      case FLAME_DTYPE_BF16:
        put(bytes, i, static_cast<uint16_t>(encode_float(kFormatBF16, value)));
        break;
      case FLAME_DTYPE_F16:
        put(bytes, i, static_cast<uint16_t>(encode_float(kFormatF16, value)));
        break;
      case FLAME_DTYPE_I64:
        put(bytes, i, int64_t{0});
        break;
      case FLAME_DTYPE_I32:
        put(bytes, i, int32_t{0});
        break;
      default:
        put(bytes, i, static_cast<uint8_t>(value > 0));
    }
  }
  return bytes;
}

class Capture : public OnGpu {
 protected:
  // False if the backend refuses the op, or does not promise that it can be captured.
  bool compare(const flame_op &op);

  std::vector<flame_tensor> all_on_device(const flame_tensor *const *tensors, uint32_t count) {
    std::vector<flame_tensor> out;
    for (uint32_t i = 0; i < count; ++i) out.push_back(on_device(*tensors[i]));
    return out;
  }
};

std::vector<const flame_tensor *> pointers_to(const std::vector<flame_tensor> &tensors) {
  std::vector<const flame_tensor *> out;
  for (const flame_tensor &tensor : tensors) out.push_back(&tensor);
  return out;
}

bool Capture::compare(const flame_op &op) {
  std::unique_ptr<flame::Plan> made;
  try {
    made = plan(op);
  } catch (const flame::Error &error) {
    EXPECT_EQ(error.status(), FLAME_ERROR_UNSUPPORTED) << flame::view(op.name) << error.what();
    return false;
  }
  if (!(made->info.flags & FLAME_OP_CAPTURE_SAFE)) return false;
  const std::vector<flame_tensor> inputs = all_on_device(op.inputs, op.input_count);
  const std::vector<flame_tensor> outputs = all_on_device(op.outputs, op.output_count);
  std::mt19937 random(1);
  for (const flame_tensor &tensor : inputs) fill(tensor, values_of(tensor, random));
  const auto run = [&] {
    made->run(call(), pointers_to(inputs).data(), pointers_to(outputs).data());
  };
  const auto spoil = [&](char with) {
    for (const flame_tensor &tensor : outputs) fill(tensor, Bytes(size_of(tensor), with));
  };
  const auto contents = [&] {
    std::vector<Bytes> out;
    for (const flame_tensor &tensor : outputs) out.push_back(content(tensor));
    return out;
  };
  spoil('\x7f');
  run();
  const std::vector<Bytes> expected = contents();
  stream_->begin_capture();
  run();
  const std::unique_ptr<flame::Graph> graph = stream_->end_capture();
  for (const char with : {'\x01', '\x7e'}) {
    spoil(with);
    stream_->replay(*graph);
    EXPECT_TRUE(contents() == expected)
        << flame::view(op.name) << " of " << (inputs.empty() ? "nothing" : to_text(inputs[0]));
  }
  drop_memory();
  return true;
}

TEST_F(Capture, GivesTheBitsOfARun) {
  int captured = 0;
  for (const backend_test::BareCall &call : backend_test::chosen_calls(is_known))
    captured += compare(call.op());
  EXPECT_GT(captured, 100);
}

}  // namespace
}  // namespace flame::cuda

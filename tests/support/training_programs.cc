#include "tests/support/training_programs.h"

#include "core/passes/differentiate.h"
#include "tests/support/networks.h"

namespace flame::testing_support {
namespace {

// The gradient of "loss" with respect to all that is trainable.
Result<Program> with_gradients(const Program &program) {
  GradientRequest request{{"loss"}, {}};
  for (const Parameter &parameter : program.parameters()) {
    if (parameter.trainable) request.with_respect_to.push_back(parameter.name);
  }
  FLAME_ASSIGN(Gradients gradients, differentiate(program, request));
  return std::move(gradients.program);
}

class List {
 public:
  // The program as it is, and, if it trains, with its gradients.
  Status add(const std::string &name, Result<Program> program, bool trains) {
    if (!program.ok()) return program.error();
    if (trains) {
      FLAME_ASSIGN(Program trained, with_gradients(*program));
      programs_.push_back({name + ", gradients", std::move(trained)});
    } else {
      programs_.push_back({name, std::move(*program)});
    }
    return {};
  }
  std::vector<NamedProgram> finish() { return std::move(programs_); }

 private:
  std::vector<NamedProgram> programs_;
};

}  // namespace

Result<std::vector<NamedProgram>> training_programs() {
  List list;
  const DType half = DType::kBF16;
  for (const bool trains : {false, true}) {
    for (const int64_t batch : {1, 4}) {
      UNetShape shape;
      shape.batch = batch;
      FLAME_TRY(list.add(batch == 1 ? "unet 1024², batch 1" : "unet 1024², batch 4",
                         unet(shape, half, trains), trains));
    }
    FLAME_TRY(list.add("unet 832×1216", unet({.height = 104, .width = 152}, half, trains), trains));
    FLAME_TRY(list.add(
        "unet of SD 1.5's shape",
        unet({1, 64, 64, {320, 640, 1280, 1280}, {1, 1, 1, 0}, 40, 768, 77, 2}, half, trains),
        trains));
    FLAME_TRY(list.add("unet, tiny",
                       unet({2, 16, 16, {32, 64}, {1, 2}, 16, 64, 77, 1}, DType::kF32, trains),
                       trains));
    FLAME_TRY(list.add("decoder 1024²", decoder({}, half, trains), trains));
    FLAME_TRY(list.add("decoder 512², batch 2",
                       decoder({.batch = 2, .height = 64, .width = 64}, DType::kF32, trains),
                       trains));
    FLAME_TRY(list.add("stream of 38 layers", stream({}, half, trains), trains));
    FLAME_TRY(list.add("stream of 4 layers, batch 3",
                       stream({3, 1024, 1024, 64, 4}, DType::kF32, trains), trains));
    FLAME_TRY(list.add("stream of 24 layers, 77 tokens",
                       stream({1, 77, 1280, 64, 24}, half, trains), trains));
  }
  UNetShape deep;
  deep.depths = {4, 8, 40};
  FLAME_TRY(list.add("unet of 20,000 ops", unet(deep, half, true), true));
  return list.finish();
}

}  // namespace flame::testing_support

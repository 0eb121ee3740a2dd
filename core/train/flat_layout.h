// Where trainable parameters lie in flat buffers: one buffer a group, so that clipping and stepping
// are a few kernels whatever the number of parameters.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "core/passes/place.h"
#include "core/program/program_builder.h"

namespace flame {

// Parameters that share an optimizer and a learning rate: "unet", "text_encoder".
struct TrainedGroup {
  std::string name;
  std::vector<std::string> parameters;  // of the program, all trainable
  // What the buffer is in a memory report: adapters, or weights of the model itself.
  MemoryClass memory_class = MemoryClass::kAdapters;
};

struct FlatSlice {
  std::string parameter;
  TensorType type;     // of the parameter in the program
  int64_t offset = 0;  // of its first element in the buffer, in elements
};

// The slices follow each other; the elements between and behind them are 0 and stay so.
struct FlatGroup {
  std::string name;
  std::vector<FlatSlice> slices;
  int64_t size = 0;  // elements of the buffer, a multiple of FLAME_GROUP_MULTIPLE
  MemoryClass memory_class = MemoryClass::kAdapters;

  Shape shape() const { return Shape{size}; }
};

// Slices start at multiples of this, so that a kernel may read each in wide pieces.
inline constexpr int64_t kFlatAlignment = 64;

// The groups in their order; without any, one group "all" of every trainable parameter, in the
// program's order. Within a group, parameters that the program concatenates stand side by side.
// Errors (kBadConfig) name the group and the parameter: unknown, frozen, not a float, in two groups;
// a group without a name, with another's name, or without parameters.
Result<std::vector<FlatGroup>> flat_layout(const Program &program,
                                           const std::vector<TrainedGroup> &groups = {});

// The parameters of a group as pieces of its buffer, each in its own type and shape.
using FlatViews = std::unordered_map<std::string, ValueId>;  // by parameter
void add_flat_views(ProgramBuilder &builder, const FlatGroup &group, ValueId buffer,
                    FlatViews &views);

// The names of what the training programs take and give. A buffer has one name in all of them.
std::string parameters_name(std::string_view group);  // "train.parameters.unet"
std::string gradient_name(std::string_view group);
std::string state_name(std::string_view group, std::string_view state);
// Of a state that the groups of one optimizer share, named by the first of them.
std::string shared_state_name(std::string_view group, std::string_view state);
std::string average_name(std::string_view group);  // of the parameters over the steps
std::string learning_rate_name(std::string_view group);

}  // namespace flame

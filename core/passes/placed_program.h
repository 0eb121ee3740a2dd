// A program with every value in memory: what an executor runs and `plan` reports.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/passes/target.h"
#include "core/program/program.h"

namespace flame {

// The lines of a memory report.
enum class MemoryClass {
  kWeights,
  kAdapters,
  kGradients,
  kOptimizer,
  kInputs,
  kOutputs,
  kActivations,
  kWorkspace,
  kBackend,  // what the backend takes for itself
};
inline constexpr size_t kMemoryClassCount = 9;
std::string_view name_of(MemoryClass memory_class);  // "weights"

// Bytes that one value, or several after one another, stand in.
struct Storage {
  uint64_t size_bytes = 0;
  MemoryClass memory_class = MemoryClass::kActivations;
  // Memory outside of the arena, which lives longer than a run; `name` is that of the input,
  // parameter or output.
  bool external = false;
  std::string name;
  uint64_t offset = 0;  // in the arena
  // In the arena, but written before the first step, or read behind the last one.
  bool given = false;
  bool kept = false;
  // In use from the one step to the other, both included. Meaningless if external.
  uint32_t first_step = 0;
  uint32_t last_step = 0;
};

// What a tensor outside of the arena takes of a block of memory.
constexpr uint64_t allocated_bytes(uint64_t size_bytes) {
  return (size_bytes + 255) / 256 * 256;
}

struct PlacedTensor {
  uint32_t storage = 0;  // in PlacedProgram::storages
  TypedView typed;       // counted from the start of the storage
};

std::vector<TypedView> views_of(const std::vector<PlacedTensor> &tensors);

// One op to run.
struct Step {
  const OpDefinition *op = nullptr;
  Attributes attributes;
  std::vector<PlacedTensor> inputs;
  std::vector<PlacedTensor> outputs;
  OpInfo info;
  std::optional<uint32_t> workspace;  // a storage
  std::shared_ptr<const Place> place;
  bool inserted = false;  // a copy that place() had to add
};

struct PlacedName {
  std::string name;
  PlacedTensor tensor;  // contiguous, from the start of its storage
};

struct PlacedProgram {
  std::vector<Storage> storages;
  std::vector<Step> steps;
  std::vector<PlacedName> inputs;
  std::vector<PlacedName> parameters;
  std::vector<PlacedName> outputs;
  uint64_t arena_bytes = 0;
  // The largest sum of arena bytes that are in use at once: no plan can do with less.
  uint64_t live_bytes = 0;
  // Made for as little memory as can be: steps run one after the other, and bytes are used again at
  // once.
  bool compact = false;

  // Null if there is none.
  const PlacedName *find_input(std::string_view name) const;
  const PlacedName *find_parameter(std::string_view name) const;
  const PlacedName *find_output(std::string_view name) const;
  // Externals by what they take; of the arena, the largest workspace counts as workspace and the rest
  // as activations: the sum is what is allocated.
  std::vector<uint64_t> bytes_by_class() const;
};

// Whether its steps should run beside each other, where the target can: unless it is compact, or its
// steps fill the device by themselves.
bool may_branch(const PlacedProgram &placed);
// What a recording of the programs, one after the other, takes of the device's memory, at most.
uint64_t recorded_bytes(std::span<const PlacedProgram *const> programs, const OwnMemory &own,
                        bool branches);

// A line for each class that takes memory ("  weights  4.8 GiB"), and their sum; no line end.
std::string memory_table(const PlacedProgram &placed);

// One line a step: "12  matmul  f32[4, 8] @1024+… -> …"; inserted copies are marked.
std::string to_text(const PlacedProgram &placed);

}  // namespace flame

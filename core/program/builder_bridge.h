// The program builder as plugins see it: flame_program_builder over a ProgramBuilder.
#pragma once

#include <deque>

#include "core/program/program_builder.h"
#include "flame/program.h"

namespace flame {

// What a plugin calls goes to `builder`, after every count, pointer and text has been checked. A
// refused call leaves its error in the builder and answers with it from then on. Nothing is thrown
// into the plugin. One thread at a time.
class BuilderBridge {
 public:
  // The builder outlives the object.
  explicit BuilderBridge(ProgramBuilder &builder);
  BuilderBridge(const BuilderBridge &) = delete;
  BuilderBridge &operator=(const BuilderBridge &) = delete;

  // What the plugin gets; lives as long as the object.
  const flame_program_builder *table() const { return &table_; }

 private:
  friend struct BuilderCalls;

  ProgramBuilder &builder_;
  flame_program_builder table_;
  // The arrays behind the answers of describe; a deque does not move them.
  std::deque<std::pair<Shape, Strides>> described_;
  std::unordered_map<ValueId, const std::pair<Shape, Strides> *> described_at_;
};

}  // namespace flame

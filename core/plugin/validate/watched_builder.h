// The host's own program builder, handed to a plugin, with an eye on the ops that it asks for.
#pragma once

#include <string>

#include "core/program/builder_bridge.h"
#include "core/program/program_builder.h"

namespace flame {

class WatchedBuilder {
 public:
  WatchedBuilder();
  WatchedBuilder(const WatchedBuilder &) = delete;
  WatchedBuilder &operator=(const WatchedBuilder &) = delete;

  // For what surrounds the plugin's part.
  ProgramBuilder &builder() { return builder_; }
  const flame_program_builder *table() const { return &table_; }
  // The first op that this host's catalogue does not have, or empty.
  const std::string &unknown_op() const { return unknown_op_; }

 private:
  friend struct WatchedCalls;

  ProgramBuilder builder_;
  BuilderBridge bridge_;
  flame_program_builder table_;
  std::string unknown_op_;
};

}  // namespace flame

// Who uses the values of a program.
#pragma once

#include <span>
#include <vector>

#include "core/program/program.h"

namespace flame {

// A snapshot: the program may go away, but must not be asked about after it has changed.
class Uses {
 public:
  explicit Uses(const Program &program);

  // The nodes that take the value, rising; a node that takes it twice stands there once.
  std::span<const NodeId> of(ValueId value) const {
    return std::span(nodes_).subspan(first_[value], first_[value + 1] - first_[value]);
  }
  bool is_output(ValueId value) const { return is_output_[value]; }
  // The one node that takes the value, if it is no output; kNoNode otherwise.
  NodeId only(ValueId value) const {
    return is_output(value) || of(value).size() != 1 ? kNoNode : of(value)[0];
  }

 private:
  std::vector<size_t> first_;  // of each value in nodes_, and the end
  std::vector<NodeId> nodes_;
  std::vector<bool> is_output_;
};

}  // namespace flame

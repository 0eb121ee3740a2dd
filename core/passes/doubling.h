// Nodes of a program that are made a second time, right before the first of their later users, so that what they
// give need not be kept: which, in which order, and what is in use then.
#pragma once

#include <vector>

#include "core/program/program.h"

namespace flame {

// A node in the order of running; `again` if it is there already, earlier.
struct Turn {
  NodeId node = 0;
  bool again = false;
};

// From when to when the values of a program are in use. Views count for what they look at. Bytes are
// doubles, since sums of sizes that are possible need not fit int64_t.
class Lives {
 public:
  Lives(const Program &program, const std::vector<Turn> &order);

  // Where in the order the first making of the value is used for the last time; the order's size for
  // an output.
  size_t last(ValueId value) const { return last_[root_[value]]; }
  // Where most bytes are in use, and how many they are; without inputs and parameters.
  size_t peak() const { return peak_; }
  double peak_bytes() const { return peak_bytes_; }

 private:
  // Values have a second number for their second making.
  std::vector<size_t> root_;
  std::vector<size_t> last_;  // of a root
  size_t peak_ = 0;
  double peak_bytes_ = 0;
};

// Looks at what waits while most bytes are in use. A snapshot of a program, which outlives it.
class Doubling {
 public:
  // How much is made twice.
  struct Limits {
    double dearness = 0;  // work for each byte that is not kept, at most
    double segment = 0;   // bytes that are made again from one kept value, at most
    NodeId end = 0;       // no node from here on
  };
  struct Choice {
    std::vector<bool> nodes;  // those made twice, up to the peak
    size_t count = 0;
    double work = 0;  // as cost.h counts it

    bool operator==(const Choice &other) const = default;
  };

  explicit Doubling(const Program &program);

  // Limits worth trying, in no order; with a smaller `end` they make less twice and keep more.
  std::vector<Limits> limits() const;
  Choice choose(const Limits &limits) const;
  // Bytes in use at most, without inputs and parameters.
  double peak_bytes(const Choice &choice) const;
  // The program in which later users take the second making. Its bits are those of the program.
  Result<Program> build(const Choice &choice) const;

 private:
  NodeId peak_end() const;  // behind the peak; 0 without nodes
  bool is_view(NodeId id) const;
  bool is_output(NodeId id) const;
  // Made up to the peak and used behind it, but no output.
  bool waits(NodeId id) const;
  double bytes(NodeId id) const;
  double dearness(NodeId id) const;
  bool is_doubled(NodeId id, const Choice &choice) const;
  std::vector<double> dearness_levels() const;
  std::vector<Turn> order(const Choice &choice) const;

  const Program &program_;
  std::vector<double> work_;  // of each node
  Lives lives_;
  NodeId peak_ = 0;
};

}  // namespace flame

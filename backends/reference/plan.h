// A plan of the reference backend: an op that is kept, and the kernel that does it.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "backends/reference/kernel.h"
#include "flame/backend.hpp"

namespace flame::reference {

// There are no choices to make: the kernel reads the attributes anew in each run.
class KernelPlan : public Plan {
 public:
  // Copies all of the op that run() needs. check_op() has accepted it.
  explicit KernelPlan(const Op &op) : KernelPlan(op, find_kernel(op.name())) {}
  KernelPlan(const Op &op, Kernel kernel);
  void run(const Call &call, TensorList inputs, TensorList outputs) override;

 private:
  void keep(const flame_attribute &attribute);
  flame_str keep(flame_str text);

  Kernel kernel_;
  uint32_t input_count_;
  uint32_t output_count_;
  std::vector<flame_attribute> attributes_;
  // What the attributes point to. The elements of a deque stay where they are.
  std::deque<std::string> texts_;
  std::deque<std::vector<int64_t>> integers_;
  std::deque<std::vector<double>> numbers_;
  std::deque<std::vector<flame_str>> text_lists_;
};

}  // namespace flame::reference

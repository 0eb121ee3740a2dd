// A primitive of oneDNN with its arguments, run without allocating.
#pragma once

#include <initializer_list>
#include <vector>

#include "backends/onednn/op_plan.h"

namespace flame::onednn {

// Attributes of every primitive: its scratchpad is the plan's workspace.
dnnl::primitive_attr plan_attributes();

dnnl::memory::data_type data_type_of(flame_dtype dtype);

// What an argument is (DNNL_ARG_…) and how its memory is laid out.
struct Argument {
  int id;
  dnnl::memory::desc layout;
};

class Primitive {
 public:
  Primitive() = default;
  // Reserves its scratchpad in `workspace`.
  Primitive(const Engine &engine, const dnnl::primitive &primitive,
            const dnnl::primitive_desc_base &description, std::vector<Argument> arguments,
            Workspace workspace);

  // With the data of the arguments in the constructor's order.
  void run(const Run &run, std::initializer_list<const void *> data);
  explicit operator bool() const { return !arguments_.empty(); }

 private:
  dnnl::primitive primitive_;
  std::vector<dnnl::memory> memories_;
  std::vector<dnnl_exec_arg_t> arguments_;
  uint64_t scratchpad_ = 0;
};

// Copies memory of one layout into another, such as weights into the blocks that a primitive wants.
// Without effect where the layouts are the same.
class Reorder {
 public:
  Reorder() = default;
  Reorder(const Engine &engine, const dnnl::memory::desc &from, const dnnl::memory::desc &to,
          Workspace workspace);

  // The layouts differ.
  explicit operator bool() const { return static_cast<bool>(primitive_); }
  void run(const Run &run, const void *from, void *to) { primitive_.run(run, {from, to}); }

 private:
  Primitive primitive_;
};

}  // namespace flame::onednn

#include "backends/reference/plan.h"

namespace flame::reference {

KernelPlan::KernelPlan(const Op &op, Kernel kernel)
    : kernel_(kernel), input_count_(op.input_count()), output_count_(op.output_count()) {
  for (const flame_attribute &attribute : op.attributes()) keep(attribute);
}

void KernelPlan::run(const Call &, TensorList inputs, TensorList outputs) {
  flame_op op = {};
  op.struct_size = sizeof op;
  op.input_count = input_count_;
  op.output_count = output_count_;
  op.attribute_count = static_cast<uint32_t>(attributes_.size());
  op.inputs = inputs;
  op.outputs = outputs;
  op.attributes = attributes_.data();
  kernel_(op);
}

flame_str KernelPlan::keep(flame_str text) {
  return borrow(texts_.emplace_back(view(text)));
}

void KernelPlan::keep(const flame_attribute &given) {
  flame_attribute &kept = attributes_.emplace_back(given);
  kept.name = keep(given.name);
  const auto &value = given.value;
  switch (given.kind) {
    case FLAME_ATTRIBUTE_STRING:
      kept.value.s = keep(value.s);
      break;
    case FLAME_ATTRIBUTE_INTS:
      kept.value.is = integers_.emplace_back(value.is, value.is + given.count).data();
      break;
    case FLAME_ATTRIBUTE_FLOATS:
      kept.value.fs = numbers_.emplace_back(value.fs, value.fs + given.count).data();
      break;
    case FLAME_ATTRIBUTE_STRINGS: {
      std::vector<flame_str> &list = text_lists_.emplace_back();
      for (uint32_t i = 0; i < given.count; ++i) list.push_back(keep(value.ss[i]));
      kept.value.ss = list.data();
      break;
    }
    default:
      break;  // a number, which the struct holds itself
  }
}

}  // namespace flame::reference

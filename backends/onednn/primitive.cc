#include "backends/onednn/primitive.h"

namespace flame::onednn {

dnnl::primitive_attr plan_attributes() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

dnnl::memory::data_type data_type_of(flame_dtype dtype) {
  if (dtype == FLAME_DTYPE_BF16) return dnnl::memory::data_type::bf16;
  if (dtype == FLAME_DTYPE_F16) return dnnl::memory::data_type::f16;
  return dnnl::memory::data_type::f32;
}

Primitive::Primitive(const Engine &engine, const dnnl::primitive &primitive,
                     const dnnl::primitive_desc_base &description, std::vector<Argument> arguments,
                     Workspace workspace)
    : primitive_(primitive) {
  const dnnl::memory::desc scratchpad = description.query_md(dnnl::query::scratchpad_md);
  scratchpad_ = workspace.reserve(scratchpad.get_size());
  arguments.push_back({DNNL_ARG_SCRATCHPAD, scratchpad});
  for (const Argument &argument : arguments) {
    memories_.push_back({argument.layout, engine.engine, DNNL_MEMORY_NONE});
    arguments_.push_back({argument.id, memories_.back().get()});
  }
}

void Primitive::run(const Run &run, std::initializer_list<const void *> data) {
  size_t i = 0;
  for (const void *address : data) memories_[i++].set_data_handle(const_cast<void *>(address));
  memories_[i].set_data_handle(run.scratch<char>(scratchpad_));
  dnnl::error::wrap_c_api(
      dnnl_primitive_execute(primitive_.get(), run.stream.get(),
                             static_cast<int>(arguments_.size()), arguments_.data()),
      "oneDNN could not run a primitive");
}

Reorder::Reorder(const Engine &engine, const dnnl::memory::desc &from, const dnnl::memory::desc &to,
                 Workspace workspace) {
  if (from == to) return;
  const dnnl::reorder::primitive_desc description(engine.engine, from, engine.engine, to,
                                                  plan_attributes());
  primitive_ = Primitive(engine, dnnl::reorder(description), description,
                         {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}}, workspace);
}

}  // namespace flame::onednn

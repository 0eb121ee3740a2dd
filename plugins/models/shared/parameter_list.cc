#include "plugins/models/shared/parameter_list.h"

#include <vector>

namespace models {
namespace {

// A host's builder that takes everything and keeps parameters alone. Every value is number 1.
class Notes {
 public:
  explicit Notes(ParameterList &list) : list_(list) {
    table_.struct_size = sizeof table_;
    table_.self = this;
    table_.input = [](void *, flame_call *, flame_str, flame_dtype, uint32_t, const int64_t *,
                      flame_value *out) noexcept { return give(out, 1); };
    table_.parameter = parameter;
    table_.op = [](void *, flame_call *, const flame_node *node, flame_value *outputs) noexcept {
      return give(outputs, node->output_count);
    };
    table_.output = [](void *, flame_call *, flame_str, flame_value) noexcept -> flame_status {
      return FLAME_OK;
    };
    table_.describe = [](void *, flame_call *call, flame_value, flame_tensor *) noexcept {
      return flame::detail::tell(call, FLAME_ERROR_UNSUPPORTED, "this value has no shape");
    };
    table_.push_scope = [](void *self, flame_call *call, flame_str name) noexcept {
      return flame::guard(call, [&] {
        auto &scopes = static_cast<Notes *>(self)->scopes_;
        scopes.push_back(flame::text(scopes.empty() ? "" : scopes.back(), flame::view(name), "."));
      });
    };
    table_.pop_scope = [](void *self, flame_call *) noexcept -> flame_status {
      static_cast<Notes *>(self)->scopes_.pop_back();
      return FLAME_OK;
    };
  }

  const flame_program_builder *table() const { return &table_; }

 private:
  static flame_status give(flame_value *values, uint32_t count) noexcept {
    for (uint32_t i = 0; i < count; ++i) values[i] = 1;
    return FLAME_OK;
  }
  static flame_status parameter(void *self, flame_call *call, flame_str name, uint32_t, flame_dtype,
                                uint32_t rank, const int64_t *shape, flame_value *out) noexcept {
    return flame::guard(call, [&] {
      auto &notes = *static_cast<Notes *>(self);
      const std::string scope = notes.scopes_.empty() ? "" : notes.scopes_.back();
      notes.list_[scope + std::string(flame::view(name))] = flame::Shape(shape, shape + rank);
      *out = 1;
    });
  }

  ParameterList &list_;
  std::vector<std::string> scopes_;  // each with those around it, and a dot behind
  flame_program_builder table_ = {};
};

}  // namespace

void list_parameters(ParameterList &list, const std::function<void(flame::Program &)> &build) {
  Notes notes(list);
  flame::Program program(notes.table());
  build(program);
}

}  // namespace models

#include "core/plugin/validate/watched_builder.h"

#include "core/base/flame_text.h"
#include "core/ops/catalogue/catalogue.h"
#include "flame/map_code.hpp"

namespace flame {

// The functions of the table; each goes on to the bridge's.
struct WatchedCalls {
  static WatchedBuilder &of(void *self) { return *static_cast<WatchedBuilder *>(self); }
  static const flame_program_builder &next(void *self) { return *of(self).bridge_.table(); }

  static flame_status input(void *self, flame_call *call, flame_str name, flame_dtype dtype,
                            uint32_t rank, const int64_t *shape, flame_value *out) noexcept {
    return next(self).input(next(self).self, call, name, dtype, rank, shape, out);
  }
  static flame_status parameter(void *self, flame_call *call, flame_str name, uint32_t use,
                                flame_dtype dtype, uint32_t rank, const int64_t *shape,
                                flame_value *out) noexcept {
    return next(self).parameter(next(self).self, call, name, use, dtype, rank, shape, out);
  }
  static flame_status op(void *self, flame_call *call, const flame_node *node,
                         flame_value *outputs) noexcept {
    if (node && of(self).unknown_op_.empty() && !find_op(text_of(node->name)) &&
        !find_scalar_function(text_of(node->name))) {
      of(self).unknown_op_ = std::string(text_of(node->name));
    }
    return next(self).op(next(self).self, call, node, outputs);
  }
  static flame_status output(void *self, flame_call *call, flame_str name,
                             flame_value value) noexcept {
    return next(self).output(next(self).self, call, name, value);
  }
  static flame_status describe(void *self, flame_call *call, flame_value value,
                               flame_tensor *out) noexcept {
    return next(self).describe(next(self).self, call, value, out);
  }
  static flame_status push_scope(void *self, flame_call *call, flame_str name) noexcept {
    return next(self).push_scope(next(self).self, call, name);
  }
  static flame_status pop_scope(void *self, flame_call *call) noexcept {
    return next(self).pop_scope(next(self).self, call);
  }
  static flame_status start(void *self, flame_call *call, flame_value parameter, uint32_t initial,
                            double scale) noexcept {
    return next(self).start(next(self).self, call, parameter, initial, scale);
  }
};

WatchedBuilder::WatchedBuilder()
    : bridge_(builder_),
      table_{sizeof table_,
             0,
             this,
             WatchedCalls::input,
             WatchedCalls::parameter,
             WatchedCalls::op,
             WatchedCalls::output,
             WatchedCalls::describe,
             WatchedCalls::push_scope,
             WatchedCalls::pop_scope,
             WatchedCalls::start} {}

}  // namespace flame

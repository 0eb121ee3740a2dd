// The kinds of component, seen alike: every one is created from options and destroyed.
#pragma once

#include <span>
#include <string_view>

#include "flame/attribute.h"
#include "flame/call.h"

namespace flame {

struct KindAccess {
  std::string_view kind;          // "optimizer"
  std::string_view interface_id;  // "flame.optimizer/1"
  // Creates a component from a table of this kind; a backend opens its device 0.
  flame_status (*create)(const void *table, flame_call *call, flame_str component,
                         const flame_attribute *options, uint32_t option_count, void **out);
  void (*destroy)(const void *table, void *object);
};

std::span<const KindAccess> kind_accesses();
// Null if this host does not know the kind.
const KindAccess *find_kind(std::string_view kind);

}  // namespace flame

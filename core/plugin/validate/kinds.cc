#include "core/plugin/validate/kinds.h"

#include <array>

#include "flame/flame.h"

namespace flame {
namespace {

template <typename Interface, typename Object>
flame_status create(const void *table, flame_call *call, flame_str component,
                    const flame_attribute *options, uint32_t option_count, void **out) {
  auto *made = static_cast<Object *>(*out);
  const flame_status status =
      static_cast<const Interface *>(table)->create(call, component, options, option_count, &made);
  *out = made;
  return status;
}

template <typename Interface, typename Object>
void destroy(const void *table, void *object) {
  static_cast<const Interface *>(table)->destroy(static_cast<Object *>(object));
}

flame_status open_device(const void *table, flame_call *call, flame_str component,
                         const flame_attribute *options, uint32_t option_count, void **out) {
  auto *made = static_cast<flame_device *>(*out);
  const flame_status status = static_cast<const flame_backend *>(table)->open(
      call, component, 0, options, option_count, &made);
  *out = made;
  return status;
}

void close_device(const void *table, void *object) {
  static_cast<const flame_backend *>(table)->close(static_cast<flame_device *>(object));
}

template <typename Interface, typename Object>
constexpr KindAccess access(std::string_view kind, std::string_view id) {
  return {kind, id, create<Interface, Object>, destroy<Interface, Object>};
}

constexpr std::array<KindAccess, 7> kKinds = {
    KindAccess{FLAME_KIND_BACKEND, FLAME_BACKEND_ID, open_device, close_device},
    access<flame_model_interface, flame_model>(FLAME_KIND_MODEL, FLAME_MODEL_ID),
    access<flame_adapter_interface, flame_adapter>(FLAME_KIND_ADAPTER, FLAME_ADAPTER_ID),
    access<flame_optimizer_interface, flame_optimizer>(FLAME_KIND_OPTIMIZER, FLAME_OPTIMIZER_ID),
    access<flame_sampler_interface, flame_sampler>(FLAME_KIND_SAMPLER, FLAME_SAMPLER_ID),
    access<flame_data_source_interface, flame_data_source>(FLAME_KIND_DATA, FLAME_DATA_SOURCE_ID),
    access<flame_exporter_interface, flame_exporter>(FLAME_KIND_EXPORTER, FLAME_EXPORTER_ID),
};

}  // namespace

std::span<const KindAccess> kind_accesses() {
  return kKinds;
}

const KindAccess *find_kind(std::string_view kind) {
  for (const KindAccess &access : kKinds) {
    if (access.kind == kind) return &access;
  }
  return nullptr;
}

}  // namespace flame

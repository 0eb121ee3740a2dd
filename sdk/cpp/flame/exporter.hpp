// An exporter: one class that writes trained parameters as a file.
#pragma once

#include <string_view>

#include "flame/component.hpp"
#include "flame/exporter.h"
#include "flame/files.hpp"
#include "flame/tensor.hpp"

namespace flame {
inline namespace sdk {

// The named tensors to write, owned by the host.
class Parameters {
 public:
  struct Description {
    std::string_view name;  // lives as long as the set
    flame_dtype dtype;
    Shape shape;
  };

  explicit Parameters(const flame_parameters *host) : host_(host) {}

  uint64_t size() const { return host_->count(host_->self); }

  Description operator[](uint64_t index) const {
    flame_str name = {};
    flame_tensor tensor = {};
    tensor.struct_size = sizeof tensor;
    detail::HostCall call;
    call.check(host_->describe(host_->self, call.get(), index, &name, &tensor));
    return {view(name), tensor.dtype, shape_of(tensor)};
  }

  // The elements, contiguous and converted to `dtype`, as plain bytes.
  std::vector<char> read(uint64_t index, flame_dtype dtype) const {
    const Shape shape = (*this)[index].shape;
    Shape strides(shape.size(), 1);
    uint64_t count = 1;
    for (size_t axis = shape.size(); axis-- > 0;) {
      strides[axis] = static_cast<int64_t>(count);
      count *= static_cast<uint64_t>(shape[axis]);
    }
    std::vector<char> bytes(count * FLAME_DTYPE_BYTES(dtype));
    const flame_tensor into = {sizeof into,
                               dtype,
                               static_cast<uint32_t>(shape.size()),
                               FLAME_DEVICE_CPU,
                               shape.data(),
                               strides.data(),
                               bytes.data(),
                               0,
                               bytes.size()};
    detail::HostCall call;
    call.check(host_->read(host_->self, call.get(), index, &into));
    return bytes;
  }

 private:
  const flame_parameters *host_;
};

// The host asks one thread at a time for each object.
class Exporter {
 public:
  static constexpr const char *kKind = FLAME_KIND_EXPORTER;
  virtual ~Exporter() = default;

  // Throws unsupported() with the names of the parameters that cannot be written. Changes nothing.
  virtual void check(const Parameters &parameters) const = 0;
  // The layout in which the layers of a part of the model are named for this exporter: "ldm" for
  // "unet". Empty: the names of the model's programs. Points to text that outlives the exporter.
  virtual std::string_view layer_layout(std::string_view /*part*/) const { return {}; }
  // Writes them with a Writer, whole or not at all. `facts` are strings for the file's metadata.
  virtual void write(const Parameters &parameters, Attributes facts) = 0;
};

namespace detail {

struct ExporterTable : Lifetime<Exporter, flame_exporter> {
  static flame_status check(flame_exporter *handle, flame_call *call,
                            const flame_parameters *parameters) noexcept {
    return guard(call, [&] { object(handle)->check(Parameters(parameters)); });
  }
  static flame_status write(flame_exporter *handle, flame_call *call,
                            const flame_parameters *parameters, const flame_attribute *facts,
                            uint32_t fact_count) noexcept {
    return guard(call, [&] {
      object(handle)->write(Parameters(parameters), Attributes(facts, fact_count));
    });
  }
  static flame_status layer_layout(flame_exporter *handle, flame_call *call, flame_str part,
                                   flame_str *out) noexcept {
    return guard(call, [&] { *out = borrow(object(handle)->layer_layout(view(part))); });
  }
  static constexpr flame_exporter_interface kTable = {
      sizeof(flame_exporter_interface), 0, create, destroy, check, write, layer_layout};
};

}  // namespace detail
}  // namespace sdk
}  // namespace flame

// A data source: one class that counts, names and reads examples.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "flame/component.hpp"
#include "flame/data_source.h"
#include "flame/tensor.hpp"

namespace flame {
inline namespace sdk {

// One field of one example: text, or a tensor.
struct Field {
  std::string name;  // "image", "caption"
  std::string text;
  flame_dtype dtype = 0;  // 0: text
  Shape shape;

  static Field of_text(std::string name, std::string text) {
    return {std::move(name), std::move(text), 0, {}};
  }
  static Field of_tensor(std::string name, flame_dtype dtype, Shape shape) {
    return {std::move(name), {}, dtype, std::move(shape)};
  }
};

namespace detail {
struct DataSourceTable;
}

// The host asks one thread at a time for each object. Its constructor finds the examples, without
// reading them.
class DataSource {
 public:
  static constexpr const char *kKind = FLAME_KIND_DATA;
  virtual ~DataSource() = default;

  virtual uint64_t count() const noexcept = 0;
  // A text that changes if and only if the content of the example changes: the key of caches.
  virtual std::string identity(uint64_t example) = 0;
  virtual std::vector<Field> fields(uint64_t example) = 0;
  // Writes the elements of tensor field `index`, as fields() described it, to `into`: contiguous
  // memory of the processor.
  virtual void read_field(uint64_t example, uint32_t index, const flame_tensor &into) = 0;

 private:
  friend struct detail::DataSourceTable;
  // What the host's borrowed texts and shapes point to, until its next call.
  std::string last_identity_;
  std::optional<uint64_t> last_example_;
  std::vector<Field> last_fields_;
};

namespace detail {

struct DataSourceTable : Lifetime<DataSource, flame_data_source> {
  static void check_example(const DataSource &source, uint64_t example) {
    if (example >= source.count()) {
      throw invalid_argument("example ", example, " was asked for, but there are ", source.count());
    }
  }
  // Field 0 is asked first, so it reads the fields anew.
  static const std::vector<Field> &fields(DataSource &source, uint64_t example, uint32_t index) {
    if (source.last_example_ != example || index == 0) {
      check_example(source, example);
      source.last_example_.reset();
      source.last_fields_ = source.fields(example);
      source.last_example_ = example;
    }
    return source.last_fields_;
  }

  static uint64_t count(flame_data_source *handle) noexcept { return object(handle)->count(); }
  static flame_status identity(flame_data_source *handle, flame_call *call, uint64_t example,
                               flame_str *out) noexcept {
    return guard(call, [&] {
      DataSource &source = *object(handle);
      check_example(source, example);
      source.last_identity_ = source.identity(example);
      *out = borrow(source.last_identity_);
    });
  }
  static flame_status describe_field(flame_data_source *handle, flame_call *call, uint64_t example,
                                     uint32_t index, flame_field *out) noexcept {
    return guard(call, [&] {
      const std::vector<Field> &known = fields(*object(handle), example, index);
      if (index >= known.size()) throw Error(FLAME_ERROR_END, "there is no more field");
      const Field &field = known[index];
      fill(out, flame_field{0, field.dtype, borrow(field.name), borrow(field.text),
                            static_cast<uint32_t>(field.shape.size()), 0, field.shape.data()});
    });
  }
  static flame_status read_field(flame_data_source *handle, flame_call *call, uint64_t example,
                                 uint32_t index, const flame_tensor *into) noexcept {
    return guard(call, [&] {
      check_example(*object(handle), example);
      object(handle)->read_field(example, index, *into);
    });
  }
  static constexpr flame_data_source_interface kTable = {sizeof(flame_data_source_interface),
                                                         0,
                                                         create,
                                                         destroy,
                                                         count,
                                                         identity,
                                                         describe_field,
                                                         read_field};
};

}  // namespace detail
}  // namespace sdk
}  // namespace flame

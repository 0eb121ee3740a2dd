// A model: one class that builds programs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "flame/component.hpp"
#include "flame/model.h"
#include "flame/program.hpp"

namespace flame {
inline namespace sdk {

namespace detail {
struct ModelTable;
}

// The host asks one thread at a time for each object.
class Model {
 public:
  static constexpr const char *kKind = FLAME_KIND_MODEL;
  virtual ~Model() = default;

  // The names of the programs: {"unet"}. Asked once.
  virtual std::vector<std::string> programs() const = 0;

  // Describes one of them for the sizes that the host wants ("batch", "height", …): the same sizes,
  // the same program.
  virtual void build(Program &program, std::string_view name, Attributes sizes) = 0;

 private:
  friend struct detail::ModelTable;
  std::vector<std::string> names_;
};

namespace detail {

struct ModelTable : Lifetime<Model, flame_model> {
  static flame_status program_name(flame_model *handle, flame_call *call, uint32_t index,
                                   flame_str *out) noexcept {
    return guard(call, [&] {
      Model &model = *object(handle);
      if (model.names_.empty()) model.names_ = model.programs();
      if (index >= model.names_.size()) throw Error(FLAME_ERROR_END, "there is no more program");
      *out = borrow(model.names_[index]);
    });
  }
  static flame_status build(flame_model *handle, flame_call *call, flame_str name,
                            const flame_attribute *sizes, uint32_t size_count,
                            const flame_program_builder *builder) noexcept {
    return guard(call, [&] {
      Program program(builder);
      object(handle)->build(program, view(name), Attributes(sizes, size_count));
    });
  }
  static constexpr flame_model_interface kTable = {
      sizeof(flame_model_interface), 0, create, destroy, program_name, build};
};

}  // namespace detail
}  // namespace sdk
}  // namespace flame

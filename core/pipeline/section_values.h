// The options of a section by name, as their types.
#pragma once

#include <algorithm>

#include "core/pipeline/pipeline.h"
#include "core/tensor/dtype.h"

namespace flame {

// Borrows the section; null is one without options. Those without a default may be unset.
class SectionValues {
 public:
  explicit SectionValues(const ResolvedSection *section) : section_(section) {}

  template <typename T>
  T get(std::string_view name, T otherwise = {}) const {
    const T *value = section_ ? value_of<T>(section_->options, name) : nullptr;
    return value ? *value : otherwise;
  }
  bool has(std::string_view name) const {
    return section_ && std::ranges::find(section_->options, name, &OptionValue::name) !=
                           section_->options.end();
  }
  std::vector<std::string> texts(std::string_view name) const {
    return section_ ? texts_of(section_->options, name) : std::vector<std::string>();
  }
  std::vector<double> numbers(std::string_view name) const {
    std::vector<double> list;
    if (!section_) return list;
    for (const OptionValue &option : section_->options) {
      if (option.name != name) continue;
      for (const Scalar &item : option.items)
        if (const double *number = std::get_if<double>(&item)) list.push_back(*number);
    }
    return list;
  }

 private:
  const ResolvedSection *section_;
};

// What backend.precision asks for; tf32 computes in f32.
inline DType compute_type(const ResolvedSection *backend) {
  const std::string precision = SectionValues(backend).get<std::string>("precision", "bf16");
  return precision == "bf16" ? DType::kBF16 : precision == "f16" ? DType::kF16 : DType::kF32;
}

}  // namespace flame

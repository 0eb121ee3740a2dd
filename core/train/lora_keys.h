// The modules that other programs know in LoRA files, from a table that none of our exporters made:
// what is not in it would be silently left out when the file is loaded.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/tensor/shape.h"

namespace flame {

// By the name under kohya's rules, with the shape of the layer's weight: [out, in], or [out, in,
// height, width].
class LoraKeys {
 public:
  // Null for a model without a table; "sdxl" has one.
  static const LoraKeys *of_model(std::string_view component);

  // The shape of a module as a file calls it: kohya's "lora_unet_input_blocks_4_1_…", PEFT's
  // "unet.down_blocks.1.…". Null if it is not known.
  const Shape *find(std::string_view stem) const;
  size_t size() const { return shapes_.size(); }

 private:
  explicit LoraKeys(std::string_view text);

  std::map<std::string, Shape, std::less<>> shapes_;
};

}  // namespace flame

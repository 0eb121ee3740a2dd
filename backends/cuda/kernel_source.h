// A kernel as text: one of the files of kernels/, with what the plan knows in front of it.
#pragma once

#include <string>

#include "flame/tensor.h"

namespace flame::cuda {

struct KernelSource {
  std::string file;          // "map.cu"
  std::string definitions;   // types, numbers and functions that the file takes from its plan
  const char *entry;         // the function to start, extern "C"
  bool may_contract = true;  // a·b + c may be rounded once; false where bits are defined

  // The program that NVRTC gets.
  std::string text() const { return definitions + "#include \"" + file + "\"\n"; }
};

// Writes definitions.
class Definitions {
 public:
  Definitions &number(const char *name, int64_t value);  // constexpr, int or long long
  Definitions &real(const char *name, double value);     // constexpr double, exact
  Definitions &flag(const char *name, bool value);
  Definitions &type(const char *name, flame_dtype dtype);  // an alias of the kernels' type
  Definitions &alias(const char *name, const char *type);  // using name = type
  Definitions &line(const std::string &text);
  std::string text() const { return text_; }

 private:
  std::string text_ = "#include \"elements.cuh\"\n";
};

// "bf16", as elements.cuh names it.
const char *kernel_type(flame_dtype dtype);
// "float" for all floats but f64; "double" for f64; "long long" for integers and bool.
const char *accumulator_type(flame_dtype dtype);

}  // namespace flame::cuda

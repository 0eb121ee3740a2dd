// Programs as text, as data and as a picture.
#pragma once

#include <string>
#include <string_view>

#include "core/program/program.h"

namespace flame {

// One line an op: "%5 = matmul(%1, %3) {transpose_b: true} : f32[2, 4]  # model.cc:12, in down.0".
// Attributes at their default are left out.
std::string to_text(const Program &program);

// What the JSON form calls itself.
inline constexpr std::string_view kProgramFormat = "flamehost-program/1";

// {"format": …, "inputs": […], "parameters": […], "nodes": […], "outputs": […]}, the whole program:
// read_program() in read.h gives it back. One line without an indent. Floats that JSON does not
// have are the texts "inf", "-inf" and "nan".
std::string to_json(const Program &program, int indent = 1);

// A graph for Graphviz: ops as boxes, inputs and parameters as ovals.
std::string to_dot(const Program &program);

}  // namespace flame

// Programs as text, as data and as a picture.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/program/program.h"

namespace flame {

// One line an op: "%5 = matmul(%1, %3) {transpose_b: true} : f32[2, 4]  # model.cc:12, in down.0".
// Attributes at their default are left out.
std::string to_text(const Program &program);
// The line of one op, without an end.
std::string to_text(const Program &program, const Node &node);

// What the JSON form calls itself.
inline constexpr std::string_view kProgramFormat = "flamehost-program/1";

// {"format": …, "inputs": […], "parameters": […], "nodes": […], "outputs": […]}, the whole program:
// read_program() in read.h gives it back. One line without an indent. Floats that JSON does not
// have are the texts "inf", "-inf" and "nan".
std::string to_json(const Program &program, int indent = 1);

// A graph for Graphviz: ops as boxes, inputs and parameters as ovals. With `shown`, only these ops
// and what they use.
std::string to_dot(const Program &program, const std::function<bool(const Node &)> &shown = {});

}  // namespace flame

// Takes out of a program what does no work.
#pragma once

#include "core/program/program.h"

namespace flame {

struct CleanUpOptions {
  // Once gradients are taken, stop_gradient has no meaning any more.
  bool drop_stop_gradient = false;
};

struct CleanUpCounts {
  size_t dead = 0;   // nodes that no output needs
  size_t equal = 0;  // nodes that do what an earlier one does
  size_t idle = 0;   // casts to the same type, views that change nothing, and the like
};

// Drops dead nodes, nodes equal to an earlier one (every op gives the same for the same) and nodes
// that give their input back; reshapes of reshapes and casts of lossless casts become one. Inputs
// and parameters stay, used or not. The answers are the same bits. Linear in the number of nodes.
Result<Program> clean_up(const Program &program, CleanUpOptions options = {},
                         CleanUpCounts *counts = nullptr);

// The program without the parameters that no node and no output uses.
Result<Program> without_unused_parameters(const Program &program);

// Every element of `from` is also one of `to`: from bf16 to f32, for example.
bool is_lossless(DType from, DType to);

}  // namespace flame

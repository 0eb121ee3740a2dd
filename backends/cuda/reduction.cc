#include "backends/cuda/reduction.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace flame::cuda {
namespace {

constexpr int64_t kThreads = 256;

bool is_wide_float(flame_dtype dtype) {
  return dtype == FLAME_DTYPE_F64;
}

bool is_whole(flame_dtype dtype) {
  return dtype == FLAME_DTYPE_I64 || dtype == FLAME_DTYPE_I32;
}

// The element type of what is held between two launches: a sum's parts as its threads join them.
flame_dtype held_dtype(flame_dtype dtype, std::string_view kind) {
  if (is_whole(dtype)) return FLAME_DTYPE_I64;
  const bool wide = is_wide_float(dtype) || kind == "sum" || kind == "mean";
  return wide ? FLAME_DTYPE_F64 : FLAME_DTYPE_F32;
}

// How a reduction is laid over threads.
struct Layout {
  bool along_kept = false;
  int64_t vector = 1;
  int64_t kept_threads = 1;
  int64_t reduced_threads = 1;
  int64_t outputs_of_block() const { return kept_threads * (along_kept ? vector : 1); }
};

int64_t inner_stride(const Axes &axes) {
  return axes.empty() ? 0 : axes.back().strides[0];
}

int64_t power_of_two(int64_t least) {
  return static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(std::max<int64_t>(least, 1))));
}

// The most neighbours that can be read at once: the inner axis holds a whole number of packs, and
// every other step of x is one too.
int64_t vector_of(const Axes &inner, const Axes &outer, flame_dtype dtype) {
  int64_t vector = std::min<int64_t>(16 / FLAME_DTYPE_BYTES(dtype), 8);
  const auto fits = [&] {
    if (inner.back().size % vector != 0) return false;
    for (size_t axis = 0; axis + 1 < inner.size(); ++axis)
      if (inner[axis].strides[0] % vector != 0) return false;
    for (const Axis &axis : outer)
      if (axis.strides[0] % vector != 0) return false;
    return true;
  };
  while (vector > 1 && !fits()) vector /= 2;
  return vector;
}

// The last of several passes has few numbers and few blocks: it is made wide.
Layout layout_of(const Reduction &work, bool last = false) {
  Layout layout;
  layout.along_kept = inner_stride(work.kept) == 1 && inner_stride(work.reduced) != 1;
  const int64_t kept = element_count(work.kept);
  const int64_t reduced = element_count(work.reduced);
  if (layout.along_kept) {
    layout.vector = vector_of(work.kept, work.reduced, work.x_dtype);
    layout.kept_threads = std::min<int64_t>(power_of_two(kept / layout.vector), last ? 8 : 32);
    layout.reduced_threads = kThreads / layout.kept_threads;
    return layout;
  }
  if (inner_stride(work.reduced) == 1)
    layout.vector = vector_of(work.reduced, work.kept, work.x_dtype);
  const int64_t steps = reduced / layout.vector;
  // Four steps of each thread, so that few joins follow.
  layout.reduced_threads = std::min(power_of_two((steps + 3) / 4), kThreads);
  layout.kept_threads = kThreads / layout.reduced_threads;
  return layout;
}

// In how many parts the elements are split, so that every multiprocessor has blocks, and every
// thread some steps.
int64_t part_count(const Layout &layout, int64_t kept, int64_t reduced, const Target &target) {
  const int64_t blocks = (kept + layout.outputs_of_block() - 1) / layout.outputs_of_block();
  const int64_t wanted = int64_t{target.multiprocessors} * 6;
  const int64_t of_thread = layout.reduced_threads * (layout.along_kept ? 1 : layout.vector);
  const int64_t most = std::min<int64_t>(reduced / (of_thread * 4), 4096);
  return std::max<int64_t>(std::min((wanted + blocks - 1) / blocks, most), 1);
}

const char *join_of(std::string_view kind) {
  if (kind == "prod") return "Product<A>";
  if (kind == "max") return "Largest<A>";
  return kind == "min" ? "Smallest<A>" : "Sum<A>";
}

std::string start_text(std::string_view kind, flame_dtype dtype) {
  if (kind == "prod") return "(A)1";
  if (kind != "max" && kind != "min") return "(A)0";
  const bool most = kind == "min";
  if (dtype == FLAME_DTYPE_I64)
    return most ? "0x7fffffffffffffffll" : "(long long)0x8000000000000000ull";
  if (dtype == FLAME_DTYPE_I32) return most ? "0x7fffffffll" : "-0x80000000ll";
  return most ? "(A)__int_as_float(0x7f800000)" : "(A)__int_as_float(0xff800000)";
}

struct Pass {
  const Reduction &work;
  bool partial;       // gives the first of two passes' answers
  int64_t mean_over;  // what a mean divides by; -1: no division
};

KernelLaunch launch_of(const Pass &pass, const Layout &layout, int64_t parts) {
  const Reduction &work = pass.work;
  const int64_t kept = element_count(work.kept);
  const int64_t reduced = element_count(work.reduced);
  const int64_t step = layout.along_kept ? 1 : layout.vector;
  const int64_t chunk = ((reduced + parts - 1) / parts + step - 1) / step * step;
  Definitions made;
  made.line("#include \"joins.cuh\"");
  made.line(index_types(needs_wide_index(work.kept) || needs_wide_index(work.reduced) ||
                        kept * parts > INT32_MAX));
  made.type("X", work.x_dtype).type("Y", work.y_dtype).alias("A", accumulator_type(work.x_dtype));
  made.line(offset_function("kept_x", work.kept, 0)).line(offset_function("kept_y", work.kept, 1));
  made.line(offset_function("reduced_x", work.reduced, 0));
  made.alias("Join", join_of(work.kind));
  made.line("inline A start() { return " + start_text(work.kind, work.x_dtype) + "; }");
  made.line(pass.mean_over < 0
                ? std::string("inline Wide<A>::Type finished(Wide<A>::Type a) { return a; }")
                : flame::text("inline Wide<A>::Type finished(Wide<A>::Type a) { return a / ",
                              pass.mean_over, "ll; }"));
  made.number("kVector", layout.vector).flag("kAlongKept", layout.along_kept);
  made.number("kKeptThreads", layout.kept_threads);
  made.number("kReducedThreads", layout.reduced_threads);
  made.flag("kPartial", pass.partial);
  KernelLaunch launch;
  launch.source = {"reduce.cu", made.text(), "reduce"};
  launch.threads = kThreads;
  launch.blocks = block_count(kept, layout.outputs_of_block());
  launch.rows = static_cast<uint32_t>(parts);
  launch.arguments = {work.x, work.y, number_argument(kept), number_argument(reduced),
                      number_argument(chunk)};
  return launch;
}

}  // namespace

void add_reduction(KernelPlan &plan, const Reduction &work, const Target &target) {
  const Layout layout = layout_of(work);
  const int64_t kept = element_count(work.kept);
  const int64_t reduced = element_count(work.reduced);
  if (kept == 0) return;
  const int64_t mean_over = work.kind == "mean" ? reduced : -1;
  const int64_t parts = part_count(layout, kept, reduced, target);
  if (parts == 1) return plan.add(launch_of({work, false, mean_over}, layout, 1));

  const flame_dtype held = held_dtype(work.x_dtype, work.kind);
  const uint64_t between =
      plan.reserve(static_cast<uint64_t>(parts * kept * int64_t{FLAME_DTYPE_BYTES(held)}));
  Reduction first = work;
  first.y = workspace_argument(between);
  first.y_dtype = held;
  plan.add(launch_of({first, true, -1}, layout, parts));

  Reduction second = work;
  second.x = workspace_argument(between);
  second.x_dtype = held;
  const Sizes dense = dense_strides([&] {
    Sizes sizes;
    for (const Axis &axis : work.kept) sizes.push_back(axis.size);
    return sizes;
  }());
  for (size_t axis = 0; axis < dense.size(); ++axis) second.kept[axis].strides[0] = dense[axis];
  second.reduced = {{parts, {kept}}};
  plan.add(launch_of({second, false, mean_over}, layout_of(second, true), 1));
}

}  // namespace flame::cuda

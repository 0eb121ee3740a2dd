#include "backends/onednn/pool_windows.h"

#include <algorithm>

#include "flame/op_checks.hpp"

namespace flame::onednn {
namespace {

std::vector<Span> adaptive_spans(int64_t size, int64_t count) {
  std::vector<Span> spans;
  for (int64_t i = 0; i < count; ++i)
    spans.push_back({i * size / count, ((i + 1) * size + count - 1) / count});
  return spans;
}

std::vector<Span> spans_of(int64_t size, int64_t count, int64_t window, int64_t stride,
                           int64_t padding) {
  std::vector<Span> spans;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t start = i * stride - padding;
    spans.push_back({std::max<int64_t>(start, 0), std::min(start + window, size)});
  }
  return spans;
}

}  // namespace

PoolWindows::PoolWindows(const flame::Op &op, const flame_tensor &image,
                         const flame_tensor &pooled) {
  const flame::Attributes attributes = op.attributes();
  const std::string_view kind = attributes.string("kind");
  if (kind != "max" && kind != "average")
    throw flame::unsupported(op.name(), " of the kind '", kind, "' is not known here");
  maximum = kind == "max";
  whole = 0;
  if (!attributes.integers("output_size").empty()) {
    rows = adaptive_spans(image.shape[1], pooled.shape[1]);
    columns = adaptive_spans(image.shape[2], pooled.shape[2]);
    return;
  }
  const std::vector<int64_t> window = attributes.integers("window");
  const std::vector<int64_t> stride = attributes.integers("stride");
  const std::vector<int64_t> padding = attributes.integers("padding");
  rows = spans_of(image.shape[1], pooled.shape[1], window[0], stride[0], padding[0]);
  columns = spans_of(image.shape[2], pooled.shape[2], window[1], stride[1], padding[2]);
  if (attributes.flag("count_include_pad")) whole = window[0] * window[1];
}

std::vector<Span> windows_of_places(const std::vector<Span> &windows, int64_t size) {
  std::vector<Span> places(static_cast<size_t>(size), {0, 0});
  for (size_t i = 0; i < windows.size(); ++i) {
    for (int64_t place = windows[i].begin; place < windows[i].end; ++place) {
      Span &span = places[static_cast<size_t>(place)];
      const auto window = static_cast<int64_t>(i);
      span = {span.size() == 0 ? window : span.begin, window + 1};
    }
  }
  return places;
}

}  // namespace flame::onednn

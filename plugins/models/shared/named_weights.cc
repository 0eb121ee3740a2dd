#include "plugins/models/shared/named_weights.h"

namespace models {

std::vector<std::string> parts_of(std::string_view name) {
  std::vector<std::string> parts;
  for (size_t from = 0;;) {
    const size_t dot = name.find('.', from);
    parts.emplace_back(name.substr(from, dot - from));
    if (dot == name.npos) return parts;
    from = dot + 1;
  }
}

std::string join(const std::vector<std::string> &parts, size_t first) {
  std::string name;
  for (size_t i = first; i < parts.size(); ++i) {
    if (i != first) name += '.';
    name += parts[i];
  }
  return name;
}

std::string renamed(const std::string &name, const Renames &renames) {
  for (const auto &[from, to] : renames) {
    const bool begins = name.compare(0, from.size(), from) == 0;
    if (begins && (name.size() == from.size() || name[from.size()] == '.'))
      return std::string(to) + name.substr(from.size());
  }
  return name;
}

const flame::Shape &shape_in(const ParameterList &list, std::string_view name) {
  const auto found = list.find(name);
  if (found == list.end()) throw flame::not_found("the model has no parameter '", name, "'");
  return found->second;
}

flame::WeightSource whole(std::string key, const flame::Shape &shape) {
  flame::WeightSource source;
  source.key = std::move(key);
  source.shape = shape;
  for (uint32_t axis = 0; axis < shape.size(); ++axis) source.axes.push_back(axis);
  if (shape.size() == 4) {
    source.shape = {shape[0], shape[3], shape[1], shape[2]};
    source.axes = {0, 2, 3, 1};
  }
  source.row_count = shape.empty() ? 1 : shape[0];
  return source;
}

}  // namespace models

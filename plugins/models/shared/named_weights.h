// Where files hold parameters, from names: what the models' layouts have in common.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/models/shared/parameter_list.h"

namespace models {

// The parts of a name between its dots.
std::vector<std::string> parts_of(std::string_view name);
std::string join(const std::vector<std::string> &parts, size_t first = 0);

// The name with `from` at its start, up to a dot or the end, replaced by what the first fitting pair
// says; as it is if none fits.
using Renames = std::vector<std::pair<std::string_view, std::string_view>>;
std::string renamed(const std::string &name, const Renames &renames);

// The parameter's shape; throws NOT_FOUND for a name that is no parameter.
const flame::Shape &shape_in(const ParameterList &list, std::string_view name);

// The whole tensor `key`, in the order that PyTorch has: a convolution's channels before its window.
flame::WeightSource whole(std::string key, const flame::Shape &shape);

}  // namespace models

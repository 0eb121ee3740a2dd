// Where files hold the parameters of the text encoders.
#pragma once

#include "plugins/models/shared/named_weights.h"

namespace clip {

// The layouts of clip-l, or of clip-g if the encoder `projects`.
std::vector<flame::Layout> layouts(bool projects);

// In the layout of that place in the list.
flame::WeightSource source(bool projects, size_t layout, const std::string &parameter,
                           const flame::Shape &shape);

}  // namespace clip

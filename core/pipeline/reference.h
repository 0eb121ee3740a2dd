// The reference of the pipeline file in Markdown: docs/pipeline-reference.md.
#pragma once

#include <string>

#include "core/pipeline/components.h"

namespace flame {

// Every section, and every component of `components`, each with the table of its options.
std::string reference_markdown(const Components &components);

}  // namespace flame

// The options of a section or component as a page for people.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/pipeline/components.h"

namespace flame {

// What stands in the file for the default: "16", "1e-4", "[]"; "(none)" if the option may stay unset.
std::string default_text_of(const OptionSpec &option);

// The page of what schema_of() takes. The error (kBadConfig) names what there is.
Result<std::string> page_of(std::string_view name, const Components &components);

}  // namespace flame

// One option as JSON Schema.
#pragma once

#include "core/base/json.h"
#include "core/plugin/descriptor.h"

namespace flame {

Json option_schema(const OptionSpec &option);

}  // namespace flame

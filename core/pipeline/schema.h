// The pipeline file as JSON Schema, draft 7, made from the tables and the installed plugins: what
// editors complete and check with.
#pragma once

#include <string>
#include <string_view>

#include "core/base/json.h"
#include "core/base/result.h"
#include "core/pipeline/components.h"

namespace flame {

// Takes a file if and only if check_pipeline does, but for what JSON Schema cannot say: the range
// of a size with a unit, whether a number was written with quotes or in another base, and what
// stands twice.
Json pipeline_schema(const Components &components);

// The schema of one section ("train", "train.optimizer") or component ("optimizer.adamw"). The
// error (kBadConfig) names what there is.
Result<Json> schema_of(std::string_view name, const Components &components);

// What schema_of() takes, sorted.
std::vector<std::string> schema_names(const Components &components);

}  // namespace flame

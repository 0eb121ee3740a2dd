// `flamehost run` of a pipeline that trains.
#pragma once

#include "core/pipeline/pipeline.h"

namespace flame::cli {

// Opens all that the pipeline names, makes what is missing of latents and texts, proves that every
// trained parameter gets a gradient, trains, and proves that something was learned.
Status train(const Pipeline &pipeline);

}  // namespace flame::cli

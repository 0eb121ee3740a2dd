// The device that a pipeline asks for.
#pragma once

#include "core/pipeline/pipeline.h"
#include "core/plugin/backends.h"

namespace flame {

// Of the section `backend`: the backend with its options, its determinism, and tf32 as a precision.
OpenDeviceRequest device_request(const ResolvedSection &backend);
// Of the pipeline's section, or the best one that opens.
OpenDeviceRequest device_request(const Pipeline &pipeline);

}  // namespace flame

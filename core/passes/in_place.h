// Which values of a placed program may stand in the same bytes, one after the other.
#pragma once

#include "core/passes/placed_program.h"

namespace flame {

// Sets first_step and last_step of what stands in the arena.
void set_lifetimes(PlacedProgram &placed);

// Lets an op write into the bytes of an input that nobody needs afterwards, where the backend
// allows it. Lifetimes are set before, and right afterwards; storages that fell away are removed.
void share_storages(PlacedProgram &placed);

// Lets what is written to `storage` be written to `target` instead, the memory of an input. False,
// and nothing is changed, if the old content is still read by then or the op cannot write in place.
bool redirect(PlacedProgram &placed, uint32_t storage, const PlacedTensor &target);

}  // namespace flame

#include "core/runtime/sequence.h"

#include <algorithm>

namespace flame {

Result<std::unique_ptr<Sequence>> Sequence::make(std::vector<const Executable *> parts) {
  if (parts.empty()) {
    return Error{ErrorKind::kFailed, "a sequence of no programs was asked for",
                 "give it the programs that are to run"};
  }
  const Device *device = &parts.front()->device();
  if (!std::ranges::all_of(parts, [&](const Executable *p) { return &p->device() == device; })) {
    return Error{ErrorKind::kFailed, "the programs of a sequence stand on several devices",
                 "make them from one tensor store"};
  }
  std::unique_ptr<Sequence> made(new Sequence(std::move(parts)));
  FLAME_ASSIGN(made->graph_, Executable::record(made->parts_));
  return made;
}

Status Sequence::run(const DeviceStream &stream) const {
  if (graph_) return graph_.replay(stream);
  for (const Executable *part : parts_) FLAME_TRY(part->run(stream));
  return {};
}

}  // namespace flame

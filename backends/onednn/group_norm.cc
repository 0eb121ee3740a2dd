#include "backends/onednn/group_norm.h"

namespace flame::onednn {

bool is_silu(const flame::Op &op) {
  const std::string_view activation = op.attributes().string("activation");
  if (activation.empty() || activation == "silu") return activation == "silu";
  throw flame::unsupported(op.name(), " knows no activation but silu, not '", activation, "'");
}

}  // namespace flame::onednn

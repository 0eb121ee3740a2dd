// The list of groups.
#include <array>

#include "core/plugin/validate/check.h"

namespace flame {

std::span<const std::span<const Check>> check_groups() {
  static const std::array groups = {
      binary_checks(),  manifest_checks(),   lifecycle_checks(),   descriptor_checks(),
      skew_checks(),    error_checks(),      thread_checks(),      process_checks(),
      backend_checks(), backend_op_checks(), conformance_checks(), program_checks(),
      build_checks(),   data_checks(),       exporter_checks(),
  };
  return groups;
}

}  // namespace flame

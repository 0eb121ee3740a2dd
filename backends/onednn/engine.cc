#include "backends/onednn/engine.h"

#include <omp.h>

namespace flame::onednn {

ThreadScope::ThreadScope(int threads) : before_(omp_get_max_threads()) {
  if (before_ != threads) omp_set_num_threads(threads);
}

ThreadScope::~ThreadScope() {
  if (before_ != omp_get_max_threads()) omp_set_num_threads(before_);
}

}  // namespace flame::onednn

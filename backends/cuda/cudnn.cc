#include "backends/cuda/cudnn.h"

namespace flame::cuda {

Cudnn::Cudnn(const std::string &folder)
    : library({"cuDNN", {"libcudnn.so.9"}, "nvidia-cudnn-cu13 (or nvidia-cudnn-cu12)"}, folder) {
  library.take("cudnnGetVersion", get_version);
}

std::string Cudnn::version() const {
  const size_t number = get_version();
  return flame::text(number / 10000, ".", number / 100 % 100, ".", number % 100);
}

}  // namespace flame::cuda

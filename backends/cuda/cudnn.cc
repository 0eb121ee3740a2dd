#include "backends/cuda/cudnn.h"

namespace flame::cuda {
namespace {

constexpr const char *kPackages =
    "the Python packages nvidia-cudnn-cu13 and nvidia-cudnn-cu12; the backend's option 'libraries' "
    "names another folder to look in";

}  // namespace

Cudnn::Cudnn(const std::string &folder) : library({"cuDNN", {"libcudnn.so.9"}, kPackages}, folder) {
  library.take("cudnnGetVersion", get_version);
}

std::string Cudnn::version() const {
  const size_t number = get_version();
  return flame::text(number / 10000, ".", number / 100 % 100, ".", number % 100);
}

}  // namespace flame::cuda

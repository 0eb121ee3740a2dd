#include "backends/cuda/nvrtc.h"

#include <algorithm>
#include <memory>

#include "backends/cuda/kernel_files.h"

namespace flame::cuda {
namespace {

constexpr const char *kToolkit =
    "the CUDA toolkit and the Python package nvidia-cuda-nvrtc; the backend's option 'libraries' "
    "names "
    "another folder to look in";

}  // namespace

Nvrtc::Nvrtc(const std::string &folder, int driver_version)
    : library_({"NVRTC, the compiler of the CUDA toolkit",
                numbered_files("libnvrtc.so", std::max(driver_version / 1000, 12), 12), kToolkit},
               folder) {
  library_.take("nvrtcVersion", get_version_);
  library_.take("nvrtcGetErrorString", error_text_);
  library_.take("nvrtcGetNumSupportedArchs", architecture_count_);
  library_.take("nvrtcGetSupportedArchs", architectures_);
  library_.take("nvrtcCreateProgram", create_program_);
  library_.take("nvrtcDestroyProgram", destroy_program_);
  library_.take("nvrtcCompileProgram", compile_program_);
  library_.take("nvrtcGetProgramLogSize", log_size_);
  library_.take("nvrtcGetProgramLog", log_);
  library_.take("nvrtcGetCUBINSize", cubin_size_);
  library_.take("nvrtcGetCUBIN", cubin_);
  library_.take("nvrtcGetPTXSize", ptx_size_);
  library_.take("nvrtcGetPTX", ptx_);
  check(get_version_(&major_, &minor_), "nvrtcVersion");
}

std::string Nvrtc::architecture_for(int capability) const {
  int count = 0;
  check(architecture_count_(&count), "nvrtcGetNumSupportedArchs");
  std::vector<int> known(static_cast<size_t>(count));
  check(architectures_(known.data()), "nvrtcGetSupportedArchs");
  int newest = 0;
  for (const int each : known) {
    if (each == capability) return flame::text("sm_", capability);
    if (each < capability) newest = std::max(newest, each);
  }
  if (newest != 0) return flame::text("compute_", newest);
  throw flame::failed("NVRTC ", version(), " (", file(), ") makes no code for a GPU of compute ",
                      "capability ", capability / 10, ".", capability % 10,
                      "; take one of another version, or a newer GPU");
}

std::string Nvrtc::compile(const std::string &source,
                           const std::vector<std::string> &options) const {
  std::vector<const char *> names, texts, arguments;
  for (const KernelFile &file : kernel_files()) {
    names.push_back(file.name);
    texts.push_back(file.text);
  }
  for (const std::string &option : options) arguments.push_back(option.c_str());
  nvrtcProgram program = nullptr;
  check(create_program_(&program, source.c_str(), "kernel.cu", static_cast<int>(names.size()),
                        texts.data(), names.data()),
        "nvrtcCreateProgram");
  const auto destroy = [this](nvrtcProgram *made) { destroy_program_(made); };
  const std::unique_ptr<nvrtcProgram, decltype(destroy)> owner(&program, destroy);
  const nvrtcResult result =
      compile_program_(program, static_cast<int>(arguments.size()), arguments.data());
  if (result != NVRTC_SUCCESS) {
    throw flame::failed("NVRTC ", version(), " does not compile a kernel (", error_text_(result),
                        "): ", log_of(program), "\nThe kernel was:\n", source);
  }
  const bool machine_code =
      std::any_of(options.begin(), options.end(),
                  [](const std::string &option) { return option.find("=sm_") != option.npos; });
  size_t size = 0;
  check(machine_code ? cubin_size_(program, &size) : ptx_size_(program, &size),
        "nvrtcGetCUBINSize");
  std::string image(size, '\0');
  check(machine_code ? cubin_(program, image.data()) : ptx_(program, image.data()),
        "nvrtcGetCUBIN");
  return image;
}

std::string Nvrtc::log_of(nvrtcProgram program) const {
  size_t size = 0;
  if (log_size_(program, &size) != NVRTC_SUCCESS || size == 0) return "";
  std::string log(size, '\0');
  log_(program, log.data());
  log.resize(size - 1);  // it ends with a NUL
  return log;
}

void Nvrtc::check(nvrtcResult result, const char *function) const {
  if (result == NVRTC_SUCCESS) return;
  throw flame::failed(function, " of ", file(), " failed: ", error_text_(result));
}

}  // namespace flame::cuda

// The plugin for GPUs of NVIDIA: kernels compiled for the device at hand, cuBLASLt and cuDNN.
#include "flame/plugin.hpp"

#include "backends/cuda/device.h"

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.cuda")
      .version("0.1.0")
      .vendor("The flamehost authors")
      .license("Apache-2.0");
  plugin.summary("Computes on GPUs of NVIDIA.");
  plugin.add<flame::cuda::Gpu>("cuda", "A GPU of NVIDIA from Ampere (2020) on.");
}

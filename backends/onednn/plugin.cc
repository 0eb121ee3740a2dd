// The product's CPU backend: oneDNN for products of matrices and convolutions, own loops for the
// rest.
#include "flame/plugin.hpp"

#include "backends/onednn/device.h"

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.onednn")
      .version("0.1.0")
      .vendor("The flamehost authors")
      .license("Apache-2.0");
  plugin.summary("Computes on the processor, with oneDNN.");
  plugin.add<flame::onednn::Processor>(
      "onednn", "The processor, with oneDNN, in f32; bf16 and f16 are storage.");
}

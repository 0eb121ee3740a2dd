// The plugin of the reference backend: the catalogue's formulas as plain loops.
//
// It is made to be read and to be right, and is slow: the oracle for other backends and the
// template for their authors. Begin with kernel.h and one file of kernels/.
#include "flame/plugin.hpp"

#include "backends/reference/device.h"

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.reference").version(FLAME_REFERENCE_VERSION).vendor("flamehost");
  plugin.license("Apache-2.0").summary("The ops of the catalogue as plain loops, to compare with.");
  plugin.add<flame::reference::ReferenceDevice>(
      "reference", "The processor with plain loops: slow, and right to the formula.");
}

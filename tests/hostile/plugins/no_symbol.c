/* Exports something, but no door. */
#include "good_plugin.h"

FLAME_EXPORT int some_other_program(void);

int some_other_program(void) {
  return good_plugin(0).component_count > 0;
}

/* A library that OpenImageIO would load from OIIO_LIBRARY_PATH; it tells that it was. */
#define _POSIX_C_SOURCE 200112L
#include <stdlib.h>

__attribute__((constructor)) static void tell(void) {
  setenv("FLAME_FOREIGN_LIBRARY", "was loaded", 1);
}

// OpenImageIO needs some 200 libraries, which take a third of a second to load and start threads of
// their own. So it is loaded when a picture is to be written, and not with the plugin.
#include "plugins/exporters/png/encode.h"

#include <dlfcn.h>

#include <string>

#include "plugins/exporters/png/encoder.h"

namespace png {
namespace {

// From the folder of this plugin.
constexpr std::string_view kLibrary = "../libflame-openimageio.so";

std::string library_path() {
  Dl_info info = {};
  static const char here = 0;
  if (!dladdr(&here, &info) || !info.dli_fname)
    throw flame::not_found("the plugin png cannot tell where it lies: install flamehost again");
  const std::string plugin = info.dli_fname;
  return plugin.substr(0, plugin.rfind('/') + 1).append(kLibrary);
}

// Never closed: OpenImageIO's libraries do not expect it.
Encoder *load() {
  void *library = dlopen(library_path().c_str(), RTLD_NOW | RTLD_LOCAL);
  void *symbol = library ? dlsym(library, kEncoderName) : nullptr;
  if (symbol) return reinterpret_cast<Encoder *>(symbol);
  const char *reason = dlerror();
  throw flame::unsupported("no PNG file can be written here: ", reason ? reason : "unknown reason",
                           "; install OpenImageIO 2.4, on Debian 12 with apt install "
                           "libopenimageio2.4");
}

Encoder *encoder() {
  static Encoder *const loaded = load();
  return loaded;
}

}  // namespace

void load_encoder() {
  encoder();
}

std::vector<unsigned char> encode(const Picture &picture, const std::vector<char> &pixels,
                                  int compression) {
  const Pixels given{static_cast<int>(picture.width), static_cast<int>(picture.height),
                     static_cast<int>(picture.channels), pixels.data()};
  std::vector<unsigned char> file;
  std::string error;
  const flame_status status = encoder()(given, compression, file, error);
  if (status == FLAME_OK) return file;
  throw flame::Error(status, flame::text("OpenImageIO cannot make a PNG file of ", picture.width,
                                         "x", picture.height, " pixels: ", error));
}

}  // namespace png

// The library libflame-openimageio.so: the only one that needs OpenImageIO, and the only file that
// sees its headers.
#include <OpenImageIO/filesystem.h>
#include <OpenImageIO/imageio.h>

#include <exception>
#include <memory>
#include <new>

#include "flame/error.hpp"
#include "plugins/exporters/png/encoder.h"

OIIO_NAMESPACE_BEGIN
// The PNG writer that is built into the library, under the name that OpenImageIO's rules for its
// plugins give it. ImageOutput::create() would give the same one, but first load every library
// called *.imageio.so from OIIO_LIBRARY_PATH and LD_LIBRARY_PATH, whatever "plugin_searchpath" is.
OIIO_API ImageOutput *png_output_imageio_create();
OIIO_NAMESPACE_END

namespace {

// libpng's PNG_ALL_FILTERS and PNG_FILTER_NONE: rows are stored as they compress best, or as they are.
constexpr int kAllFilters = 0xf8, kNoFilter = 0x08;

OIIO::ImageSpec spec_of(const png::Pixels &pixels, int compression) {
  OIIO::ImageSpec spec(pixels.width, pixels.height, pixels.channels, OIIO::TypeDesc::UINT8);
  spec.attribute("oiio:ColorSpace", "sRGB");
  // Else it would multiply and divide the colours by how opaque they are.
  spec.attribute("oiio:UnassociatedAlpha", 1);
  spec.attribute("png:compressionLevel", compression);
  spec.attribute("png:filter", compression == 0 ? kNoFilter : kAllFilters);
  return spec;
}

void encode(const png::Pixels &pixels, int compression, std::vector<unsigned char> &file) {
  OIIO::Filesystem::IOVecOutput memory(file);  // outlives the writer
  const std::unique_ptr<OIIO::ImageOutput> output(OIIO::png_output_imageio_create());
  if (!output) throw flame::failed("it has no writer of PNG files");
  // Of this object alone. The attribute "threads" of the library would first start its threads.
  output->threads(1);
  if (output->set_ioproxy(&memory) && output->open("picture.png", spec_of(pixels, compression)) &&
      output->write_image(OIIO::TypeDesc::UINT8, pixels.bytes) && output->close()) {
    return;
  }
  const std::string reason = output->geterror();
  throw flame::failed(reason.empty() ? "it does not say why" : reason);
}

}  // namespace

extern "C" FLAME_EXPORT flame_status flame_png_encode(const png::Pixels &pixels, int compression,
                                                      std::vector<unsigned char> &file,
                                                      std::string &error) noexcept {
  try {
    encode(pixels, compression, file);
    return FLAME_OK;
  } catch (const std::bad_alloc &) {
    error = "it got no memory";
    return FLAME_ERROR_OUT_OF_MEMORY;
  } catch (const std::exception &caught) {
    error = caught.what();
    return FLAME_ERROR_FAILED;
  } catch (...) {
    error = "it threw something that is no std::exception";
    return FLAME_ERROR_FAILED;
  }
}

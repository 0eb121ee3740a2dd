// The only file that sees the headers of OpenImageIO.
#include "plugins/data/image_folder/decoder/read_pixels.h"

#include <OpenImageIO/filesystem.h>
#include <OpenImageIO/imageio.h>

#include <memory>
#include <stdexcept>
#include <string>

OIIO_NAMESPACE_BEGIN
// The readers that are built into the library, under the names that OpenImageIO's rules for its
// plugins give them. ImageInput::open() would choose by the name of the file, and first load every
// library called *.imageio.so from OIIO_LIBRARY_PATH and LD_LIBRARY_PATH.
OIIO_API ImageInput *png_input_imageio_create();
OIIO_API ImageInput *jpeg_input_imageio_create();
OIIO_API ImageInput *webp_input_imageio_create();
OIIO_NAMESPACE_END

namespace image_folder {
namespace {

struct Reader {
  OIIO::ImageInput *(*create)();
  const char *name;
};

Reader reader_of(Format format) {
  switch (format) {
    case Format::kPng:
      return {OIIO::png_input_imageio_create, "picture.png"};
    case Format::kJpeg:
      return {OIIO::jpeg_input_imageio_create, "picture.jpg"};
    case Format::kWebp:
      return {OIIO::webp_input_imageio_create, "picture.webp"};
  }
  throw std::runtime_error("a format that does not exist");
}

[[noreturn]] void fail(const std::string &reason) {
  throw std::runtime_error(reason.empty() ? "it is broken" : reason);
}

}  // namespace

Raster read_pixels(Format format, const std::vector<char> &file, uint32_t width, uint32_t height) {
  const Reader reader = reader_of(format);
  OIIO::Filesystem::IOMemReader memory(const_cast<char *>(file.data()), file.size());
  const std::unique_ptr<OIIO::ImageInput> input(reader.create());
  if (!input || !input->set_ioproxy(&memory)) fail("OpenImageIO cannot read from memory");
  input->threads(1);
  OIIO::ImageSpec wishes;
  wishes.attribute("oiio:UnassociatedAlpha", 1);  // the colours as they are stored
  OIIO::ImageSpec spec;
  if (!input->open(reader.name, spec, wishes)) fail(input->geterror());
  if (spec.width != static_cast<int>(width) || spec.height != static_cast<int>(height) ||
      spec.nchannels < 1 || spec.nchannels > 4)
    fail("its header and its pixels have different sizes");
  Raster out{width, height, static_cast<size_t>(spec.nchannels), {}, false};
  out.bytes.resize(out.width * out.height * out.channels);
  // Its reader of WebP multiplies whatever the wish.
  out.multiplied =
      out.channels % 2 == 0 && spec.get_int_attribute("oiio:UnassociatedAlpha", 0) == 0;
  if (!input->read_image(0, 0, 0, spec.nchannels, OIIO::TypeDesc::UINT8, out.bytes.data()))
    fail(input->geterror());
  return out;
}

}  // namespace image_folder

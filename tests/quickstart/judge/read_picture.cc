#include "tests/quickstart/judge/read_picture.h"

#include <OpenImageIO/imageio.h>

namespace flame::quickstart {

std::optional<Pixels> read_picture(const std::string &file, std::string &problem) {
  const auto input = OIIO::ImageInput::open(file);
  if (!input) {
    problem = OIIO::geterror();
    return std::nullopt;
  }
  const OIIO::ImageSpec &spec = input->spec();
  if (spec.nchannels != 3 || spec.width > 4096 || spec.height > 4096) {
    problem = file + " is no picture of red, green and blue of at most 4096 x 4096";
    return std::nullopt;
  }
  Pixels picture{spec.height, spec.width,
                 std::vector<uint8_t>(size_t(spec.width) * spec.height * 3)};
  if (!input->read_image(0, 0, 0, 3, OIIO::TypeDesc::UINT8, picture.bytes.data())) {
    problem = input->geterror();
    return std::nullopt;
  }
  return picture;
}

}  // namespace flame::quickstart

// The exporter `png`: one picture as a PNG file, with the facts about it as texts inside.
#include "flame/plugin.hpp"
#include "plugins/exporters/png/encode.h"
#include "plugins/exporters/png/picture.h"
#include "plugins/exporters/png/text_chunks.h"

namespace {

// Those of one name all stand in the file, in their order.
std::string chunks_of(flame::Attributes facts) {
  std::string chunks;
  for (const flame_attribute &fact : facts) {
    if (fact.kind != FLAME_ATTRIBUTE_STRING)
      throw flame::unsupported("the fact '", fact.name, "' is no text, but a text was expected");
    chunks += png::text_chunk(flame::view(fact.name), flame::view(fact.value.s));
  }
  return chunks;
}

class Png : public flame::Exporter {
 public:
  struct Options {
    std::string path;
    int64_t compression = 6;

    void describe(flame::OptionTable &table) {
      table.path("path", path, "The file to write.").required();
      table
          .integer(
              "compression", compression,
              "How hard to compress: 0 not at all, 9 slowly and best; the pixels stay the same.")
          .range(0, 9);
    }
  };

  explicit Png(const Options &options) : options_(options) {}

  void check(const flame::Parameters &parameters) const override {
    png::picture_in(parameters);
    png::load_encoder();  // whoever lacks OpenImageIO hears of it before anything is computed
  }

  void write(const flame::Parameters &parameters, flame::Attributes facts) override {
    const png::Picture picture = png::picture_in(parameters);
    const std::string texts = chunks_of(facts);
    const std::vector<unsigned char> made = png::encode(
        picture, png::pixels_of(parameters, picture), static_cast<int>(options_.compression));
    const png::Pieces pieces =
        png::with_texts({reinterpret_cast<const char *>(made.data()), made.size()}, texts);
    flame::Writer file(options_.path);
    file.write(pieces.head);
    file.write(pieces.tail);
    file.commit();
    flame::log_debug("wrote a picture of ", picture.width, "x", picture.height, " pixels to ",
                     options_.path);
  }

 private:
  Options options_;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.png").version("0.1.0").vendor("The flamehost authors");
  plugin.license("Apache-2.0 AND MIT").summary("Writes pictures as PNG files.");
  plugin.needs_service(FLAME_FILES_ID);
  plugin.add<Png>("png", "One picture as a PNG file, with what is known about it as texts inside.");
}

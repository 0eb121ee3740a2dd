// The plugin image_folder.
#include "flame/plugin.hpp"

#include "plugins/data/image_folder/image_folder.h"

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.image-folder")
      .version("0.1.0")
      .vendor("The flamehost authors")
      .license("Apache-2.0 AND MIT")
      .summary("Pictures of folders with their captions.");
  plugin.needs_service(FLAME_FILES_ID);
  plugin.add<image_folder::ImageFolder>(
      "image-folder", "PNG, JPEG and WebP pictures of folders, in buckets, with captions.");
}

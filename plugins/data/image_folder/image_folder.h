// The data source `image-folder`: pictures of folders with their captions.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "flame/data_source.hpp"
#include "flame/options.hpp"
#include "plugins/data/image_folder/caption_text.h"
#include "plugins/data/image_folder/captions.h"
#include "plugins/data/image_folder/decoder.h"
#include "plugins/data/image_folder/folder.h"
#include "plugins/data/image_folder/folder_options.h"
#include "plugins/data/image_folder/geometry.h"

namespace image_folder {

enum class Crop {
  kCenter,
  kRandom
};
enum class AlphaUse {
  kWhite,
  kMask
};

struct Options {
  std::string path;
  std::vector<std::string> folders;
  bool recursive = false;
  double repeats = 1;
  int resolution = 1024;
  int bucket_step = 64;
  int min_bucket = 256;
  int max_bucket = 2048;
  bool upscale = false;
  Crop crop = Crop::kCenter;
  int crops = 4;
  bool flip = false;
  CaptionSource captions = CaptionSource::kAuto;
  std::string caption_ext = ".txt";
  std::string trigger, class_prompt, prefix, suffix;
  bool shuffle_tags = false;
  int keep_tokens = 0;
  double tag_dropout = 0;
  int caption_variants = 0;
  std::optional<std::string> masks;
  AlphaUse alpha = AlphaUse::kWhite;
  bool strict = false;
  std::optional<std::string> index;
  uint64_t decoder_memory = uint64_t{2} << 30;
  double decoder_time = 30;

  void describe(flame::OptionTable &table);
};

class ImageFolder : public flame::DataSource {
 public:
  using Options = image_folder::Options;
  explicit ImageFolder(const Options &options);
  ~ImageFolder() override;

  uint64_t count() const noexcept override { return items_.size(); }
  flame::Example describe(uint64_t example) override;
  std::string identity(uint64_t example) override;
  std::vector<flame::Field> fields(uint64_t example, const flame_draw &draw) override;
  void read_field(uint64_t example, const flame_draw &draw, uint32_t index,
                  const flame_tensor &into) override;
  std::vector<flame::Note> notes() override;

 private:
  // A folder of pictures and what holds for it.
  struct Source {
    std::unique_ptr<Folder> folder;
    std::unique_ptr<Folder> masks;  // null: none
    FolderOptions options;
    double repeats = 1;
    CaptionRule rule;
  };
  // A picture that is learned from.
  struct Item {
    uint32_t source = 0;
    std::string name;
    std::string mask;  // its name in the masks' folder; empty: none
    std::string caption;
    PictureHeader header;
    Placement placement;
  };

  void read_pixels(const Item &item, const Source &source, const flame_draw &draw, uint32_t index,
                   const flame_tensor &into);
  void add_source(const FolderOptions &folder);
  void add_pictures(uint32_t source);
  void find_mask(Source &source, Item &item);
  void balance_regularisation();
  void check_found() const;
  void leave_out(std::string path, std::string reason);

  const Source &source_of(const Item &item) const { return sources_[item.source]; }
  uint64_t crops_of(const Item &item) const;
  Corner corner_of(const Item &item, uint64_t crop) const;
  bool has_mask(const Item &item) const;
  std::string path_of(const Item &item) const;
  DecodeRequest request_for(const Item &item, const flame_draw &draw) const;
  void decode(const Folder &folder, const std::string &name, DecodeRequest request,
              const flame_tensor &into);
  void write_placement(const Item &item, const flame_draw &draw, const flame_tensor &into) const;

  flame::Note bucket_table() const;
  void note_contents(std::vector<flame::Note> &notes) const;

  Options options_;
  std::vector<Source> sources_;
  std::vector<Item> items_;
  std::vector<LeftOut> left_out_;
  std::vector<std::string> without_caption_;
  uint64_t pictures_ = 0;  // found, whether they can be used or not
  Decoder decoder_;
};

}  // namespace image_folder

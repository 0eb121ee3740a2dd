#include "plugins/data/image_folder/image_folder.h"

#include <algorithm>
#include <cmath>

#include "flame/log.hpp"

namespace image_folder {
namespace {

// The order of an example's fields.
enum FieldIndex : uint32_t {
  kImage,
  kPlacement,
  kCaption,
  kSource,
  kMask,
};

// Raised whenever the same picture gives other pixels than before.
constexpr std::string_view kPixelsVersion = "1";

constexpr size_t kMostShown = 10;

// "a: it is empty; b: …", not too many.
std::string listed(const std::vector<LeftOut> &files) {
  std::string out;
  for (size_t i = 0; i < std::min(files.size(), kMostShown); ++i)
    out += flame::text("\n  ", files[i].path, ": ", files[i].reason);
  if (files.size() > kMostShown) out += flame::text("\n  and ", files.size() - kMostShown, " more");
  return out;
}

BucketRule rule_of(const Options &options) {
  if (options.bucket_step > options.resolution || options.bucket_step > options.max_bucket)
    throw flame::invalid_argument("'bucket_step' is ", options.bucket_step,
                                  ", more than 'resolution' or 'max_bucket'; make it smaller");
  if (options.min_bucket > options.max_bucket)
    throw flame::invalid_argument("'min_bucket' is ", options.min_bucket,
                                  ", more than "
                                  "'max_bucket', ",
                                  options.max_bucket);
  return {options.resolution, options.bucket_step, options.min_bucket, options.max_bucket,
          options.upscale};
}

Placement upright_size(const PictureHeader &header) {
  const int width = static_cast<int>(header.width), height = static_cast<int>(header.height);
  return header.turned() ? Placement{height, width} : Placement{width, height};
}

}  // namespace

ImageFolder::ImageFolder(const Options &options)
    : options_(options),
      decoder_({options.decoder_memory, static_cast<uint32_t>(std::ceil(options.decoder_time)),
                static_cast<uint32_t>(std::ceil(options.decoder_time)) * 4}) {
  rule_of(options_);
  add_source(parse_folder(options_.path));
  for (const std::string &folder : options_.folders) add_source(parse_folder(folder));
  check_found();
  balance_regularisation();
}

ImageFolder::~ImageFolder() {
  for (const Source &source : sources_) {
    source.folder->save();
    if (source.masks) source.masks->save();
  }
}

void ImageFolder::add_source(const FolderOptions &folder) {
  Source source;
  source.options = folder;
  const std::string index = options_.index.value_or("");
  source.folder = std::make_unique<Folder>(folder.path, options_.recursive, index);
  std::string masks = options_.masks.value_or("");
  if (!folder.masks.empty()) masks = source.folder->path_of(folder.masks);
  if (!masks.empty()) source.masks = std::make_unique<Folder>(masks, true, index);
  source.repeats = folder.repeats.value_or(options_.repeats);
  source.rule = {folder.regularisation ? std::string() : options_.trigger,
                 options_.prefix,
                 options_.suffix,
                 options_.shuffle_tags,
                 options_.keep_tokens,
                 options_.tag_dropout};
  for (const LeftOut &file : source.folder->left_out()) left_out_.push_back(file);
  pictures_ += source.folder->left_out().size();
  sources_.push_back(std::move(source));
  add_pictures(static_cast<uint32_t>(sources_.size() - 1));
}

void ImageFolder::leave_out(std::string path, std::string reason) {
  left_out_.push_back({shown(path), std::move(reason)});
}

void ImageFolder::add_pictures(uint32_t index) {
  Source &source = sources_[index];
  const BucketRule rule = rule_of(options_);
  const Captions captions(*source.folder, options_.captions, options_.caption_ext);
  const std::string masks_below =
      source.options.masks.empty() ? std::string() : source.options.masks + "/";
  for (const auto &[name, facts] : source.folder->facts()) {
    const bool is_mask =
        !masks_below.empty() && name.compare(0, masks_below.size(), masks_below) == 0;
    if (is_mask || !source.folder->picture(name)) continue;
    ++pictures_;
    const std::string path = source.folder->path_of(name);
    Item item{index, name, {}, {}, facts.header, {}};
    const Placement size = upright_size(facts.header);
    const std::optional<Placement> placement = place(size.width, size.height, rule);
    if (!placement) {
      leave_out(path, flame::text("its ", size.width, "×", size.height,
                                  " pixels are fewer than "
                                  "one step of the buckets, ",
                                  rule.step, "; enlarge it, or set 'upscale: true'"));
      continue;
    }
    item.placement = *placement;
    try {
      std::optional<std::string> caption = captions.of(name);
      const bool is_class = source.options.regularisation && !options_.class_prompt.empty();
      if (is_class && caption.value_or("").empty()) caption = options_.class_prompt;
      if (!caption) without_caption_.push_back(shown(path));
      item.caption = caption.value_or("");
      find_mask(source, item);
    } catch (const flame::Error &error) {
      leave_out(path, error.what());
      continue;
    }
    items_.push_back(std::move(item));
  }
}

// The picture of the same name in the masks' folder, whatever its format.
void ImageFolder::find_mask(Source &source, Item &item) {
  if (!source.masks) return;
  const std::string stem(stem_of(item.name));
  for (const char *ending : {".png", ".webp", ".jpg", ".jpeg"}) {
    const std::string name = stem + ending;
    const FileFacts *facts = source.masks->picture(name);
    if (!facts) continue;
    const Placement size = upright_size(facts->header);
    if (size.width != item.placement.width || size.height != item.placement.height)
      throw flame::storage_error("its mask ", shown(source.masks->path_of(name)), " has ",
                                 size.width, "×", size.height, " pixels, the picture ",
                                 item.placement.width, "×", item.placement.height,
                                 "; make them alike");
    item.mask = name;
    return;
  }
}

void ImageFolder::check_found() const {
  const std::string &first = sources_.front().folder->path();
  if (pictures_ == 0)
    throw flame::invalid_argument("the folder ", shown(first),
                                  " has no pictures; expected files "
                                  "in PNG, JPEG or WebP",
                                  options_.recursive ? ""
                                                     : " (folders in it are looked into with "
                                                       "'recursive: true')");
  if (items_.empty())
    throw flame::storage_error("none of the ", pictures_,
                               " pictures can be used:", listed(left_out_));
  if (options_.strict && !left_out_.empty())
    throw flame::invalid_argument(left_out_.size(), " of ", pictures_,
                                  " pictures cannot be used, and "
                                  "'strict: true' takes no less than all:",
                                  listed(left_out_));
  const bool none = without_caption_.size() == items_.size();
  if (none && options_.trigger.empty() && options_.prefix.empty() && options_.suffix.empty())
    throw flame::invalid_argument("none of the ", items_.size(),
                                  " pictures has a caption; expected a file such as ",
                                  shown(stem_of(without_caption_.front())), options_.caption_ext,
                                  ", or metadata.jsonl in the folder. Without captions, set "
                                  "'captions: none' and a 'trigger'");
  if (options_.strict && !without_caption_.empty())
    throw flame::invalid_argument(without_caption_.size(), " of ", pictures_,
                                  " pictures have no "
                                  "caption, the first is ",
                                  without_caption_.front(), "; write them, or set 'strict: false'");
}

// Regularisation stands as often in an epoch as all the rest, unless the user says otherwise.
void ImageFolder::balance_regularisation() {
  double rest = 0, balanced = 0;
  for (const Item &item : items_) {
    const Source &source = source_of(item);
    if (!source.options.regularisation)
      rest += source.repeats;
    else if (!source.options.repeats)
      balanced += 1;
  }
  if (balanced == 0 || rest == 0) return;
  for (Source &source : sources_) {
    if (source.options.regularisation && !source.options.repeats) source.repeats = rest / balanced;
  }
}

uint64_t ImageFolder::crops_of(const Item &item) const {
  const bool one = options_.crop == Crop::kCenter || !item.placement.is_cut();
  return one ? 1 : static_cast<uint64_t>(options_.crops);
}

// Random corners follow from the file alone, so that a picture that is moved keeps its crops.
Corner ImageFolder::corner_of(const Item &item, uint64_t crop) const {
  if (options_.crop == Crop::kCenter) return middle_corner(item.placement);
  const FileFacts &facts = source_of(item).folder->facts().at(item.name);
  return random_corner(item.placement, facts.size, crop);
}

bool ImageFolder::has_mask(const Item &item) const {
  return !item.mask.empty() || (options_.alpha == AlphaUse::kMask && item.header.alpha);
}

std::string ImageFolder::path_of(const Item &item) const {
  return shown(source_of(item).folder->path_of(item.name));
}

flame::Example ImageFolder::describe(uint64_t example) {
  const Item &item = items_[example];
  const Source &source = source_of(item);
  flame::Example out;
  out.repeats = source.repeats;
  out.loss_weight = source.options.weight.value_or(1);
  out.picture_variants = crops_of(item) * (options_.flip ? 2 : 1);
  if (source.rule.varies()) out.caption_variants = static_cast<uint64_t>(options_.caption_variants);
  return out;
}

// The content of the file and of its mask, and all that is done to them. Mirrored variants come
// behind the others, so that `flip` changes nothing for these.
std::string ImageFolder::identity(uint64_t example) {
  const Item &item = items_[example];
  const Source &source = source_of(item);
  const Placement &at = item.placement;
  std::string out =
      flame::text(kPixelsVersion, ":", source.folder->sha256(item.name), ":", at.resized_width, "x",
                  at.resized_height, ":", at.bucket_width, "x", at.bucket_height);
  if (crops_of(item) > 1) out += flame::text(":random", crops_of(item));
  if (!item.mask.empty())
    out += ":mask " + source.masks->sha256(item.mask);
  else if (has_mask(item))
    out += ":alpha";
  return out;
}

std::vector<flame::Field> ImageFolder::fields(uint64_t example, const flame_draw &draw) {
  const Item &item = items_[example];
  const int64_t height = item.placement.bucket_height, width = item.placement.bucket_width;
  std::vector<flame::Field> out = {
      flame::Field::of_tensor("image", FLAME_DTYPE_U8, {height, width, 3}),
      flame::Field::of_tensor("placement", FLAME_DTYPE_F32, {6}),
      flame::Field::of_text("caption",
                            make_caption(item.caption, source_of(item).rule, draw.caption)),
      flame::Field::of_text("source", path_of(item))};
  if (has_mask(item))
    out.push_back(flame::Field::of_tensor("mask", FLAME_DTYPE_U8, {height, width, 1}));
  return out;
}

DecodeRequest ImageFolder::request_for(const Item &item, const flame_draw &draw) const {
  const uint64_t crops = crops_of(item);
  const Corner corner = corner_of(item, draw.picture % crops);
  DecodeRequest out;
  out.resized_width = static_cast<uint32_t>(item.placement.resized_width);
  out.resized_height = static_cast<uint32_t>(item.placement.resized_height);
  out.left = static_cast<uint32_t>(corner.left);
  out.top = static_cast<uint32_t>(corner.top);
  out.cut_width = static_cast<uint32_t>(item.placement.bucket_width);
  out.cut_height = static_cast<uint32_t>(item.placement.bucket_height);
  out.mirrored = draw.picture >= crops;
  return out;
}

void ImageFolder::decode(const Folder &folder, const std::string &name, DecodeRequest request,
                         const flame_tensor &into) {
  const PictureHeader &header = folder.facts().at(name).header;
  request.format = static_cast<uint32_t>(header.format);
  request.width = header.width;
  request.height = header.height;
  request.orientation = header.orientation;
  const flame::TensorView<uint8_t> pixels(into);
  const auto size = static_cast<size_t>(pixels.count());
  const size_t channels = request.want == Want::kColours ? 3 : 1;
  const flame::Shape shape = {request.cut_height, request.cut_width,
                              static_cast<int64_t>(channels)};
  if (flame::shape_of(into) != shape || !flame::is_contiguous(into))
    throw flame::invalid_argument("a tensor of the described shape was expected");
  const std::string file = folder.read(name);
  try {
    if (header.format == Format::kJpeg && !is_whole_jpeg(file))
      throw flame::storage_error("the file ends early");
    decoder_.decode(request, file, &*pixels.begin(), size);
  } catch (const flame::Error &error) {
    throw flame::Error(error.status(),
                       flame::text(shown(folder.path_of(name)), ": ", error.what()));
  }
}

void ImageFolder::read_field(uint64_t example, const flame_draw &draw, uint32_t index,
                             const flame_tensor &into) {
  const Item &item = items_[example];
  const Source &source = source_of(item);
  if (index == kPlacement) return write_placement(item, draw, into);
  try {
    read_pixels(item, source, draw, index, into);
  } catch (const flame::Error &error) {
    // The host leaves out what cannot be read, but not what was told otherwise.
    if (!options_.strict || error.status() != FLAME_ERROR_STORAGE) throw;
    throw flame::invalid_argument(error.what(), ", and 'strict: true' takes no less than all");
  }
}

void ImageFolder::read_pixels(const Item &item, const Source &source, const flame_draw &draw,
                              uint32_t index, const flame_tensor &into) {
  DecodeRequest request = request_for(item, draw);
  if (index == kImage) return decode(*source.folder, item.name, request, into);
  if (index != kMask || !has_mask(item))
    throw flame::invalid_argument("field ", index, " is no tensor");
  if (item.mask.empty()) {
    request.want = Want::kAlpha;
    return decode(*source.folder, item.name, request, into);
  }
  request.want = Want::kGrey;
  decode(*source.masks, item.mask, request, into);
}

// What SDXL is told: the mirrored picture's cut is counted from its own left.
void ImageFolder::write_placement(const Item &item, const flame_draw &draw,
                                  const flame_tensor &into) const {
  const DecodeRequest request = request_for(item, draw);
  const uint32_t left =
      request.mirrored ? request.resized_width - request.cut_width - request.left : request.left;
  const flame::TensorView<float> out(into);
  if (out.count() != 6) throw flame::invalid_argument("a tensor of 6 elements was expected");
  const double numbers[] = {double(item.placement.height), double(item.placement.width),
                            double(request.top),           double(left),
                            double(request.cut_height),    double(request.cut_width)};
  std::transform(std::begin(numbers), std::end(numbers), out.begin(),
                 [](double number) { return static_cast<float>(number); });
}

}  // namespace image_folder

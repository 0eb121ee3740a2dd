// What the user is told of the pictures before the first step.
#include <algorithm>
#include <map>

#include "plugins/data/image_folder/image_folder.h"

namespace image_folder {
namespace {

// "12.5 %"
std::string percent(double part) {
  return flame::text(static_cast<int>(part * 1000 + 0.5) / 10.0, " %");
}

std::string padded(std::string text, size_t letters) {
  // "×" is one letter of two bytes.
  const auto wide = static_cast<size_t>(std::count(text.begin(), text.end(), '\xc3'));
  if (text.size() - wide < letters) text.insert(0, letters - (text.size() - wide), ' ');
  return text;
}

std::string row_of(std::initializer_list<std::string> cells) {
  constexpr size_t kWidths[] = {11, 10, 12, 10, 10};
  std::string row;
  size_t i = 0;
  for (const std::string &cell : cells) row += padded(cell, kWidths[i++]) + "  ";
  row.erase(row.find_last_not_of(' ') + 1);
  return row;
}

flame::Note info(std::string text) {
  return {FLAME_LOG_INFO, std::move(text)};
}
flame::Note warning(std::string text) {
  return {FLAME_LOG_WARNING, std::move(text)};
}

}  // namespace

flame::Note ImageFolder::bucket_table() const {
  struct Row {
    uint64_t pictures = 0;
    double in_epoch = 0, lost = 0, most = 0;
  };
  std::map<std::pair<int, int>, Row> rows;
  for (const Item &item : items_) {
    Row &row = rows[{item.placement.bucket_width, item.placement.bucket_height}];
    const double lost = item.placement.lost();
    ++row.pictures;
    row.in_epoch += source_of(item).repeats;
    row.lost += lost;
    row.most = std::max(row.most, lost);
  }
  std::string table = row_of({"bucket", "pictures", "in an epoch", "cut away", "at most"});
  for (const auto &[size, row] : rows) {
    const double in_epoch = static_cast<int64_t>(row.in_epoch * 10 + 0.5) / 10.0;
    table +=
        "\n" + row_of({flame::text(size.first, "×", size.second), flame::text(row.pictures),
                       flame::text(in_epoch), percent(row.lost / static_cast<double>(row.pictures)),
                       percent(row.most)});
  }
  return info(std::move(table));
}

// Counts what is done to pictures that are not plain RGB.
void ImageFolder::note_contents(std::vector<flame::Note> &notes) const {
  uint64_t deep = 0, alpha = 0, cmyk = 0;
  std::map<std::string, uint64_t> profiles;
  for (const Item &item : items_) {
    deep += item.header.deep;
    alpha += item.header.alpha;
    cmyk += item.header.cmyk;
    if (!item.header.profile.empty()) ++profiles[item.header.profile];
  }
  const char *end =
      options_.alpha == AlphaUse::kMask ? "that is white, and a mask of the loss" : "that is white";
  if (alpha > 0)
    notes.push_back(info(flame::text("pictures with transparent places: ", alpha, "; ", end)));
  if (deep > 0)
    notes.push_back(info(flame::text("pictures with 16 bits a channel: ", deep, "; 8 are used")));
  if (cmyk > 0)
    notes.push_back(warning(flame::text("CMYK pictures: ", cmyk,
                                        "; they become RGB without their profile, so convert them "
                                        "before for true colours")));
  for (const auto &[name, count] : profiles)
    notes.push_back(warning(flame::text("pictures with the colour profile '", name, "': ", count,
                                        "; it is taken as sRGB, so convert them before for true "
                                        "colours")));
}

std::vector<flame::Note> ImageFolder::notes() {
  std::vector<flame::Note> notes = {bucket_table()};
  size_t opened = 0;
  for (const Source &source : sources_) {
    opened += source.folder->opened();
    if (source.options.regularisation && !source.options.repeats)
      notes.push_back(info(flame::text("regularisation ", shown(source.folder->path()),
                                       ": each picture stands ", source.repeats,
                                       " times in an epoch, so that all stand as often as the "
                                       "rest")));
  }
  notes.push_back(info(flame::text("pictures used: ", items_.size(), " of ", pictures_,
                                   "; files looked into: ", opened, ", the others are known")));
  note_contents(notes);
  if (!without_caption_.empty())
    notes.push_back(
        warning(flame::text(without_caption_.size(), " of ", pictures_,
                            " pictures have no caption, the first is ", without_caption_.front())));
  for (const LeftOut &file : left_out_)
    notes.push_back(warning(flame::text("left out: ", file.path, ": ", file.reason)));
  return notes;
}

}  // namespace image_folder

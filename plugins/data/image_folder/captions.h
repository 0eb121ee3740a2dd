// Where captions come from: a text file beside each picture, or one table for the folder.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "plugins/data/image_folder/folder.h"

namespace image_folder {

enum class CaptionSource {
  kAuto,      // the file beside it, else the table
  kFiles,     // photo.txt
  kMetadata,  // metadata.jsonl or metadata.csv
  kNames,     // the name of the picture's file
  kNone,      // every caption is empty
};

// Captions by the names of pictures. Errors (STORAGE) name the file and its line.
using CaptionTable = std::map<std::string, std::string>;
CaptionTable parse_jsonl(std::string_view text, const std::string &path);
CaptionTable parse_csv(std::string_view text, const std::string &path);

// The captions of one folder; reads the table when it is made.
class Captions {
 public:
  Captions(const Folder &folder, CaptionSource source, std::string ending);

  // Nothing if the picture has none. Error (STORAGE): its file cannot be read or is no UTF-8.
  std::optional<std::string> of(const std::string &picture) const;

 private:
  const Folder &folder_;
  CaptionSource source_;
  std::string ending_;
  CaptionTable table_;
};

}  // namespace image_folder

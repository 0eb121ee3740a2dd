// What is known of the files of one folder, kept on disk, so that a file that has not changed is not
// opened again.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "plugins/data/image_folder/picture_header.h"

namespace image_folder {

struct FileFacts {
  uint64_t size = 0;
  int64_t modified_ns = 0;
  std::string problem;   // why it is no picture; empty: it is one, and `header` holds
  bool ignored = false;  // no picture by name or content: not even worth a note
  PictureHeader header;
  std::string sha256;  // of the content; empty until somebody asked
};

// By the names of the files in their folder.
using FactsByName = std::map<std::string, FileFacts>;

// The text of an index, and back. What does not read back whole gives nothing: the files are then
// looked at anew.
std::string write_index(const FactsByName &facts);
FactsByName read_index(std::string_view text);

// Where the index of a folder is kept: in `cache`, or in the user's cache folder if that is empty;
// "" if there is none.
std::string index_path(const std::string &folder, const std::string &cache);

}  // namespace image_folder

// One entry of the option `folders`: a path, and words behind it that hold for that folder alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace image_folder {

//   photos/sks dog repeats=3 weight=0.5 regularisation=true masks=masks
struct FolderOptions {
  std::string path;
  std::optional<double> repeats;
  std::optional<double> weight;
  bool regularisation = false;
  std::string masks;  // the name of a folder in this one
};

// Error (INVALID_ARGUMENT): a word that is none of these, or another value than it takes.
FolderOptions parse_folder(std::string_view text);

}  // namespace image_folder

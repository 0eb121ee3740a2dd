// One folder on disk: which pictures it has, and what they are.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/data/image_folder/file_index.h"

namespace image_folder {

// A file of the folder that was left out, and why.
struct LeftOut {
  std::string path;
  std::string reason;
};

// Looked at when it is made; its index is written by save(). One thread at a time.
class Folder {
 public:
  // `cache` is where indices are kept, "" for the user's own place. Error (STORAGE): the folder
  // cannot be listed.
  Folder(std::string path, bool with_subfolders, const std::string &cache);

  const std::string &path() const { return path_; }
  std::string path_of(const std::string &name) const { return path_ + "/" + name; }
  // Pictures by name, in the order of the bytes of their names; null if there is none.
  const FactsByName &facts() const { return facts_; }
  const FileFacts *picture(const std::string &name) const;
  // The names of all regular files, for captions.
  bool has_file(const std::string &name) const { return files_.count(name) > 0; }
  const std::vector<LeftOut> &left_out() const { return left_out_; }
  // Headers that were read because no index knew the file.
  size_t opened() const { return opened_; }

  // The file's content. Error (STORAGE), with the path: it cannot be read, or has changed since the
  // folder was looked at.
  std::string read(const std::string &name) const;
  // Of the content; remembered by the index.
  const std::string &sha256(const std::string &name);

  // Writes the index if anything is new. A cache that cannot be written is told in the log: it costs
  // time alone.
  void save();

 private:
  void list(const std::string &below, const FactsByName &known, int depth);
  void look_at(const std::string &name, uint64_t size, int64_t modified_ns,
               const FactsByName &known);
  void leave_out(const std::string &name, std::string reason);

  std::string path_;
  bool with_subfolders_ = false;
  std::string index_file_;
  FactsByName facts_;
  std::set<std::string> files_;
  std::vector<LeftOut> left_out_;
  size_t opened_ = 0;
  size_t unsaved_ = 0;
};

// "photo" of "photo.png".
std::string_view stem_of(std::string_view name);

// Text that can be shown: bytes that are no UTF-8 and control characters become \xNN.
std::string shown(std::string_view text);

}  // namespace image_folder

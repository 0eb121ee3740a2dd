// Libraries of the CUDA toolkit, opened at run time from the places where people have them.
#pragma once

#include <string>
#include <vector>

#include "flame/error.hpp"

namespace flame::cuda {

// What to look for, and whom to name if it is nowhere.
struct LibraryName {
  const char *title;               // "NVRTC"
  std::vector<std::string> files;  // the best first: "libnvrtc.so.13", "libnvrtc.so.12"
  const char *source;              // what brings it: "the CUDA toolkit or the Python package …"
};

// An open library. It stays open until the process ends: the vendors' libraries keep threads and
// memory of their own, and are not made to be closed.
class SharedLibrary {
 public:
  // Looks in `configured` (if not empty), beside the plugin, in the Python packages' folders, in the
  // toolkit's and in the system's. Throws failed() with the file and what brings it.
  SharedLibrary(const LibraryName &name, const std::string &configured);
  SharedLibrary(const SharedLibrary &) = delete;
  SharedLibrary &operator=(const SharedLibrary &) = delete;

  // Takes the function of that symbol; throws failed() if the library has none.
  template <typename Function>
  void take(const char *symbol, Function &out) const {
    out = reinterpret_cast<Function>(find(symbol));
  }

  const std::string &file() const { return file_; }
  void *handle() const { return handle_; }  // of dlopen

 private:
  void *find(const char *symbol) const;

  void *handle_ = nullptr;
  std::string file_;
};

// The same names with the numbers of the majors from `newest` down to `oldest`: libnvrtc.so.13, …
std::vector<std::string> numbered_files(const std::string &stem, int newest, int oldest);

}  // namespace flame::cuda

#include "backends/cuda/shared_library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>

namespace flame::cuda {
namespace {

namespace fs = std::filesystem;
using Folders = std::vector<fs::path>;

std::string environment(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

// The folder of this plugin's own file.
fs::path own_folder() {
  Dl_info info{};
  if (!dladdr(reinterpret_cast<const void *>(&own_folder), &info) || !info.dli_fname) return {};
  return fs::path(info.dli_fname).parent_path();
}

void add_folders_in(const fs::path &parent, Folders &out) {
  std::error_code error;
  for (const auto &entry : fs::directory_iterator(parent, error)) out.push_back(entry.path());
}

// The folders nvidia/<package>/lib below a Python that is installed at `prefix`.
void add_python(const fs::path &prefix, Folders &out) {
  Folders versions;
  add_folders_in(prefix / "lib", versions);
  for (const fs::path &version : versions) {
    if (version.filename().string().rfind("python", 0) != 0) continue;
    for (const char *packages : {"site-packages", "dist-packages"}) {
      Folders found;
      add_folders_in(version / packages / "nvidia", found);
      for (const fs::path &package : found) out.push_back(package / "lib");
    }
  }
}

// The Pythons that people work with: the active environment, then each python3 on PATH, both where
// it stands and where its link leads.
Folders python_folders() {
  Folders out;
  for (const char *name : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
    const std::string prefix = environment(name);
    if (!prefix.empty()) add_python(prefix, out);
  }
  const std::string path = environment("PATH");
  for (size_t start = 0; start <= path.size();) {
    const size_t end = std::min(path.find(':', start), path.size());
    const fs::path program = fs::path(path.substr(start, end - start)) / "python3";
    start = end + 1;
    std::error_code error;
    if (!program.is_absolute() || !fs::exists(program, error)) continue;
    add_python(program.parent_path().parent_path(), out);
    const fs::path target = fs::canonical(program, error);
    if (!error) add_python(target.parent_path().parent_path(), out);
  }
  const std::string home = environment("HOME");
  if (!home.empty()) add_python(fs::path(home) / ".local", out);
  return out;
}

Folders all_folders(const std::string &configured) {
  Folders out;
  if (!configured.empty()) out.emplace_back(configured);
  const fs::path own = own_folder();
  if (!own.empty()) {
    out.push_back(own);
    out.push_back(own.parent_path());  // where the program's other libraries stand
  }
  for (const fs::path &folder : python_folders()) out.push_back(folder);
  for (const std::string &toolkit :
       {environment("CUDA_HOME"), environment("CUDA_PATH"), std::string("/usr/local/cuda")}) {
    if (toolkit.empty()) continue;
    out.push_back(fs::path(toolkit) / "lib64");
    out.push_back(fs::path(toolkit) / "lib");
  }
  return out;
}

}  // namespace

SharedLibrary::SharedLibrary(const LibraryName &name, const std::string &configured) {
  std::string reason;
  const auto open = [&](const std::string &file) {
    handle_ = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_) return file_ = file, true;
    const char *error = dlerror();
    reason = error ? error : "the loader gives no reason";
    return false;
  };
  for (const fs::path &folder : all_folders(configured)) {
    for (const std::string &file : name.files) {
      std::error_code error;
      if (fs::exists(folder / file, error) && open((folder / file).string())) return;
    }
  }
  for (const std::string &file : name.files) {
    if (open(file)) return;  // where the system looks
  }
  throw flame::failed(name.title, " (", name.files.front(), ") was not found: ", reason,
                      "; it comes with ", name.source);
}

void *SharedLibrary::find(const char *symbol) const {
  if (void *found = dlsym(handle_, symbol)) return found;
  throw flame::failed(file_, " has no function ", symbol, "; a newer version is needed");
}

std::vector<std::string> numbered_files(const std::string &stem, int newest, int oldest) {
  std::vector<std::string> files;
  for (int major = newest; major >= oldest; --major)
    files.push_back(stem + "." + std::to_string(major));
  return files;
}

}  // namespace flame::cuda

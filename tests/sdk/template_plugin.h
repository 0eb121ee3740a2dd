// A plugin of the template as a host meets it, and a folder for its files.
#pragma once

#include <dlfcn.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "fake_host.h"
#include "flame/attribute.hpp"
#include "flame/flame.h"

namespace flame_test {

// A plugin of the template, started.
template <typename Interface>
class Loaded {
 public:
  Loaded(const std::string &name, const char *id) {
    const std::string file = std::string(FLAME_TEMPLATE_FOLDER) + "/template-" + name + ".so";
    library_ = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library_) throw std::runtime_error(dlerror());
    const auto entry =
        reinterpret_cast<decltype(&flame_plugin_entry_v1)>(dlsym(library_, FLAME_ENTRY_SYMBOL));
    plugin_ = entry(host.get());
    EXPECT_EQ(plugin_->start(call), FLAME_OK);
    table_ = static_cast<const Interface *>(plugin_->query(str(id)));
  }
  ~Loaded() {
    plugin_->stop();
    dlclose(library_);
  }

  const Interface *operator->() const { return table_; }
  const flame_plugin &plugin() const { return *plugin_; }

  template <typename Object>
  Object *create(const std::string &component, std::vector<flame::Attribute> options = {}) {
    const flame::AttributeArray given(std::move(options));
    Object *made = nullptr;
    table_->create(call, str(component), given.data(), given.size(), &made);
    return made;
  }

  FakeHost host;
  FakeCall call;

 private:
  void *library_;
  const flame_plugin *plugin_;
  const Interface *table_;
};

class Folder {
 public:
  // Of its own name: the tests run beside each other.
  Folder() {
    std::string name = testing::TempDir() + "flame-template-XXXXXX";
    path = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string operator/(const std::string &name) const { return path / name; }
  void write(const std::string &name, const std::string &content) const {
    std::ofstream(path / name, std::ios::binary) << content;
  }
  std::filesystem::path path;
};

inline std::string content_of(const std::string &file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace flame_test

// An exporter that opens its file itself, so that a run that is killed leaves half of it.
#include <fstream>

#include "flame/plugin.hpp"

namespace {

class Beside : public flame::Exporter {
 public:
  struct Options {
    std::string path;
    void describe(flame::OptionTable &table) {
      table.path("path", path, "The file to write.").required();
    }
  };
  explicit Beside(const Options &options) : path_(options.path) {}
  void check(const flame::Parameters &) const override {}
  void write(const flame::Parameters &parameters, flame::Attributes) override {
    std::ofstream(path_) << parameters.size();
  }

 private:
  std::string path_;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.test.beside").version("1.0.0").vendor("Test").license("Apache-2.0");
  plugin.summary("An exporter for tests.");
  plugin.add<Beside>("beside", "Writes beside the host.");
}

// The exporter `merge`: a whole model with what was trained inside, under the names that the host gives.
#include "flame/plugin.hpp"
#include "plugins/exporters/shared/file_options.h"
#include "plugins/exporters/shared/training_facts.h"

namespace {

using exporters::FileTensor;

// What stands before the names of a whole model's tensors.
constexpr std::string_view kModel = "model:";

bool is_float(flame_dtype dtype) {
  return dtype == FLAME_DTYPE_F64 || dtype == FLAME_DTYPE_F32 || dtype == FLAME_DTYPE_F16 ||
         dtype == FLAME_DTYPE_BF16;
}

class Merge : public flame::Exporter {
 public:
  struct Options : exporters::FileOptions {
    void describe(flame::OptionTable &table) {
      FileOptions::describe(table, "The type of the numbers; whole numbers stay what they are.");
    }
  };

  explicit Merge(const Options &options) : options_(options) {}

  void check(const flame::Parameters &parameters) const override {
    std::vector<FileTensor> tensors = tensors_of(parameters);
    exporters::sort_tensors(tensors);
  }

  void write(const flame::Parameters &parameters, flame::Attributes facts) override {
    std::vector<FileTensor> tensors = tensors_of(parameters);
    exporters::sort_tensors(tensors);
    exporters::write_safetensors(options_.path, tensors, exporters::model_metadata(facts));
    flame::log_debug("wrote ", tensors.size(), " tensors to ", options_.path);
  }

 private:
  std::vector<FileTensor> tensors_of(const flame::Parameters &parameters) const {
    std::vector<FileTensor> tensors;
    for (uint64_t i = 0; i < parameters.size(); ++i) {
      const auto [name, dtype, shape] = parameters[i];
      if (name.substr(0, kModel.size()) != kModel || name.size() == kModel.size()) {
        throw flame::unsupported("'", name, "' is no tensor of a whole model");
      }
      const flame_dtype type = is_float(dtype) ? options_.dtype() : dtype;
      tensors.push_back({std::string(name.substr(kModel.size())), type, shape,
                         [&parameters, i, type] { return parameters.read(i, type); }});
    }
    if (tensors.empty()) throw flame::unsupported("there is no tensor to write");
    return tensors;
  }

  Options options_;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.merge").version("0.1.0").vendor("The flamehost authors");
  plugin.license("Apache-2.0").summary("Writes checkpoints with what was trained inside.");
  plugin.needs_service(FLAME_FILES_ID);
  plugin.add<Merge>("merge", "A whole checkpoint with what was trained inside.");
}

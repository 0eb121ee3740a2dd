// Writes what was trained with an exporter, and reads it back: the file gets its name only when every
// module in it is one that other programs know.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/plugin/plugin_exporter.h"
#include "core/plugin/plugin_model.h"

namespace flame {

// The adapter of one model. Borrowed by the export.
struct ExportedPart {
  std::string part;  // the model's place: "unet", "text_encoder", "text_encoder_2"
  const PluginModel *model = nullptr;
  // LAYER.lora_down.weight and LAYER.lora_up.weight, as an adapter trains them beside the program's
  // layers: convolutions are channels last.
  TensorMap tensors;
  std::map<std::string, double> alphas = {};  // by LAYER; the rank of those that are missing
  // The tensors are parameters of the model itself, by their names, and no adapter.
  bool own_weights = false;
};

struct AdapterExport {
  std::string model;  // the component of the denoiser: "sdxl"
  std::vector<ExportedPart> parts;
  ExportFacts facts;  // "model" is added
  std::filesystem::path path;
  bool overwrite = false;  // an existing file is replaced, once the new one is right
};

// Makes the exporter with that file as its option `path`, and the others as they are.
using ExporterMaker = std::function<Result<PluginExporter>(const std::filesystem::path &path)>;

struct ExportReport {
  size_t modules = 0;        // in the file
  size_t own_weights = 0;    // tensors that learned themselves; then there are no modules
  size_t known = 0;          // in the table of keys
  bool has_table = false;    // for this model
  bool other_sizes = false;  // than those of the published model: it is another one of its kind
  uint64_t size_bytes = 0;

  // "986 modules, 986 of them known to other programs, 187 MiB"
  std::string text() const;
};

// Can it be written at all? Before a long training: an existing file without `overwrite`, a folder
// that takes no file, tensors
// that are no layers, what the exporter refuses. Needs the tensors' names and shapes, not numbers.
Status check_export(const AdapterExport &given, const ExporterMaker &make);

// Errors: those of check_export; kNumeric for numbers that are not finite; kStorage; kFailed with
// every module that is lost, unknown or of another size when the file is read back. After an error
// there is no new file, and an old one is as it was.
Result<ExportReport> export_adapter(const AdapterExport &given, const ExporterMaker &make);

}  // namespace flame

// The section `export`: what was trained, as files of other programs.
#pragma once

#include "core/cli/train_parts.h"
#include "core/train/export_adapter.h"

namespace flame::cli {

// What is written into the files' metadata, of the pipeline alone; a run adds what it knows.
ExportFacts facts_of(const Pipeline &pipeline);

// The trained tensors by model, for the exporter; their numbers count, or only their shapes.
std::vector<ExportedPart> exported_parts(const DrawingModels &models, const TrainParts &parts,
                                         const TensorMap &parameters);

// Before a long training: whether each file could be written. Errors name the file.
Status check_exports(PluginHost &host, const Pipeline &pipeline, const DrawingModels &models,
                     const TrainParts &parts, const TensorMap &parameters);

// What was written, and what reading it back has proven.
struct WrittenExport {
  std::string path, proof;
};

// Writes each file, reads it back and prints a line for it.
Result<std::vector<WrittenExport>> write_exports(PluginHost &host, const Pipeline &pipeline,
                                                 const DrawingModels &models,
                                                 const TrainParts &parts,
                                                 const TensorMap &parameters, ExportFacts facts);

}  // namespace flame::cli

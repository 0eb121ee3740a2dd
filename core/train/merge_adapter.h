// Writes a checkpoint with what was trained inside: the base's file, its names and shapes, and in each
// adapted layer W + alpha / rank · up · down, or the weights that learned themselves.
#pragma once

#include <span>

#include "core/io/weight_match.h"
#include "core/train/export_adapter.h"

namespace flame {

// The exporter that is handed a whole checkpoint.
inline constexpr std::string_view kMergeExporter = "merge";

// A file, and where the models of the adapter's parts stand in it: one match for each part, in their
// order. Borrowed.
struct MergeBase {
  const WeightSet *weights = nullptr;
  std::span<const WeightMatch> matches;
};

// Every tensor of the base comes into the file, one at a time. Errors: those of check_export; a layer
// whose weight the base lacks or has in another size (kBadConfig); kStorage. After an error there is
// no new file, and an old one is as it was. The report counts the layers that were changed, and the
// weights that stand there anew.
// Before a long training: whether it could be written, as far as names and sizes say.
Status check_merge(const AdapterExport &given, const MergeBase &base);
Result<ExportReport> merge_adapter(const AdapterExport &given, const MergeBase &base,
                                   const ExporterMaker &make);

}  // namespace flame

// The pictures that a training drew on its way, small enough to stand within a page.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace flame::cli {

struct SampleRow {
  int64_t step = 0;
  std::vector<std::string> pictures;  // data: URIs, one a prompt; empty where there is none
};

struct ReportSamples {
  std::vector<SampleRow> rows;  // steps rise
  int64_t left_out = 0;         // rows and columns that would have been too many
  int64_t longest_side = 0;     // of the small copies; 0: all are as they were drawn
  std::vector<std::string> problems;
};

// Of FOLDER/samples/step-NUMBER/001.png, 002.png, …. All together take at most `most_bytes`
// of a page that shows the first and the last row twice where there are more. Pictures
// that cannot be read are told in `problems`. Errors: a folder that cannot be read.
Result<ReportSamples> report_samples(const std::filesystem::path &folder, size_t most_bytes);

}  // namespace flame::cli

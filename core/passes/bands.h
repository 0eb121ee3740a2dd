// Takes a program over pictures apart into stages that run in bands of rows, with the same answers as
// the whole: what needs all rows at once (the statistics of a norm, attention) stands between stages.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/program/program.h"

namespace flame {

// A norm over whole pictures. Its statistics come from the stage that makes its input.
struct BandNorm {
  NodeId node = 0;
  ValueId input = 0;
  int64_t groups = 1;
  double eps = 0;
};

// Ops that run over one band after the other, or over all rows at once.
struct Stage {
  bool whole = false;
  std::vector<NodeId> nodes;
  std::vector<ValueId> reads;   // values that are kept, or inputs of the program
  std::vector<ValueId> writes;  // what later stages read, and outputs of the program
  std::vector<BandNorm> norms;  // whose statistics the stage takes from earlier ones
  std::vector<BandNorm> gives;  // whose statistics the stage makes, of values that it writes

  // Rows of the shortest value that it writes: bands are counted in these.
  int64_t height = 0;
};

struct Stages {
  Program program;
  std::vector<Stage> stages;
};

// Values are images with channels last, [n, rows, columns, channels]. Ops that know no rows run whole,
// with all between them and the neighbours that are no larger. Nothing if the whole program is such,
// or takes a norm of an input.
std::optional<Stages> find_stages(const Program &program);

// A value's rows from `first` to before `end`.
struct RowRange {
  int64_t first = 0, end = 0;
  int64_t count() const { return end - first; }
  friend bool operator==(const RowRange &, const RowRange &) = default;
};

// Names of a band's program.
std::string band_name(ValueId value);          // an input or output
std::string band_mean_name(NodeId norm);       // f32 [n, 1, groups, 1]
std::string band_variance_name(NodeId norm);   // of the band alone: an output
std::string band_deviation_name(NodeId norm);  // 1 / √(variance + eps): an input

struct Band {
  Program program;
  std::vector<std::pair<ValueId, RowRange>> reads;   // rows beyond the band where windows need them
  std::vector<std::pair<ValueId, RowRange>> writes;  // the band's own rows
};

// The rows of the stage's height. A whole stage has one band of all rows. The parameters have the
// names of the program. Errors: what the builder says.
Result<Band> make_band(const Stages &stages, const Stage &stage, RowRange rows);

}  // namespace flame

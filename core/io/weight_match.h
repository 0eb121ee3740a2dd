// Where the parameters of a model stand in a set of weights, and all that does not fit.
#pragma once

#include "core/io/weight_set.h"
#include "core/plugin/plugin_model.h"

namespace flame {

// A parameter as a program wants it.
struct WantedParameter {
  std::string name;
  TensorType type;
};

// The parameters of all programs of a model, each once, in their order. They do not depend on the
// sizes that programs are built for, so some are taken that models accept.
Result<std::vector<WantedParameter>> parameters_of(const PluginModel &model);

// A parameter that was found.
struct PlacedWeight {
  std::string parameter;
  TensorType type;  // of the parameter
  WeightSource source;
  WeightSet::Entry entry;
};

struct MisshapedWeight {
  std::string name;  // in the file
  std::string expected;
  std::string found;
};

struct WeightMatch {
  std::string component;
  std::string set_name;
  const ModelLayout *layout = nullptr;  // of the model
  std::string prefix;
  std::vector<PlacedWeight> placed;
  // Names in the file, prefix included, sorted, each once.
  std::vector<std::string> missing;
  std::vector<MisshapedWeight> misshaped;
  std::vector<std::string> extra;    // under the prefix, and not among those that layouts ignore
  std::vector<std::string> ignored;  // under the prefix, and known to be of no use
  uint64_t used_bytes = 0;           // of the tensors that are read

  bool fits() const { return missing.empty() && misshaped.empty(); }
};

// Tries every layout and prefix and keeps the one under which most parameters are found. Errors:
// the plugin's alone; what does not fit is told in the answer.
Result<WeightMatch> match_weights(const PluginModel &model,
                                  const std::vector<WantedParameter> &wanted, const WeightSet &set);

// The best match among several sets: the index of its set, and the match.
Result<std::pair<size_t, WeightMatch>> match_best(const PluginModel &model,
                                                  const std::vector<WantedParameter> &wanted,
                                                  const std::vector<WeightSet> &sets);

// A kBadConfig that lists everything missing, misshaped and (if asked) extra, grouped by pattern,
// with the likely cause; nothing if the match is right.
std::optional<Error> mismatch_error(const WeightMatch &match, const WeightSet &set,
                                    bool refuse_extra);

// Lines of "block.*.weight (12, such as block.0.weight)", at most `most` and a line for the rest.
std::vector<std::string> grouped_names(const std::vector<std::string> &names, size_t most);

}  // namespace flame

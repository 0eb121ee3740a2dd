// Names for the layers that people mean: "attention", for example.
#pragma once

#include <string>
#include <vector>

#include "core/program/program.h"

namespace flame {

// What learns in the layers that are chosen.
enum class Learns {
  kAdapters,
  kOwnWeights
};

// A list of layers as pipelines have it, with the names of its layers for each preset; the `!` before
// and the options behind a preset hold for each of them. The presets:
//   attention     the projections to and from queries, keys and values, as diffusers, transformers and
//                 the original Flux call them
//   attention+ff  with the feed-forward layers
//   all-linear    every linear layer
//   all           with convolutions
// Where adapters learn, the last two leave out what embeds the conditions: the layers that make one
// vector of the time step and of the pooled text. Not every reader of LoRA files has names for these.
// An empty list is `all` where adapters learn, and stays empty, for every module, where own weights
// do. Other texts, and presets that mean no layer of the program, stay as they are.
std::vector<std::string> named_layers(const std::vector<std::string> &texts, const Program &program,
                                      Learns learns);

}  // namespace flame

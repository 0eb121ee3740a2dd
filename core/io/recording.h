// A recording: what a model was given and what it answered, in one evaluation by any framework.
#pragma once

#include "core/base/json.h"
#include "core/io/safetensors.h"

namespace flame {

// Its tensors are f64, f32 or i64, in the published layout (channels before places).
struct Recording {
  std::string model;      // "sdxl.vae.encoder", as it was written
  std::string component;  // "sdxl-vae"
  std::string program;    // "encoder"; empty: the model's only one
  Json config;            // an object
  std::string source;     // framework and versions; may be empty
  TensorMap inputs;
  TensorMap outputs;
  TensorMap cotangents;         // of outputs; empty in a recording without gradients
  TensorMap input_gradients;    // by input
  TensorMap weight_gradients;   // by the name in the file of weights
  TensorMap adapter_gradients;  // by the name in the adapter's file
};

// Reads it whole. Errors: kStorage; kBadConfig that lists everything that breaks the form.
Result<Recording> read_recording(const std::filesystem::path &path);

}  // namespace flame

// Puts adapters (LoRA, for example) beside chosen layers of a program.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/program/program_builder.h"

namespace flame {

// A layer that can be adapted: a linear, a conv2d, or a product with a matrix, whose weight is a
// parameter NAME.weight.
struct Layer {
  std::string name;     // "down_blocks.1.attn.to_q"
  std::string_view op;  // "linear" or "conv2d"
  ValueId input = 0;
  ValueId weight = 0;  // of a linear: [out, in]
  ValueId output = 0;
  const Attributes *attributes = nullptr;  // of the op; empty for a linear
  // What adapters draw random numbers with; none in a program that does not learn.
  struct Draw {
    uint32_t stream = 0;  // of this layer alone
    ValueId seed = 0;
    ValueId counter = 0;
    ValueId learning = 0;
  };
  std::optional<Draw> draw = {};
};

// The inputs of an adapted program that draws: i64, i64 and f32 scalars, as flame_layer_draw has them.
inline constexpr std::string_view kDrawSeedInput = "adapter.seed";
inline constexpr std::string_view kDrawCounterInput = "adapter.counter";
inline constexpr std::string_view kDrawLearningInput = "adapter.learning";

// Builds what replaces layer.output and gives it; layer.output itself leaves the layer alone. The
// layer's scope is open.
using AdaptFunction = std::function<Result<ValueId>(ProgramBuilder &builder, const Layer &layer)>;

struct AdaptRule {
  std::string pattern;
  AdaptFunction adapt = {};  // empty: layers of this pattern are left alone
  // Instead: every parameter of these modules learns itself, NAME.weight and NAME.bias and others
  // behind NAME; norms and embeddings are such modules too. `adapt` is empty.
  bool own_weights = false;
};

struct AdaptRequest {
  std::vector<AdaptRule> rules;  // the last one that matches a layer counts
  // For a program that learns: the first of the streams of its layers, one for each in its order.
  std::optional<uint32_t> first_stream = {};
};

struct Adapted {
  Program program;
  // The names of the layers whose output was replaced, in the order of the program; a layer that
  // stands there twice, once.
  std::vector<std::string> layers;
  // Parameters of the program itself that learn, by rules of own weights. They start as the model's
  // weights are.
  std::vector<std::string> own_weights;
};

// The program with no trainable parameter, as a model is that does not learn.
Result<Program> frozen(const Program &program);

// Whether a pattern means the layer. The pattern stands for the whole name or for its end behind a
// dot; "*" is any text without a dot, "**" any text: "to_q" and "mid.*.to_q" and "mid.**" all mean
// "mid.attn.to_q".
bool matches_layer(std::string_view pattern, std::string_view name);

// The layers of a program that can be adapted, in its order; each name once. With `op`, only those
// that are "linear" or "conv2d".
std::vector<std::string> adaptable_layers(const Program &program, std::string_view op = {});

// The modules whose own weights can learn: what stands before the last dot of parameters of floats,
// in their order; each name once.
std::vector<std::string> modules_of(const Program &program);

// Whether every pattern means a layer. Error (kBadConfig): one that does not, with names that are near.
Status check_patterns(const Program &program, const AdaptRequest &request);

// Replaces the outputs of the layers that the rules mean, or lets their own weights learn. All other
// parameters that were there are frozen afterwards. A program in which nothing is drawn has none of the
// inputs for it. Errors (kBadConfig): a pattern that means no layer,
// with names that are near, and rules that change nothing; and those of the adapters, with the
// layer's name.
Result<Adapted> adapt(const Program &program, const AdaptRequest &request);

// One line of a list of layers: "PATTERN", "!PATTERN" to leave those layers alone, or "PATTERN
// rank=8 alpha=4" with options of the adapter for those layers.
struct LayerChoice {
  std::string pattern;
  bool leave = false;
  std::vector<std::pair<std::string, std::string>> options;
};
Result<LayerChoice> parse_layer_choice(std::string_view text);

// Rules by which the own weights of the layers that a list means learn; all modules, if it is empty.
// Errors (kBadConfig): lines that are none, or that have options.
Result<AdaptRequest> own_weights_request(const std::vector<std::string> &layers);

}  // namespace flame

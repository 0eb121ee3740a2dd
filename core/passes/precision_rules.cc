// The table of roles; one line an op, in alphabetical order.
#include "core/passes/precision.h"

namespace flame {
namespace {

constexpr auto kNarrow = PrecisionRole::kNarrow;
constexpr auto kFollow = PrecisionRole::kFollow;
constexpr auto kWide = PrecisionRole::kWide;
constexpr auto kSum = PrecisionRole::kSum;
constexpr auto kSource = PrecisionRole::kSource;

constexpr std::string_view kProduct = "a product: fast in narrow types, accumulated in f32";
constexpr std::string_view kMoves = "moves elements without computing";
constexpr std::string_view kInside = "computes in f32 inside and rounds once";
constexpr std::string_view kLoss = "a loss is compared over steps of 1e-3";
constexpr std::string_view kShares = "shares of many are small numbers";
constexpr std::string_view kStatistics = "sums of squares leave f16's range and bf16's digits";
constexpr std::string_view kPicks = "picks elements; ties must not appear by rounding alone";

constexpr PrecisionRule kRules[] = {
    {"argreduce", kFollow, kPicks},
    {"attention", kNarrow, "two products; its softmax is in f32 inside"},
    // y's logarithm of the sum, lse, is saved in f32.
    {"attention_grad", kNarrow, "five products; its softmax is in f32 inside", 1u << 5},
    {"broadcast_to", kFollow, kMoves},
    {"cast", kFollow, kMoves},
    {"concat", kFollow, kMoves},
    {"conv2d", kNarrow, kProduct},
    {"conv2d_input_grad", kNarrow, kProduct},
    {"conv2d_weight_grad", kNarrow, kProduct},
    {"conv_transpose2d", kNarrow, kProduct},
    {"copy", kFollow, kMoves},
    {"cross_entropy", kWide, kLoss},
    {"cumsum", kWide, "sums that grow swallow small terms"},
    {"dropout", kFollow, kMoves},
    {"embedding", kFollow, kMoves},
    {"fill", kSource, "one number"},
    {"gather", kFollow, kMoves},
    {"geglu", kFollow, kInside},
    {"geglu_grad", kFollow, kInside},
    {"group_norm", kFollow, "its statistics are f32 inside and out"},
    {"group_norm_grad", kFollow, "its statistics are f32 inside and out", 1u << 2 | 1u << 3},
    {"huber", kWide, kLoss},
    {"instance_norm", kFollow, "its statistics are f32 inside"},
    {"iota", kSource, "counts are exact in f32 up to 2^24, in bf16 up to 256"},
    {"layer_norm", kFollow, "its statistics are f32 inside and out"},
    {"layer_norm_grad", kFollow, "its statistics are f32 inside and out", 1u << 2 | 1u << 3},
    {"linear", kNarrow, kProduct},
    {"log_softmax", kWide, kShares},
    {"log_softmax_grad", kWide, kShares},
    {"map", kFollow, kInside},
    {"matmul", kNarrow, kProduct},
    {"modulate", kFollow, kInside},
    {"mse", kWide, kLoss},
    {"norm", kWide, kStatistics},
    {"pad", kFollow, kMoves},
    {"permute", kFollow, kMoves},
    {"pool2d", kFollow, kInside},
    {"pool2d_grad", kFollow, kInside},
    {"random", kSource, "noise is drawn in f32, so that it is the same in every precision"},
    {"reduce", kSum, "accumulated in f32, and a mean is often a statistic or a loss"},
    {"reshape", kFollow, kMoves},
    {"resize", kFollow, kInside},
    {"rms_norm", kFollow, "its statistics are f32 inside and out"},
    {"rms_norm_grad", kFollow, "its statistics are f32 inside and out", 1u << 2},
    // Cosines and sines of large angles are taken in f32.
    {"rope", kFollow, kInside, 1u << 1 | 1u << 2},
    {"scatter_add", kWide, "many terms add up in one place"},
    {"slice", kFollow, kMoves},
    {"softmax", kWide, kShares},
    {"softmax_grad", kWide, kShares},
    {"sort", kFollow, kPicks},
    {"split", kFollow, kMoves},
    {"stop_gradient", kFollow, kMoves},
    {"take_along", kFollow, kMoves},
    {"top_k", kFollow, kPicks},
    {"var", kWide, kStatistics},
};

}  // namespace

std::span<const PrecisionRule> precision_rules() {
  return kRules;
}

}  // namespace flame

// Gradient cases of the ops that transformers and losses are made of.
#include "tests/gradient/gradient_case.h"

namespace flame::gradient_test {
namespace {

using Ints = std::vector<int64_t>;

// Every output that is a float.
void output_all(Sketch &s, const std::vector<Term> &terms) {
  for (const Term &term : terms) {
    if (is_float(term.dtype())) s.output(term);
  }
}

GradientCase attention_case(const char *name, const std::function<Term(Sketch &)> &mask,
                            bool causal, int order) {
  return {"attention", name,
          [=](Sketch &s) {
            const int64_t places = causal ? 3 : 4;
            std::vector<Term> operands{s.input({2, 3, 2, 4}), s.input({2, places, 2, 4}),
                                       s.input({2, places, 2, 5})};
            if (mask) operands.push_back(mask(s));
            s.output(apply_one("attention", operands, {{"scale", 0.5}, {"causal", causal}}));
          },
          order};
}

GradientCase rope_case(const char *name, const char *pairing, bool inverse) {
  return {
      "rope", name,
      [=](Sketch &s) {
        s.output(apply_one("rope", {s.input({2, 3, 2, 6}), s.input({3, 1, 3}), s.input({3, 1, 3})},
                           {{"pairing", pairing}, {"inverse", inverse}}));
      },
      2};
}

GradientCase loss_case(const char *op, const char *reduction, Attributes attributes = {}) {
  attributes.set("reduction", std::string(reduction));
  return {op, reduction,
          [=](Sketch &s) {
            s.output(apply_one(op, {s.input({3, 4}), s.input({3, 4})}, attributes));
          },
          2};
}

GradientCase group_norm_case(const char *name, size_t operands, const char *activation,
                             int64_t groups) {
  return {"group_norm", name,
          [=](Sketch &s) {
            std::vector<Term> inputs{s.input({2, 2, 3, 6})};
            for (size_t i = 1; i < operands; ++i) inputs.push_back(s.input({6}));
            output_all(s, apply("group_norm", inputs,
                                {{"groups", groups}, {"activation", activation}, {"eps", 0.01}}));
          },
          2};
}

}  // namespace

std::vector<GradientCase> block_cases() {
  return {
      {"linear", "with bias",
       [](Sketch &s) {
         s.output(apply_one("linear", {s.input({2, 3, 4}), s.input({5, 4}), s.input({5})}));
       },
       2},
      {"linear", "one vector",
       [](Sketch &s) {
         s.output(apply_one("linear", {s.input({4}), s.input({5, 4})}));
       },
       2},
      {"linear", "with bias and an addend",
       [](Sketch &s) {
         s.output(apply_one(
             "linear", {s.input({2, 3, 4}), s.input({5, 4}), s.input({5}), s.input({2, 3, 5})}));
       },
       2},
      {"linear", "added to its own input",
       [](Sketch &s) {
         const Term x = s.input({3, 4});
         s.output(apply_one("linear", {x, s.input({4, 4}), s.input({4}), x}));
       },
       2},
      {"linear", "no rows",
       [](Sketch &s) {
         s.output(apply_one("linear", {s.input({0, 4}), s.input({5, 4}), s.input({5})}));
       }},
      {"linear_scaled", "with bias, and of the scales",
       [](Sketch &s) {
         s.output(
             apply_one("linear_scaled", {s.input({2, 3, 4}), s.input({5, 4}), s.statistics(Shape()),
                                         s.statistics(Shape()), s.input({5})}));
       },
       2},
      {"linear_scaled", "a weight stored in f8",
       [](Sketch &s) {
         std::vector<double> numbers(12);
         for (size_t i = 0; i < numbers.size(); ++i)
           numbers[i] = 0.25 * (static_cast<double>(i % 7) - 3);
         const Term weight = s.constant({DType::kF8E4M3, {3, 4}}, numbers);
         s.output(apply_one("linear_scaled", {s.input({2, 4}), weight, s.statistics(Shape()),
                                              s.statistics(Shape()), s.input({3})}));
       },
       2},
      {"linear_scaled", "an x stored in f8, no rows",
       [](Sketch &s) {
         const Term x = s.constant({DType::kF8E5M2, {0, 4}}, {});
         s.output(apply_one("linear_scaled",
                            {x, s.input({3, 4}), s.statistics(Shape()), s.statistics(Shape())}));
       }},
      {"softmax", "last axis",
       [](Sketch &s) {
         s.output(apply_one("softmax", {s.input({3, 5})}));
       },
       2},
      {"softmax", "first axis",
       [](Sketch &s) {
         s.output(apply_one("softmax", {s.input({4, 3, 1})}, {{"axis", int64_t{0}}}));
       },
       2},
      {"softmax_grad", "middle axis",
       [](Sketch &s) {
         s.output(apply_one("softmax_grad", {s.input({2, 3, 2}), s.input({2, 3, 2})},
                            {{"axis", int64_t{1}}}));
       },
       2},
      {"log_softmax", "last axis",
       [](Sketch &s) {
         s.output(apply_one("log_softmax", {s.input({3, 5})}));
       },
       2},
      {"log_softmax_grad", "first axis",
       [](Sketch &s) {
         s.output(apply_one("log_softmax_grad", {s.input({3, 2}), s.input({3, 2})},
                            {{"axis", int64_t{0}}}));
       },
       2},
      {"layer_norm", "weight and bias",
       [](Sketch &s) {
         output_all(s, apply("layer_norm", {s.input({2, 3, 5}), s.input({5}), s.input({5})}));
       },
       2},
      {"layer_norm", "weight alone",
       [](Sketch &s) {
         s.output(apply("layer_norm", {s.input({3, 5}), s.input({5})})[0]);
       },
       2},
      {"layer_norm", "plain, large eps",
       [](Sketch &s) {
         s.output(apply("layer_norm", {s.input({3, 4})}, {{"eps", 0.3}})[0]);
       },
       2},
      {"layer_norm", "statistics alone",
       [](Sketch &s) {
         const auto made = apply("layer_norm", {s.input({3, 4})});
         s.output(made[1]);
         s.output(made[2]);
       },
       2},
      {"layer_norm", "one vector of size 2",
       [](Sketch &s) {
         s.output(apply("layer_norm", {s.input({2})}, {{"eps", 0.1}})[0]);
       },
       2},
      {"layer_norm_grad", "all outputs",
       [](Sketch &s) {
         output_all(s, apply("layer_norm_grad",
                             {s.input({2, 3, 4}), s.input({2, 3, 4}), s.statistics({2, 3}),
                              s.statistics({2, 3}), s.input({4})},
                             {{"weight_gradient", true}}));
       },
       2},
      {"layer_norm_grad", "with an addend",
       [](Sketch &s) {
         s.output(apply_one("layer_norm_grad",
                            {s.input({2, 3, 4}), s.input({2, 3, 4}), s.statistics({2, 3}),
                             s.statistics({2, 3}), s.input({4}), s.input({2, 3, 4})}));
       },
       2},
      {"rms_norm", "weight",
       [](Sketch &s) {
         output_all(s, apply("rms_norm", {s.input({2, 3, 5}), s.input({5})}, {{"eps", 0.01}}));
       },
       2},
      {"rms_norm", "plain",
       [](Sketch &s) {
         s.output(apply("rms_norm", {s.input({3, 4})})[0]);
       },
       2},
      {"rms_norm_grad", "all outputs",
       [](Sketch &s) {
         output_all(s, apply("rms_norm_grad",
                             {s.input({3, 4}), s.input({3, 4}), s.statistics({3}), s.input({4})},
                             {{"weight_gradient", true}}));
       },
       2},
      {"rms_norm_grad", "all outputs with an addend",
       [](Sketch &s) {
         output_all(s, apply("rms_norm_grad",
                             {s.input({3, 4}), s.input({3, 4}), s.statistics({3}), s.input({4}),
                              s.input({3, 4})},
                             {{"weight_gradient", true}}));
       },
       2},
      group_norm_case("weight, bias and silu", 3, "silu", 3),
      group_norm_case("weight and bias", 3, "", 2),
      group_norm_case("weight and silu", 2, "silu", 1),
      group_norm_case("silu alone", 1, "silu", 2),
      group_norm_case("plain, a group for each channel", 1, "", 6),
      {"group_norm_grad", "all outputs with silu",
       [](Sketch &s) {
         output_all(
             s, apply("group_norm_grad",
                      {s.input({2, 3, 4}), s.input({2, 3, 4}), s.statistics({2, 2}),
                       s.statistics({2, 2}), s.input({4}), s.input({4})},
                      {{"groups", int64_t{2}}, {"activation", "silu"}, {"weight_gradient", true}}));
       },
       2},
      {"group_norm_grad", "all outputs with silu and an addend",
       [](Sketch &s) {
         output_all(
             s, apply("group_norm_grad",
                      {s.input({2, 3, 4}), s.input({2, 3, 4}), s.statistics({2, 2}),
                       s.statistics({2, 2}), s.input({4}), s.input({4}), s.input({2, 3, 4})},
                      {{"groups", int64_t{2}}, {"activation", "silu"}, {"weight_gradient", true}}));
       },
       2},
      {"instance_norm", "weight and bias",
       [](Sketch &s) {
         s.output(apply_one("instance_norm", {s.input({2, 3, 2, 3}), s.input({3}), s.input({3})},
                            {{"eps", 0.01}}));
       },
       2},
      attention_case("plain", nullptr, false, 2),
      attention_case("causal", nullptr, true, 2),
      attention_case(
          "mask of numbers for each head",
          [](Sketch &s) {
            return s.input({2, 3, 4});
          },
          false, 2),
      attention_case(
          "mask of truths that hides a whole row",
          [](Sketch &s) {
            return s.constant({DType::kBool, {3, 4}}, {1, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0});
          },
          false, 2),
      {"attention", "no keys, and the logarithm of the sum",
       [](Sketch &s) {
         s.output(apply("attention",
                        {s.input({1, 2, 1, 3}), s.input({1, 0, 1, 3}), s.input({1, 0, 1, 2})},
                        {{"scale", 1.0}})[0]);
         output_all(s, apply("attention",
                             {s.input({1, 2, 1, 3}), s.input({1, 3, 1, 3}), s.input({1, 3, 1, 2})},
                             {{"scale", 1.0}}));
       },
       2},
      {"attention_grad", "with the mask's gradient",
       [](Sketch &s) {
         output_all(s, apply("attention_grad",
                             {s.input({1, 2, 2, 3}), s.input({1, 2, 2, 2}), s.input({1, 3, 2, 2}),
                              s.input({1, 3, 2, 3}), s.input({1, 2, 2, 3}), s.statistics({1, 2, 2}),
                              s.input({2, 3})},
                             {{"scale", 0.7}, {"mask_gradient", true}}));
       },
       2},
      rope_case("adjacent", "adjacent", false),
      rope_case("adjacent, inverse", "adjacent", true),
      rope_case("halves", "halves", false),
      rope_case("halves, inverse", "halves", true),
      {"geglu", "gelu",
       [](Sketch &s) {
         s.output(apply_one("geglu", {s.input({3, 6})}));
       },
       2},
      {"geglu", "silu, one pair",
       [](Sketch &s) {
         s.output(apply_one("geglu", {s.input({2})}, {{"activation", "silu"}}));
       },
       2},
      {"geglu_grad", "gelu_tanh",
       [](Sketch &s) {
         s.output(apply_one("geglu_grad", {s.input({3, 2}), s.input({3, 4})},
                            {{"activation", "gelu_tanh"}}));
       },
       2},
      {"modulate", "by the image",
       [](Sketch &s) {
         s.output(
             apply_one("modulate", {s.input({2, 3, 4}), s.input({2, 1, 4}), s.input({2, 1, 4})}));
       },
       2},
      {"embedding", "rows, some twice",
       [](Sketch &s) {
         s.output(apply_one("embedding", {s.indices({2, 5}, 4), s.input({4, 3})}));
       },
       2},
      {"cast", "to its own type",
       [](Sketch &s) {
         s.output(apply_one("cast", {s.input({3})}, {{"dtype", "f64"}}));
       }},
      {"split", "three parts, one not used",
       [](Sketch &s) {
         const auto parts =
             apply("split", {s.input({2, 6, 2})}, {{"axis", int64_t{1}}, {"sizes", Ints{1, 3, 2}}});
         s.output(parts[0]);
         s.output(parts[2]);
       },
       2},
      loss_case("mse", "mean"),
      loss_case("mse", "sum"),
      loss_case("mse", "none"),
      loss_case("huber", "mean", {{"delta", 0.7}}),
      loss_case("huber", "none", {{"delta", 1.3}}),
      {"cross_entropy", "mean",
       [](Sketch &s) {
         s.output(apply_one("cross_entropy", {s.input({2, 3, 5}), s.indices({2, 3}, 5)}));
       },
       2},
      {"cross_entropy", "none",
       [](Sketch &s) {
         s.output(apply_one("cross_entropy", {s.input({4, 3}), s.indices({4}, 3)},
                            {{"reduction", "none"}}));
       },
       2},
      {"dropout", "a third",
       [](Sketch &s) {
         const TensorType scalar{DType::kI64, {}};
         s.output(apply_one("dropout",
                            {s.input({5, 7}), s.constant(scalar, {3}), s.constant(scalar, {4})},
                            {{"rate", 1.0 / 3}}));
       }},
      {"var", "of samples",
       [](Sketch &s) {
         s.output(apply_one("var", {s.input({3, 4, 2})},
                            {{"axes", Ints{0, 2}}, {"correction", int64_t{1}}}));
       },
       2},
      {"norm", "axes kept",
       [](Sketch &s) {
         s.output(apply_one("norm", {s.input({3, 4})}, {{"axes", Ints{1}}, {"keep_dims", true}}));
       },
       2},
      {"take_along", "middle axis",
       [](Sketch &s) {
         s.output(apply_one("take_along", {s.input({2, 4, 3}), s.indices({2, 5, 3}, 4)},
                            {{"axis", int64_t{1}}}));
       },
       2},
      {"top_k", "of rows",
       [](Sketch &s) {
         s.output(apply("top_k", {s.distinct({3, 5})}, {{"k", int64_t{2}}})[0]);
       }},
      {"sort", "falling, first axis",
       [](Sketch &s) {
         s.output(
             apply("sort", {s.distinct({5, 3})}, {{"axis", int64_t{0}}, {"descending", true}})[0]);
       }},
      {"sort", "rising",
       [](Sketch &s) {
         s.output(apply("sort", {s.distinct({2, 6})}, {{"axis", int64_t{1}}})[0]);
       }},
      {"cumsum", "plain",
       [](Sketch &s) {
         s.output(apply_one("cumsum", {s.input({2, 5})}, {{"axis", int64_t{1}}}));
       },
       2},
      {"cumsum", "exclusive, from the end",
       [](Sketch &s) {
         s.output(apply_one("cumsum", {s.input({4, 2})},
                            {{"axis", int64_t{0}}, {"exclusive", true}, {"reverse", true}}));
       },
       2},
  };
}

}  // namespace flame::gradient_test

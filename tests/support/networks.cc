#include "tests/support/networks.h"

#include <fmt/core.h>

#include "core/ops/catalogue/terms.h"
#include "core/program/program_builder.h"

namespace flame::testing_support {
namespace {

// Layers with their weights, named under the scopes that are open.
class Layers {
 public:
  enum class Trained {
    kNothing,
    kLinears,
    kAll
  };
  Layers(DType dtype, Trained trained) : dtype_(dtype), trained_(trained) {}

  Term input(const char *name, const Shape &shape) {
    return builder_.term(builder_.input(name, {dtype_, shape}));
  }
  Term weight(const std::string &name, const Shape &shape) {
    return builder_.term(builder_.parameter(name, {dtype_, shape}, trained_ == Trained::kAll));
  }
  Term matrix(const std::string &name, const Shape &shape) {
    return builder_.term(builder_.parameter(name, {dtype_, shape}, trained_ != Trained::kNothing));
  }
  Term linear(const std::string &name, const Term &x, int64_t out) {
    return apply_one("linear", {x, matrix(name + ".weight", {out, x.shape().back(0)}),
                                weight(name + ".bias", {out})});
  }
  Term conv(const std::string &name, const Term &x, int64_t out, int64_t size, int64_t stride = 1) {
    const int64_t pad = size / 2;
    return apply_one(
        "conv2d",
        {x, weight(name + ".weight", {out, size, size, x.size(3)}), weight(name + ".bias", {out})},
        {{"stride", std::vector<int64_t>{stride, stride}},
         {"padding", std::vector<int64_t>{pad, pad, pad, pad}}});
  }
  Term group_norm(const std::string &name, const Term &x, const char *activation) {
    const int64_t c = x.shape().back(0);
    return apply(
        "group_norm", {x, weight(name + ".weight", {c}), weight(name + ".bias", {c})},
        {{"groups", std::min<int64_t>(c, 32)}, {"activation", std::string(activation)}})[0];
  }
  Term layer_norm(const std::string &name, const Term &x) {
    const int64_t c = x.shape().back(0);
    return apply("layer_norm", {x, weight(name + ".weight", {c}), weight(name + ".bias", {c})})[0];
  }
  Term attention(const std::string &name, const Term &x, const Term &context, int64_t head) {
    const int64_t width = x.size(2);
    const auto heads = [&](const Term &t) {
      return reshape(t, {t.size(0), t.size(1), width / head, head});
    };
    const Term y = apply(
        "attention",
        {heads(linear(name + ".to_q", x, width)), heads(linear(name + ".to_k", context, width)),
         heads(linear(name + ".to_v", context, width))},
        {{"scale", 0.125}})[0];
    return linear(name + ".to_out", reshape(y, x.shape()), width);
  }

  // Residual block; `embedding` may be empty.
  Term residual(const std::string &name, const Term &x, const Term &embedding, int64_t out) {
    builder_.push_scope(name);
    Term h = conv("conv1", group_norm("norm1", x, "silu"), out, 3);
    if (embedding) {
      const Term e = linear("time_emb_proj", map("silu x0", {embedding}), out);
      h = h + reshape(e, {e.size(0), 1, 1, out});
    }
    h = conv("conv2", group_norm("norm2", h, "silu"), out, 3);
    const Term skip = x.size(3) == out ? x : conv("conv_shortcut", x, out, 1);
    builder_.pop_scope();
    return skip + h;
  }
  Term transformer(const std::string &name, const Term &x, const Term &context, int64_t depth,
                   int64_t head) {
    builder_.push_scope(name);
    const int64_t c = x.size(3);
    const Term normed = group_norm("norm", x, "");
    Term h = linear("proj_in", reshape(normed, {x.size(0), x.size(1) * x.size(2), c}), c);
    for (int64_t i = 0; i < depth; ++i) {
      builder_.push_scope(fmt::format("{}", i));
      const Term n = layer_norm("norm1", h);
      h = h + attention("attn1", n, n, head);
      h = h + attention("attn2", layer_norm("norm2", h), context, head);
      const Term wide = linear("ff.in", layer_norm("norm3", h), 8 * c);
      h = h + linear("ff.out", apply_one("geglu", {wide}), c);
      builder_.pop_scope();
    }
    h = x + reshape(linear("proj_out", h, c), x.shape());
    builder_.pop_scope();
    return h;
  }
  Term upsample(const std::string &name, const Term &x) {
    const Term large =
        apply_one("resize", {x},
                  {{"kind", std::string("nearest")}, {"size", Axes{2 * x.size(1), 2 * x.size(2)}}});
    return conv(name, large, x.size(3), 3);
  }
  Result<Program> finish(const Term &y) {
    builder_.output("y", y.id());
    const Term target = input("target", y.shape());
    const Term loss = apply_one("mse", {cast(y, DType::kF32), cast(target, DType::kF32)});
    builder_.output("loss", loss.id());
    return builder_.finish();
  }

  ProgramBuilder &builder() { return builder_; }

 private:
  ProgramBuilder builder_;
  DType dtype_;
  Trained trained_;
};

using Trained = Layers::Trained;

Trained linears_if(bool train) {
  return train ? Trained::kLinears : Trained::kNothing;
}

}  // namespace

Result<Program> unet(const UNetShape &shape, DType dtype, bool train_linears) {
  Layers net(dtype, linears_if(train_linears));
  const int64_t n = shape.batch;
  const Term context = net.input("context", {n, shape.context_tokens, shape.context_width});
  const Term embedding = net.input("embedding", {n, 4 * shape.channels[0]});
  Term h =
      net.conv("conv_in", net.input("x", {n, shape.height, shape.width, 4}), shape.channels[0], 3);
  std::vector<Term> skips = {h};
  const size_t levels = shape.channels.size();
  const auto transform = [&](const std::string &name, const Term &x, size_t level) {
    return shape.depths[level] ? net.transformer(name, x, context, shape.depths[level], shape.head)
                               : x;
  };
  for (size_t level = 0; level < levels; ++level) {
    for (int64_t i = 0; i < shape.layers; ++i) {
      const std::string at = fmt::format("down.{}.{}", level, i);
      h = net.residual(at + ".resnet", h, embedding, shape.channels[level]);
      h = transform(at + ".attention", h, level);
      skips.push_back(h);
    }
    if (level + 1 == levels) break;
    h = net.conv(fmt::format("down.{}.shrink", level), h, shape.channels[level], 3, 2);
    skips.push_back(h);
  }
  h = net.residual("mid.0", h, embedding, shape.channels.back());
  h = transform("mid.attention", h, levels - 1);
  h = net.residual("mid.1", h, embedding, shape.channels.back());
  for (size_t level = levels; level-- > 0;) {
    for (int64_t i = 0; i <= shape.layers; ++i) {
      const std::string at = fmt::format("up.{}.{}", level, i);
      h = net.residual(at + ".resnet", concat({h, skips.back()}, 3), embedding,
                       shape.channels[level]);
      skips.pop_back();
      h = transform(at + ".attention", h, level);
    }
    if (level) h = net.upsample(fmt::format("up.{}.grow", level), h);
  }
  return net.finish(net.conv("conv_out", net.group_norm("norm_out", h, "silu"), 4, 3));
}

Result<Program> decoder(const DecoderShape &shape, DType dtype, bool train) {
  Layers net(dtype, linears_if(train));
  const Term x = net.input("x", {shape.batch, shape.height, shape.width, 4});
  const int64_t first = shape.channels[0];
  Term h = net.residual("mid.0", net.conv("conv_in", x, first, 3), {}, first);
  const Term flat =
      reshape(net.group_norm("mid.norm", h, ""), {h.size(0), h.size(1) * h.size(2), first});
  h = h + reshape(net.attention("mid.attention", flat, flat, first), h.shape());
  h = net.residual("mid.1", h, {}, first);
  for (size_t level = 0; level < shape.channels.size(); ++level) {
    for (int i = 0; i < 3; ++i) {
      h = net.residual(fmt::format("up.{}.{}", level, i), h, {}, shape.channels[level]);
    }
    if (level + 1 < shape.channels.size()) h = net.upsample(fmt::format("up.{}.grow", level), h);
  }
  return net.finish(net.conv("conv_out", net.group_norm("norm_out", h, "silu"), 3, 3));
}

Result<Program> stream(const StreamShape &shape, DType dtype, bool train) {
  Layers net(dtype, linears_if(train));
  const int64_t n = shape.batch, t = shape.tokens, w = shape.width, d = shape.head;
  Term h = net.input("x", {n, t, w});
  const Term vector = net.input("vector", {n, w});
  const Term cos = net.input("cos", {t, 1, d / 2});
  const Term sin = net.input("sin", {t, 1, d / 2});
  for (int64_t i = 0; i < shape.layers; ++i) {
    net.builder().push_scope(fmt::format("single.{}", i));
    const Term m =
        reshape(net.linear("modulation", map("silu x0", {vector}), 3 * w), {n, 1, 3 * w});
    const Term one = net.weight("norm.weight", {w});
    const Term zero = net.weight("norm.bias", {w});
    const Term normed = apply("layer_norm", {h, one, zero})[0];
    const Term in = apply_one("modulate", {normed, slice(m, 2, 0, w), slice(m, 2, w, w)});
    const auto heads = [&](const Term &x, const char *norm) {
      const Term split = reshape(x, {n, t, w / d, d});
      if (!norm) return split;
      const Term scaled = apply("rms_norm", {split, net.weight(norm, {d})})[0];
      return apply_one("rope", {scaled, cos, sin}, {{"pairing", std::string("adjacent")}});
    };
    const Term wide = net.linear("linear1", in, 7 * w);
    const Term q = heads(slice(wide, 2, 0, w), "query_norm.weight");
    const Term k = heads(slice(wide, 2, w, w), "key_norm.weight");
    const Term v = heads(slice(wide, 2, 2 * w, w), nullptr);
    const Term attended = reshape(apply("attention", {q, k, v}, {{"scale", 0.088}})[0], {n, t, w});
    const Term up = map("gelu_tanh x0", {slice(wide, 2, 3 * w, 4 * w)});
    const Term out = net.linear("linear2", concat({attended, up}, 2), w);
    h = h + slice(m, 2, 2 * w, w) * out;
    net.builder().pop_scope();
  }
  return net.finish(h);
}

Result<Program> residual_block(const BlockShape &shape, DType dtype) {
  Layers net(dtype, Trained::kAll);
  const Term x = net.input("x", {shape.batch, shape.height, shape.width, shape.channels});
  const Term embedding = net.input("embedding", {shape.batch, shape.embedding_width});
  return net.finish(net.residual("block", x, embedding, shape.channels));
}

Result<Program> transformer_block(const BlockShape &shape, DType dtype) {
  Layers net(dtype, Trained::kAll);
  const Term x = net.input("x", {shape.batch, shape.height, shape.width, shape.channels});
  const Term context =
      net.input("context", {shape.batch, shape.context_tokens, shape.context_width});
  return net.finish(net.transformer("block", x, context, 1, shape.head));
}

}  // namespace flame::testing_support

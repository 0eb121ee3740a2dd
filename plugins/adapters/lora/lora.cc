// LoRA: a product of low rank beside a layer, y + alpha / rank · up(down(x)).
//
// The names and shapes are those of the files that other programs load: <layer>.lora_down.weight
// and <layer>.lora_up.weight. `up` starts at zero, so that the model starts as it was.
#include "flame/map_code.hpp"
#include "flame/plugin.hpp"

namespace {

class Lora : public flame::Adapter {
 public:
  struct Options {
    int64_t rank = 16;
    std::optional<double> alpha;
    double rank_dropout = 0;

    void describe(flame::OptionTable &table) {
      table.integer("rank", rank, "Rank of the product; more learns more and weighs more.")
          .range(1, 4096)
          .alias("network_dim");
      table
          .number("alpha", alpha,
                  "The product is scaled by alpha / rank; the rank itself, when left out.")
          .above(0)
          .alias("network_alpha");
      table
          .number(
              "rank_dropout", rank_dropout,
              "The part of the ranks that each example does without in a step; the others count "
              "for more.")
          .range(0, 0.95);
    }
  };

  explicit Lora(const Options &options) : options_(options) {}

  flame::Value adapt(flame::Program &program, const flame::Layer &layer) override {
    flame::Value product;
    if (layer.op == "linear") {
      product = beside_linear(program, layer);
    } else if (layer.op == "conv2d") {
      product = beside_conv(program, layer);
    } else {
      return layer.output;
    }
    const double rank = static_cast<double>(options_.rank);
    const double scale = options_.alpha.value_or(rank) / rank;
    return layer.output + (scale == 1 ? product : scale * product);
  }

 private:
  // Trained in f32 and used in the type of the layer.
  static flame::Value weight(flame::Program &program, const char *name, const flame::Shape &shape,
                             const flame::Initial &initial, flame_dtype type) {
    const flame::Value master = program.trainable(name, FLAME_DTYPE_F32, shape, initial);
    return type == FLAME_DTYPE_F32 ? master : cast(master, type);
  }

  // As the layers of PyTorch start, and with them the trainers that people know.
  static flame::Value down_weight(flame::Program &program, const flame::Shape &shape,
                                  flame_dtype type) {
    double fan_in = 1;
    for (size_t axis = 1; axis < shape.size(); ++axis) fan_in *= static_cast<double>(shape[axis]);
    return weight(program, "lora_down.weight", shape,
                  flame::Initial::uniform(1 / std::sqrt(fan_in)), type);
  }

  flame::Value beside_linear(flame::Program &program, const flame::Layer &layer) const {
    const flame::Shape shape = layer.weight.shape();  // [out, in]
    const flame_dtype type = layer.output.dtype();
    const flame::Value down = down_weight(program, {options_.rank, shape[1]}, type);
    const flame::Value up = weight(program, "lora_up.weight", {shape[0], options_.rank}, {}, type);
    return linear(dropped(linear(layer.input, down), layer), up);
  }

  // Some ranks of each example at 0, drawn anew for each micro-batch; nothing changes where the
  // program only answers.
  flame::Value dropped(const flame::Value &ranks, const flame::Layer &layer) const {
    if (options_.rank_dropout == 0 || !layer.draw) return ranks;
    flame::Shape shape = ranks.shape();
    for (size_t axis = 1; axis + 1 < shape.size(); ++axis) shape[axis] = 1;
    const flame::Value drawn =
        flame::op("random", {layer.draw->seed, layer.draw->counter},
                  {{"kind", "uniform"}, {"shape", shape}, {"stream", layer.draw->stream}});
    const std::string rate = flame::write_map_float(options_.rank_dropout);
    return flame::op(
        "map", {ranks, drawn, layer.draw->learning},
        {{"code", "mul x2 " + rate + "; ge x1 t0; sub 1.0 t0; div x0 t2; where t1 t3 0.0"},
         {"dtypes", std::vector<std::string>{std::string(flame::dtype_name(ranks.dtype()))}}});
  }

  // `down` is a convolution like the layer's with few channels, `up` looks at one place alone.
  flame::Value beside_conv(flame::Program &program, const flame::Layer &layer) const {
    const int64_t groups = layer.attributes.integer("groups", 1);
    if (groups != 1) {
      throw flame::invalid_argument("layer '", layer.name, "' is a convolution in ", groups,
                                    " groups, which LoRA cannot adapt: leave it out, \"!",
                                    layer.name, "\"");
    }
    const flame::Shape shape = layer.weight.shape();  // [out, height, width, in]
    const flame_dtype type = layer.output.dtype();
    const flame::Value down =
        down_weight(program, {options_.rank, shape[1], shape[2], shape[3]}, type);
    const flame::Value up =
        weight(program, "lora_up.weight", {shape[0], 1, 1, options_.rank}, {}, type);
    std::vector<flame::Attribute> window;
    for (const char *name : {"stride", "padding", "dilation"}) {
      if (layer.attributes.find(name)) window.push_back({name, layer.attributes.integers(name)});
    }
    return flame::op("conv2d",
                     {dropped(flame::op("conv2d", {layer.input, down}, window), layer), up});
  }

  Options options_;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.lora").version("0.1.0").vendor("The flamehost authors");
  plugin.license("Apache-2.0").summary("LoRA: products of low rank beside layers.");
  plugin.add<Lora>("lora", "A product of low rank beside linear layers and convolutions.");
}

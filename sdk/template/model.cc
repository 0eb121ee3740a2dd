// A model: a multilayer perceptron.
//
// A model holds no weights and touches no device. It describes its program for the sizes that the
// host asks for; the host differentiates it, places it in memory and runs it on any backend.
#include "flame/plugin.hpp"

namespace {

enum class Activation {
  kSilu,
  kGelu,
  kRelu
};

class Mlp : public flame::Model {
 public:
  struct Options {
    int64_t inputs = 16;
    std::vector<int64_t> hidden = {64, 64};
    int64_t outputs = 4;
    Activation activation = Activation::kSilu;

    void describe(flame::OptionTable &table) {
      table.integer("inputs", inputs, "Numbers that go in.").range(1, 65536);
      table.integer("hidden", hidden, "Width of each layer between input and output.")
          .range(1, 65536)
          .alias("layers");
      table.integer("outputs", outputs, "Numbers that come out.").range(1, 65536);
      table.choice(
          "activation", activation,
          {{"silu", Activation::kSilu}, {"gelu", Activation::kGelu}, {"relu", Activation::kRelu}},
          "The function between the layers.");
    }
  };

  explicit Mlp(const Options &options) : options_(options) {}

  std::vector<std::string> programs() const override { return {"mlp"}; }

  void build(flame::Program &program, std::string_view name, flame::Attributes sizes) override {
    if (name != "mlp") throw flame::not_found("there is no program '", name, "', only 'mlp'");
    flame::Value x = program.input("x", FLAME_DTYPE_F32, {sizes.integer("batch"), options_.inputs});
    for (size_t i = 0; i < options_.hidden.size(); ++i) {
      x = activate(layer(program, x, i, options_.hidden[i]));
    }
    program.output("y", layer(program, x, options_.hidden.size(), options_.outputs));
  }

 private:
  // Parameters are found in the weights by name: "layers.0.weight", [out, in].
  flame::Value layer(flame::Program &program, flame::Value x, size_t index, int64_t width) const {
    const auto scope = program.scope(flame::text("layers.", index));
    const int64_t inputs = x.shape().back();
    const flame::Value weight = program.trainable("weight", FLAME_DTYPE_F32, {width, inputs});
    const flame::Value bias = program.trainable("bias", FLAME_DTYPE_F32, {width});
    return linear(x, weight, bias);
  }

  flame::Value activate(flame::Value x) const {
    switch (options_.activation) {
      case Activation::kGelu:
        return gelu(x);
      case Activation::kRelu:
        return relu(x);
      case Activation::kSilu:
        break;
    }
    return silu(x);
  }

  Options options_;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.example.model").version("0.1.0").vendor("Example").license("Apache-2.0");
  plugin.summary("A small model.");
  plugin.add<Mlp>("example-mlp", "A multilayer perceptron.");
}

// An adapter: a low-rank product beside each linear layer.
//
// The host finds the layers and opens a scope for each; the adapter says what stands in place of
// the layer's output. It never sees the model.
#include "flame/plugin.hpp"

namespace {

class LowRank : public flame::Adapter {
 public:
  struct Options {
    int64_t rank = 8;
    std::optional<double> alpha;  // unset unless the user gives it
    std::vector<std::string> only;

    void describe(flame::OptionTable &table) {
      table.integer("rank", rank, "Rank of the product; more learns more and weighs more.")
          .range(1, 4096)
          .alias("network_dim");
      table.number("alpha", alpha, "The product is scaled by alpha / rank; unset: alpha = rank.")
          .above(0)
          .alias("network_alpha");
      table.string("only", only, "Adapt layers whose name holds one of these; none: all layers.");
    }
  };

  explicit LowRank(const Options &options) : options_(options) {}

  flame::Value adapt(flame::Program &program, const flame::Layer &layer) override {
    if (layer.op != "linear" || !wants(layer.name)) return layer.output;
    const flame::Shape shape = layer.weight.shape();  // [out, in]
    // `up` starts as zeros, so that the model starts as it was; `down` must not, or nothing learns.
    const double reach = 1 / std::sqrt(static_cast<double>(shape[1]));
    const flame::Value down =
        program.trainable("lora_down.weight", FLAME_DTYPE_F32, {options_.rank, shape[1]},
                          flame::Initial::uniform(reach));
    const flame::Value up =
        program.trainable("lora_up.weight", FLAME_DTYPE_F32, {shape[0], options_.rank});
    const double rank = static_cast<double>(options_.rank);
    const double scale = options_.alpha.value_or(rank) / rank;
    const flame_dtype type = layer.output.dtype();
    const flame::Value product = linear(linear(layer.input, cast(down, type)), cast(up, type));
    return layer.output + scale * product;
  }

 private:
  bool wants(std::string_view name) const {
    for (const std::string &part : options_.only) {
      if (name.find(part) != name.npos) return true;
    }
    return options_.only.empty();
  }

  Options options_;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.example.adapter").version("0.1.0").vendor("Example").license("Apache-2.0");
  plugin.summary("A low-rank adapter.");
  plugin.add<LowRank>("example-low-rank", "A low-rank product beside each linear layer.");
}

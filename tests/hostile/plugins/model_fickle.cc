// A model that builds another program each time.
#include "flame/plugin.hpp"

namespace {

class Fickle : public flame::Model {
 public:
  std::vector<std::string> programs() const override { return {"main"}; }
  void build(flame::Program &program, std::string_view name, flame::Attributes) override {
    if (name != "main") throw flame::not_found("there is no program '", name, "', only 'main'");
    const flame::Value x = program.input("x", FLAME_DTYPE_F32, {4});
    program.output("y", builds_++ % 2 ? x + x : x * x);
  }

 private:
  int builds_ = 0;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.test.fickle").version("1.0.0").vendor("Test").license("Apache-2.0");
  plugin.summary("A model for tests.");
  plugin.add<Fickle>("fickle", "Another program each time.");
}

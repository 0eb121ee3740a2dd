// Models and adapters of plugins: what they build, and which rule a wrong one breaks.
#include "core/plugin/plugin_model.h"

#include <gmock/gmock.h>

#include "core/plugin/plugin_adapter.h"

namespace flame {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

flame_str text(std::string_view value) {
  return {value.data(), value.size()};
}

// An object of a plugin that is as its component's name says.
struct Fake {
  std::string fault;
};

template <typename Handle>
flame_status create(flame_call *, flame_str component, const flame_attribute *, uint32_t,
                    Handle **out) noexcept {
  const std::string fault(component.data, component.size);
  *out = fault == "null" ? nullptr : reinterpret_cast<Handle *>(new Fake{fault});
  return FLAME_OK;
}
template <typename Handle>
void destroy(Handle *handle) noexcept {
  delete reinterpret_cast<Fake *>(handle);
}

flame_status program_name(flame_model *model, flame_call *, uint32_t index,
                          flame_str *out) noexcept {
  const std::string &fault = reinterpret_cast<Fake *>(model)->fault;
  if (fault == "no-programs" || (index >= 2 && fault != "endless")) return FLAME_ERROR_END;
  static std::string names[300];
  names[index % 300] = "p" + std::to_string(index);
  *out = text(fault == "same-names" ? "p" : fault == "no-name" ? "" : names[index % 300]);
  return FLAME_OK;
}

// An input of the size "batch", as an output.
flame_status build(flame_model *model, flame_call *call, flame_str, const flame_attribute *sizes,
                   uint32_t size_count, const flame_program_builder *builder) noexcept {
  const std::string &fault = reinterpret_cast<Fake *>(model)->fault;
  if (size_count != 1) {
    call->fail(call->sink, FLAME_ERROR_INVALID_ARGUMENT, text("'batch' is missing"));
    return FLAME_ERROR_INVALID_ARGUMENT;
  }
  flame_value x = 0;
  builder->input(builder->self, call, text("x"), FLAME_DTYPE_F32, 1, &sizes[0].value.i, &x);
  if (fault == "open-scope") builder->push_scope(builder->self, call, text("s"));
  return builder->output(builder->self, call, text("y"), x);
}

constexpr flame_model_interface kModels = {sizeof(flame_model_interface),
                                           0,
                                           create<flame_model>,
                                           destroy<flame_model>,
                                           program_name,
                                           build};

std::string model_error(const char *fault, std::string_view program = "p1") {
  const auto model = PluginModel::create(kModels, "org.example.fake", fault, AttributeList());
  if (!model.ok()) return model.error().text();
  const Result<Program> built = model->build(program, {{"batch", 3}});
  return built.ok() ? "" : built.error().text();
}

TEST(PluginModel, BuildsProgramsForSizes) {
  const auto model = PluginModel::create(kModels, "org.example.fake", "", AttributeList());
  ASSERT_TRUE(model.ok()) << model.error().text();
  EXPECT_THAT(model->programs(), ElementsAre("p0", "p1"));
  const Result<Program> program = model->build("p0", {{"batch", 3}});
  ASSERT_TRUE(program.ok()) << program.error().text();
  EXPECT_EQ(program->type(program->find_output("y")->value).text(), "f32[3]");
  EXPECT_THAT(model->build("p0", {}).error().text(), HasSubstr("'batch' is missing"));
}

TEST(PluginModel, NamesTheRuleThatAWrongOneBreaks) {
  EXPECT_EQ(model_error(""), "");
  EXPECT_THAT(model_error("", "q"), AllOf(HasSubstr("no program 'q'"), HasSubstr("p0")));
  for (const auto &[fault, message] :
       {std::pair{"null", "null pointer"}, std::pair{"no-programs", "has no program"},
        std::pair{"same-names", "names its program 1 'p'"},
        std::pair{"no-name", "names its program 0 ''"},
        std::pair{"endless", "more than 256 programs"}, std::pair{"open-scope", "is still open"}}) {
    EXPECT_THAT(model_error(fault), HasSubstr(message)) << fault;
  }
}

// An adapter that negates the layer, or what its name says.
flame_status negate(flame_adapter *adapter, flame_call *call, const flame_layer *layer,
                    const flame_program_builder *builder, flame_value *out) noexcept {
  const std::string &fault = reinterpret_cast<Fake *>(adapter)->fault;
  *out = layer->output;
  if (fault == "idle") return FLAME_OK;
  if (fault == "gives-weight") return *out = layer->weight, FLAME_OK;
  if (fault == "gives-nothing") return *out = 0, FLAME_OK;
  if (fault == "open-scope") return builder->push_scope(builder->self, call, text("s"));
  flame_node node{};
  node.struct_size = sizeof(node);
  node.name = text(fault == "wrong-op" ? "no_such_op" : "neg");
  node.input_count = 1;
  node.output_count = 1;
  node.inputs = &layer->output;
  return builder->op(builder->self, call, &node, out);
}

constexpr flame_adapter_interface kAdapters = {
    sizeof(flame_adapter_interface), 0, create<flame_adapter>, destroy<flame_adapter>, negate};

Result<Adapted> adapted_by(const char *fault) {
  ProgramBuilder builder;
  const Term x = builder.term(builder.input("x", {DType::kF32, {2, 3}}));
  const Term w = builder.term(builder.parameter("a.weight", {DType::kF32, {4, 3}}, true));
  const ValueId values[] = {x.id(), w.id()};
  builder.output("y", builder.add("linear", values, {})[0]);
  FLAME_ASSIGN(const Program program, builder.finish());
  FLAME_ASSIGN(AdaptFunction function,
               plugin_adapter(kAdapters, "org.example.fake", fault, AttributeList()));
  AdaptRequest request;
  request.rules.push_back({"a", std::move(function)});
  return adapt(program, request);
}

TEST(PluginAdapter, ReplacesTheLayersOutput) {
  const Result<Adapted> made = adapted_by("");
  ASSERT_TRUE(made.ok()) << made.error().text();
  EXPECT_EQ(made->program.nodes().back().op->name, "map");
  EXPECT_EQ(made->program.nodes().back().place->scope, "a");
  EXPECT_FALSE(made->program.find_parameter("a.weight")->trainable);
}

TEST(PluginAdapter, NamesTheLayerAndTheRuleThatAWrongOneBreaks) {
  for (const auto &[fault, message] :
       {std::pair{"gives-weight", "gives f32[4, 3], expected f32[2, 4]"},
        std::pair{"gives-nothing", "gives no value"}, std::pair{"open-scope", "did not close it"},
        std::pair{"wrong-op", "no_such_op"}}) {
    const Result<Adapted> made = adapted_by(fault);
    ASSERT_FALSE(made.ok()) << fault;
    EXPECT_THAT(made.error().text(), AllOf(HasSubstr("layer 'a'"), HasSubstr(message)));
  }
  EXPECT_THAT(adapted_by("idle").error().text(), HasSubstr("changes no layer"));
  EXPECT_THAT(adapted_by("null").error().text(), HasSubstr("null pointer"));
}

}  // namespace
}  // namespace flame

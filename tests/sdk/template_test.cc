// The template's plugins that compute do what they say, through the C tables, as a host meets them.
#include <cmath>
#include <cstring>

#include "recording_builder.h"
#include "template_plugin.h"

namespace {

using flame::Attribute;
using flame::AttributeArray;
using flame_test::FakeCall;
using flame_test::FakeTensor;
using flame_test::Loaded;
using flame_test::RecordingBuilder;
using flame_test::str;
using flame_test::text;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;

// --- backend ------------------------------------------------------------------------------------

class TemplateBackend : public testing::Test {
 protected:
  TemplateBackend() {
    EXPECT_EQ(backend->open(call, str("example-cpu"), 0, nullptr, 0, &device), FLAME_OK);
    ops = static_cast<const flame_ops *>(backend->query(device, str(FLAME_OPS_ID)));
    memory = static_cast<const flame_memory *>(backend->query(device, str(FLAME_MEMORY_ID)));
    sync = static_cast<const flame_sync *>(backend->query(device, str(FLAME_SYNC_ID)));
  }
  ~TemplateBackend() override { backend->close(device); }

  // Probes, plans and runs; gives probe's status.
  flame_status run(const std::string &name, std::vector<flame_tensor *> in, flame_tensor *out,
                   std::vector<Attribute> given = {}) {
    const AttributeArray attributes(std::move(given));
    const std::vector<const flame_tensor *> inputs(in.begin(), in.end());
    const flame_tensor *const outputs[] = {out};
    const flame_op op = {sizeof op, static_cast<uint32_t>(in.size()),
                         1,         attributes.size(),
                         str(name), inputs.data(),
                         outputs,   attributes.data()};
    flame_op_info info = {sizeof info, 0, 0, 0, 0};
    if (const flame_status status = ops->probe(device, call, &op, &info)) return status;
    flame_plan *plan = nullptr;
    EXPECT_EQ(ops->plan(device, call, &op, &info, &plan), FLAME_OK);
    EXPECT_EQ(info.flags, FLAME_OP_DETERMINISTIC);
    flame_stream *stream = nullptr;
    EXPECT_EQ(sync->create_stream(device, call, &stream), FLAME_OK);
    call.get()->stream = stream;
    EXPECT_EQ(ops->run(plan, call, inputs.data(), outputs), FLAME_OK);
    EXPECT_EQ(sync->synchronize(call), FLAME_OK);
    sync->destroy_stream(stream);
    ops->drop(plan);
    return FLAME_OK;
  }

  Loaded<flame_backend> backend{"backend", FLAME_BACKEND_ID};
  FakeCall &call = backend.call;
  flame_device *device = nullptr;
  const flame_ops *ops;
  const flame_memory *memory;
  const flame_sync *sync;
};

TEST_F(TemplateBackend, DescribesItsDevice) {
  uint32_t count = 0;
  EXPECT_EQ(backend->count(call, str("example-cpu"), &count), FLAME_OK);
  EXPECT_EQ(count, 1u);
  flame_device_info info = {};
  info.struct_size = sizeof info;
  EXPECT_EQ(backend->describe(call, str("example-cpu"), 0, &info), FLAME_OK);
  EXPECT_EQ(text(info.name), "processor");
  EXPECT_EQ(backend->describe(call, str("example-cpu"), 1, &info), FLAME_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(backend->count(call, str("other"), &count), FLAME_ERROR_NOT_FOUND);
}

TEST_F(TemplateBackend, OffersWhatADeviceMustAndNoCapture) {
  EXPECT_TRUE(ops && memory && sync);
  EXPECT_EQ(backend->query(device, str(FLAME_CAPTURE_ID)), nullptr);
}

TEST_F(TemplateBackend, MultipliesMatrices) {
  FakeTensor a(FLAME_DTYPE_F32, {2, 3}, {1, 2, 3, 4, 5, 6});
  FakeTensor b(FLAME_DTYPE_F32, {3, 2}, {7, 8, 9, 10, 11, 12}), c(FLAME_DTYPE_F32, {2, 2});
  EXPECT_EQ(run("matmul", {a.get(), b.get()}, c.get()), FLAME_OK);
  EXPECT_THAT(c.elements, ElementsAre(58, 64, 139, 154));
}

TEST_F(TemplateBackend, MultipliesTransposedMatrices) {
  FakeTensor a(FLAME_DTYPE_F32, {3, 2}, {1, 4, 2, 5, 3, 6});
  FakeTensor b(FLAME_DTYPE_F32, {2, 3}, {7, 9, 11, 8, 10, 12}), c(FLAME_DTYPE_F32, {2, 2});
  EXPECT_EQ(
      run("matmul", {a.get(), b.get()}, c.get(), {{"transpose_a", true}, {"transpose_b", true}}),
      FLAME_OK);
  EXPECT_THAT(c.elements, ElementsAre(58, 64, 139, 154));
}

TEST_F(TemplateBackend, CopiesWhateverTheStrides) {
  FakeTensor from(FLAME_DTYPE_F32, {3, 2}, {0, 1, 2, 3, 4, 5}), to(FLAME_DTYPE_F32, {3, 2});
  from.strides = {1, 3};
  EXPECT_EQ(run("copy", {from.get()}, to.get()), FLAME_OK);
  EXPECT_THAT(to.elements, ElementsAre(0, 3, 1, 4, 2, 5));
}

TEST_F(TemplateBackend, FillsAlsoAScalarAndNothing) {
  FakeTensor scalar(FLAME_DTYPE_F32, {}), nothing(FLAME_DTYPE_F32, {0, 3});
  EXPECT_EQ(run("fill", {}, scalar.get(), {{"value", 2.5}}), FLAME_OK);
  EXPECT_THAT(scalar.elements, ElementsAre(2.5));
  EXPECT_EQ(run("fill", {}, nothing.get(), {{"value", 2.5}}), FLAME_OK);
}

TEST_F(TemplateBackend, RefusesWithAReason) {
  FakeTensor whole(FLAME_DTYPE_I32, {2}), f32(FLAME_DTYPE_F32, {2}),
      cube(FLAME_DTYPE_F32, {1, 1, 1});
  EXPECT_EQ(run("copy", {whole.get()}, whole.get()), FLAME_ERROR_UNSUPPORTED);
  EXPECT_EQ(call.message, "copy is done in f32 only, not in i32");
  EXPECT_EQ(run("attention", {f32.get()}, f32.get()), FLAME_ERROR_UNSUPPORTED);
  EXPECT_EQ(call.message, "this backend does fill, copy and matmul, not attention");
  EXPECT_EQ(run("matmul", {cube.get(), cube.get()}, cube.get()), FLAME_ERROR_UNSUPPORTED);
  EXPECT_THAT(call.message, HasSubstr("for matrices only, not for f32[1, 1, 1]"));
  EXPECT_EQ(run("fill", {}, f32.get(), {{"value", 1.0}, {"seed", 3}}), FLAME_ERROR_UNSUPPORTED);
  EXPECT_THAT(call.message, HasSubstr("attribute 'seed' is not known"));
  EXPECT_EQ(run("copy", {}, f32.get()), FLAME_ERROR_UNSUPPORTED);
  EXPECT_EQ(call.failures, 5);
}

TEST_F(TemplateBackend, GivesAlignedMemoryUpToItsLimit) {
  const AttributeArray options({{"memory", 1 << 20}});
  flame_device *small = nullptr;
  ASSERT_EQ(backend->open(call, str("example-cpu"), 0, options.data(), 1, &small), FLAME_OK);
  void *first = nullptr, *second = nullptr, *none = &second;
  EXPECT_EQ(memory->allocate(small, call, 1000, &first), FLAME_OK);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(first) % 256, 0u);
  std::memset(first, 1, 1000);
  EXPECT_EQ(memory->allocate(small, call, 1 << 20, &second), FLAME_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(call.message,
            "1048576 bytes were asked for, but 1047576 of 1048576 are left; raise the option "
            "'memory' of the backend");
  EXPECT_EQ(memory->allocate(small, call, UINT64_MAX, &second), FLAME_ERROR_OUT_OF_MEMORY);
  memory->release(small, first);
  EXPECT_EQ(memory->allocate(small, call, 1 << 20, &second), FLAME_OK);
  memory->release(small, second);
  EXPECT_EQ(memory->allocate(small, call, 0, &none), FLAME_OK);
  EXPECT_EQ(none, nullptr);
  backend->close(small);
}

// --- kinds that build programs
// --------------------------------------------------------------------

TEST(TemplateModel, BuildsItsLayers) {
  Loaded<flame_model_interface> model("model", FLAME_MODEL_ID);
  auto *made = model.create<flame_model>(
      "example-mlp", {{"inputs", 3}, {"hidden", {5}}, {"outputs", 2}, {"activation", "relu"}});
  ASSERT_NE(made, nullptr) << model.call.message;
  flame_str name = {};
  EXPECT_EQ(model->program_name(made, model.call, 0, &name), FLAME_OK);
  EXPECT_EQ(text(name), "mlp");
  EXPECT_EQ(model->program_name(made, model.call, 1, &name), FLAME_ERROR_END);

  RecordingBuilder builder;
  const AttributeArray sizes({{"batch", 7}});
  EXPECT_EQ(model->build(made, model.call, str("mlp"), sizes.data(), 1, builder.get()), FLAME_OK);
  EXPECT_EQ(
      builder.outputs.at("y"),
      "linear(relu(linear(x, layers.0.weight, layers.0.bias)), layers.1.weight, layers.1.bias)");
  EXPECT_THAT(builder.parameters, ElementsAre("layers.0.weight trained", "layers.0.bias trained",
                                              "layers.1.weight trained", "layers.1.bias trained"));
  EXPECT_THAT(builder.places[0], HasSubstr("model.cc:"));
  EXPECT_EQ(model->build(made, model.call, str("unet"), sizes.data(), 1, builder.get()),
            FLAME_ERROR_NOT_FOUND);
  EXPECT_EQ(model->build(made, model.call, str("mlp"), nullptr, 0, builder.get()),
            FLAME_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(model.call.message, "'batch' is missing");
  model->destroy(made);
}

TEST(TemplateAdapter, AddsALowRankProductToLinearLayers) {
  Loaded<flame_adapter_interface> adapter("adapter", FLAME_ADAPTER_ID);
  auto *made = adapter.create<flame_adapter>("example-low-rank", {{"rank", 4}, {"alpha", 2.0}});
  ASSERT_NE(made, nullptr) << adapter.call.message;
  RecordingBuilder builder;
  flame_layer layer = {sizeof layer, 0,      FLAME_STR("to_q"), FLAME_STR("linear"), 0, 0, 0, 0,
                       nullptr,      nullptr};
  layer.input = builder.add("x", FLAME_DTYPE_F32, {7, 8});
  layer.weight = builder.add("w", FLAME_DTYPE_F32, {6, 8});
  layer.output = builder.add("y", FLAME_DTYPE_F32, {7, 6});
  flame_value out = 0;
  EXPECT_EQ(adapter->adapt(made, adapter.call, &layer, builder.get(), &out), FLAME_OK);
  EXPECT_EQ(builder.text_of(out),
            "add(y, mul(fill(shape=[], value=0.5, dtype=f32), linear(linear(x, "
            "cast(lora_down.weight, dtype=f32)), cast(lora_up.weight, dtype=f32))))");
  layer.op = FLAME_STR("conv2d");
  EXPECT_EQ(adapter->adapt(made, adapter.call, &layer, builder.get(), &out), FLAME_OK);
  EXPECT_EQ(out, layer.output);
  adapter->destroy(made);
}

TEST(TemplateOptimizer, BuildsAStepOfSgd) {
  Loaded<flame_optimizer_interface> optimizer("optimizer", FLAME_OPTIMIZER_ID);
  auto *made = optimizer.create<flame_optimizer>("example-sgd", {{"momentum", 0.5}});
  ASSERT_NE(made, nullptr) << optimizer.call.message;
  RecordingBuilder builder;
  const flame_value states[] = {builder.add("v", FLAME_DTYPE_F32, {9})};
  flame_value new_states[1] = {};
  flame_update update = {};
  update.struct_size = sizeof update;
  update.parameter = builder.add("p", FLAME_DTYPE_F32, {9});
  update.gradient = builder.add("g", FLAME_DTYPE_F32, {9});
  update.learning_rate = builder.add("lr", FLAME_DTYPE_F32, {});
  update.state_count = 1;
  update.states = states;
  update.new_states = new_states;
  EXPECT_EQ(optimizer->build(made, optimizer.call, builder.get(), &update), FLAME_OK);
  const std::string velocity = "add(mul(fill(shape=[], value=0.5, dtype=f32), v), g)";
  EXPECT_EQ(builder.text_of(new_states[0]), velocity);
  EXPECT_EQ(builder.text_of(update.new_parameter), "sub(p, mul(lr, " + velocity + "))");
  optimizer->destroy(made);
}

TEST(TemplateSampler, ChoosesFallingLevelsThatEndWithZero) {
  Loaded<flame_sampler_interface> sampler("sampler", FLAME_SAMPLER_ID);
  auto *made = sampler.create<flame_sampler>("example-euler", {{"spacing", "linear"}});
  double sigmas[4] = {}, times[3] = {};
  const double known[] = {1, 3, 9};
  const flame_noise_levels trained{sizeof trained, 3, known};
  EXPECT_EQ(sampler->levels(made, sampler.call, 3, &trained, sigmas, times), FLAME_OK);
  EXPECT_THAT(sigmas, ElementsAre(9, 5, 1, 0));
  EXPECT_THAT(times, ElementsAre(2, DoubleNear(1 + std::log(5.0 / 3) / std::log(3), 1e-12), 0));
  EXPECT_EQ(sampler->levels(made, sampler.call, 1, &trained, sigmas, times), FLAME_OK);
  EXPECT_EQ(sigmas[1], 0);
  EXPECT_EQ(sampler->levels(made, sampler.call, 0, &trained, sigmas, times),
            FLAME_ERROR_INVALID_ARGUMENT);
  sampler->destroy(made);
}

TEST(TemplateSampler, BuildsAStepOfEuler) {
  Loaded<flame_sampler_interface> sampler("sampler", FLAME_SAMPLER_ID);
  auto *made = sampler.create<flame_sampler>("example-euler");
  RecordingBuilder builder;
  flame_sampler_step step = {};
  step.struct_size = sizeof step;
  step.sample = builder.add("x", FLAME_DTYPE_F32, {4});
  step.denoised = builder.add("d", FLAME_DTYPE_F32, {4});
  step.sigma = builder.add("s", FLAME_DTYPE_F32, {});
  step.next_sigma = builder.add("n", FLAME_DTYPE_F32, {});
  EXPECT_EQ(sampler->build(made, sampler.call, builder.get(), &step), FLAME_OK);
  EXPECT_EQ(builder.text_of(step.next_sample), "add(x, mul(div(sub(x, d), s), sub(n, s)))");
  sampler->destroy(made);
}

}  // namespace

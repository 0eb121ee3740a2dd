// The tables of the fake model, seen through the SDK alone: its names are not core's.
#include "tests/support/fake_model_tables.h"

#include "flame/plugin.hpp"

namespace flame::test {
namespace {

flame_str flame_text(std::string_view text) {
  return borrow(text);
}
std::string_view text_of(flame_str text) {
  return view(text);
}

// Options travel in the component's name, as tests have no descriptor: "8/fault".
struct Fake {
  int64_t width = 0;
  std::string fault;
  WeightSource source;
  std::vector<flame_str> texts;
  std::vector<int64_t> ids;
};

Fake &fake(flame_model *model) {
  return *reinterpret_cast<Fake *>(model);
}

flame_status create(flame_call *, flame_str component, const flame_attribute *, uint32_t,
                    flame_model **out) noexcept {
  const std::string name(text_of(component));
  const size_t slash = name.find('/');
  *out = reinterpret_cast<flame_model *>(
      new Fake{std::stoll(name.substr(0, slash)), name.substr(slash + 1), {}, {}, {}});
  return FLAME_OK;
}

void destroy(flame_model *model) noexcept {
  delete &fake(model);
}

flame_status program_name(flame_model *, flame_call *, uint32_t index, flame_str *out) noexcept {
  if (index > 0) return FLAME_ERROR_END;
  *out = flame_text("net");
  return FLAME_OK;
}

flame_status build(flame_model *model, flame_call *call, flame_str, const flame_attribute *sizes,
                   uint32_t size_count, const flame_program_builder *builder) noexcept {
  return guard(call, [&] {
    const int64_t w = fake(model).width;
    const Attributes given(sizes, size_count);
    Program program(builder);
    const auto parameter = [&](const char *name, const Shape &shape) {
      return program.parameter(name, FLAME_DTYPE_F32, shape);
    };
    const Value sample =
        program.input("sample", FLAME_DTYPE_F32,
                      {given.integer("batch"), given.integer("height"), given.integer("width"), 4});
    const Value x = program.op("conv2d", {sample, parameter("conv.weight", {w, 3, 3, 4})},
                               {{"stride", {1, 1}}, {"padding", {1, 1, 1, 1}}});
    const Value q = linear(x, parameter("attn.q.weight", {w, w}));
    const Value k = linear(q, parameter("attn.k.weight", {w, w}), parameter("attn.k.bias", {w}));
    const Value sum = program.op("add", {x, k});
    const Value y = mean(program.op("mul", {parameter("norm.weight", {w}), sum}), {1, 2});
    program.output("out", linear(y, parameter("proj.weight", {2, w})));
  });
}

flame_status describe_layout(flame_model *model, flame_call *, uint32_t index,
                             flame_layout *out) noexcept {
  static const flame_str kPublished[] = {flame_text(""), flame_text("net.")};
  static const flame_str kOld[] = {flame_text("model."), flame_text("")};
  static const flame_str kIgnored[] = {flame_text("ids.*")};
  const std::string &fault = fake(model).fault;
  if (fault == "plain" || (index > 1 && fault != "endless")) return FLAME_ERROR_END;
  static std::string names[100];
  names[index % 100] = "l" + std::to_string(index);
  if (index > 1) out->name = flame_text(names[index % 100]);
  if (index < 2) out->name = flame_text(index == 0 ? "published" : "old");
  if (fault == "same-names") out->name = flame_text("published");
  if (fault == "no-name") out->name = {};
  out->summary = flame_text(fault == "summary" ? "\xff" : "a layout");
  out->prefixes = index ? kOld : kPublished;
  out->prefix_count = fault == "no-prefix" ? 0 : 2;
  if (fault == "null-prefixes") out->prefixes = nullptr;
  out->ignored = index ? kIgnored : nullptr;
  out->ignored_count = index ? 1 : 0;
  return FLAME_OK;
}

WeightSource whole(std::string key, std::vector<int64_t> shape) {
  WeightSource source{std::move(key), shape, {}, 0, shape[0]};
  for (uint32_t axis = 0; axis < shape.size(); ++axis) source.axes.push_back(axis);
  return source;
}

WeightSource source_of(int64_t w, bool old, std::string_view name) {
  if (name == "conv.weight") {
    WeightSource source = whole(old ? "0.weight" : "conv.weight", {w, 4, 3, 3});
    source.axes = {0, 2, 3, 1};
    return source;
  }
  if (old && name.substr(0, 5) == "attn." && name.substr(name.size() - 7) == ".weight") {
    WeightSource source = whole("qk.weight", {2 * w, w});
    source.first_row = name == "attn.k.weight" ? w : 0;
    source.row_count = w;
    return source;
  }
  if (name.substr(0, 5) == "attn." && name.substr(name.size() - 7) == ".weight")
    return whole(std::string(name), {w, w});
  if (name == "attn.k.bias") return whole(old ? "qk_bias" : "attn.k.bias", {w});
  if (name == "norm.weight") return whole(old ? "scale.weight" : "norm.weight", {w});
  if (!old) return whole("proj.weight", {2, w});
  WeightSource source = whole("proj", {w, 2});
  source.axes = {1, 0};
  return source;
}

flame_status source(flame_model *model, flame_call *, uint32_t index, flame_str parameter,
                    flame_weight_source *out) noexcept {
  Fake &self = fake(model);
  self.source = source_of(self.width, index == 1, text_of(parameter));
  out->key = flame_text(self.source.key);
  out->rank = static_cast<uint32_t>(self.source.shape.size());
  out->shape = self.source.shape.data();
  out->axes = self.source.axes.data();
  out->first_row = self.source.first_row;
  out->row_count = self.source.row_count;
  if (self.fault == "no-key") out->key = {};
  if (self.fault == "rank") out->rank = 9;
  if (self.fault == "null-shape") out->shape = nullptr;
  if (self.fault == "axes") self.source.axes.back() = 0;
  if (self.fault == "far-axis") self.source.axes.back() = 7;
  if (self.fault == "rows") out->first_row = 1;
  if (self.fault == "many-rows") out->row_count = INT64_MAX;
  if (self.fault == "few-rows") out->row_count = 0;
  return FLAME_OK;
}

flame_status tokenize(flame_model *model, flame_call *, flame_str given, uint32_t row_limit,
                      flame_tokens *out) noexcept {
  Fake &self = fake(model);
  self.ids.assign(4, static_cast<int64_t>(given.size));
  out->row_count = self.fault == "no-rows" ? 0 : self.fault == "too-many-rows" ? row_limit + 1 : 1;
  out->row_length = self.fault == "no-length" ? 0 : 4;
  out->kept_count = self.fault == "keeps" ? 9 : 2;
  out->text_count = 3;
  out->ids = self.fault == "no-ids" ? nullptr : self.ids.data();
  return FLAME_OK;
}

}  // namespace

const flame_model_interface kFakeModels = {
    sizeof(flame_model_interface), 0, create, destroy, program_name, build};
const flame_weights_interface kFakeWeights = {sizeof(flame_weights_interface), 0, describe_layout,
                                              source};
const flame_tokenizer_interface kFakeTokens = {sizeof(flame_tokenizer_interface), 0, tokenize};

}  // namespace flame::test

#include "core/plugin/plugin_data_source.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "core/base/call_scope.h"
#include "core/base/flame_text.h"
#include "core/base/terminal.h"
#include "core/base/utf8.h"
#include "flame/host.h"

namespace flame {
namespace {

// More is no data source, but a plugin that runs wild.
constexpr uint32_t kMaxFields = 64;
constexpr uint32_t kMaxNotes = 1 << 20;
constexpr int64_t kMaxElements = int64_t{1} << 30;

bool is_amount(double value) {
  return std::isfinite(value) && value >= 0;
}

flame_draw to_abi(ExampleDraw draw) {
  return {draw.picture, draw.caption};
}

}  // namespace

std::string_view ExampleFields::text(const std::string &name) const {
  const auto at = texts.find(name);
  return at == texts.end() ? std::string_view() : std::string_view(at->second);
}

Error PluginDataSource::broken(std::string_view what) const {
  return plugin_error(fmt::format("{}: the data source {}", plugin_id_, what),
                      "use another version of the plugin, or tell its author");
}

Result<PluginDataSource> PluginDataSource::create(const flame_data_source_interface &table,
                                                  std::string plugin_id, std::string_view component,
                                                  const AttributeList &options) {
  flame_data_source *made = nullptr;
  {
    CallScope scope(plugin_id, "flame.data/1 create");
    FLAME_TRY(scope.finish(
        table.create(scope.call(), flame_text(component), options.data(), options.size(), &made)));
  }
  PluginDataSource source(std::move(plugin_id), Handle(made, {&table}));
  if (!made) return source.broken("was created, but is a null pointer");
  source.count_ = table.count(made);
  return source;
}

Result<ExampleInfo> PluginDataSource::info(uint64_t example) const {
  flame_example out{};
  out.struct_size = sizeof out;
  CallScope scope(plugin_id_, "flame.data/1 describe_example");
  FLAME_TRY(scope.finish(table().describe_example(handle_.get(), scope.call(), example, &out)));
  if (is_amount(out.repeats) && is_amount(out.loss_weight) && out.picture_variants > 0)
    return ExampleInfo{out.repeats, out.loss_weight, out.picture_variants, out.caption_variants};
  return broken(
      fmt::format("says that example {} has repeats {}, loss weight {} and {} pictures, expected "
                  "finite numbers from 0 and at least one picture",
                  example, out.repeats, out.loss_weight, out.picture_variants));
}

Result<std::string> PluginDataSource::identity(uint64_t example) const {
  flame_str text{};
  CallScope scope(plugin_id_, "flame.data/1 identity");
  FLAME_TRY(scope.finish(table().identity(handle_.get(), scope.call(), example, &text)));
  if (text_of(text).empty())
    return broken(fmt::format("gives example {} an empty identity", example));
  return std::string(text_of(text));
}

Result<PluginDataSource::KnownField> PluginDataSource::judged(const flame_field &field,
                                                              uint64_t example,
                                                              uint32_t index) const {
  KnownField out{index, std::string(text_of(field.name)), field.dtype == 0, {}, {}};
  const auto wrong = [&](std::string_view what) {
    return broken(fmt::format("gives field {} of example {} {}", index, example, what));
  };
  if (out.name.empty() || !is_utf8(out.name)) return wrong("no name");
  if (out.is_text) {
    out.text = text_of(field.text);
    if (!is_utf8(out.text)) return wrong("a text that is no UTF-8");
    return out;
  }
  const std::optional<DType> dtype = dtype_from_abi(field.dtype);
  if (!dtype) return wrong("an element type that does not exist");
  if (field.rank > FLAME_MAX_RANK || (field.rank > 0 && !field.shape)) return wrong("no shape");
  Result<Shape> shape = Shape::make({field.shape, field.rank});
  if (!shape || shape->element_count() > kMaxElements) return wrong("a shape that is too large");
  out.type = {*dtype, *std::move(shape)};
  return out;
}

Result<std::vector<PluginDataSource::KnownField>> PluginDataSource::known_fields(
    uint64_t example, ExampleDraw draw) const {
  std::vector<KnownField> fields;
  for (uint32_t index = 0; index <= kMaxFields; ++index) {
    flame_field field{};
    field.struct_size = sizeof field;
    CallScope scope(plugin_id_, "flame.data/1 describe_field");
    const flame_status status =
        table().describe_field(handle_.get(), scope.call(), example, to_abi(draw), index, &field);
    if (status == FLAME_ERROR_END) return fields;
    FLAME_TRY(scope.finish(status));
    FLAME_ASSIGN(KnownField known, judged(field, example, index));
    const bool twice = std::any_of(fields.begin(), fields.end(), [&](const KnownField &other) {
      return other.name == known.name;
    });
    if (twice)
      return broken(
          fmt::format("gives example {} two fields '{}'", example, printable(known.name)));
    fields.push_back(std::move(known));
  }
  return broken(fmt::format("gives example {} more than {} fields", example, kMaxFields));
}

Result<ExampleFields> PluginDataSource::fields(uint64_t example, ExampleDraw draw) const {
  FLAME_ASSIGN(std::vector<KnownField> known, known_fields(example, draw));
  ExampleFields out;
  for (KnownField &field : known) {
    if (field.is_text)
      out.texts.emplace(std::move(field.name), std::move(field.text));
    else
      out.tensors.emplace(std::move(field.name), std::move(field.type));
  }
  return out;
}

Result<HostTensor> PluginDataSource::read(uint64_t example, ExampleDraw draw,
                                          std::string_view name) const {
  FLAME_ASSIGN(const std::vector<KnownField> known, known_fields(example, draw));
  const auto field = std::find_if(known.begin(), known.end(), [&](const KnownField &each) {
    return each.name == name && !each.is_text;
  });
  if (field == known.end())
    return broken(fmt::format("has no tensor '{}' in example {}", name, example));
  HostTensor out{field->type, {}};
  out.bytes.resize(static_cast<size_t>(field->type.size_bytes()));
  const auto sizes = field->type.shape.sizes();
  std::vector<int64_t> strides(sizes.size() + 1, 1);
  for (size_t axis = sizes.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * sizes[axis];
  const flame_tensor into{sizeof into,
                          to_abi(field->type.dtype),
                          static_cast<uint32_t>(sizes.size()),
                          FLAME_DEVICE_CPU,
                          sizes.data(),
                          strides.data(),
                          out.bytes.data(),
                          0,
                          out.bytes.size()};
  CallScope scope(plugin_id_, "flame.data/1 read_field");
  FLAME_TRY(scope.finish(
      table().read_field(handle_.get(), scope.call(), example, to_abi(draw), field->index, &into)));
  return out;
}

Result<std::vector<DataNote>> PluginDataSource::notes() const {
  std::vector<DataNote> notes;
  for (uint32_t index = 0; index <= kMaxNotes; ++index) {
    flame_note note{};
    note.struct_size = sizeof note;
    CallScope scope(plugin_id_, "flame.data/1 note");
    const flame_status status = table().note(handle_.get(), scope.call(), index, &note);
    if (status == FLAME_ERROR_END) return notes;
    FLAME_TRY(scope.finish(status));
    const std::string_view text = text_of(note.text);
    if (text.empty() || !is_utf8(text))
      return broken(fmt::format("gives note {} no text in UTF-8", index));
    notes.push_back({note.severity == FLAME_LOG_WARNING, std::string(text)});
  }
  return broken(fmt::format("gives more than {} notes", kMaxNotes));
}

}  // namespace flame

// The optional interfaces of models: where files hold weights, and how text becomes tokens.
#include <fmt/core.h>

#include <algorithm>

#include "core/base/call_scope.h"
#include "core/base/flame_text.h"
#include "core/base/terminal.h"
#include "core/base/utf8.h"
#include "core/plugin/plugin_model.h"

namespace flame {
namespace {

// Far more than a model has.
constexpr uint32_t kMaxLayouts = 64;
constexpr uint32_t kMaxTexts = 4096;
constexpr uint32_t kMaxRowLength = 1 << 20;

// The optional table of that id, or null; its functions up to `last` are there.
template <typename Table, typename Function>
Result<const Table *> optional_table(const StartedPlugin &plugin, const char *id,
                                     Function Table::*last) {
  const auto *table = static_cast<const Table *>(plugin.query(id));
  if (!table) return table;
  const Error error = plugin_error(
      fmt::format("{}: the table of {} is too short or holds a null function", plugin.id(), id),
      "use another version of the plugin, or tell its author");
  if (table->struct_size < sizeof(Table) || !(table->*last)) return error;
  return table;
}

}  // namespace

bool WeightSource::keeps_order() const {
  for (uint32_t i = 0; i < axes.size(); ++i) {
    if (axes[i] != i) return false;
  }
  return true;
}

Result<PluginModel> PluginModel::create(const StartedComponent &started,
                                        const AttributeList &options) {
  ModelExtras extras;
  FLAME_ASSIGN(extras.weights,
               optional_table(*started.plugin, FLAME_WEIGHTS_ID, &flame_weights_interface::source));
  FLAME_ASSIGN(extras.tokenizer, optional_table(*started.plugin, FLAME_TOKENIZER_ID,
                                                &flame_tokenizer_interface::tokenize));
  FLAME_ASSIGN(extras.diffusion, optional_table(*started.plugin, FLAME_DIFFUSION_ID,
                                                &flame_diffusion_interface::describe_part));
  if (extras.diffusion && !extras.diffusion->describe) {
    return plugin_error(fmt::format("{}: the function describe of {} is null", started.plugin->id(),
                                    FLAME_DIFFUSION_ID));
  }
  if (extras.weights && !extras.weights->describe_layout) {
    return plugin_error(fmt::format("{}: the function describe_layout of {} is null",
                                    started.plugin->id(), FLAME_WEIGHTS_ID));
  }
  return create(started.table<flame_model_interface>(), started.plugin->id(), started.component->id,
                options, extras);
}

Status PluginModel::read_layouts() {
  for (uint32_t index = 0; extras_.weights; ++index) {
    flame_layout given = {};
    given.struct_size = sizeof given;
    CallScope scope(plugin_id_, "flame.weights/1 describe_layout");
    const flame_status status =
        extras_.weights->describe_layout(handle_.get(), scope.call(), index, &given);
    if (status == FLAME_ERROR_END) break;
    FLAME_TRY(scope.finish(status));
    if (index == kMaxLayouts) return broken(fmt::format("has more than {} layouts", kMaxLayouts));
    FLAME_ASSIGN(ModelLayout layout, checked_layout(index, given));
    layouts_.push_back(std::move(layout));
  }
  plain_ = layouts_.empty();
  if (plain_) layouts_.push_back({"plain", "parameters under their own names", {""}, {}});
  return {};
}

Result<std::vector<std::string>> PluginModel::checked_texts(uint32_t index, std::string_view what,
                                                            const flame_str *texts,
                                                            uint32_t count) const {
  if (count > kMaxTexts || (count && !texts))
    return broken(
        fmt::format("gives {} {} for layout {}, or none where they should be", count, what, index));
  std::vector<std::string> checked;
  for (uint32_t i = 0; i < count; ++i) {
    checked.emplace_back(text_of(texts[i]));
    if (!is_utf8(checked.back()))
      return broken(fmt::format("has {} of layout {} that are not UTF-8", what, index));
  }
  return checked;
}

Result<ModelLayout> PluginModel::checked_layout(uint32_t index, const flame_layout &given) const {
  ModelLayout layout{std::string(text_of(given.name)), std::string(text_of(given.summary)), {}, {}};
  const bool known = std::ranges::find(layouts_, layout.name, &ModelLayout::name) != layouts_.end();
  if (layout.name.empty() || !is_utf8(layout.name) || !is_utf8(layout.summary) || known)
    return broken(fmt::format("names its layout {} '{}', expected a name of its own in UTF-8",
                              index, printable(layout.name)));
  FLAME_ASSIGN(layout.prefixes,
               checked_texts(index, "prefixes", given.prefixes, given.prefix_count));
  FLAME_ASSIGN(layout.ignored,
               checked_texts(index, "ignored keys", given.ignored, given.ignored_count));
  if (layout.prefixes.empty())
    return broken(fmt::format("gives no prefix for its layout '{}'", layout.name));
  return layout;
}

Result<WeightSource> PluginModel::source(size_t layout, std::string_view parameter,
                                         const Shape &shape) const {
  if (plain_) {
    WeightSource own{std::string(parameter), shape, {}, 0, shape.rank() ? shape[0] : 1};
    for (uint32_t axis = 0; axis < shape.rank(); ++axis) own.axes.push_back(axis);
    return own;
  }
  flame_weight_source given = {};
  given.struct_size = sizeof given;
  CallScope scope(plugin_id_, "flame.weights/1 source");
  FLAME_TRY(scope.finish(extras_.weights->source(
      handle_.get(), scope.call(), static_cast<uint32_t>(layout), flame_text(parameter), &given)));
  return checked_source(parameter, shape, given);
}

Result<WeightSource> PluginModel::checked_source(std::string_view parameter, const Shape &shape,
                                                 const flame_weight_source &given) const {
  const auto wrong = [&](std::string_view what) {
    return broken(fmt::format("says for the parameter '{}' {}", printable(parameter), what));
  };
  WeightSource source;
  source.key = std::string(text_of(given.key));
  if (source.key.empty() || !is_utf8(source.key)) return wrong("a key that is empty or not UTF-8");
  if (given.rank > kMaxRank || (given.rank && (!given.shape || !given.axes)))
    return wrong(fmt::format("{} axes, or no list of them", given.rank));
  const Result<Shape> stored = Shape::make({given.shape, given.rank});
  if (!stored.ok()) return wrong("a shape that cannot be");
  source.shape = *stored;
  source.axes.assign(given.axes, given.axes + given.rank);
  std::vector<uint32_t> sorted = source.axes;
  std::ranges::sort(sorted);
  for (uint32_t axis = 0; axis < given.rank; ++axis) {
    if (sorted[axis] != axis) return wrong("axes that are no permutation");
  }
  source.first_row = given.first_row;
  source.row_count = given.row_count;
  const int64_t rows = given.rank ? source.shape[0] : 1;
  if (given.first_row < 0 || given.row_count < 0 || given.row_count > rows ||
      given.first_row > rows - given.row_count)
    return wrong(fmt::format("{} rows from row {} on, but the tensor has {}", given.row_count,
                             given.first_row, rows));
  const int64_t row_size = rows ? source.shape.element_count() / rows : 0;
  if (row_size * given.row_count != shape.element_count())
    return wrong(fmt::format("{} elements, but it has the shape {}", row_size * given.row_count,
                             shape.text()));
  return source;
}

Result<TokenRows> PluginModel::tokenize(std::string_view text, uint32_t row_limit) const {
  if (!extras_.tokenizer)
    return Error{ErrorKind::kFailed, fmt::format("the model '{}' reads no text", component_), ""};
  flame_tokens given = {};
  given.struct_size = sizeof given;
  CallScope scope(plugin_id_, "flame.tokenizer/1 tokenize");
  FLAME_TRY(scope.finish(extras_.tokenizer->tokenize(handle_.get(), scope.call(), flame_text(text),
                                                     row_limit, &given)));
  if (given.row_count == 0 || given.row_count > row_limit || given.row_length == 0 ||
      given.row_length > kMaxRowLength || !given.ids)
    return broken(fmt::format("makes {} rows of {} tokens of a text, where 1 to {} are wanted",
                              given.row_count, given.row_length, row_limit));
  if (given.kept_count > given.text_count)
    return broken(fmt::format("keeps {} of {} tokens", given.kept_count, given.text_count));
  const size_t count = size_t{given.row_count} * given.row_length;
  return TokenRows{
      given.row_length, given.kept_count, given.text_count, {given.ids, given.ids + count}};
}

}  // namespace flame

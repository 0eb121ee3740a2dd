#include "core/passes/bands.h"

#include <algorithm>
#include <set>

#include "core/ops/catalogue/groups.h"
#include "core/ops/catalogue/terms.h"
#include "core/program/rewrite.h"
#include "flame/map_code.hpp"

namespace flame {
namespace {

constexpr size_t kRows = 1, kColumns = 2;

bool is_image(const TensorType &type) {
  return type.shape.rank() == 4;
}

bool is_elementwise(const Node &node) {
  return node.op->name == "map" || node.op->name == "cast" || node.op->name == "copy";
}

class StageFinder {
 public:
  explicit StageFinder(const Program &program)
      : program_(program), stage_of_(program.values().size(), -1) {}

  std::optional<Stages> find() {
    find_whole();
    if (first_whole_ == 0 && end_whole_ == program_.nodes().size()) return std::nullopt;
    for (NodeId id = 0; id < program_.nodes().size(); ++id) {
      if (!add(id)) return std::nullopt;
    }
    if (!link()) return std::nullopt;
    std::erase_if(stages_, [](const Stage &stage) { return stage.nodes.empty(); });
    return Stages{program_, std::move(stages_)};
  }

 private:
  bool is_parameter(ValueId value) const {
    return program_.value(value).producer == kNoNode && !is_input(value);
  }
  bool is_input(ValueId value) const {
    return std::ranges::find(program_.inputs(), value, &NamedValue::value) !=
           program_.inputs().end();
  }
  bool is_used(ValueId value) const {
    const auto uses = [&](const Node &node) {
      return std::ranges::find(node.inputs, value) != node.inputs.end();
    };
    return std::ranges::any_of(program_.nodes(), uses) ||
           std::ranges::find(program_.outputs(), value, &NamedValue::value) !=
               program_.outputs().end();
  }
  const Shape &shape(ValueId value) const { return program_.type(value).shape; }

  // Whether rows of the answer come from near rows of the first inputs, all others being parameters.
  bool knows_rows(const Node &node) const {
    if (node.inputs.empty() || !is_image(program_.type(node.outputs[0]))) return false;
    const Shape &to = shape(node.outputs[0]);
    if (is_elementwise(node)) {
      return std::ranges::all_of(node.inputs, [&](ValueId input) {
        return is_parameter(input) ? shape(input).rank() < 4
                                   : shape(input).rank() == 4 && shape(input)[kRows] == to[kRows];
      });
    }
    const ValueId input = node.inputs[0];
    const bool rest = std::all_of(node.inputs.begin() + 1, node.inputs.end(),
                                  [&](ValueId each) { return is_parameter(each); });
    if (is_parameter(input) || !is_image(program_.type(input)) || !rest) return false;
    if (node.op->name == "conv2d") return true;
    if (node.op->name == "group_norm")
      return !is_used(node.outputs[1]) && !is_used(node.outputs[2]);
    if (node.op->name != "resize" || node.attributes.text("kind") != "nearest") return false;
    const Shape &from = shape(input);
    return to[kRows] % from[kRows] == 0 && to[kColumns] % from[kColumns] == 0;
  }

  int64_t bytes(const Node &node) const {
    int64_t most = 0;
    for (const ValueId output : node.outputs)
      most = std::max(most, program_.type(output).size_bytes());
    return most;
  }

  void find_whole() {
    const std::vector<Node> &nodes = program_.nodes();
    const auto needs_all = [&](const Node &node) { return !knows_rows(node); };
    const auto first = std::ranges::find_if(nodes, needs_all);
    if (first == nodes.end()) return;
    first_whole_ = static_cast<size_t>(first - nodes.begin());
    end_whole_ = nodes.size();
    while (!needs_all(nodes[end_whole_ - 1])) --end_whole_;
    int64_t most = 0;
    for (size_t i = first_whole_; i < end_whole_; ++i) most = std::max(most, bytes(nodes[i]));
    while (first_whole_ > 0 && bytes(nodes[first_whole_ - 1]) <= most) --first_whole_;
    while (end_whole_ < nodes.size() && bytes(nodes[end_whole_]) <= most) ++end_whole_;
  }

  bool is_whole(NodeId id) const { return id >= first_whole_ && id < end_whole_; }

  Stage &stage(int number) {
    if (stages_.size() <= static_cast<size_t>(number))
      stages_.resize(static_cast<size_t>(number) + 1);
    return stages_[static_cast<size_t>(number)];
  }

  // As early as its inputs are there; a norm needs all of its input, so it is one stage later.
  bool add(NodeId id) {
    const Node &node = program_.nodes()[id];
    if (is_whole(id) && whole_stage_ < 0) whole_stage_ = static_cast<int>(stages_.size());
    int number = 0;
    for (const ValueId input : node.inputs) number = std::max(number, stage_of_[input]);
    if (is_whole(id)) {
      number = whole_stage_;
    } else if (whole_stage_ >= 0) {
      number = std::max(number, whole_stage_ + 1);
    }
    if (!is_whole(id) && node.op->name == "group_norm") {
      const ValueId input = node.inputs[0];
      if (is_input(input)) return false;
      number = std::max(number, stage_of_[input] + 1);
      stage(number).norms.push_back(
          {id, input, node.attributes.integer("groups"), node.attributes.number("eps")});
    }
    stage(number).nodes.push_back(id);
    stage(number).whole = is_whole(id);
    for (const ValueId output : node.outputs) stage_of_[output] = number;
    return true;
  }

  // Reads, writes and statistics. False if what goes from stage to stage is no image.
  bool link() {
    std::vector<std::set<ValueId>> reads(stages_.size()), writes(stages_.size());
    for (size_t i = 0; i < stages_.size(); ++i) {
      for (const NodeId id : stages_[i].nodes) {
        for (const ValueId input : program_.nodes()[id].inputs) {
          if (is_parameter(input) || stage_of_[input] == static_cast<int>(i)) continue;
          if (!is_image(program_.type(input))) return false;
          reads[i].insert(input);
          if (stage_of_[input] >= 0) writes[static_cast<size_t>(stage_of_[input])].insert(input);
        }
      }
    }
    for (const NamedValue &output : program_.outputs()) {
      if (stage_of_[output.value] < 0 || !is_image(program_.type(output.value))) return false;
      writes[static_cast<size_t>(stage_of_[output.value])].insert(output.value);
    }
    for (size_t i = 0; i < stages_.size(); ++i) {
      Stage &stage = stages_[i];
      stage.reads.assign(reads[i].begin(), reads[i].end());
      stage.writes.assign(writes[i].begin(), writes[i].end());
      for (const ValueId value : stage.writes) {
        const int64_t rows = shape(value)[kRows];
        stage.height = stage.height == 0 ? rows : std::min(stage.height, rows);
      }
      for (const BandNorm &norm : stage.norms)
        stages_[static_cast<size_t>(stage_of_[norm.input])].gives.push_back(norm);
    }
    return true;
  }

  const Program &program_;
  std::vector<int> stage_of_;  // by value; -1: before all
  std::vector<Stage> stages_;
  size_t first_whole_ = 0, end_whole_ = 0;  // nodes
  int whole_stage_ = -1;
};

// Builds the program of one band: first which rows of each value it takes, from the end to the
// start, then the ops over these.
class BandBuilder {
 public:
  BandBuilder(const Program &program, const Stage &stage, RowRange rows)
      : program_(program),
        stage_(stage),
        rows_(rows),
        needed_(program.values().size()),
        made_(program.values().size(), 0) {}

  Result<Band> build() {
    Band band;
    for (const ValueId value : stage_.writes) {
      band.writes.emplace_back(value, own_rows(value));
      need(value, own_rows(value));
    }
    for (size_t i = stage_.nodes.size(); i-- > 0;) need_inputs(node(stage_.nodes[i]));
    for (const ValueId value : stage_.reads) {
      const RowRange rows = stage_.whole ? all_rows(value) : needed_[value];
      needed_[value] = rows;
      band.reads.emplace_back(value, rows);
      made_[value] = builder_.input(band_name(value), banded(value, rows));
    }
    for (const NodeId id : stage_.nodes) add(id);
    for (const auto &[value, rows] : band.writes)
      builder_.output(band_name(value), taken(value, rows).id());
    for (const BandNorm &norm : stage_.gives) add_statistics(norm);
    FLAME_ASSIGN(band.program, builder_.finish());
    return band;
  }

 private:
  const Node &node(NodeId id) const { return program_.nodes()[id]; }
  const Shape &shape(ValueId value) const { return program_.type(value).shape; }
  RowRange all_rows(ValueId value) const {
    return {0, is_image(program_.type(value)) ? shape(value)[kRows] : 0};
  }
  RowRange own_rows(ValueId value) const {
    const int64_t height = shape(value)[kRows];
    return {rows_.first * height / stage_.height, rows_.end * height / stage_.height};
  }
  TensorType banded(ValueId value, RowRange rows) const {
    return {program_.type(value).dtype, with_size(shape(value), kRows, rows.count())};
  }

  void need(ValueId value, RowRange rows) {
    RowRange &known = needed_[value];
    known = known == RowRange()
                ? rows
                : RowRange{std::min(known.first, rows.first), std::max(known.end, rows.end)};
  }

  // The rows that windows over the input take, some of them in the padding.
  RowRange window_rows(const Node &conv, RowRange rows) const {
    const int64_t stride = conv.attributes.integers("stride")[0];
    const int64_t span =
        conv.attributes.integers("dilation")[0] * (shape(conv.inputs[1])[kRows] - 1) + 1;
    const int64_t first = rows.first * stride - conv.attributes.integers("padding")[0];
    return {first, first + (rows.count() - 1) * stride + span};
  }

  RowRange input_rows(const Node &node, RowRange rows) const {
    const int64_t height = shape(node.inputs[0])[kRows];
    if (node.op->name == "conv2d") {
      const RowRange window = window_rows(node, rows);
      return {std::clamp<int64_t>(window.first, 0, height),
              std::clamp<int64_t>(window.end, 0, height)};
    }
    if (node.op->name == "resize") {
      const int64_t factor = shape(node.outputs[0])[kRows] / height;
      return {rows.first / factor, (rows.end + factor - 1) / factor};
    }
    return rows;
  }

  void need_inputs(const Node &node) {
    if (stage_.whole) return;
    for (const ValueId output : node.outputs) {
      if (needed_[output] != RowRange()) need(node.outputs[0], needed_[output]);
    }
    const RowRange rows = needed_[node.outputs[0]];
    for (const ValueId output : node.outputs) needed_[output] = rows;
    for (const ValueId input : node.inputs) {
      if (!is_parameter(input)) need(input, input_rows(node, rows));
    }
  }

  bool is_parameter(ValueId value) const {
    return std::ranges::find(program_.parameters(), value, &Parameter::value) !=
           program_.parameters().end();
  }

  // A parameter, made where it is first used.
  Term given(ValueId value) {
    if (made_[value] == 0) {
      const auto found = std::ranges::find(program_.parameters(), value, &Parameter::value);
      made_[value] = builder_.parameter(found->name, program_.type(value), found->trainable);
    }
    return builder_.term(made_[value]);
  }

  // The rows of a value, or a parameter.
  Term taken(ValueId value, RowRange rows) {
    if (is_parameter(value)) return given(value);
    const Term all = builder_.term(made_[value]);
    if (stage_.whole) return all;
    return slice(all, kRows, rows.first - needed_[value].first, rows.count());
  }

  void add(NodeId id) {
    const Node &op = node(id);
    const RowRange rows = needed_[op.outputs[0]];
    const bool taken_apart =
        std::ranges::find(stage_.norms, id, &BandNorm::node) != stage_.norms.end();
    builder_.set_place(op.place);
    if (taken_apart) {
      made_[op.outputs[0]] = normed(id, rows).id();
    } else {
      std::vector<ValueId> inputs;
      for (const ValueId input : op.inputs)
        inputs.push_back(taken(input, stage_.whole ? all_rows(input) : input_rows(op, rows)).id());
      const std::vector<ValueId> outputs = builder_.add(op.op->name, inputs, adjusted(op, rows));
      for (size_t i = 0; i < op.outputs.size() && i < outputs.size(); ++i)
        made_[op.outputs[i]] = outputs[i];
      if (op.op->name == "resize" && !stage_.whole) cut_resized(op, rows);
    }
    builder_.set_place(nullptr);
  }

  // Padding only where the picture ends, sizes of the band.
  Attributes adjusted(const Node &op, RowRange rows) const {
    Attributes attributes = op.attributes;
    if (stage_.whole) return attributes;
    if (op.op->name == "conv2d") {
      const RowRange window = window_rows(op, rows);
      std::vector<int64_t> padding = attributes.integers("padding");
      padding[0] = std::max<int64_t>(-window.first, 0);
      padding[1] = std::max<int64_t>(window.end - shape(op.inputs[0])[kRows], 0);
      attributes.set("padding", padding);
    }
    if (op.op->name == "resize") {
      const RowRange from = input_rows(op, rows);
      const int64_t factor = shape(op.outputs[0])[kRows] / shape(op.inputs[0])[kRows];
      attributes.set("size",
                     std::vector<int64_t>{from.count() * factor, shape(op.outputs[0])[kColumns]});
    }
    return attributes;
  }

  void cut_resized(const Node &op, RowRange rows) {
    const int64_t factor = shape(op.outputs[0])[kRows] / shape(op.inputs[0])[kRows];
    ValueId &made = made_[op.outputs[0]];
    made = slice(builder_.term(made), kRows, rows.first - input_rows(op, rows).first * factor,
                 rows.count())
               .id();
  }

  // What the op group_norm computes, with statistics of the whole picture.
  Term normed(NodeId id, RowRange rows) {
    const Node &op = node(id);
    const Term x = taken(op.inputs[0], rows);
    const Grouped grouped(x.shape(), op.attributes.integer("groups"));
    const TensorType statistics{program_.type(op.outputs[1]).dtype,
                                {x.size(0), 1, grouped.whole[2], 1}};
    std::vector<Term> operands = {
        reshape(x, grouped.whole), builder_.term(builder_.input(band_mean_name(id), statistics)),
        builder_.term(builder_.input(band_deviation_name(id), statistics))};
    for (size_t i = 1; i < op.inputs.size(); ++i)
      operands.push_back(reshape(given(op.inputs[i]), grouped.weights));
    const char *codes[] = {"sub x0 x1; mul t0 x2", "sub x0 x1; mul t0 x2; mul t1 x3",
                           "sub x0 x1; mul t0 x2; mul t1 x3; add t2 x4"};
    std::string code = codes[op.inputs.size() - 1];
    if (op.attributes.text("activation") == "silu")
      code += "; silu t" + std::to_string(op.inputs.size());
    return reshape(map(code, operands, x.dtype()), x.shape());
  }

  // Mean and variance of the band's own rows, in f32 or wider.
  void add_statistics(const BandNorm &norm) {
    const Term x = taken(norm.input, own_rows(norm.input));
    const Grouped grouped(x.shape(), norm.groups);
    const Term wide = reshape(x, grouped.whole);
    const Term middle = reduce_wide("mean", wide, grouped.axes);
    const Term centred = map("sub x0 x1", {wide, middle}, middle.dtype());
    const Term variance = mean(map("square x0", {centred}), grouped.axes, true);
    builder_.output(band_mean_name(norm.node), middle.id());
    builder_.output(band_variance_name(norm.node), variance.id());
  }

  const Program &program_;
  const Stage &stage_;
  RowRange rows_;
  ProgramBuilder builder_;
  std::vector<RowRange> needed_;  // by value
  std::vector<ValueId> made_;     // in the band's program, with the rows that are needed
};

}  // namespace

std::optional<Stages> find_stages(const Program &program) {
  return StageFinder(program).find();
}

std::string band_name(ValueId value) {
  return "band." + std::to_string(value);
}
std::string band_mean_name(NodeId norm) {
  return "band.mean." + std::to_string(norm);
}
std::string band_variance_name(NodeId norm) {
  return "band.variance." + std::to_string(norm);
}
std::string band_deviation_name(NodeId norm) {
  return "band.deviation." + std::to_string(norm);
}

Result<Band> make_band(const Stages &stages, const Stage &stage, RowRange rows) {
  return BandBuilder(stages.program, stage, rows).build();
}

}  // namespace flame

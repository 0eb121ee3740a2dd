#include "core/passes/join_slices.h"

#include <map>
#include <optional>

#include "core/ops/catalogue/terms.h"
#include "core/program/rewrite.h"

namespace flame {
namespace {

// A value as neighbouring elements of another one, in row-major order.
struct Piece {
  ValueId base = 0;
  int64_t begin = 0;
  int64_t end = 0;
  std::optional<DType> cast;  // of the elements, if not the base's type
};

bool is_cast(const Node &node) {
  return node.op->name == "cast" || node.op->name == "copy";
}

// Whether elements that follow each other along `axis` follow each other in memory: a part of
// neighbours is then neighbours.
bool is_outermost(const Shape &shape, size_t axis) {
  for (size_t before = 0; before < axis; ++before)
    if (shape[before] != 1) return false;
  return true;
}

// The pieces of a concat with neighbours joined; none if its parts do not follow each other in memory.
std::vector<Piece> joined_pieces(const Program &program, const Node &node,
                                 const std::vector<Piece> &pieces) {
  const Shape &whole = program.type(node.outputs[0]).shape;
  const auto axis = static_cast<size_t>(node.attributes.integer("axis"));
  if (!is_outermost(whole, axis)) return {};
  std::vector<Piece> joined;
  for (const ValueId input : node.inputs) {
    const Piece &next = pieces[input];
    if (next.begin == next.end) continue;
    Piece *last = joined.empty() ? nullptr : &joined.back();
    if (last && last->base == next.base && last->cast == next.cast && last->end == next.begin) {
      last->end = next.end;
    } else {
      joined.push_back(next);
    }
  }
  return joined;
}

std::vector<Piece> find_pieces(const Program &program) {
  std::vector<Piece> pieces(program.values().size());
  for (ValueId value = 1; value < pieces.size(); ++value)
    pieces[value] = {value, 0, program.type(value).shape.element_count(), {}};
  for (const Node &node : program.nodes()) {
    if (node.op->name == "concat") {
      const std::vector<Piece> joined = joined_pieces(program, node, pieces);
      if (joined.size() == 1) pieces[node.outputs[0]] = joined[0];
    }
    if (node.inputs.size() != 1 || node.outputs.size() != 1) continue;
    const Piece &from = pieces[node.inputs[0]];
    Piece &made = pieces[node.outputs[0]];
    if (node.op->name == "reshape") made = from;
    if (is_cast(node) && !from.cast) {
      made = from;
      made.cast = program.type(node.outputs[0]).dtype;
    }
    if (node.op->name != "slice" || node.attributes.integer("step") != 1) continue;
    const Shape &whole = program.type(node.inputs[0]).shape;
    const auto axis = static_cast<size_t>(node.attributes.integer("axis"));
    if (!is_outermost(whole, axis) || whole.element_count() == 0) continue;
    const int64_t row = whole.element_count() / whole[axis];
    made = from;
    made.begin += node.attributes.integer("start") * row;
    made.end = made.begin + node.attributes.integer("count") * row;
  }
  return pieces;
}

class Joiner {
 public:
  Joiner(const Program &program, JoinCounts &counts)
      : program_(program), counts_(counts), pieces_(find_pieces(program)), copy_(program, target_) {
    measure_casts();
  }

  Result<Program> run() {
    for (const Node &node : program_.nodes()) {
      target_.set_place(node.place);
      if (node.op->name == "concat" && join(node)) continue;
      if (is_cast(node) && cast_whole(node)) continue;
      copy_.add(node, target_);
    }
    target_.set_place(nullptr);
    copy_.outputs();
    return target_.finish();
  }

 private:
  using Cast = std::pair<ValueId, DType>;
  struct Whole {
    int64_t elements = 0;  // of all slices that are cast so
    size_t slices = 0;
    ValueId made = 0;  // the cast of the whole, in the target
  };

  const TensorType &type(ValueId value) const { return program_.type(value); }
  int64_t size(ValueId value) const { return type(value).shape.element_count(); }

  bool is_slice(const Piece &piece) const { return piece.end - piece.begin < size(piece.base); }

  void measure_casts() {
    for (const Node &node : program_.nodes()) {
      if (!is_cast(node)) continue;
      const Piece &from = pieces_[node.inputs[0]];
      if (from.cast || !is_slice(from)) continue;
      Whole &whole = wholes_[{from.base, type(node.outputs[0]).dtype}];
      whole.elements += from.end - from.begin;
      ++whole.slices;
    }
  }

  Term flat(const Piece &piece, const Term &whole) {
    const Term row = reshape(whole, Shape{whole.shape().element_count()});
    return is_slice(piece) ? slice(row, 0, piece.begin, piece.end - piece.begin) : row;
  }

  // The piece in the target, cast; the cast of the whole tensor is taken where there is one.
  Term term_of(const Piece &piece) {
    const Term whole = target_.term(copy_.at(piece.base));
    if (!piece.cast) return flat(piece, whole);
    const auto found = wholes_.find({piece.base, *piece.cast});
    if (found == wholes_.end() || found->second.slices < 2 ||
        found->second.elements < size(piece.base) / 2)
      return cast(flat(piece, whole), *piece.cast);
    if (found->second.made == 0) found->second.made = cast(whole, *piece.cast).id();
    return flat(piece, target_.term(found->second.made));
  }

  bool cast_whole(const Node &node) {
    const Piece &piece = pieces_[node.outputs[0]];
    if (!piece.cast || !is_slice(piece)) return false;
    const auto found = wholes_.find({piece.base, *piece.cast});
    if (found == wholes_.end() || found->second.slices < 2 ||
        found->second.elements < size(piece.base) / 2)
      return false;
    copy_.set(node.outputs[0], reshape(term_of(piece), type(node.outputs[0]).shape).id());
    ++counts_.casts;
    return true;
  }

  bool join(const Node &node) {
    const TensorType &whole = type(node.outputs[0]);
    const auto axis = static_cast<size_t>(node.attributes.integer("axis"));
    const std::vector<Piece> joined = joined_pieces(program_, node, pieces_);
    if (joined.empty()) return false;
    if (joined.size() == node.inputs.size()) return false;
    counts_.pieces += node.inputs.size() - joined.size();
    const int64_t row = whole.shape.element_count() / whole.shape[axis];
    std::vector<Term> parts;
    for (const Piece &piece : joined) {
      const Shape shape = with_size(whole.shape, axis, (piece.end - piece.begin) / row);
      parts.push_back(reshape(term_of(piece), shape));
    }
    const Term made = parts.size() == 1 ? parts[0] : concat(parts, static_cast<int64_t>(axis));
    copy_.set(node.outputs[0], made.id());
    return true;
  }

  const Program &program_;
  JoinCounts &counts_;
  std::vector<Piece> pieces_;
  std::map<Cast, Whole> wholes_;
  ProgramBuilder target_;
  ProgramCopy copy_;
};

}  // namespace

Result<Program> join_slices(const Program &program, JoinCounts *counts) {
  JoinCounts unwanted;
  return Joiner(program, counts ? *counts : unwanted).run();
}

}  // namespace flame

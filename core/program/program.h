// A program: ops over values, with parameters and answers by name. It names no device and holds no
// data.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/ops/catalogue/op_builder.h"

namespace flame {

using NodeId = uint32_t;  // the node's place in Program::nodes()
inline constexpr NodeId kNoNode = UINT32_MAX;

// Where a model plugin built an op. Neighbouring ops of one place share it.
struct Place {
  std::string scope;  // "down_blocks.1.attention"; may be empty
  std::string file;   // of the plugin's source; may be empty
  uint32_t line = 0;

  // "unet.cc:12, in down_blocks.1"; "an unnamed place" if nothing is known.
  std::string text() const;
};

struct Value {
  TensorType type;
  NodeId producer = kNoNode;  // kNoNode: an input or a parameter
  uint32_t output_index = 0;  // of the producer
};

struct Node {
  const OpDefinition *op = nullptr;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  Attributes attributes;  // complete, in the catalogue's order
  std::shared_ptr<const Place> place;
};

struct NamedValue {
  std::string name;
  ValueId value = 0;
};

// How the elements of a trainable parameter start where no file says it.
struct Initial {
  enum class Kind {
    kConstant,  // each is `scale`
    kUniform,   // from -scale to scale
    kNormal     // around 0 with the deviation scale
  };
  Kind kind = Kind::kConstant;
  double scale = 0;

  bool operator==(const Initial &) const = default;
};

struct Parameter {
  std::string name;
  ValueId value = 0;
  bool trainable = false;
  Initial initial = {};
};

// Immutable once built; copies share nothing that can change. Every node stands behind the nodes
// whose values it uses. [any thread]
class Program {
 public:
  // Value 0 is no value; values() includes it, so that an id is an index.
  const std::vector<Value> &values() const { return values_; }
  const std::vector<Node> &nodes() const { return nodes_; }
  const std::vector<NamedValue> &inputs() const { return inputs_; }
  const std::vector<Parameter> &parameters() const { return parameters_; }
  const std::vector<NamedValue> &outputs() const { return outputs_; }

  const Value &value(ValueId id) const { return values_[id]; }
  const TensorType &type(ValueId id) const { return values_[id].type; }

  // Null if there is none of that name. Linear in the number of names.
  const NamedValue *find_input(std::string_view name) const;
  const Parameter *find_parameter(std::string_view name) const;
  const NamedValue *find_output(std::string_view name) const;

 private:
  friend class ProgramBuilder;

  std::vector<Value> values_{1};
  std::vector<Node> nodes_;
  std::vector<NamedValue> inputs_;
  std::vector<Parameter> parameters_;
  std::vector<NamedValue> outputs_;
};

// The rules of a right program: ids in range, order, names that are unique, and for each node the
// types that its op gives. What ProgramBuilder makes is right; passes are checked by this in tests.
// The error names the op and its place.
Status validate(const Program &program);

}  // namespace flame

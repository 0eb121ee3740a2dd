#include "core/ops/catalogue/document.h"

#include <fmt/core.h>

#include "core/base/json.h"
#include "core/ops/catalogue/catalogue.h"
#include "core/ops/catalogue/scalar_derivatives.h"

namespace flame {
namespace {

std::string_view group_title(OpGroup group) {
  switch (group) {
    case OpGroup::kRequired:
      return "Required ops";
    case OpGroup::kView:
      return "Views";
    case OpGroup::kOptional:
      break;
  }
  return "Optional ops";
}

std::string_view group_name(OpGroup group) {
  switch (group) {
    case OpGroup::kRequired:
      return "required";
    case OpGroup::kView:
      return "view";
    case OpGroup::kOptional:
      break;
  }
  return "optional";
}

std::string_view group_text(OpGroup group) {
  switch (group) {
    case OpGroup::kRequired:
      return "Every backend has these.";
    case OpGroup::kView:
      return "The host resolves these by strides; where strides cannot express the answer, it puts "
             "a `copy` in front. "
             "No backend sees them.";
    case OpGroup::kOptional:
      break;
  }
  return "A backend may have these. Where it has not, the host puts the decomposition in their "
         "place, which ends in "
         "required ops and views and gives the same answer.";
}

std::string_view role_name(PrecisionRole role) {
  switch (role) {
    case PrecisionRole::kNarrow:
      return "narrow";
    case PrecisionRole::kFollow:
      return "follows";
    case PrecisionRole::kWide:
      return "wide";
    case PrecisionRole::kSum:
      return "sum";
    case PrecisionRole::kSource:
      return "source";
  }
  return {};
}

std::string_view agreement_name(Agreement agreement) {
  switch (agreement) {
    case Agreement::kExact:
      return "exact";
    case Agreement::kLinear:
      return "linear";
    case Agreement::kNumeric:
      break;
  }
  return "numeric";
}

std::string_view count_name(OperandCount count) {
  switch (count) {
    case OperandCount::kOptional:
      return "optional";
    case OperandCount::kMany:
      return "many";
    case OperandCount::kOne:
      break;
  }
  return "one";
}

std::string gradient_text(const OpDefinition &op) {
  if (op.gradient) return op.gradient_note.empty() ? "yes" : std::string(op.gradient_note);
  if (op.decompose) return "that of the decomposition";
  return fmt::format("none: {}", op.gradient_note);
}

std::string operand_lines(std::string_view title, const std::vector<OperandSpec> &operands) {
  std::string text =
      operands.empty() ? fmt::format("- {}: none\n", title) : fmt::format("- {}:\n", title);
  for (const OperandSpec &operand : operands) {
    const char *mark = operand.count == OperandCount::kOptional ? " (optional)"
                       : operand.count == OperandCount::kMany   ? " (any number)"
                                                                : "";
    text += fmt::format("  - `{}`{}: {}\n", operand.name, mark, operand.help);
  }
  return text;
}

std::string attribute_lines(const OpDefinition &op) {
  std::string text = op.attributes.empty() ? "- attributes: none\n" : "- attributes:\n";
  for (const AttributeSpec &attribute : op.attributes) {
    const std::string standard = attribute.default_value
                                     ? "default `" + text_of(*attribute.default_value) + "`"
                                     : std::string("must be given");
    text += fmt::format("  - `{}` ({}, {}): {}\n", attribute.name, name_of(attribute.kind),
                        standard, attribute.help);
  }
  return text;
}

std::string op_section(const OpDefinition &op) {
  std::string text = fmt::format("### {}\n\n{}\n\n{}\n\n", op.name, op.summary, op.formula);
  text += operand_lines("inputs", op.inputs) + operand_lines("outputs", op.outputs) +
          attribute_lines(op);
  text += fmt::format("- types: {}\n- agreement: {}\n- precision: {} ({})\n- gradient: {}\n",
                      op.dtypes, agreement_name(op.agreement), role_name(op.precision.role),
                      op.precision.reason, gradient_text(op));
  if (op.decompose)
    text += fmt::format("- decomposition: {} (`core/ops/{}.cc`)\n", op.decomposition, op.name);
  return text + "\n";
}

constexpr std::string_view kIntroduction = R"(# Ops

Made from the catalogue in `core/ops` by `ninja write_ops`; a test compares. `sdk/ops.json` holds the same as data.

An op has inputs, outputs and attributes. Backends get every attribute, in the order below, with defaults filled in and
values in normal form: axes from 0 up and sorted, -1 in a shape replaced by its size, names of types spelled out. Inputs
that are optional can only be left out from the end. Tensors have up to 8 axes, sizes from 0, and any strides where a
backend takes them; images are `[n, h, w, c]`. Outputs are written whole.

Agreement says how close an answer must come to the reference: *exact* is the same bits; *linear* is a norm-relative
error of 2e-6 in f32, and the same bits if all values are small whole numbers; *numeric* is 2e-6 in f32.

Precision says what happens to the op where a program is made to store bf16 or f16: *narrow* takes its operands so,
*follows* takes what its operand has, *wide* is an island of f32, *sum* takes what comes and answers in f32, *source*
makes f32.

)";

std::string scalar_table() {
  static constexpr std::string_view rules[] = {"arithmetic", "float", "comparison", "logical",
                                               "select"};
  std::string text =
      "## Scalar functions\n\nThe functions of `map`'s code, with operands a, b, c. Arithmetic "
      "functions join their operands to the "
      "wider of integer and float and give that; float functions make floats of all; comparisons "
      "join and give bool; logical "
      "ones take and give bool; `where` joins its last two. A derivative is the code for what each "
      "operand gets of the "
      "cotangent x4, with x0 to x2 the operands and x3 the result.\n\n| function | operands | kind "
      "| value | derivatives "
      "|\n|---|---|---|---|---|\n";
  for (const ScalarFunction &function : kScalarFunctions) {
    std::string derivatives;
    for (uint32_t i = 0; i < function.arity; ++i) {
      const ScalarDerivative &derivative = derivative_of(function, i);
      derivatives += derivatives.empty() ? "" : "<br>";
      derivatives += derivative.zero ? "0" : fmt::format("`{}`", write_map_code(derivative.code));
    }
    std::string formula;
    for (const char c : function.formula)
      formula += c == '|' ? std::string("\\|") : std::string(1, c);
    text += fmt::format("| `{}` | {} | {} | {} | {} |\n", function.name, function.arity,
                        rules[static_cast<size_t>(function.rule)], formula, derivatives);
  }
  return text;
}

Json operands_json(const std::vector<OperandSpec> &operands) {
  Json list{Json::Array{}};
  for (const OperandSpec &operand : operands) {
    Json entry;
    entry.set("name", operand.name);
    entry.set("count", count_name(operand.count));
    entry.set("help", operand.help);
    list.push(std::move(entry));
  }
  return list;
}

Json value_json(const AttributeValue &value) {
  return std::visit(
      [](const auto &held) -> Json {
        if constexpr (
            requires {
              held.empty();
              held.front();
            } &&
            !requires { held.c_str(); }) {
          Json list{Json::Array{}};
          for (const auto &item : held) list.push(item);
          return list;
        } else {
          return held;
        }
      },
      value);
}

Json op_json(const OpDefinition &op) {
  Json entry;
  entry.set("name", op.name);
  entry.set("group", group_name(op.group));
  entry.set("summary", op.summary);
  entry.set("formula", op.formula);
  entry.set("inputs", operands_json(op.inputs));
  entry.set("outputs", operands_json(op.outputs));
  Json attributes{Json::Array{}};
  for (const AttributeSpec &spec : op.attributes) {
    Json attribute;
    attribute.set("name", spec.name);
    attribute.set("kind", name_of(spec.kind));
    if (spec.default_value) attribute.set("default", value_json(*spec.default_value));
    attribute.set("help", spec.help);
    attributes.push(std::move(attribute));
  }
  entry.set("attributes", std::move(attributes));
  entry.set("types", op.dtypes);
  entry.set("agreement", agreement_name(op.agreement));
  entry.set("gradient", gradient_text(op));
  if (op.decompose) entry.set("decomposition", op.decomposition);
  return entry;
}

}  // namespace

std::string catalogue_markdown() {
  std::string text(kIntroduction);
  for (const OpGroup group : {OpGroup::kRequired, OpGroup::kView, OpGroup::kOptional}) {
    text += fmt::format("## {}\n\n{}\n\n", group_title(group), group_text(group));
    for (const OpDefinition &op : catalogue()) {
      if (op.group == group) text += op_section(op);
    }
  }
  return text + scalar_table();
}

std::string catalogue_json() {
  Json ops{Json::Array{}};
  for (const OpDefinition &op : catalogue()) ops.push(op_json(op));
  Json functions{Json::Array{}};
  for (const ScalarFunction &function : kScalarFunctions) {
    Json entry;
    entry.set("name", function.name);
    entry.set("operands", function.arity);
    entry.set("value", function.formula);
    functions.push(std::move(entry));
  }
  Json whole;
  whole.set("ops", std::move(ops));
  whole.set("scalar_functions", std::move(functions));
  return whole.dump(1) + "\n";
}

}  // namespace flame

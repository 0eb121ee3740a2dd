// The results of whole programs on two backends.
#include <fmt/core.h>

#include "core/base/terminal.h"
#include "core/cli/conformance_report.h"

namespace flame::cli {
namespace {

using conformance::Difference;
using conformance::LockstepCheck;
using conformance::NodeCheck;
using conformance::OutputCheck;
using conformance::ProgramCheck;

Json types_json(const std::vector<TensorType> &types) {
  Json list{Json::Array()};
  for (const TensorType &type : types) list.push(type.text());
  return list;
}

}  // namespace

std::string types_text(const NodeCheck &check) {
  std::string text;
  for (const TensorType &type : check.inputs) text += type.text() + " ";
  text += "->";
  for (const TensorType &type : check.outputs) text += " " + type.text();
  return text;
}

namespace {

Json to_json(const Difference &difference) {
  Json json;
  json.set("norm_relative", difference.norm_relative);
  json.set("norm_ratio", difference.norm_ratio);
  json.set("one_minus_cosine", difference.one_minus_cosine);
  json.set("max_absolute", difference.max_absolute);
  return json;
}

Json to_json(const NodeCheck &check) {
  Json json;
  json.set("node", static_cast<int64_t>(check.node));
  json.set("op", check.op);
  json.set("place", printable(check.place));
  json.set("inputs", types_json(check.inputs)).set("outputs", types_json(check.outputs));
  json.set("difference", to_json(check.difference));
  json.set("allowed", check.allowed).set("ill_conditioned", check.ill_conditioned);
  if (!check.wrong.empty()) json.set("wrong", check.wrong);
  return json;
}

}  // namespace

void print_program(const ProgramCheck &check) {
  fmt::print("{:<40} {:<20} {:>9} {:>9} {:>9}\n", "output", "type", "error", "ratio", "1 - cos");
  for (const OutputCheck &output : check.outputs) {
    fmt::print("{:<40} {:<20} {:>9.1e} {:>9.1e} {:>9.1e}{}\n", printable(output.name),
               output.type.text(), output.difference.norm_relative, output.difference.norm_ratio,
               output.difference.one_minus_cosine,
               output.wrong.empty() ? "" : "  DIFFERS: " + output.wrong);
  }
  fmt::print("\nall outputs together: norm ratio off by {:.1e}, allowed {:.1e} in {}\n",
             check.joined_ratio, check.tier.joined_ratio, check.tier.name);
  fmt::print("{}\n", check.equal()
                         ? "the backends agree"
                         : "the backends differ; --lockstep names the first op that does");
}

void print_lockstep(const LockstepCheck &check) {
  if (check.first) {
    fmt::print("op {} ({}) is the first that differs: {}\n    {}\n    built at {}\n",
               check.first->node, check.first->op, check.first->wrong, types_text(*check.first),
               printable(check.first->place));
    return;
  }
  fmt::print("{} ops agree\n", check.nodes);
  if (check.ill_conditioned > 0) {
    fmt::print(
        "{} of them hang on the last digits of their inputs, and are judged by what one "
        "rounding of those changes\n",
        check.ill_conditioned);
  }
  if (!check.worst) return;
  fmt::print("nearest to its limit: op {} ({}), norm-relative error {:.1e}, built at {}\n",
             check.worst->node, check.worst->op, check.worst->difference.norm_relative,
             printable(check.worst->place));
}

Json to_json(const ProgramCheck &check) {
  Json json;
  json.set("equal", check.equal());
  json.set("tier", check.tier.name);
  json.set("joined_norm_ratio", check.joined_ratio);
  json.set("joined_norm_relative", check.joined_error);
  json.set("median_norm_relative", check.median_error);
  Json outputs{Json::Array()};
  for (const OutputCheck &output : check.outputs) {
    Json one;
    one.set("output", printable(output.name));
    one.set("type", output.type.text());
    one.set("difference", to_json(output.difference)).set("allowed", output.allowed);
    if (!output.wrong.empty()) one.set("wrong", output.wrong);
    outputs.push(one);
  }
  json.set("outputs", outputs);
  return json;
}

Json to_json(const LockstepCheck &check) {
  Json json;
  json.set("equal", !check.first.has_value());
  json.set("compared", static_cast<int64_t>(check.nodes));
  json.set("ill_conditioned", static_cast<int64_t>(check.ill_conditioned));
  json.set("most_bytes_held", static_cast<int64_t>(check.most_bytes));
  if (check.first) json.set("first", to_json(*check.first));
  if (check.worst) json.set("worst", to_json(*check.worst));
  return json;
}

}  // namespace flame::cli

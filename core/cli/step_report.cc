#include "core/cli/step_report.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/base/terminal.h"
#include "core/cli/chart.h"
#include "core/cli/conformance_report.h"
#include "core/cli/html.h"

namespace flame::cli {
namespace {

using conformance::LockstepCheck;
using conformance::NodeCheck;
using conformance::OutputCheck;
using conformance::ProgramCheck;
using conformance::Tier;

constexpr size_t kShown = 10;  // gradients on the terminal

// What differs first, then what is furthest off.
std::vector<const OutputCheck *> worst_first(const ProgramCheck &check) {
  std::vector<const OutputCheck *> list;
  for (const OutputCheck &output : check.outputs) list.push_back(&output);
  std::ranges::stable_sort(list, [](const OutputCheck *a, const OutputCheck *b) {
    if (a->wrong.empty() != b->wrong.empty()) return b->wrong.empty();
    return a->difference.norm_relative > b->difference.norm_relative;
  });
  return list;
}

size_t wrong_of(const ProgramCheck &check) {
  return static_cast<size_t>(std::ranges::count_if(
      check.outputs, [](const OutputCheck &output) { return !output.wrong.empty(); }));
}

// Empty, unless the output hangs on last digits.
std::string allowance_of(const OutputCheck &output, const Tier &tier) {
  if (output.allowed <= tier.each.norm_relative) return "";
  return fmt::format("{:.1e} allowed: it hangs on the weights' last digits", output.allowed);
}

double off_by(const StepCheck &step) {
  const double size = std::fabs(step.reference_loss);
  return size > 0 ? std::fabs(step.loss - step.reference_loss) / size : std::fabs(step.loss);
}

const OutputCheck &prediction_of(const StepCheck &step) {
  return *std::ranges::find(step.answers.outputs, kPredictionOutput, &OutputCheck::name);
}

std::string verdict(const CheckedStep &check) {
  if (check.equal()) return "the backends agree in a training step";
  std::string text = "the backends differ in a training step";
  if (!check.lockstep) return text + "; --lockstep names the first op that does";
  if (!check.lockstep->first) return text + ", though every op by itself agrees";
  const NodeCheck &first = *check.lockstep->first;
  return text + fmt::format(": op {} ({}), built at {}, is the first that does", first.node,
                            first.op, printable(first.place));
}

std::string together_text(const ProgramCheck &check) {
  std::string text = fmt::format(
      "together: norm-relative error {:.1e}, norm ratio off by {:.1e} of {:.0e}; median error "
      "{:.1e}",
      check.joined_error, check.joined_ratio, check.tier.joined_ratio, check.median_error);
  if (check.tier.middle > 0) text += fmt::format(" of {:.1e}", check.tier.middle);
  return text;
}

void print_outputs(const ProgramCheck &check) {
  const std::vector<const OutputCheck *> list = worst_first(check);
  const size_t shown =
      std::min(list.size(), std::max(kShown, std::min(wrong_of(check), 3 * kShown)));
  size_t width = 8;
  for (size_t i = 0; i < shown; ++i) width = std::max(width, printable(list[i]->name).size());
  fmt::print("{:<{}} {:<16} {:>9} {:>9} {:>9}\n", "gradient", width, "shape", "error", "ratio",
             "1 - cos");
  for (size_t i = 0; i < shown; ++i) {
    const OutputCheck &output = *list[i];
    const std::string allowance = allowance_of(output, check.tier);
    fmt::print("{:<{}} {:<16} {:>9.1e} {:>9.1e} {:>9.1e}{}{}\n", printable(output.name), width,
               output.type.shape.text(), output.difference.norm_relative,
               output.difference.norm_ratio, output.difference.one_minus_cosine,
               allowance.empty() ? "" : "  " + allowance,
               output.wrong.empty() ? "" : "  DIFFERS: " + output.wrong);
  }
  if (shown < list.size()) fmt::print("and {} more, each nearer\n", list.size() - shown);
}

Json tier_json(const Tier &tier) {
  Json json;
  json.set("name", tier.name).set("norm_relative", tier.each.norm_relative);
  json.set("norm_ratio", tier.each.norm_ratio).set("joined_norm_ratio", tier.joined_ratio);
  json.set("one_minus_cosine", tier.one_minus_cosine);
  if (tier.middle > 0) json.set("median_and_joined_norm_relative", tier.middle);
  return json;
}

double worst_error(const ProgramCheck &check) {
  double worst = 0;
  for (const OutputCheck &output : check.outputs)
    worst = std::max(worst, output.difference.norm_relative);
  return worst;
}

// How the gates came about; empty where they follow from the type alone.
std::string gates_text(const StepReportFacts &facts) {
  if (!facts.rounding) return "";
  return fmt::format(
      "rounding to {} alone changes the reference's gradients by up to {:.1e}, {:.1e} in the "
      "median, "
      "{:.1e} together: twice that is allowed",
      facts.tier.name, worst_error(*facts.rounding), facts.rounding->median_error,
      facts.rounding->joined_error);
}

std::string number(double value) {
  return fmt::format("{:.1e}", value);
}

std::vector<std::string> row_of(const OutputCheck &output, const Tier &tier) {
  return {"<code>" + html(output.name) + "</code>",
          html(output.type.shape.text()),
          number(output.difference.norm_relative),
          number(output.difference.norm_ratio),
          number(output.difference.one_minus_cosine),
          output.wrong.empty() ? html(allowance_of(output, tier))
                               : "<span class=\"warning\">" + html(output.wrong) + "</span>"};
}

std::string outputs_table(const std::vector<const OutputCheck *> &list, const Tier &tier,
                          std::string_view what) {
  std::vector<std::vector<std::string>> rows;
  for (const OutputCheck *output : list) rows.push_back(row_of(*output, tier));
  return html_table(
      {std::string(what), "shape", "norm-relative error", "norm ratio off by", "1 - cosine", ""},
      rows);
}

std::string node_table(const NodeCheck &node) {
  return html_table(
      {"op", "built at", "types", "norm-relative error", "allowed", ""},
      {{fmt::format("{} {}", node.node, html(node.op)), html(node.place), html(types_text(node)),
        number(node.difference.norm_relative), number(node.allowed), html(node.wrong)}});
}

std::string lockstep_html(const CheckedStep &check) {
  if (!check.lockstep) return "";
  const LockstepCheck &lockstep = *check.lockstep;
  if (lockstep.first)
    return "<p class=\"warning\">The first op that differs:</p>\n" + node_table(*lockstep.first);
  std::string text = fmt::format(
      "<p>{} ops agree, each fed with the reference's values; {} of "
      "them are judged by what one rounding of their inputs changes.",
      lockstep.nodes, lockstep.ill_conditioned);
  if (!lockstep.worst) return text + "</p>\n";
  return text + " Nearest to its limit:</p>\n" + node_table(*lockstep.worst);
}

// Over the model, so that the layer where an error begins is seen.
std::string errors_chart(const ProgramCheck &check) {
  Curve error{.name = "norm-relative error", .style = "c0"},
      allowed{.name = "allowed", .style = "c1"};
  for (size_t i = 0; i < check.outputs.size(); ++i) {
    const double value = check.outputs[i].difference.norm_relative;
    if (value > 0) error.points.emplace_back(static_cast<int64_t>(i), value);
    allowed.points.emplace_back(static_cast<int64_t>(i), check.outputs[i].allowed);
  }
  return chart_figure(
      {.title = "error of each gradient, in the model's order", .curves = {error, allowed}});
}

}  // namespace

void print_step(const CheckedStep &check) {
  const StepReportFacts &facts = check.facts;
  const StepCheck &step = check.step;
  fmt::print("one training step of {}: {}\n", printable(facts.pipeline), facts.step);
  fmt::print("reference  {}\ncandidate  {}\ndata       {}\nadapters   {}\n\n",
             printable(facts.reference), printable(facts.candidate), printable(facts.data),
             facts.start);
  fmt::print("loss {:.9g}, the reference's {:.9g}: off by {:.1e}\n", step.loss, step.reference_loss,
             off_by(step));
  const OutputCheck &prediction = prediction_of(step);
  fmt::print("prediction {}: norm-relative error {:.1e}, norm ratio off by {:.1e}\n",
             prediction.type.shape.text(), prediction.difference.norm_relative,
             prediction.difference.norm_ratio);
  for (const OutputCheck &output : step.answers.outputs)
    if (!output.wrong.empty()) fmt::print("{} DIFFERS: {}\n", output.name, output.wrong);
  fmt::print("\n");
  print_outputs(step.gradients);
  fmt::print("\n{} gradients, {} outside {}: norm-relative {:.1e}, norm ratio {:.1e} each\n",
             step.gradients.outputs.size(), wrong_of(step.gradients), facts.tier.name,
             facts.tier.each.norm_relative, facts.tier.each.norm_ratio);
  fmt::print("{}\n", together_text(step.gradients));
  if (facts.rounding) fmt::print("{}\n", gates_text(facts));
  std::fflush(stdout);
}

void print_step_end(const CheckedStep &check) {
  const StepReportFacts &facts = check.facts;
  if (check.lockstep) {
    fmt::print("\nop by op, each with the reference's values\n");
    print_lockstep(*check.lockstep);
  }
  std::string times;
  for (const auto &[what, seconds] : facts.seconds)
    times += fmt::format("{}{} {:.1f} s", times.empty() ? "" : ", ", what, seconds);
  fmt::print("\n{}\n{}\n", times, verdict(check));
}

Json to_json(const CheckedStep &check) {
  const StepReportFacts &facts = check.facts;
  Json json;
  json.set("equal", check.equal()).set("verdict", verdict(check));
  json.set("pipeline", printable(facts.pipeline)).set("step", facts.step);
  json.set("reference", printable(facts.reference)).set("candidate", printable(facts.candidate));
  json.set("data", printable(facts.data)).set("start", facts.start);
  json.set("gates", tier_json(facts.tier)).set("depth", static_cast<int64_t>(facts.depth));
  if (facts.rounding) {
    Json rounding;
    rounding.set("norm_relative", worst_error(*facts.rounding));
    rounding.set("median", facts.rounding->median_error);
    json.set("rounding_alone", rounding.set("joined", facts.rounding->joined_error));
  }
  json.set("loss", check.step.loss).set("reference_loss", check.step.reference_loss);
  json.set("answers", to_json(check.step.answers));
  json.set("gradients", to_json(check.step.gradients));
  if (check.lockstep) json.set("lockstep", to_json(*check.lockstep));
  Json seconds(Json::Object{});
  for (const auto &[what, each] : facts.seconds) seconds.set(what, each);
  return json.set("seconds", std::move(seconds));
}

std::string step_page(const CheckedStep &check) {
  const StepReportFacts &facts = check.facts;
  const StepCheck &step = check.step;
  std::string body = fmt::format("<h1>{}</h1>\n<p class=\"state{}\">{}</p>\n", html(facts.pipeline),
                                 check.equal() ? "" : " warning", html(verdict(check)));
  std::string tiles = html_tile("step", facts.step);
  tiles += html_tile("loss", fmt::format("{:.7g}, off by {:.1e}", step.loss, off_by(step)));
  tiles += html_tile("gradients", fmt::format("{}, {} outside", step.gradients.outputs.size(),
                                              wrong_of(step.gradients)));
  const std::vector<const OutputCheck *> worst = worst_first(step.gradients);
  if (!worst.empty())
    tiles += html_tile("worst error",
                       fmt::format("{:.1e} of {:.0e}", worst.front()->difference.norm_relative,
                                   facts.tier.each.norm_relative));
  body += "<dl class=\"tiles\">" + tiles + "</dl>\n";
  body += html_section(
      "What was compared",
      html_table({"", ""},
                 {{"reference", html(facts.reference)},
                  {"candidate", html(facts.candidate)},
                  {"data", html(facts.data)},
                  {"adapters", html(facts.start)},
                  {"gates", html(fmt::format("{}: norm-relative {:.1e}, norm ratio {:.1e} each. {}",
                                             facts.tier.name, facts.tier.each.norm_relative,
                                             facts.tier.each.norm_ratio, gates_text(facts)))}}));
  body += html_section("Op by op", lockstep_html(check));
  body += html_section("Errors over the model", errors_chart(step.gradients));
  std::vector<const OutputCheck *> answers;
  for (const OutputCheck &output : step.answers.outputs) answers.push_back(&output);
  body += html_section("Answers", outputs_table(answers, facts.tier, "answer"));
  body += html_section("Gradients, the worst first",
                       "<p>" + html(together_text(step.gradients)) + "</p>\n" +
                           outputs_table(worst, facts.tier, "gradient"));
  std::vector<std::vector<std::string>> times;
  for (const auto &[what, seconds] : facts.seconds)
    times.push_back({html(what), fmt::format("{:.1f} s", seconds)});
  body += html_section("Time", html_table({"what", "time"}, times));
  return html_page("crosscheck of " + facts.pipeline, body);
}

}  // namespace flame::cli

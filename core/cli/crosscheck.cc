// `flamehost crosscheck`: one backend against another, op by op.
#include <fmt/core.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/terminal.h"
#include "core/cli/commands.h"
#include "core/cli/conformance_report.h"
#include "core/cli/installed.h"
#include "core/plugin/backends.h"

namespace flame::cli {
namespace {

using conformance::SuiteOptions;
using conformance::SuiteReport;

// "onednn", or "mutant:bug=no-scale" with options of the backend, separated by commas.
OpenDeviceRequest request_of(const std::string &text) {
  OpenDeviceRequest request;
  const size_t colon = std::min(text.find(':'), text.size());
  request.reference = text.substr(0, colon);
  size_t start = colon + 1;
  while (start < text.size()) {
    const size_t end = std::min(text.find(',', start), text.size());
    const std::string setting = text.substr(start, end - start);
    const size_t equals = std::min(setting.find('='), setting.size());
    request.options.emplace_back(setting.substr(0, equals),
                                 setting.substr(std::min(equals + 1, setting.size())));
    start = end + 1;
  }
  return request;
}

Status check_ops(const Arguments &arguments, Device &reference, Device &candidate, bool &equal) {
  SuiteOptions options;
  options.ops = arguments.get("--ops");
  options.quick = arguments.has("--quick");
  const bool colour = colour_allowed(STDOUT_FILENO);
  print_suite_head();
  options.on_op = [&](const conformance::OpSummary &summary) { print_op(summary, colour); };
  FLAME_ASSIGN(const SuiteReport report, run_suite(reference, candidate, options));
  print_suite_end(report);
  equal = report.total.failed == 0;
  if (!arguments.has("--json")) return {};
  return write_file_atomically(arguments.get("--json"), to_json(report).dump(1) + "\n");
}

Status check(const Arguments &arguments, bool &equal) {
  if (!arguments.has("--ops")) {
    return config_error("what is to be compared? --ops is missing",
                        "give --ops '*' for all ops, or a pattern such as 'conv*,matmul'");
  }
  const Catalogue catalogue = installed_catalogue(arguments);
  PluginHost host({});
  FLAME_ASSIGN(const auto reference,
               open_device(host, catalogue, request_of(arguments.get("--reference", "reference"))));
  FLAME_ASSIGN(const auto candidate,
               open_device(host, catalogue, request_of(arguments.get("--candidate", "onednn"))));
  return check_ops(arguments, *reference, *candidate, equal);
}

int run(const Arguments &arguments) {
  bool equal = false;
  const Status status = check(arguments, equal);
  if (!status.ok()) return fail(status.error());
  return equal ? 0 : exit_code(ErrorKind::kNumeric);
}

constexpr CommandOption kOptions[] = {
    {.name = "--ops",
     .value = "PATTERN",
     .help = "compare ops: names with * and ?, several with commas"},
    {.name = "--reference",
     .value = "BACKEND",
     .kind = ValueKind::kComponent,
     .help = "the backend that is right; reference if not given"},
    {.name = "--candidate",
     .value = "BACKEND",
     .kind = ValueKind::kComponent,
     .help = "the backend that is tried; onednn if not given. Options follow a colon: "
             "onednn:threads=2"},
    {.name = "--quick", .value = "", .help = "a fixed part of the cases, in less than a minute"},
    {.name = "--json",
     .value = "FILE",
     .kind = ValueKind::kFile,
     .help = "also write the results as JSON"},
};

}  // namespace

const Command kCrosscheckCommand = {.group = "",
                                    .name = "crosscheck",
                                    .summary = "Compare a backend with the reference, op by op",
                                    .arguments = {},
                                    .options = kOptions,
                                    .run = run};

}  // namespace flame::cli

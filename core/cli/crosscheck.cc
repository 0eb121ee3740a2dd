// `flamehost crosscheck`: one backend against another, in all ops, a whole program or a training step; or a
// model against a recording.
#include <fmt/core.h>
#include <unistd.h>

#include <charconv>

#include "core/base/file.h"
#include "core/base/terminal.h"
#include "core/cli/backend_request.h"
#include "core/cli/commands.h"
#include "core/cli/conformance_report.h"
#include "core/cli/crosscheck_pipeline.h"
#include "core/cli/crosscheck_recording.h"
#include "core/cli/installed.h"
#include "core/program/read.h"

namespace flame::cli {
namespace {

using conformance::SuiteOptions;
using conformance::SuiteReport;

constexpr size_t kMaxProgramBytes = size_t{256} << 20;

Status check_ops(const Arguments &arguments, Device &reference, Device &candidate, bool &equal) {
  SuiteOptions options;
  options.ops = arguments.get("--ops");
  options.quick = arguments.has("--quick");
  if (arguments.has("--dtype")) {
    options.dtype = dtype_from_name(arguments.get("--dtype"));
    if (!options.dtype) {
      return config_error(
          fmt::format("--dtype '{}' is no type of tensors", printable(arguments.get("--dtype"))),
          "such as f32, bf16 or i64");
    }
  }
  const bool colour = colour_allowed(STDOUT_FILENO);
  print_suite_head();
  options.on_op = [&](const conformance::OpSummary &summary) { print_op(summary, colour); };
  FLAME_ASSIGN(const SuiteReport report, conformance::run_suite(reference, candidate, options));
  print_suite_end(report);
  equal = report.total.failed == 0;
  if (!arguments.has("--json")) return {};
  return write_file_atomically(arguments.get("--json"), to_json(report).dump(1) + "\n");
}

Result<uint64_t> seed_of(const Arguments &arguments) {
  const std::string text = arguments.get("--seed", "1");
  uint64_t seed = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), seed);
  if (read.ec == std::errc() && read.ptr == text.data() + text.size()) return seed;
  return config_error(fmt::format("--seed {}: expected a whole number from 0 up", printable(text)));
}

Status check_program(const Arguments &arguments, Device &reference, Device &candidate,
                     bool &equal) {
  const std::string file = arguments.get("PROGRAM");
  FLAME_ASSIGN(const uint64_t seed, seed_of(arguments));
  FLAME_ASSIGN(const std::string text, read_file(file, kMaxProgramBytes));
  FLAME_ASSIGN(const Program program, read_program(text, file));
  Json json;
  if (arguments.has("--lockstep")) {
    FLAME_ASSIGN(const auto check,
                 conformance::check_lockstep(reference, candidate, program, seed));
    print_lockstep(check);
    equal = !check.first;
    json = to_json(check);
  } else {
    FLAME_ASSIGN(const auto check, conformance::check_program(reference, candidate, program, seed));
    print_program(check);
    equal = check.equal();
    json = to_json(check);
  }
  if (!arguments.has("--json")) return {};
  return write_file_atomically(arguments.get("--json"), json.dump(1) + "\n");
}

// What is compared: each takes options of its own.
enum class Subject {
  kOps,
  kProgram,
  kRecording,
  kPipeline
};

Subject subject_of(const Arguments &arguments) {
  if (names_recording(arguments)) return Subject::kRecording;
  if (arguments.has("--ops")) return Subject::kOps;
  return names_pipeline(arguments) ? Subject::kPipeline : Subject::kProgram;
}

// Options of the one that would be without effect for the others.
Status check_options(const Arguments &arguments, Subject subject) {
  if (subject == Subject::kRecording) {
    for (const char *option :
         {"--ops", "--reference", "--candidate", "--lockstep", "--seed", "--quick"}) {
      if (arguments.has(option))
        return config_error(fmt::format("{} is not for recordings", option));
    }
  } else {
    for (const char *option : {"--adapter", "--backend", "--variant"}) {
      if (arguments.has(option))
        return config_error(fmt::format("{} is for recordings alone", option));
    }
  }
  if (subject != Subject::kPipeline) {
    for (const char *option : {"--set", "--random-data", "--html"}) {
      if (arguments.has(option))
        return config_error(fmt::format("{} is for pipelines alone", option));
    }
    if (subject != Subject::kRecording && arguments.has("--tolerance"))
      return config_error("--tolerance is for recordings and pipelines alone");
  } else {
    for (const char *option : {"--seed", "--quick", "--dtype"}) {
      if (arguments.has(option)) {
        return config_error(fmt::format("{} is not for pipelines", option),
                            "the file says it; change it with --set, such as --set seed=2 or --set "
                            "backend.precision=f32");
      }
    }
  }
  if (subject == Subject::kProgram && arguments.has("--dtype"))
    return config_error("--dtype is for ops and recordings", "a program has its own types");
  return {};
}

Status check(const Arguments &arguments, bool &equal) {
  const Subject subject = subject_of(arguments);
  FLAME_TRY(check_options(arguments, subject));
  if (subject == Subject::kRecording) return check_recording_file(arguments, equal);
  if (subject == Subject::kPipeline) return check_pipeline_step(arguments, equal);
  if (arguments.has("--ops") == arguments.has("PROGRAM")) {
    return config_error(arguments.has("--ops") ? "both --ops and a program are given"
                                               : "what is to be compared? PROGRAM is missing",
                        "give a program's file, or --ops '*' for all ops, or a pattern such as "
                        "--ops 'conv*,matmul'");
  }
  const Catalogue catalogue = installed_catalogue(arguments);
  FLAME_ASSIGN(const auto right, read_device_request(arguments.get("--reference", "reference")));
  FLAME_ASSIGN(const auto tried, read_device_request(arguments.get("--candidate", "onednn")));
  OpenDeviceRequest requests[] = {right, tried};
  FLAME_TRY(set_threads(arguments, catalogue, requests));
  PluginHost host({});
  FLAME_ASSIGN(const auto reference, open_device(host, catalogue, requests[0]));
  FLAME_ASSIGN(const auto candidate, open_device(host, catalogue, requests[1]));
  if (arguments.has("PROGRAM")) return check_program(arguments, *reference, *candidate, equal);
  return check_ops(arguments, *reference, *candidate, equal);
}

int run(const Arguments &arguments) {
  bool equal = false;
  const Status status = check(arguments, equal);
  if (!status.ok()) return fail(status.error());
  return equal ? 0 : exit_code(ErrorKind::kNumeric);
}

constexpr CommandArgument kArguments[] = {
    {.name = "PROGRAM",
     .kind = ValueKind::kFile,
     .required = false,
     .help = "a program's JSON file, run whole on both backends with the same values; or a "
             "recording (*.safetensors), compared with a model of --weights; or a pipeline (any "
             "other file), one training step of which is run on both"}};

constexpr CommandOption kOptions[] = {
    {.name = "--ops",
     .value = "PATTERN",
     .help = "compare ops: names with * and ?, several with commas"},
    {.name = "--reference",
     .value = "BACKEND",
     .kind = ValueKind::kComponent,
     .help = "the backend that is right; reference if not given, of a pipeline onednn"},
    {.name = "--candidate",
     .value = "BACKEND",
     .kind = ValueKind::kComponent,
     .help = "the backend that is tried; onednn if not given, of a pipeline its own. Options "
             "follow a colon: "
             "onednn:threads=2, cuda:tf32=true,determinism=strict"},
    kThreadsOption,
    {.name = "--lockstep",
     .value = "",
     .help = "run a program or a training step op by op with equal inputs, and name the first op "
             "that differs"},
    {.name = "--seed", .value = "NUMBER", .help = "of a program's values; 1 if not given"},
    {.name = "--quick",
     .value = "",
     .help = "of the ops a fixed part of the cases, in less than a minute"},
    {.name = "--weights",
     .value = "PATH",
     .kind = ValueKind::kFile,
     .repeated = true,
     .help = "of a recording: the model's weights, a file or a folder; several files are one set"},
    {.name = "--variant",
     .value = "NAME",
     .help = "of a recording: which files of a folder to take, such as fp16"},
    {.name = "--adapter",
     .value = "FILE",
     .kind = ValueKind::kFile,
     .help = "of a recording: the LoRA that the model had, with names of kohya or PEFT"},
    {.name = "--backend",
     .value = "BACKEND",
     .kind = ValueKind::kComponent,
     .help = "of a recording: what computes; onednn if not given, for f64 reference"},
    {.name = "--dtype",
     .value = "TYPE",
     .help = "of the ops the cases of this type; of a recording what it is computed in: f64, f32, "
             "bf16 or f16; f32 if not given"},
    {.name = "--tolerance",
     .value = "NUMBER",
     .help = "of a recording or a pipeline: how far each tensor may be off, norm-relative; else "
             "by type"},
    {.name = "--random-data",
     .value = "",
     .help = "of a pipeline: take seeded random latents and texts, not its pictures"},
    {.name = "--set",
     .value = "KEY=VALUE",
     .kind = ValueKind::kSetting,
     .repeated = true,
     .help = "of a pipeline: change one value first, such as backend.precision=f32"},
    {.name = "--html",
     .value = "FILE",
     .kind = ValueKind::kFile,
     .help = "of a pipeline: also write the results as one page"},
    {.name = "--json",
     .value = "FILE",
     .kind = ValueKind::kFile,
     .help = "also write the results as JSON"},
};

}  // namespace

const Command kCrosscheckCommand = {
    .group = "",
    .name = "crosscheck",
    .summary = "Compare a backend with another, or a model with a recording",
    .arguments = kArguments,
    .options = kOptions,
    .run = run};

}  // namespace flame::cli

// What a run says of itself, beside what it measures: runs/NAME/run.json, from which its report is
// made.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/base/json.h"

namespace flame::cli {

inline constexpr std::string_view kFactsFile = "run.json";

struct Setting {
  std::string key;    // "train.optimizer.lr"
  std::string value;  // as it would stand in the file
};

struct RunFacts {
  struct Plugin {
    std::string id, version, sha256;
  };
  struct Bucket {
    std::string size;  // "1024 × 960"
    int64_t learned = 0, held_out = 0;
  };
  struct Note {
    bool warning = false;
    std::string text;
  };
  struct Timing {
    std::string what;
    double seconds = 0;
  };
  struct Memory {
    std::string what;  // "weights"
    uint64_t bytes = 0;
  };
  struct Export {
    std::string path;
    std::string coverage;  // "1680 of 1680 keys are known to ComfyUI"
  };

  std::string version;  // of flamehost
  std::string run, outcome, file, backend, device;
  double started = 0, ended = 0;  // seconds of Unix; 0: not yet
  int64_t steps = 0, parameters = 0, tensors = 0;
  std::vector<std::string> results;  // sentences: "the prediction changed by 0.1 of its size"
  std::vector<std::string> prompts;  // of sample pictures, in their order
  std::vector<Setting> settings;
  std::vector<Plugin> plugins;
  std::vector<Bucket> buckets;
  std::vector<Note> notes;
  std::vector<Timing> timings;
  std::vector<Memory> memory;
  std::vector<Export> exports;
};

Json to_json(const RunFacts &facts);
// Errors (kStorage): what no such file can hold, with `name` and the member.
Result<RunFacts> facts_from_json(const Json &json, const std::string &name);

Status write_facts(const RunFacts &facts, const std::filesystem::path &folder);
// Errors: a folder that no training has left (kBadConfig); a file that is none (kStorage).
Result<RunFacts> read_facts(const std::filesystem::path &folder);

}  // namespace flame::cli

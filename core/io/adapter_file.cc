#include "core/io/adapter_file.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/json.h"
#include "core/base/terminal.h"
#include "core/base/text.h"
#include "core/tensor/numbers.h"

namespace flame {
namespace {

constexpr size_t kProblemsShown = 20;

struct Ending {
  std::string_view text;
  HostTensor LowRankPair::*tensor;
  std::string LowRankPair::*key;
};
const Ending kEndings[] = {
    {".lora_down.weight", &LowRankPair::down, &LowRankPair::down_key},
    {".lora_up.weight", &LowRankPair::up, &LowRankPair::up_key},
    {".lora_A.weight", &LowRankPair::down, &LowRankPair::down_key},
    {".lora_B.weight", &LowRankPair::up, &LowRankPair::up_key},
    {".lora.down.weight", &LowRankPair::down, &LowRankPair::down_key},
    {".lora.up.weight", &LowRankPair::up, &LowRankPair::up_key},
};
constexpr std::string_view kAlpha = ".alpha";

Error refusal(std::string_view what, std::vector<std::string> problems, std::string hint) {
  const size_t count = problems.size();
  if (count > kProblemsShown) {
    problems.resize(kProblemsShown);
    problems.push_back(fmt::format("and {} more", count - kProblemsShown));
  }
  return config_error(fmt::format("{}:\n  {}", what, join(problems, "\n  ")), std::move(hint));
}

// PEFT keeps alpha in the metadata alone, under the part of the pipeline: "unet.lora_alpha".
std::vector<std::pair<std::string, double>> alphas_of(const SafetensorsFile &file) {
  std::vector<std::pair<std::string, double>> alphas;
  const std::string *text = file.find_metadata("lora_adapter_metadata");
  const Result<Json> json = text ? parse_json(*text, "lora_adapter_metadata") : Json();
  if (!json.ok() || !json->as_object()) return alphas;
  constexpr std::string_view kName = "lora_alpha";
  for (const auto &[key, value] : *json->as_object()) {
    if (key.ends_with(kName) && value.is_number())
      alphas.emplace_back(key.substr(0, key.size() - kName.size()), value.as_number());
  }
  return alphas;
}

class Reader {
 public:
  explicit Reader(const SafetensorsFile &file) : file_(file) {}

  Result<std::vector<LowRankPair>> read() {
    for (const StoredTensor &tensor : file_.tensors()) FLAME_TRY(read_tensor(tensor));
    std::vector<LowRankPair> pairs;
    for (auto &[stem, pair] : pairs_) {
      check(pair);
      pairs.push_back(std::move(pair));
    }
    for (const auto &[stem, alpha] : alphas_) {
      if (!pairs_.contains(stem))
        problems_.push_back(fmt::format("'{}' belongs to no pair", printable(stem + ".alpha")));
    }
    if (pairs.empty()) problems_.push_back("it holds no pair lora_down and lora_up");
    if (problems_.empty()) return pairs;
    return refusal(printable(file_.path().string()) + ": not a LoRA that is known here", problems_,
                   "give a LoRA with names of kohya or PEFT");
  }

 private:
  Status read_tensor(const StoredTensor &tensor) {
    const std::string &name = tensor.name;
    if (name.ends_with(kAlpha)) {
      FLAME_ASSIGN(const HostTensor alpha, file_.read(tensor));
      if (tensor.shape.element_count() == 1) {
        alphas_[name.substr(0, name.size() - kAlpha.size())] = numbers_of(alpha).front();
        return {};
      }
    }
    for (const Ending &ending : kEndings) {
      if (!name.ends_with(ending.text)) continue;
      const std::string stem = name.substr(0, name.size() - ending.text.size());
      LowRankPair &pair = pairs_[stem];
      pair.stem = stem;
      if (!(pair.*ending.key).empty()) {
        problems_.push_back(fmt::format("'{}' has two pairs", printable(stem)));
        return {};
      }
      pair.*ending.key = name;
      FLAME_ASSIGN(pair.*ending.tensor, file_.read(tensor));
      return {};
    }
    problems_.push_back(fmt::format("the tensor '{}' is of no known kind", printable(name)));
    return {};
  }

  void check(LowRankPair &pair) {
    const auto problem = [&](std::string_view what) {
      problems_.push_back(fmt::format("'{}': {}", printable(pair.stem), what));
    };
    if (pair.down_key.empty() || pair.up_key.empty()) return problem("one half is missing");
    const Shape &down = pair.down.type.shape, &up = pair.up.type.shape;
    const auto is_right = [](const Shape &shape) { return shape.rank() == 2 || shape.rank() == 4; };
    if (!is_right(down) || !is_right(up) || down[0] == 0 || up[1] != down[0] ||
        up.element_count() != up[0] * up[1] || !is_float(pair.down.type.dtype) ||
        !is_float(pair.up.type.dtype))
      return problem(
          fmt::format("{} and {} do not fit together", pair.down.type.text(), pair.up.type.text()));
    const double rank = static_cast<double>(down[0]);
    const auto own = alphas_.find(pair.stem);
    if (own != alphas_.end()) {
      pair.scale = own->second / rank;
      return;
    }
    for (const auto &[beginning, alpha] : alphas_of(file_)) {
      if (pair.stem.starts_with(beginning)) pair.scale = alpha / rank;
    }
  }

  const SafetensorsFile &file_;
  std::map<std::string, LowRankPair> pairs_;
  std::map<std::string, double> alphas_;
  std::vector<std::string> problems_;
};

}  // namespace

Result<std::vector<LowRankPair>> read_adapter(const std::filesystem::path &path) {
  FLAME_ASSIGN(const SafetensorsFile file, SafetensorsFile::open(path));
  return Reader(file).read();
}

}  // namespace flame

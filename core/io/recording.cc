#include "core/io/recording.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/terminal.h"
#include "core/base/text.h"

namespace flame {
namespace {

constexpr std::string_view kVersion1 = "1";
constexpr size_t kProblemsShown = 20;

class Reader {
 public:
  explicit Reader(const SafetensorsFile &file) : file_(file) {}

  Result<Recording> read() {
    read_metadata();
    // Without it the file is something else, of which every tensor would be a problem.
    if (!problems_.empty()) return refusal();
    for (const StoredTensor &tensor : file_.tensors()) FLAME_TRY(read_tensor(tensor));
    check_gradients();
    if (problems_.empty()) return std::move(made_);
    return refusal();
  }

 private:
  Error refusal() {
    const size_t count = problems_.size();
    if (count > kProblemsShown) {
      problems_.resize(kProblemsShown);
      problems_.push_back(fmt::format("and {} more", count - kProblemsShown));
    }
    return config_error(fmt::format("{}: not a right recording:\n  {}",
                                    printable(file_.path().string()), join(problems_, "\n  ")),
                        "docs/recordings.md says what a recording holds");
  }

  template <typename... Words>
  void problem(fmt::format_string<Words...> text, Words &&...words) {
    problems_.push_back(fmt::format(text, std::forward<Words>(words)...));
  }

  void read_metadata() {
    const std::string *version = file_.find_metadata("flame.recording");
    if (!version) {
      problem("its metadata has no 'flame.recording'");
    } else if (*version != kVersion1) {
      problem("its version is '{}', expected '{}'", printable(*version), kVersion1);
    }
    const std::string *model = file_.find_metadata("flame.model");
    if (model) read_model(*model);
    if (!model || model->empty()) problem("its metadata has no 'flame.model'");
    read_config();
    const std::string *source = file_.find_metadata("flame.source");
    if (source) made_.source = *source;
  }

  // "sdxl.vae.encoder": the last part is the program, the rest the component with dashes.
  void read_model(const std::string &model) {
    made_.model = model;
    const size_t dot = model.rfind('.');
    made_.component = model.substr(0, dot);
    if (dot != std::string::npos) made_.program = model.substr(dot + 1);
    std::ranges::replace_if(
        made_.component, [](char c) { return c == '.' || c == '_'; }, '-');
  }

  void read_config() {
    const std::string *text = file_.find_metadata("flame.config");
    if (!text) return problem("its metadata has no 'flame.config'");
    Result<Json> config = parse_json(*text, "flame.config");
    if (!config.ok()) return problem("{}", config.error().what);
    if (!config->as_object()) return problem("'flame.config' is no JSON object");
    made_.config = std::move(*config);
  }

  TensorMap *group_of(std::string_view &name) {
    const std::pair<std::string_view, TensorMap *> groups[] = {
        {"input/", &made_.inputs},
        {"output/", &made_.outputs},
        {"cotangent/", &made_.cotangents},
        {"grad/input/", &made_.input_gradients},
        {"grad/param/", &made_.weight_gradients},
        {"grad/adapter/", &made_.adapter_gradients}};
    for (const auto &[begin, group] : groups) {
      if (!name.starts_with(begin) || name.size() == begin.size()) continue;
      name.remove_prefix(begin.size());
      return group;
    }
    return nullptr;
  }

  Status read_tensor(const StoredTensor &tensor) {
    std::string_view name = tensor.name;
    TensorMap *group = group_of(name);
    if (!group) {
      problem(
          "the tensor '{}' is of none of the kinds input/, output/, cotangent/, grad/input/, "
          "grad/param/, grad/adapter/",
          printable(tensor.name));
      return {};
    }
    const std::optional<DType> dtype = tensor.type->dtype;
    const bool whole = dtype == DType::kI64 && group == &made_.inputs;
    if (dtype != DType::kF64 && dtype != DType::kF32 && !whole) {
      problem("the tensor '{}' is of the type {}, expected F32, F64{}", printable(tensor.name),
              tensor.type->name, group == &made_.inputs ? " or I64" : "");
      return {};
    }
    FLAME_ASSIGN((*group)[std::string(name)], file_.read(tensor));
    return {};
  }

  void check_shapes(const TensorMap &gradients, const TensorMap &of, std::string_view what) {
    for (const auto &[name, tensor] : gradients) {
      const auto found = of.find(name);
      if (found == of.end()) {
        problem("{}{} belongs to nothing that was recorded", what, printable(name));
      } else if (found->second.type.shape != tensor.type.shape) {
        problem("{}{} is {}, but what it belongs to {}", what, printable(name),
                tensor.type.shape.text(), found->second.type.shape.text());
      }
    }
  }

  void check_gradients() {
    if (made_.inputs.empty()) problem("it has no tensor input/…");
    if (made_.outputs.empty()) problem("it has no tensor output/…");
    check_shapes(made_.cotangents, made_.outputs, "cotangent/");
    check_shapes(made_.input_gradients, made_.inputs, "grad/input/");
    const bool gradients = !made_.input_gradients.empty() || !made_.weight_gradients.empty() ||
                           !made_.adapter_gradients.empty();
    if (gradients && made_.cotangents.empty())
      problem("it has gradients, but no cotangent/… that they would be of");
  }

  const SafetensorsFile &file_;
  Recording made_;
  std::vector<std::string> problems_;
};

}  // namespace

Result<Recording> read_recording(const std::filesystem::path &path) {
  FLAME_ASSIGN(const SafetensorsFile file, SafetensorsFile::open(path));
  return Reader(file).read();
}

}  // namespace flame

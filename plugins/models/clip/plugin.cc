// The plugin `clip`: the text encoders CLIP-L and CLIP-G, and their tokenizer.
#include <dlfcn.h>

#include <optional>

#include "flame/files.hpp"
#include "plugins/models/clip/clip_names.h"
#include "plugins/models/clip/text_model.h"
#include "plugins/models/clip/tokenizer.h"

namespace {

constexpr uint64_t kMostVocabularyBytes = uint64_t{64} << 20;
constexpr std::string_view kMergesName = "merges.txt";
// From the folder of this library.
constexpr std::string_view kInstalledMerges = "../../../share/flamehost/clip/merges.txt";

// The file that was installed with this library.
std::string installed_merges() {
  Dl_info info = {};
  static const char here = 0;
  if (!dladdr(&here, &info) || !info.dli_fname)
    throw flame::not_found("the plugin clip cannot tell where it lies: set the option vocabulary");
  const std::string library = info.dli_fname;
  return library.substr(0, library.rfind('/') + 1).append(kInstalledMerges);
}

std::string merges_path(const std::optional<std::string> &option) {
  if (!option) return installed_merges();
  const bool is_file = option->size() >= 4 && option->compare(option->size() - 4, 4, ".txt") == 0;
  return is_file ? *option : flame::text(*option, "/", kMergesName);
}

clip::Vocabulary read_vocabulary(const std::optional<std::string> &option) {
  const std::string path = merges_path(option);
  try {
    return clip::Vocabulary::parse(flame::Reader(path).read_all(kMostVocabularyBytes), path);
  } catch (const flame::Error &error) {
    throw flame::Error(error.status(),
                       flame::text("the vocabulary of CLIP: ", error.what(),
                                   option ? "; see the option vocabulary"
                                          : "; install flamehost again, or set the option "
                                            "vocabulary to a merges.txt"));
  }
}

// Both encoders; G projects the state at the end token.
template <bool kProjects>
class TextEncoder : public flame::Model {
 public:
  using Options = std::conditional_t<kProjects, clip::ClipGOptions, clip::ClipOptions>;

  explicit TextEncoder(const Options &options) : options_(options) {
    options_.check();
    models::list_parameters(parameters_, [&](flame::Program &program) {
      clip::build_text_model(program, options_, {1, 1}, kProjects);
    });
  }

  std::vector<std::string> programs() const override { return {"text"}; }

  void build(flame::Program &program, std::string_view name, flame::Attributes sizes) override {
    if (name != "text") throw flame::not_found("there is no program '", name, "', only 'text'");
    const clip::TextSizes text = {models::size_of(sizes, "batch"),
                                  models::size_of(sizes, "tokens")};
    clip::build_text_model(program, options_, text, kProjects);
  }

  std::vector<flame::Layout> layouts() const override { return clip::layouts(kProjects); }

  flame::WeightSource source(size_t layout, std::string_view parameter) const override {
    return clip::source(kProjects, layout, std::string(parameter),
                        models::shape_in(parameters_, parameter));
  }

  flame::Tokens tokenize(std::string_view text, uint32_t row_limit) override {
    if (row_limit == 0) throw flame::invalid_argument("a text needs a row, but row_limit is 0");
    if (!vocabulary_) start_tokenizer();
    const std::vector<int64_t> whole = clip::encode(*vocabulary_, text);
    const auto length = static_cast<size_t>(options_.max_position_embeddings);
    const size_t room = length - 2;  // between begin and end
    const size_t rows = std::clamp<size_t>((whole.size() + room - 1) / room, 1, row_limit);
    const size_t kept = std::min(whole.size(), rows * room);
    flame::Tokens tokens;
    tokens.row_length = static_cast<uint32_t>(length);
    tokens.kept_count = static_cast<uint32_t>(kept);
    tokens.text_count = whole.size();
    tokens.ids.reserve(rows * length);
    for (size_t row = 0; row < rows; ++row) {
      tokens.ids.push_back(vocabulary_->begin());
      tokens.ids.insert(tokens.ids.end(), whole.begin() + std::min(kept, row * room),
                        whole.begin() + std::min(kept, (row + 1) * room));
      tokens.ids.push_back(vocabulary_->end());
      tokens.ids.resize((row + 1) * length, padding_);
    }
    return tokens;
  }

 private:
  void start_tokenizer() {
    clip::Vocabulary vocabulary = read_vocabulary(options_.vocabulary);
    if (vocabulary.size() > options_.vocab_size) {
      throw flame::invalid_argument("the vocabulary has ", vocabulary.size(),
                                    " tokens, but vocab_size is ", options_.vocab_size,
                                    ": set vocab_size, or vocabulary to the one of this model");
    }
    padding_ = vocabulary.find(options_.pad_token);
    if (padding_ < 0) {
      throw flame::invalid_argument("pad_token: '", options_.pad_token,
                                    "' is no token of the vocabulary, expected one such as ! or ",
                                    clip::kEndText);
    }
    vocabulary_ = std::move(vocabulary);
  }

  Options options_;
  models::ParameterList parameters_;
  std::optional<clip::Vocabulary> vocabulary_;
  int64_t padding_ = 0;
};

}  // namespace

FLAME_PLUGIN(plugin) {
  plugin.id("org.flamehost.clip").version("0.1.0").vendor("The flamehost authors");
  plugin.license("Apache-2.0 AND MIT").summary("The text encoders CLIP-L and CLIP-G.");
  plugin.add<TextEncoder<false>>("clip-l", "The text encoder CLIP ViT-L/14.");
  plugin.add<TextEncoder<true>>("clip-g", "The text encoder OpenCLIP ViT-bigG/14.");
}

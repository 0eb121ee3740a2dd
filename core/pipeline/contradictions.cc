// Each contradiction by a function of its own.
#include "core/pipeline/contradictions.h"

#include <fmt/core.h>

#include "core/pipeline/section_values.h"
#include "core/train/merge_adapter.h"

namespace flame {
namespace {

class Contradictions {
 public:
  Contradictions(const YamlNode &file, const ResolvedSection &root,
                 std::vector<Diagnostic> &diagnostics)
      : file_(file), root_(root), diagnostics_(diagnostics) {}

  void find() {
    find_in_noise();
    find_in_drawing();
    const ResolvedSection *adapter = root_.find_section("adapter");
    const ComponentSpec *chosen = adapter ? adapter->component.component : nullptr;
    if (chosen && chosen->id == "full") find_in_own_weights(*adapter);
  }

 private:
  void report(const TextPlace &place, std::string message, std::string hint) {
    add_error(diagnostics_, "bad-value", place, std::move(message)).hint = std::move(hint);
  }

  // Where the key stands in its section, which a setting of the command line may have made.
  TextPlace place_of(std::string_view section, std::string_view key) const {
    const YamlMember *outer = file_.find(section);
    const YamlMember *inner = outer ? outer->value->find(key) : nullptr;
    return inner ? inner->place : outer ? outer->place : TextPlace{};
  }

  void find_in_noise() {
    const ResolvedSection *train = root_.find_section("train");
    const ResolvedSection *noise = train ? train->find_section("noise") : nullptr;
    const std::vector<double> range = SectionValues(noise).numbers("range");
    if (range.empty() || range.size() == 2) return;
    report(noise->place,
           fmt::format("train.noise.range has {} numbers, expected two", range.size()),
           "give the first and the last part of the times, such as [0, 1]");
  }

  // A training draws with its own adapter alone.
  void find_in_drawing() {
    const ResolvedSection *sample = root_.find_section("sample");
    if (!sample || !root_.find_section("train") || !sample->find_section("loras")) return;
    report(place_of("sample", "loras"),
           "sample.loras is for drawing alone, and this pipeline trains",
           "leave it out; merge the LoRA into the checkpoint to train on top of it");
  }

  // What belongs to adapters alone, where the weights themselves learn.
  void find_in_own_weights(const ResolvedSection &adapter) {
    for (const ResolvedSection &section : root_.sections) {
      const ComponentSpec *exporter = section.component.component;
      if (section.spec->key != "export" || !exporter || exporter->id == kMergeExporter) continue;
      report(section.place,
             fmt::format("{}: '{}' writes adapters, but adapter.use is full: what learns are the "
                         "weights themselves",
                         section.path, exporter->id),
             "export with 'use: merge', which writes a whole checkpoint, or train with "
             "'use: lora'");
    }
    if (!SectionValues(&adapter).get<std::string>("continue_from").empty())
      report(place_of("adapter", "continue_from"),
             "adapter.continue_from names a LoRA file, but adapter.use is full",
             "name the checkpoint to go on from in model.weights");
    if (SectionValues(root_.find_section("sample")).get<double>("strength", 1.0) != 1)
      report(place_of("sample", "strength"),
             "sample.strength is for adapters, but adapter.use is full",
             "leave it out: pictures are drawn with the weights as they are");
  }

  const YamlNode &file_;
  const ResolvedSection &root_;
  std::vector<Diagnostic> &diagnostics_;
};

}  // namespace

void check_contradictions(const YamlNode &file, const ResolvedSection &root,
                          std::vector<Diagnostic> &diagnostics) {
  Contradictions(file, root, diagnostics).find();
}

}  // namespace flame

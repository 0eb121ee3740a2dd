// A model of a first-party plugin, seen through the tables of the contract.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/base/call_scope.h"
#include "core/base/flame_text.h"
#include "core/plugin/attribute_list.h"
#include "core/plugin/plugin_host.h"
#include "core/plugin/plugin_model.h"
#include "flame/tokenizer.h"
#include "flame/weights.h"

namespace flame::model_test {

// Options that differ from their defaults, with their items.
using Settings = std::vector<std::pair<std::string, std::vector<Scalar>>>;

inline AttributeList options_of(const ComponentSpec &component, const Settings &settings) {
  AttributeList options;
  for (const OptionSpec &spec : component.options) {
    OptionValue value = default_value(spec);
    for (const auto &[name, items] : settings)
      if (name == spec.name) value.items = items;
    if (!value.items.empty()) options.add(spec, value);
  }
  return options;
}

// The host outlives it.
class StartedModel {
 public:
  static Result<StartedModel> start(PluginHost &host, const std::string &component,
                                    const Settings &settings = {}) {
    const Catalogue catalogue = Catalogue::scan({FLAME_PLUGINS});
    FLAME_ASSIGN(const Catalogue::Match match, catalogue.find("model", component));
    FLAME_ASSIGN(const StartedComponent started, host.start(match));
    const AttributeList options = options_of(*started.component, settings);
    const auto &table = started.table<flame_model_interface>();
    flame_model *made = nullptr;
    CallScope scope(component, "create");
    FLAME_TRY(scope.finish(
        table.create(scope.call(), flame_text(component), options.data(), options.size(), &made)));
    StartedModel model(made, started);
    FLAME_ASSIGN(PluginModel programs,
                 PluginModel::create(table, started.plugin->id(), component, options));
    model.programs_ = std::make_unique<PluginModel>(std::move(programs));
    return model;
  }
  StartedModel(StartedModel &&other) noexcept
      : model_(std::exchange(other.model_, nullptr)),
        table_(other.table_),
        tokenizer_(other.tokenizer_),
        weights_(other.weights_),
        programs_(std::move(other.programs_)) {}
  ~StartedModel() {
    if (model_) table_->destroy(model_);
  }

  flame_model *get() const { return model_; }
  const PluginModel &programs() const { return *programs_; }
  // Null if the model has none.
  const flame_tokenizer_interface *tokenizer() const { return tokenizer_; }
  const flame_weights_interface *weights() const { return weights_; }

 private:
  StartedModel(flame_model *model, const StartedComponent &started)
      : model_(model),
        table_(&started.table<flame_model_interface>()),
        tokenizer_(static_cast<const flame_tokenizer_interface *>(
            started.plugin->query(FLAME_TOKENIZER_ID))),
        weights_(
            static_cast<const flame_weights_interface *>(started.plugin->query(FLAME_WEIGHTS_ID))) {
  }

  flame_model *model_;
  const flame_model_interface *table_;
  const flame_tokenizer_interface *tokenizer_;
  const flame_weights_interface *weights_;
  std::unique_ptr<PluginModel> programs_;
};

}  // namespace flame::model_test

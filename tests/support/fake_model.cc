#include "tests/support/fake_model.h"

#include <fmt/core.h>

#include "tests/support/fake_model_tables.h"

namespace flame::test {

Result<PluginModel> fake_model(int64_t width, std::string_view fault) {
  return PluginModel::create(kFakeModels, "org.example.fake", fmt::format("{}/{}", width, fault),
                             AttributeList(), {&kFakeWeights, &kFakeTokens});
}

}  // namespace flame::test

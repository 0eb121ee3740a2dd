// `flamehost schema`: what may stand in a pipeline file, for editors as JSON Schema and for people
// as pages.
#include "core/pipeline/schema.h"

#include <fmt/core.h>

#include <array>

#include "core/cli/commands.h"
#include "core/cli/installed.h"
#include "core/pipeline/page.h"
#include "core/pipeline/reference.h"

namespace flame::cli {
namespace {

constexpr std::array kArguments = {
    CommandArgument{.name = "NAME",
                    .kind = ValueKind::kComponent,
                    .required = false,
                    .help = "a section such as train.optimizer, or a component such as "
                            "optimizer.adamw; without it the whole file's schema is printed"},
};
constexpr std::array kOptions = {
    CommandOption{
        .name = "--json", .value = "", .help = "print the schema of NAME instead of its page"},
    CommandOption{.name = "--markdown",
                  .value = "",
                  .help = "print the pages of everything, as docs/pipeline-reference.md has them"},
};

int print_schema(const Json &schema) {
  fmt::print("{}\n", schema.dump(2));
  return 0;
}

int run(const Arguments &arguments) {
  const Catalogue catalogue = installed_catalogue(arguments);
  const Components components(catalogue);
  if (arguments.has("--markdown")) {
    fmt::print("{}", reference_markdown(components));
    return 0;
  }
  const std::string name = arguments.get("NAME");
  if (name.empty()) return print_schema(pipeline_schema(components));
  if (arguments.has("--json")) {
    const Result<Json> schema = schema_of(name, components);
    return schema.ok() ? print_schema(*schema) : fail(schema.error());
  }
  const Result<std::string> page = page_of(name, components);
  if (!page.ok()) return fail(page.error());
  fmt::print("{}", *page);
  return 0;
}

}  // namespace

const Command kSchemaCommand = {
    .group = "",
    .name = "schema",
    .summary = "Show what may stand in a pipeline file: pages, or JSON Schema for editors",
    .arguments = kArguments,
    .options = kOptions,
    .run = run,
};

}  // namespace flame::cli

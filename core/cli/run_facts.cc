#include "core/cli/run_facts.h"

#include <fmt/core.h>

#include <cmath>

#include "core/base/file.h"
#include "core/base/terminal.h"

namespace flame::cli {
namespace {

// Reads members and remembers the first that is of another type; one that is not there is empty.
class Members {
 public:
  Members(const Json &json, const std::string &place, std::string &wrong)
      : json_(json), place_(place), wrong_(wrong) {}

  void read(const char *key, std::string &into) const {
    const Json *value = json_.find(key);
    if (!value) return;
    if (const std::string *text = value->as_string()) into = *text;
    if (!value->as_string()) refuse(key, "a text");
  }
  void read(const char *key, bool &into) const {
    const Json *value = json_.find(key);
    if (!value) return;
    if (value->as_bool()) into = *value->as_bool();
    if (!value->as_bool()) refuse(key, "true or false");
  }
  void read(const char *key, double &into) const {
    const Json *value = json_.find(key);
    if (!value) return;
    into = value->as_number();
    if (!value->is_number()) refuse(key, "a number");
  }
  void read(const char *key, int64_t &into) const {
    const Json *value = json_.find(key);
    if (!value) return;
    if (value->as_int() && *value->as_int() >= 0) into = *value->as_int();
    if (!value->as_int() || *value->as_int() < 0) refuse(key, "a whole number, not below 0");
  }
  void read(const char *key, uint64_t &into) const {
    int64_t number = 0;
    read(key, number);
    into = static_cast<uint64_t>(number);
  }
  // Each item by read_item(members, item).
  template <typename Item, typename Read>
  void read(const char *key, std::vector<Item> &into, Read read_item) const {
    const Json *value = json_.find(key);
    if (!value) return;
    if (!value->as_array()) return refuse(key, "a list");
    for (const Json &each : *value->as_array()) {
      const std::string place = fmt::format("{}{}.{}.", place_, key, into.size());
      Item item;
      if (each.as_object()) read_item(Members(each, place, wrong_), item);
      if (!each.as_object()) refuse(key, "a list of objects");
      into.push_back(std::move(item));
    }
  }
  void read(const char *key, std::vector<std::string> &into) const {
    const Json *value = json_.find(key);
    if (!value) return;
    if (!value->as_array()) return refuse(key, "a list");
    for (const Json &each : *value->as_array()) {
      if (!each.as_string()) return refuse(key, "a list of texts");
      into.push_back(*each.as_string());
    }
  }

 private:
  void refuse(const char *key, const char *expected) const {
    if (wrong_.empty()) wrong_ = fmt::format("'{}{}' is not {}", place_, key, expected);
  }

  const Json &json_;
  const std::string &place_;
  std::string &wrong_;
};

template <typename Items, typename Make>
Json list_of(const Items &items, Make make) {
  Json list(Json::Array{});
  for (const auto &item : items) list.push(make(item));
  return list;
}

Json object() {
  return Json(Json::Object{});
}

}  // namespace

Json to_json(const RunFacts &facts) {
  Json json;
  json.set("flamehost", facts.version).set("run", facts.run).set("outcome", facts.outcome);
  json.set("file", facts.file).set("backend", facts.backend).set("device", facts.device);
  json.set("started", facts.started).set("ended", facts.ended).set("steps", facts.steps);
  json.set("parameters", facts.parameters).set("tensors", facts.tensors);
  const auto text = [](const std::string &each) { return Json(each); };
  json.set("results", list_of(facts.results, text));
  json.set("prompts", list_of(facts.prompts, text));
  json.set("settings", list_of(facts.settings, [](const Setting &each) {
             return object().set("key", each.key).set("value", each.value);
           }));
  json.set(
      "plugins", list_of(facts.plugins, [](const RunFacts::Plugin &each) {
        return object().set("id", each.id).set("version", each.version).set("sha256", each.sha256);
      }));
  json.set("buckets", list_of(facts.buckets, [](const RunFacts::Bucket &each) {
             return object()
                 .set("size", each.size)
                 .set("learned", each.learned)
                 .set("held_out", each.held_out);
           }));
  json.set("notes", list_of(facts.notes, [](const RunFacts::Note &each) {
             return object().set("warning", each.warning).set("text", each.text);
           }));
  json.set("timings", list_of(facts.timings, [](const RunFacts::Timing &each) {
             return object().set("what", each.what).set("seconds", each.seconds);
           }));
  json.set("memory", list_of(facts.memory, [](const RunFacts::Memory &each) {
             return object().set("what", each.what).set("bytes", static_cast<int64_t>(each.bytes));
           }));
  json.set("exports", list_of(facts.exports, [](const RunFacts::Export &each) {
             return object().set("path", each.path).set("coverage", each.coverage);
           }));
  return json;
}

Result<RunFacts> facts_from_json(const Json &json, const std::string &name) {
  const auto refused = [&](const std::string &what) {
    return storage_error(fmt::format("{}: {}", printable(name), printable(what)),
                         "the file is written by 'flamehost run'; run the training again");
  };
  if (!json.find("flamehost")) return refused("'flamehost' is missing: it is no file of a run");
  std::string wrong;
  const std::string root;
  const Members members(json, root, wrong);
  RunFacts facts;
  members.read("flamehost", facts.version);
  members.read("run", facts.run);
  members.read("outcome", facts.outcome);
  members.read("file", facts.file);
  members.read("backend", facts.backend);
  members.read("device", facts.device);
  members.read("started", facts.started);
  members.read("ended", facts.ended);
  members.read("steps", facts.steps);
  members.read("parameters", facts.parameters);
  members.read("tensors", facts.tensors);
  members.read("results", facts.results);
  members.read("prompts", facts.prompts);
  members.read("settings", facts.settings, [](const Members &item, Setting &into) {
    item.read("key", into.key);
    item.read("value", into.value);
  });
  members.read("plugins", facts.plugins, [](const Members &item, RunFacts::Plugin &into) {
    item.read("id", into.id);
    item.read("version", into.version);
    item.read("sha256", into.sha256);
  });
  members.read("buckets", facts.buckets, [](const Members &item, RunFacts::Bucket &into) {
    item.read("size", into.size);
    item.read("learned", into.learned);
    item.read("held_out", into.held_out);
  });
  members.read("notes", facts.notes, [](const Members &item, RunFacts::Note &into) {
    item.read("warning", into.warning);
    item.read("text", into.text);
  });
  members.read("timings", facts.timings, [](const Members &item, RunFacts::Timing &into) {
    item.read("what", into.what);
    item.read("seconds", into.seconds);
  });
  members.read("memory", facts.memory, [](const Members &item, RunFacts::Memory &into) {
    item.read("what", into.what);
    item.read("bytes", into.bytes);
  });
  members.read("exports", facts.exports, [](const Members &item, RunFacts::Export &into) {
    item.read("path", into.path);
    item.read("coverage", into.coverage);
  });
  if (!wrong.empty()) return refused(wrong);
  return facts;
}

Status write_facts(const RunFacts &facts, const std::filesystem::path &folder) {
  return write_file_atomically(folder / kFactsFile, to_json(facts).dump(1) + "\n");
}

Result<RunFacts> read_facts(const std::filesystem::path &folder) {
  const std::filesystem::path file = folder / kFactsFile;
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    return config_error(fmt::format("{} is not there: no training has left its results in {}",
                                    printable(file.string()), printable(folder.string())),
                        "give the name of a run under runs/, or its folder");
  }
  FLAME_ASSIGN(const std::string text, read_file(file));
  FLAME_ASSIGN(const Json json, parse_json(text, file.string(), {.max_bytes = 64u << 20}));
  return facts_from_json(json, file.string());
}

}  // namespace flame::cli

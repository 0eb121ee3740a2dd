// The only file that sees nlohmann's header: its reader reports events, and the tree is ours.
#include "core/base/json.h"

#include <fmt/core.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_set>

namespace flame {
namespace {

using nlohmann::json;

constexpr size_t kMaxProblemBytes = 300;

struct Place {
  size_t line = 1;
  size_t column = 1;
};

Place place_of(std::string_view text, size_t offset) {
  Place place;
  for (size_t i = 0; i < offset && i < text.size(); ++i) {
    if (text[i] == '\n') {
      ++place.line;
      place.column = 1;
    } else {
      ++place.column;
    }
  }
  return place;
}

// Builds the tree from nlohmann's events. An event that returns false stops the reader.
class TreeBuilder : public json::json_sax_t {
 public:
  explicit TreeBuilder(JsonLimits limits) : limits_(limits) {}

  bool null() override { return add(Json()); }
  bool boolean(bool value) override { return add(Json(value)); }
  bool number_integer(number_integer_t value) override { return add(Json(int64_t{value})); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<uint64_t>(INT64_MAX)) return add(Json(static_cast<double>(value)));
    return add(Json(static_cast<int64_t>(value)));
  }
  bool number_float(number_float_t value, const string_t &) override { return add(Json(value)); }
  bool string(string_t &value) override { return add(Json(std::move(value))); }
  bool binary(binary_t &) override { return false; }
  bool start_object(size_t) override { return open(Json(Json::Object{})); }
  bool start_array(size_t) override { return open(Json(Json::Array{})); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t &name) override {
    if (!open_.back().keys.insert(name).second) {
      problem_ = fmt::format("the key \"{}\" stands twice in one object", name);
      return false;
    }
    open_.back().key = name;
    return true;
  }
  bool parse_error(size_t position, const std::string &, const json::exception &failure) override {
    position_ = position;
    std::string text = failure.what();
    const size_t colon = text.find(": ", text.find("column"));
    problem_ = colon == std::string::npos ? text : text.substr(colon + 2);
    // It quotes what was read last, however long that is.
    if (problem_.size() > kMaxProblemBytes) problem_ = problem_.substr(0, kMaxProblemBytes) + "…";
    return false;
  }

  const std::string &problem() const { return problem_; }
  // The offset behind the place of the problem, or 0 if the reader did not say.
  size_t position() const { return position_; }
  Json take() { return std::move(root_); }

 private:
  struct Level {
    Json value;
    std::string key;
    std::unordered_set<std::string> keys;
  };

  bool add(Json value) {
    if (++values_ > limits_.max_values) {
      problem_ = fmt::format("more than {} values", limits_.max_values);
      return false;
    }
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().value.as_object()) {
      const_cast<Json::Object *>(open_.back().value.as_object())
          ->emplace_back(std::move(open_.back().key), std::move(value));
    } else {
      open_.back().value.push(std::move(value));
    }
    return true;
  }
  bool open(Json value) {
    if (open_.size() >= limits_.max_depth) {
      problem_ = fmt::format("deeper than {} levels", limits_.max_depth);
      return false;
    }
    open_.push_back({std::move(value), {}, {}});
    return true;
  }
  bool close() {
    Json value = std::move(open_.back().value);
    open_.pop_back();
    return add(std::move(value));
  }

  JsonLimits limits_;
  size_t values_ = 0;
  std::vector<Level> open_;
  Json root_;
  std::string problem_;
  size_t position_ = 0;
};

// Lets the tree builder's own refusals be placed: counts what the reader has consumed.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char *;
  using reference = const char &;

  CountingIterator(const char *at, size_t *consumed) : at_(at), consumed_(consumed) {}
  reference operator*() const { return *at_; }
  CountingIterator &operator++() {
    ++at_;
    ++*consumed_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator &other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator &other) const { return at_ != other.at_; }

 private:
  const char *at_;
  size_t *consumed_;
};

void write_string(std::string &out, const std::string &text) {
  out += json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

void write(std::string &out, const Json &value, int indent, int level);

void new_line(std::string &out, int indent, int level) {
  if (indent < 0) return;
  out += '\n';
  out.append(static_cast<size_t>(indent * level), ' ');
}

template <typename Items, typename WriteItem>
void write_list(std::string &out, const Items &items, char open, char close, int indent, int level,
                WriteItem write_item) {
  out += open;
  bool first = true;
  for (const auto &item : items) {
    if (!first) out += indent < 0 ? ", " : ",";
    first = false;
    new_line(out, indent, level + 1);
    write_item(item);
  }
  if (!items.empty()) new_line(out, indent, level);
  out += close;
}

void write(std::string &out, const Json &value, int indent, int level) {
  if (const bool *b = value.as_bool()) {
    out += *b ? "true" : "false";
  } else if (const int64_t *i = value.as_int()) {
    out += std::to_string(*i);
  } else if (const std::string *s = value.as_string()) {
    write_string(out, *s);
  } else if (const Json::Array *array = value.as_array()) {
    write_list(out, *array, '[', ']', indent, level,
               [&](const Json &item) { write(out, item, indent, level + 1); });
  } else if (const Json::Object *object = value.as_object()) {
    write_list(out, *object, '{', '}', indent, level, [&](const Json::Member &member) {
      write_string(out, member.first);
      out += ": ";
      write(out, member.second, indent, level + 1);
    });
  } else if (value.is_number() && std::isfinite(value.as_number())) {
    out += json(value.as_number()).dump();
  } else {
    out += "null";
  }
}

}  // namespace

double Json::as_number() const {
  if (const int64_t *i = as_int()) return static_cast<double>(*i);
  const double *d = std::get_if<double>(&value_);
  return d ? *d : 0;
}

const Json *Json::find(std::string_view key) const {
  const Object *object = as_object();
  if (!object) return nullptr;
  for (const Member &member : *object) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

Json &Json::set(std::string key, Json value) {
  if (is_null()) value_ = Object{};
  Object &object = std::get<Object>(value_);
  for (Member &member : object) {
    if (member.first == key) {
      member.second = std::move(value);
      return *this;
    }
  }
  object.emplace_back(std::move(key), std::move(value));
  return *this;
}

Json &Json::push(Json value) {
  if (is_null()) value_ = Array{};
  std::get<Array>(value_).push_back(std::move(value));
  return *this;
}

std::string Json::dump(int indent) const {
  std::string out;
  write(out, *this, indent, 0);
  return out;
}

Result<Json> parse_json(std::string_view text, std::string_view name, JsonLimits limits) {
  if (text.size() > limits.max_bytes) {
    return config_error(fmt::format("{}: {} bytes of JSON, more than the {} allowed", name,
                                    text.size(), limits.max_bytes));
  }
  TreeBuilder builder(limits);
  size_t consumed = 0;
  const bool read =
      json::sax_parse(CountingIterator(text.data(), &consumed),
                      CountingIterator(text.data() + text.size(), &consumed), &builder);
  if (read) return builder.take();
  const size_t offset = builder.position() ? builder.position() - 1 : consumed;
  const Place place = place_of(text, offset);
  return config_error(
      fmt::format("{}:{}:{}: error: {}", name, place.line, place.column, builder.problem()));
}

}  // namespace flame

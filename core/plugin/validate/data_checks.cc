// Data sources: a fixed number of examples, each with the same fields every time it is asked for.
#include <fmt/core.h>

#include <cmath>
#include <cstring>
#include <set>

#include "core/base/flame_text.h"
#include "core/base/terminal.h"
#include "core/base/utf8.h"
#include "core/plugin/validate/for_each.h"
#include "flame/data_source.h"
#include "flame/host.h"

namespace flame {
namespace {

// Enough to see the rules; a data source may hold a million pictures.
constexpr uint64_t kMostExamples = 3;
constexpr uint32_t kMostFields = 64;
constexpr uint32_t kMostNotes = 1 << 20;
constexpr uint64_t kMostElements = 1 << 26;

struct Source {
  Subject &subject;
  const flame_data_source_interface *table;
  flame_data_source *handle;

  uint64_t count() const {
    subject.at("count()");
    return table->count(handle);
  }
  flame_status describe(CheckedCall &call, uint64_t example, flame_draw draw, uint32_t index,
                        flame_field &field) const {
    field = {};
    field.struct_size = sizeof field;
    subject.at(fmt::format("describe_field({}, draw {} and {}, {})", example, draw.picture,
                           draw.caption, index));
    return table->describe_field(handle, call.get(), example, draw, index, &field);
  }
  Result<flame_example> describe(uint64_t example) const {
    CheckedCall call;
    flame_example out{};
    out.struct_size = sizeof out;
    subject.at(fmt::format("describe_example({})", example));
    FLAME_TRY(call.expect_success("describe_example()",
                                  table->describe_example(handle, call.get(), example, &out)));
    return out;
  }
};

template <typename Attempt>
Result<Done> for_each_source(Subject &subject, Attempt &&attempt) {
  return for_each_object<flame_data_source>(
      subject, FLAME_KIND_DATA,
      [&](const CheckedComponent &component, flame_data_source *handle) -> Status {
        return attempt(Source{subject, component.interface<flame_data_source_interface>(), handle});
      });
}

Result<Done> count_is_fixed(Subject &subject) {
  return for_each_source(subject, [](const Source &source) -> Status {
    const uint64_t first = source.count();
    const uint64_t again = source.count();
    if (first == again) return {};
    return broken("the same number of examples each time",
                  fmt::format("first {}, then {}", first, again));
  });
}

Result<Done> examples_are_sound(Subject &subject) {
  return for_each_source(subject, [](const Source &source) -> Status {
    const uint64_t count = std::min(source.count(), kMostExamples);
    for (uint64_t i = 0; i < count; ++i) {
      FLAME_ASSIGN(const flame_example first, source.describe(i));
      FLAME_ASSIGN(const flame_example again, source.describe(i));
      const auto is_amount = [](double value) { return std::isfinite(value) && value >= 0; };
      if (!is_amount(first.repeats) || !is_amount(first.loss_weight) || first.picture_variants == 0)
        return broken("repeats and loss_weight are finite and at least 0, there is a picture",
                      fmt::format("example {} has repeats {}, loss_weight {}, {} pictures", i,
                                  first.repeats, first.loss_weight, first.picture_variants));
      if (first.repeats != again.repeats || first.loss_weight != again.loss_weight ||
          first.picture_variants != again.picture_variants ||
          first.caption_variants != again.caption_variants)
        return broken("the same description each time",
                      fmt::format("describe_example({}) differs between two calls", i));
    }
    return {};
  });
}

Result<std::string> identity_of(const Source &source, uint64_t example) {
  CheckedCall call;
  flame_str text{};
  source.subject.at(fmt::format("identity({})", example));
  FLAME_TRY(call.expect_success("identity()",
                                source.table->identity(source.handle, call.get(), example, &text)));
  const std::string identity = std::string(text_of(text));
  if (!identity.empty() && is_utf8(identity)) return identity;
  return broken("a text that stands for the content of the example",
                fmt::format("identity({}) gave '{}'", example, printable(identity)));
}

Result<Done> identity_is_stable(Subject &subject) {
  return for_each_source(subject, [](const Source &source) -> Status {
    const uint64_t count = std::min(source.count(), kMostExamples);
    std::vector<std::string> first;
    for (uint64_t i = 0; i < count; ++i) {
      FLAME_ASSIGN(std::string identity, identity_of(source, i));
      first.push_back(std::move(identity));
    }
    for (uint64_t i = 0; i < count; ++i) {
      FLAME_ASSIGN(const std::string again, identity_of(source, i));
      if (again == first[i]) continue;
      return broken("the identity changes only if the content does",
                    fmt::format("identity({}) was '{}', then '{}'", i, printable(first[i]),
                                printable(again)));
    }
    return {};
  });
}

bool is_known_dtype(flame_dtype dtype) {
  for (const flame_dtype known :
       {FLAME_DTYPE_F64, FLAME_DTYPE_F32, FLAME_DTYPE_F16, FLAME_DTYPE_BF16, FLAME_DTYPE_F8_E4M3,
        FLAME_DTYPE_F8_E5M2, FLAME_DTYPE_I64, FLAME_DTYPE_I32, FLAME_DTYPE_U8, FLAME_DTYPE_BOOL}) {
    if (dtype == known) return true;
  }
  return false;
}

Result<uint64_t> element_count(const flame_field &field, std::string_view name) {
  if (field.rank > FLAME_MAX_RANK || (field.rank > 0 && !field.shape)) {
    return broken(fmt::format("a shape of at most {} sizes", FLAME_MAX_RANK),
                  fmt::format("the field '{}' has rank {}", name, field.rank));
  }
  uint64_t elements = 1;
  for (uint32_t i = 0; i < field.rank; ++i) {
    const int64_t size = field.shape[i];
    if (size < 0 || static_cast<uint64_t>(size) > kMostElements ||
        (elements *= static_cast<uint64_t>(size)) > kMostElements) {
      return broken("sizes that fit in memory",
                    fmt::format("the field '{}' has size {} at {}", name, size, i));
    }
  }
  return elements;
}

Status judge_field(const flame_field &field, std::set<std::string> &names) {
  const std::string name = std::string(text_of(field.name));
  if (name.empty() || !is_utf8(name) || !names.insert(name).second) {
    return broken("each field of an example has a name of its own",
                  fmt::format("the name '{}'", printable(name)));
  }
  if (field.dtype == 0) {
    const std::string_view text = text_of(field.text);
    if (is_utf8(text)) return {};
    return broken("text in UTF-8", fmt::format("the text of '{}' is not", name));
  }
  if (!is_known_dtype(field.dtype)) {
    return broken("an element type that flame/tensor.h names, or 0 for text",
                  fmt::format("'{}' has type {:#x}", name, field.dtype));
  }
  FLAME_TRY(element_count(field, name));
  return {};
}

// What the fields of one draw are called, and their types and shapes.
Result<std::vector<std::string>> outline_of(const Source &source, uint64_t example,
                                            flame_draw draw) {
  std::vector<std::string> outline;
  std::set<std::string> names;
  for (uint32_t index = 0;; ++index) {
    CheckedCall call;
    flame_field field;
    const flame_status status = source.describe(call, example, draw, index, field);
    if (status == FLAME_ERROR_END) {
      FLAME_TRY(call.judge("describe_field()", status));
      return outline;
    }
    FLAME_TRY(call.expect_success("describe_field()", status));
    FLAME_TRY(judge_field(field, names));
    std::string line = fmt::format("'{}' of type {:#x} [", text_of(field.name), field.dtype);
    for (uint32_t axis = 0; axis < field.rank; ++axis)
      line += fmt::format("{}{}", axis == 0 ? "" : ", ", field.shape[axis]);
    outline.push_back(line + "]");
    if (index == kMostFields)
      return broken("END behind the last field", fmt::format("{} fields", index + 1));
  }
}

Result<Done> fields_end(Subject &subject) {
  return for_each_source(subject, [](const Source &source) -> Status {
    const uint64_t count = std::min(source.count(), kMostExamples);
    for (uint64_t example = 0; example < count; ++example)
      FLAME_TRY(outline_of(source, example, {0, 0}));
    return {};
  });
}

// The last draw that the example has.
flame_draw last_draw(const flame_example &example) {
  return {example.picture_variants - 1,
          example.caption_variants == 0 ? UINT64_MAX : example.caption_variants - 1};
}

Result<Done> draws_are_alike(Subject &subject) {
  return for_each_source(subject, [](const Source &source) -> Status {
    const uint64_t count = std::min(source.count(), kMostExamples);
    for (uint64_t example = 0; example < count; ++example) {
      FLAME_ASSIGN(const flame_example described, source.describe(example));
      FLAME_ASSIGN(const auto first, outline_of(source, example, {0, 0}));
      FLAME_ASSIGN(const auto last, outline_of(source, example, last_draw(described)));
      if (first.size() != last.size())
        return broken("each draw of an example has the same fields",
                      fmt::format("{} fields, in the last draw {}", first.size(), last.size()));
      for (size_t i = 0; i < first.size(); ++i) {
        if (first[i] == last[i]) continue;
        return broken("the fields have the same types and shapes in each draw",
                      printable(first[i]) + ", in the last draw " + printable(last[i]));
      }
    }
    return {};
  });
}

// Reads one field into memory that ends at a wall, filled with `poison` before.
Result<std::string> read_field(const Source &source, uint64_t example, uint32_t index,
                               const flame_field &field, unsigned char poison) {
  FLAME_ASSIGN(const uint64_t elements, element_count(field, "field"));
  const uint64_t bytes = elements * FLAME_DTYPE_BYTES(field.dtype);
  const GuardedBlock memory(bytes);
  memset(memory.data(), poison, bytes);
  const std::vector<int64_t> shape(field.shape, field.shape + field.rank);
  std::vector<int64_t> strides(field.rank + 1, 1);
  for (uint32_t i = field.rank; i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  flame_tensor into{sizeof into,  field.dtype,    field.rank,    FLAME_DEVICE_CPU,
                    shape.data(), strides.data(), memory.data(), 0,
                    bytes};
  CheckedCall call;
  source.subject.at(fmt::format("read_field({}, {})", example, index));
  FLAME_TRY(call.expect_success(
      "read_field()",
      source.table->read_field(source.handle, call.get(), example, {0, 0}, index, &into)));
  return std::string(reinterpret_cast<const char *>(memory.data()), bytes);
}

Result<Done> reads_whole(Subject &subject) {
  return for_each_source(subject, [](const Source &source) -> Status {
    const uint64_t count = std::min(source.count(), kMostExamples);
    for (uint64_t example = 0; example < count; ++example) {
      for (uint32_t index = 0; index < kMostFields; ++index) {
        CheckedCall call;
        flame_field field;
        const flame_status status = source.describe(call, example, {0, 0}, index, field);
        if (status != FLAME_OK) break;
        if (field.dtype == 0) continue;
        FLAME_ASSIGN(const std::string first, read_field(source, example, index, field, 0x55));
        CheckedCall repeated;
        FLAME_TRY(repeated.expect_success(
            "describe_field()", source.describe(repeated, example, {0, 0}, index, field)));
        FLAME_ASSIGN(const std::string second, read_field(source, example, index, field, 0xAA));
        if (first == second) continue;
        return broken(
            "every element is written, and the same each time",
            fmt::format("field {} of example {} differs between two reads", index, example));
      }
    }
    return {};
  });
}

Result<Done> refuses_wrong_example(Subject &subject) {
  return for_each_source(subject, [](const Source &source) -> Status {
    for (const uint64_t example : {source.count(), UINT64_MAX}) {
      const auto allowed = {FLAME_ERROR_INVALID_ARGUMENT, FLAME_ERROR_NOT_FOUND};
      CheckedCall first;
      flame_str text{};
      source.subject.at(fmt::format("identity({}), which does not exist", example));
      FLAME_TRY(first.expect_failure(
          "identity()", source.table->identity(source.handle, first.get(), example, &text),
          "there is no such example", allowed));
      CheckedCall second;
      flame_field field;
      FLAME_TRY(second.expect_failure("describe_field()",
                                      source.describe(second, example, {0, 0}, 0, field),
                                      "there is no such example", allowed));
    }
    return {};
  });
}

Result<Done> refuses_wrong_field(Subject &subject) {
  return for_each_source(subject, [](const Source &source) -> Status {
    if (source.count() == 0) return {};
    int64_t number = 0;
    const int64_t one = 1;
    const flame_tensor into{
        sizeof into, FLAME_DTYPE_I64, 1, FLAME_DEVICE_CPU, &one, &one, &number, 0, 8};
    CheckedCall call;
    source.subject.at("read_field() of a field that does not exist");
    return call.expect_failure(
        "read_field()",
        source.table->read_field(source.handle, call.get(), 0, {0, 0}, kMostFields * 1000, &into),
        "there is no such field",
        {FLAME_ERROR_INVALID_ARGUMENT, FLAME_ERROR_NOT_FOUND, FLAME_ERROR_END});
  });
}

Result<Done> refuses_wrong_draw(Subject &subject) {
  return for_each_source(subject, [](const Source &source) -> Status {
    if (source.count() == 0) return {};
    FLAME_ASSIGN(const flame_example described, source.describe(0));
    CheckedCall call;
    flame_field field;
    return call.expect_failure(
        "describe_field()", source.describe(call, 0, {described.picture_variants, 0}, 0, field),
        "there is no such draw", {FLAME_ERROR_INVALID_ARGUMENT, FLAME_ERROR_NOT_FOUND});
  });
}

Result<Done> notes_end(Subject &subject) {
  return for_each_source(subject, [](const Source &source) -> Status {
    for (uint32_t index = 0; index <= kMostNotes; ++index) {
      CheckedCall call;
      flame_note note{};
      note.struct_size = sizeof note;
      source.subject.at(fmt::format("note({})", index));
      const flame_status status = source.table->note(source.handle, call.get(), index, &note);
      if (status == FLAME_ERROR_END) return call.judge("note()", status);
      FLAME_TRY(call.expect_success("note()", status));
      const std::string_view text = text_of(note.text);
      if (text.empty() || !is_utf8(text))
        return broken("a note is text in UTF-8", fmt::format("note {} is not", index));
      if (note.severity != FLAME_LOG_INFO && note.severity != FLAME_LOG_WARNING)
        return broken("FLAME_LOG_INFO or FLAME_LOG_WARNING",
                      fmt::format("note {} has severity {}", index, note.severity));
    }
    return broken("END behind the last note", fmt::format("{} notes", kMostNotes + 1));
  });
}

constexpr Check kChecks[] = {
    {"data.count-is-fixed", "flame/data_source.h: a fixed number of examples", Stage::kStarted,
     count_is_fixed},
    {"data.examples-are-sound", "flame/data_source.h: what an example is for the host",
     Stage::kStarted, examples_are_sound},
    {"data.identity-is-stable",
     "flame/data_source.h: identity stands for the tensors of the example", Stage::kStarted,
     identity_is_stable},
    {"data.fields-end", "flame/data_source.h: describe_field gives END behind the last",
     Stage::kStarted, fields_end},
    {"data.draws-are-alike",
     "flame/data_source.h: the number of fields, their names, types and shapes are the same for "
     "every draw",
     Stage::kStarted, draws_are_alike},
    {"data.reads-whole", "flame/data_source.h: read_field writes the elements", Stage::kStarted,
     reads_whole},
    {"data.refuses-wrong-example", "flame/abi.h: INVALID_ARGUMENT for a value that is out of range",
     Stage::kStarted, refuses_wrong_example},
    {"data.refuses-wrong-field", "flame/abi.h: INVALID_ARGUMENT for a value that is out of range",
     Stage::kStarted, refuses_wrong_field},
    {"data.refuses-wrong-draw", "flame/abi.h: INVALID_ARGUMENT for a value that is out of range",
     Stage::kStarted, refuses_wrong_draw},
    {"data.notes-end", "flame/data_source.h: note gives END behind the last", Stage::kStarted,
     notes_end},
};

}  // namespace

std::span<const Check> data_checks() {
  return kChecks;
}

}  // namespace flame

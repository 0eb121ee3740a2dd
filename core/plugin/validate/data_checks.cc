// Data sources: a fixed number of examples, each with the same fields every time it is asked for.
#include <fmt/core.h>

#include <cstring>
#include <set>

#include "core/base/flame_text.h"
#include "core/base/terminal.h"
#include "core/base/utf8.h"
#include "core/plugin/validate/for_each.h"
#include "flame/data_source.h"

namespace flame {
namespace {

// Enough to see the rules; a data source may hold a million pictures.
constexpr uint64_t kMostExamples = 3;
constexpr uint32_t kMostFields = 64;
constexpr uint64_t kMostElements = 1 << 26;

struct Source {
  Subject &subject;
  const flame_data_source_interface *table;
  flame_data_source *handle;

  uint64_t count() const {
    subject.at("count()");
    return table->count(handle);
  }
  flame_status describe(CheckedCall &call, uint64_t example, uint32_t index,
                        flame_field &field) const {
    field = {};
    field.struct_size = sizeof field;
    subject.at(fmt::format("describe_field({}, {})", example, index));
    return table->describe_field(handle, call.get(), example, index, &field);
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

Result<Done> fields_end(Subject &subject) {
  return for_each_source(subject, [](const Source &source) -> Status {
    const uint64_t count = std::min(source.count(), kMostExamples);
    for (uint64_t example = 0; example < count; ++example) {
      std::set<std::string> names;
      for (uint32_t index = 0;; ++index) {
        CheckedCall call;
        flame_field field;
        const flame_status status = source.describe(call, example, index, field);
        if (status == FLAME_ERROR_END) {
          FLAME_TRY(call.judge("describe_field()", status));
          break;
        }
        FLAME_TRY(call.expect_success("describe_field()", status));
        FLAME_TRY(judge_field(field, names));
        if (index == kMostFields) {
          return broken("END behind the last field", fmt::format("{} fields", index + 1));
        }
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
      "read_field()", source.table->read_field(source.handle, call.get(), example, index, &into)));
  return std::string(reinterpret_cast<const char *>(memory.data()), bytes);
}

Result<Done> reads_whole(Subject &subject) {
  return for_each_source(subject, [](const Source &source) -> Status {
    const uint64_t count = std::min(source.count(), kMostExamples);
    for (uint64_t example = 0; example < count; ++example) {
      for (uint32_t index = 0; index < kMostFields; ++index) {
        CheckedCall call;
        flame_field field;
        const flame_status status = source.describe(call, example, index, field);
        if (status != FLAME_OK) break;
        if (field.dtype == 0) continue;
        FLAME_ASSIGN(const std::string first, read_field(source, example, index, field, 0x55));
        CheckedCall repeated;
        FLAME_TRY(repeated.expect_success("describe_field()",
                                          source.describe(repeated, example, index, field)));
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
                                      source.describe(second, example, 0, field),
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
        source.table->read_field(source.handle, call.get(), 0, kMostFields * 1000, &into),
        "there is no such field",
        {FLAME_ERROR_INVALID_ARGUMENT, FLAME_ERROR_NOT_FOUND, FLAME_ERROR_END});
  });
}

constexpr Check kChecks[] = {
    {"data.count-is-fixed", "flame/data_source.h: a fixed number of examples", Stage::kStarted,
     count_is_fixed},
    {"data.identity-is-stable",
     "flame/data_source.h: identity changes if and only if the content changes", Stage::kStarted,
     identity_is_stable},
    {"data.fields-end", "flame/data_source.h: describe_field gives END behind the last",
     Stage::kStarted, fields_end},
    {"data.reads-whole", "flame/data_source.h: read_field writes the elements", Stage::kStarted,
     reads_whole},
    {"data.refuses-wrong-example", "flame/abi.h: INVALID_ARGUMENT for a value that is out of range",
     Stage::kStarted, refuses_wrong_example},
    {"data.refuses-wrong-field", "flame/abi.h: INVALID_ARGUMENT for a value that is out of range",
     Stage::kStarted, refuses_wrong_field},
};

}  // namespace

std::span<const Check> data_checks() {
  return kChecks;
}

}  // namespace flame

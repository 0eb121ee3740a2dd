// A data source: one class that counts, names and reads examples.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "flame/component.hpp"
#include "flame/data_source.h"
#include "flame/tensor.hpp"

namespace flame {
inline namespace sdk {

// One field of one example: text, or a tensor.
struct Field {
  std::string name;  // "image", "caption"
  std::string text;
  flame_dtype dtype = 0;  // 0: text
  Shape shape;

  static Field of_text(std::string name, std::string text) {
    return {std::move(name), std::move(text), 0, {}};
  }
  static Field of_tensor(std::string name, flame_dtype dtype, Shape shape) {
    return {std::move(name), {}, dtype, std::move(shape)};
  }
};

// What an example is for the host; see flame_example.
struct Example {
  double repeats = 1;
  double loss_weight = 1;
  uint64_t picture_variants = 1;
  uint64_t caption_variants = 1;  // 0: every number gives another caption
};

// What the user is told about the whole source.
struct Note {
  uint32_t severity = FLAME_LOG_INFO;
  std::string text;
};

namespace detail {
struct DataSourceTable;
}

// The host asks one thread at a time for each object. Its constructor finds the examples, without
// reading them.
class DataSource {
 public:
  static constexpr const char *kKind = FLAME_KIND_DATA;
  virtual ~DataSource() = default;

  virtual uint64_t count() const noexcept = 0;
  // Called often: it decodes nothing.
  virtual Example describe(uint64_t example) {
    (void)example;
    return {};
  }
  // A text that stands for the tensors of the example: the same text and the same draw.picture mean
  // the same elements, in every run.
  virtual std::string identity(uint64_t example) = 0;
  // Asked with draws that describe() allows alone.
  virtual std::vector<Field> fields(uint64_t example, const flame_draw &draw) = 0;
  // Writes the elements of tensor field `index`, as fields() described it, to `into`: contiguous
  // memory of the processor.
  virtual void read_field(uint64_t example, const flame_draw &draw, uint32_t index,
                          const flame_tensor &into) = 0;
  virtual std::vector<Note> notes() { return {}; }

 private:
  friend struct detail::DataSourceTable;
  // What the host's borrowed texts and shapes point to, until its next call.
  std::string last_identity_;
  std::optional<uint64_t> last_example_;
  flame_draw last_draw_ = {0, 0};
  std::vector<Field> last_fields_;
  std::optional<std::vector<Note>> last_notes_;
};

namespace detail {

struct DataSourceTable : Lifetime<DataSource, flame_data_source> {
  static void check_example(const DataSource &source, uint64_t example) {
    if (example >= source.count()) {
      throw invalid_argument("example ", example, " was asked for, but there are ", source.count());
    }
  }
  static void check_draw(DataSource &source, uint64_t example, const flame_draw &draw) {
    check_example(source, example);
    const Example described = source.describe(example);
    if (draw.picture >= described.picture_variants) {
      throw invalid_argument("picture ", draw.picture, " of example ", example,
                             " was asked for, but it has ", described.picture_variants);
    }
    if (described.caption_variants != 0 && draw.caption >= described.caption_variants) {
      throw invalid_argument("caption ", draw.caption, " of example ", example,
                             " was asked for, but it has ", described.caption_variants);
    }
  }
  // Field 0 is asked first, so it reads the fields anew.
  static const std::vector<Field> &fields(DataSource &source, uint64_t example,
                                          const flame_draw &draw, uint32_t index) {
    const bool same = source.last_example_ == example &&
                      source.last_draw_.picture == draw.picture &&
                      source.last_draw_.caption == draw.caption;
    if (!same || index == 0) {
      check_draw(source, example, draw);
      source.last_example_.reset();
      source.last_fields_ = source.fields(example, draw);
      source.last_example_ = example;
      source.last_draw_ = draw;
    }
    return source.last_fields_;
  }

  static uint64_t count(flame_data_source *handle) noexcept { return object(handle)->count(); }
  static flame_status describe_example(flame_data_source *handle, flame_call *call,
                                       uint64_t example, flame_example *out) noexcept {
    return guard(call, [&] {
      check_example(*object(handle), example);
      const Example known = object(handle)->describe(example);
      fill(out, flame_example{0, 0, known.repeats, known.loss_weight, known.picture_variants,
                              known.caption_variants});
    });
  }
  static flame_status identity(flame_data_source *handle, flame_call *call, uint64_t example,
                               flame_str *out) noexcept {
    return guard(call, [&] {
      DataSource &source = *object(handle);
      check_example(source, example);
      source.last_identity_ = source.identity(example);
      *out = borrow(source.last_identity_);
    });
  }
  static flame_status describe_field(flame_data_source *handle, flame_call *call, uint64_t example,
                                     flame_draw draw, uint32_t index, flame_field *out) noexcept {
    return guard(call, [&] {
      const std::vector<Field> &known = fields(*object(handle), example, draw, index);
      if (index >= known.size()) throw Error(FLAME_ERROR_END, "there is no more field");
      const Field &field = known[index];
      fill(out, flame_field{0, field.dtype, borrow(field.name), borrow(field.text),
                            static_cast<uint32_t>(field.shape.size()), 0, field.shape.data()});
    });
  }
  static flame_status read_field(flame_data_source *handle, flame_call *call, uint64_t example,
                                 flame_draw draw, uint32_t index,
                                 const flame_tensor *into) noexcept {
    return guard(call, [&] {
      check_draw(*object(handle), example, draw);
      object(handle)->read_field(example, draw, index, *into);
    });
  }
  // Note 0 is asked first, so it makes the notes anew.
  static flame_status note(flame_data_source *handle, flame_call *call, uint32_t index,
                           flame_note *out) noexcept {
    return guard(call, [&] {
      std::optional<std::vector<Note>> &known = object(handle)->last_notes_;
      if (!known || index == 0) known = object(handle)->notes();
      if (index >= known->size()) throw Error(FLAME_ERROR_END, "there is no more note");
      fill(out, flame_note{0, (*known)[index].severity, borrow((*known)[index].text)});
    });
  }
  static constexpr flame_data_source_interface kTable = {sizeof(flame_data_source_interface),
                                                         0,
                                                         create,
                                                         destroy,
                                                         count,
                                                         describe_example,
                                                         identity,
                                                         describe_field,
                                                         read_field,
                                                         note};
};

}  // namespace detail
}  // namespace sdk
}  // namespace flame

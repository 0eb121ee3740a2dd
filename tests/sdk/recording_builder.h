// A program builder for tests: keeps what was built as text, such as "silu(add(x, b))".
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "flame/program.h"

namespace flame_test {

class RecordingBuilder {
 public:
  RecordingBuilder();

  const flame_program_builder *get() const { return &table_; }
  flame_value add(std::string text, flame_dtype dtype, std::vector<int64_t> shape);
  const std::string &text_of(flame_value value) const { return values_[value - 1].text; }

  std::map<std::string, std::string> outputs;
  std::vector<std::string> parameters;        // with their scopes
  std::map<std::string, std::string> starts;  // "uniform 0.5", by parameter
  std::vector<std::string> places;            // file:line of each op
  std::vector<std::string> scopes;
  std::string fails_with;  // if not empty, op() fails with it

 private:
  struct Known {
    std::string text;
    flame_dtype dtype;
    std::vector<int64_t> shape, strides;
  };
  std::deque<Known> values_;  // descriptions point into it
  flame_program_builder table_ = {};

  static flame_status input(void *, flame_call *, flame_str, flame_dtype, uint32_t, const int64_t *,
                            flame_value *) noexcept;
  static flame_status parameter(void *, flame_call *, flame_str, uint32_t, flame_dtype, uint32_t,
                                const int64_t *, flame_value *) noexcept;
  static flame_status op(void *, flame_call *, const flame_node *, flame_value *) noexcept;
  static flame_status output(void *, flame_call *, flame_str, flame_value) noexcept;
  static flame_status describe(void *, flame_call *, flame_value, flame_tensor *) noexcept;
  static flame_status push_scope(void *, flame_call *, flame_str) noexcept;
  static flame_status pop_scope(void *, flame_call *) noexcept;
  static flame_status start(void *, flame_call *, flame_value, uint32_t, double) noexcept;
};

}  // namespace flame_test

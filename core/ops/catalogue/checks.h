// The questions that shape rules ask of their operands, with one wording for all ops.
#pragma once

#include <string>

#include "core/ops/catalogue/op_definition.h"

namespace flame {

// "operand 1 'b' is f32[3, 4], expected …"
Error operand_error(const OpCall &call, size_t input, std::string_view expected);
Error attribute_error(std::string_view attribute, const AttributeValue &value,
                      std::string_view expected);

// f64, f32, bf16 or f16.
bool is_computable(DType dtype);
Status expect_computable(const OpCall &call, size_t input);
Status expect_integer(const OpCall &call, size_t input);  // i64 or i32, what indices are made of
Status expect_same_dtype(const OpCall &call, size_t input, size_t as);
Status expect_dtype(const OpCall &call, size_t input, DType dtype);
Status expect_rank(const OpCall &call, size_t input, size_t rank);
Status expect_rank_at_least(const OpCall &call, size_t input, size_t rank);
Status expect_shape(const OpCall &call, size_t input, const Shape &shape);
// All inputs computable and of one type.
Status expect_one_float_type(const OpCall &call);

// Brings an axis into [0, rank), counting from the end if it is negative.
Result<size_t> normal_axis(OpCall &call, std::string_view attribute, size_t rank);
// The same for a list, which is then sorted and free of duplicates.
Result<std::vector<int64_t>> normal_axes(OpCall &call, std::string_view attribute, size_t rank);

// The element type that an attribute names; an empty text becomes `absent`.
Result<DType> dtype_attribute(OpCall &call, std::string_view attribute, DType absent);
// A text that must be one of `choices`.
Status expect_choice(const OpCall &call, std::string_view attribute,
                     std::initializer_list<std::string_view> choices);
Status expect_length(const OpCall &call, std::string_view attribute, size_t length);
// Every number of a list (or the one number) within [least, most].
Status expect_range(const OpCall &call, std::string_view attribute, int64_t least, int64_t most);

// An attribute's list as a shape.
Result<Shape> shape_attribute(const OpCall &call, std::string_view attribute);

}  // namespace flame

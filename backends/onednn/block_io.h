// Rows and blocks of elements: loaded to contiguous values of a class, and stored from them.
#pragma once

#include "backends/onednn/value_class.h"

namespace flame::onednn {

// Where the elements of a block lie: `rows` times `columns` of them, at distances in elements.
struct BlockLayout {
  int64_t rows;
  int64_t columns;
  int64_t row_stride;
  int64_t column_stride;

  int64_t count() const { return rows * columns; }
  bool is_dense() const {
    return (column_stride == 1 || columns == 1) && (row_stride == columns || rows == 1);
  }
};

// `count` elements at distances of `stride`, as values of the class. The class is that of the type;
// floats may also go to f64. Any stride. One thread.
void load_row(flame_dtype dtype, const void *from, int64_t stride, int64_t count,
              ValueClass to_class, void *to);
// Any class to any type, converted as the op map stores.
void store_row(ValueClass from_class, const void *from, int64_t count, flame_dtype dtype, void *to,
               int64_t stride);

// Values are contiguous, row after row.
void load_block(flame_dtype dtype, const void *from, const BlockLayout &layout, ValueClass to_class,
                void *to);
void store_block(ValueClass from_class, const void *from, flame_dtype dtype, void *to,
                 const BlockLayout &layout);

// Values of a class as values of another, as the code of a map converts them: never float to
// integer.
void convert_values(ValueClass from_class, const void *from, int64_t count, ValueClass to_class,
                    void *to);

// memcpy past the caches, for what nobody reads soon. A thread that did it calls stream_fence()
// before others read.
void stream_copy(const void *from, int64_t bytes, void *to);
void stream_fence();

}  // namespace flame::onednn

/* The host's general services, by id through flame_host.query. Those of one kind of plugin stand in
 * that kind's header, the program builder in program.h. */
#ifndef FLAME_HOST_H
#define FLAME_HOST_H

#include "flame/call.h"
#include "flame/tensor.h"

FLAME_BEGIN_C

#define FLAME_LOG_ID "flame.log/1"

#define FLAME_LOG_DEBUG 0u
#define FLAME_LOG_INFO 1u
#define FLAME_LOG_WARNING 2u
#define FLAME_LOG_ERROR 3u

typedef struct flame_log {
  uint32_t struct_size;
  uint32_t reserved; /* zero */
  void *self;        /* the first argument of each function */
  /* Writes one event; the host adds the plugin's id. The text is copied. [any] */
  void (*write)(void *self, uint32_t level, flame_str message) FLAME_NOEXCEPT;
  /* 1 if events of that level are kept, so that making the text can be spared. [any] */
  uint32_t (*enabled)(void *self, uint32_t level) FLAME_NOEXCEPT;
} flame_log;

#define FLAME_FILES_ID "flame.files/1"

typedef struct flame_reader flame_reader;
typedef struct flame_writer flame_writer;

/* Files that the user named in an option of type PATH. Writing is all or nothing: the file appears
 * whole, flushed to the disk, when it is committed, and never otherwise. */
typedef struct flame_files {
  uint32_t struct_size;
  uint32_t reserved; /* zero */
  void *self;
  /* Opens a regular file. *out is destroyed by close_reader. Errors: STORAGE. [any] */
  flame_status (*open_reader)(void *self, flame_call *call, flame_str path,
                              flame_reader **out) FLAME_NOEXCEPT;
  /* The size when it was opened. [object-serial] */
  uint64_t (*size)(flame_reader *reader) FLAME_NOEXCEPT;
  /* Reads exactly `size` bytes from `offset`; a file that has become shorter is an error. Errors:
   * STORAGE. [object-serial] */
  flame_status (*read)(flame_reader *reader, flame_call *call, uint64_t offset, void *into,
                       uint64_t size) FLAME_NOEXCEPT;
  void (*close_reader)(flame_reader *reader) FLAME_NOEXCEPT;
  /* Begins a file under a temporary name. *out ends by commit or discard, one of them. Errors:
   * STORAGE. [any] */
  flame_status (*open_writer)(void *self, flame_call *call, flame_str path,
                              flame_writer **out) FLAME_NOEXCEPT;
  /* Appends. Errors: STORAGE; the file can then only be discarded. [object-serial] */
  flame_status (*write)(flame_writer *writer, flame_call *call, const void *from,
                        uint64_t size) FLAME_NOEXCEPT;
  /* Gives the file its name and destroys the writer, also on error. Errors: STORAGE.
   * [object-serial] */
  flame_status (*commit)(flame_writer *writer, flame_call *call) FLAME_NOEXCEPT;
  /* Removes the temporary file and destroys the writer. [object-serial] */
  void (*discard)(flame_writer *writer) FLAME_NOEXCEPT;
} flame_files;

/* A set of named tensors that the host hands to a plugin: an adapter's for an exporter, for
 * example. */
typedef struct flame_parameters {
  uint32_t struct_size;
  uint32_t reserved; /* zero */
  void *self;
  uint64_t (*count)(void *self) FLAME_NOEXCEPT; /* [any] */
  /* The name of parameter `index` ("down_blocks.1.attn.to_q.lora_down"), its type and its shape:
   * `view` is filled with data null and contiguous strides. Both live as long as the set. Errors:
   * INVALID_ARGUMENT. [any] */
  flame_status (*describe)(void *self, flame_call *call, uint64_t index, flame_str *name,
                           flame_tensor *view) FLAME_NOEXCEPT;
  /* Copies its elements to `into`, a tensor in the processor's memory of the same shape; the type
   * is converted. Errors: INVALID_ARGUMENT, NUMERIC (overflow), DEVICE_LOST. [object-serial] */
  flame_status (*read)(void *self, flame_call *call, uint64_t index,
                       const flame_tensor *into) FLAME_NOEXCEPT;
} flame_parameters;

FLAME_END_C

#endif

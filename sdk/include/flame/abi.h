/* The ground rules of the contract between host and plugin: version, status codes, strings, growing
 * structs.
 *
 * Conventions, valid for every header of this folder:
 *  - Only C standard headers, fixed-width integers, pointers, size_t and double. No exception, no
 *    C++ type crosses.
 *  - A struct that may grow begins with struct_size, set by the side that owns the memory to the
 *    sizeof it was built with. The other side reads a field only if FLAME_HAS says that it is there,
 *    and never writes past struct_size. Fields are only ever added at the end, and no struct
 *    has padding, because an old struct_size would cover a field that was put there. Structs called
 *    "frozen" never change.
 *  - Text is UTF-8 in a flame_str, not ended by NUL. It is borrowed: valid until the call returns,
 *    unless the comment says otherwise. A descriptor's text is valid as long as the library is open.
 *  - Who creates destroys: each create has its destroy in the same table. No memory is freed by the
 *    other side.
 *  - Each function carries a tag that says which calls may meet.
 *    - [init]: one call at a time in the process, before or after everything else.
 *    - [any]: any thread, at any time.
 *    - [object-serial]: any thread, but one call at a time for each object given as the first
 *      handle.
 *    - [stream-serial]: any thread, but one call at a time for each stream in the call.
 *  - A plugin holds none of its locks while it calls the host.
 *  - A plugin never ends the process, installs signal handlers, changes the locale, the
 *    environment, the rounding mode or a descriptor that it did not open.
 *
 * This header alone is what both sides must agree on for a refusal to be readable. */
#ifndef FLAME_ABI_H
#define FLAME_ABI_H

#include <stddef.h>
#include <stdint.h>

/* The major version is the number in the entry symbol, flame_plugin_entry_v1; a change that breaks
 * gets a new symbol. The minor version counts additions. Host and plugin of one major always load
 * each other, whatever their minors. */
#define FLAME_ABI_MAJOR 1u
#define FLAME_ABI_MINOR 0u

/* The minor that a plugin wants to run on, at most FLAME_ABI_MINOR. What came later is hidden from
 * it. */
#ifndef FLAME_TARGET_MINOR
#define FLAME_TARGET_MINOR FLAME_ABI_MINOR
#endif
#if FLAME_TARGET_MINOR > FLAME_ABI_MINOR
#error "FLAME_TARGET_MINOR is newer than these headers: take a newer SDK or a smaller number"
#endif

#ifdef __cplusplus
#define FLAME_BEGIN_C extern "C" {
#define FLAME_END_C }
#else
#define FLAME_BEGIN_C
#define FLAME_END_C
#endif

/* A function that may throw does not convert to a pointer with this mark: C++17 compilers refuse
 * it. */
#if defined(__cplusplus) && __cplusplus >= 201703L
#define FLAME_NOEXCEPT noexcept
#else
#define FLAME_NOEXCEPT
#endif

#define FLAME_EXPORT __attribute__((visibility("default")))

/* True if the struct at p is long enough to hold the pointer field f, and f is not null. */
#define FLAME_HAS(T, p, f) ((p)->struct_size >= offsetof(T, f) + sizeof((p)->f) && (p)->f)
/* True if the struct at p is long enough to hold the field f, of any type. */
#define FLAME_COVERS(T, p, f) ((p)->struct_size >= offsetof(T, f) + sizeof((p)->f))

FLAME_BEGIN_C

/* Frozen. `data` may be null if `size` is 0. */
typedef struct flame_str {
  const char *data;
  size_t size;
} flame_str;

/* Initialises a flame_str from a string literal: static const flame_str id = FLAME_STR("sgd"); */
#define FLAME_STR(literal) \
  { (literal), sizeof(literal "") - 1 }

/* 0 is success. A function that returns another status has called flame_call.fail exactly once; see
 * call.h. */
typedef int32_t flame_status;
#define FLAME_OK 0
#define FLAME_ERROR_FAILED 1 /* for a reason without a code of its own */
#define FLAME_ERROR_INVALID_ARGUMENT \
  2 /* the caller broke the contract, or gave a value that is out of range */
#define FLAME_ERROR_UNSUPPORTED 3   /* correct, but not offered here; nothing has happened */
#define FLAME_ERROR_OUT_OF_MEMORY 4 /* of the host or the device */
#define FLAME_ERROR_NUMERIC 5       /* a number that must be finite is not */
#define FLAME_ERROR_STORAGE 6       /* a file cannot be read or written */
#define FLAME_ERROR_DEVICE_LOST 7   /* the device's fault ends every use of it by this process */
#define FLAME_ERROR_INTERRUPTED 8   /* the host asked to stop */
#define FLAME_ERROR_NOT_FOUND 9     /* a name that does not exist */
#define FLAME_ERROR_END 10          /* there is no more */

FLAME_END_C

#endif

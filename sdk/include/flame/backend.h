/* A backend executes ops on devices of one sort. The plugin offers flame.backend/1; each of its
 * devices offers flame.memory/1, flame.sync/1 and flame.ops/1, and may offer flame.capture/1.
 *
 * The host destroys in this order, after syncing: graphs, plans, events, streams, memory, devices.
 */
#ifndef FLAME_BACKEND_H
#define FLAME_BACKEND_H

#include "flame/attribute.h"
#include "flame/call.h"
#include "flame/op.h"
#include "flame/tensor.h"

FLAME_BEGIN_C

typedef struct flame_device flame_device;
typedef struct flame_event flame_event;
typedef struct flame_plan flame_plan;
typedef struct flame_graph flame_graph;

#define FLAME_BACKEND_ID "flame.backend/1"

/* Filled by the plugin, no further than struct_size. Text lives as long as the library is open. */
typedef struct flame_device_info {
  uint32_t struct_size;
  uint32_t device; /* goes into flame_tensor.device; FLAME_DEVICE_CPU if the processor can read its
                      memory */
  flame_str name;  /* "NVIDIA H200" */
  flame_str description; /* driver, library versions: what a bug report needs */
  uint64_t memory_total; /* bytes; 0 if unknown */
  uint64_t memory_free;
} flame_device_info;

typedef struct flame_backend {
  uint32_t struct_size;
  uint32_t reserved; /* zero */
  /* How many devices answer now. None is no error: the reason goes to flame.log/1. [init] */
  flame_status (*count)(flame_call *call, flame_str component, uint32_t *out) FLAME_NOEXCEPT;
  flame_status (*describe)(flame_call *call, flame_str component, uint32_t index,
                           flame_device_info *out) FLAME_NOEXCEPT; /* [init] */
  /* `options` are the component's, with defaults filled in. *out ends with close. [init] */
  flame_status (*open)(flame_call *call, flame_str component, uint32_t index,
                       const flame_attribute *options, uint32_t option_count,
                       flame_device **out) FLAME_NOEXCEPT;
  void (*close)(flame_device *device) FLAME_NOEXCEPT; /* [init] */
  /* The device's interface of that id, or null. Valid until close. [any] */
  const void *(*query)(flame_device *device, flame_str id)FLAME_NOEXCEPT;
} flame_backend;

#define FLAME_MEMORY_ID "flame.memory/1"

/* Bytes. Filled by the plugin, no further than struct_size. Never too little, and not much too much:
 * the host counts it in what it says a run will take. */
typedef struct flame_own_memory {
  uint32_t struct_size;
  uint32_t reserved;  /* zero */
  uint64_t device;    /* what opening the device took before anything was done on it, such as a
                        driver's context; 0 if nobody can say */
  uint64_t rest;      /* libraries, kernels and all else so far, and what the plans that were made
                        will still need when they run; no recordings */
  uint64_t recording; /* a recording with branches, beside the recorded_size of its ops */
  uint64_t straight_recording; /* a recording without branches, for each of its ops */
} flame_own_memory;

typedef struct flame_memory {
  uint32_t struct_size;
  uint32_t reserved; /* zero */
  /* At least `size` bytes, aligned to 256; a size of 0 gives null. Errors: OUT_OF_MEMORY, which
   * says how much was asked for and how much there is. [object-serial] */
  flame_status (*allocate)(flame_device *device, flame_call *call, uint64_t size,
                           void **out) FLAME_NOEXCEPT;
  /* Everything that used it has been synced. [object-serial] */
  void (*release)(flame_device *device, void *memory) FLAME_NOEXCEPT;
  /* Enqueue copies of plain bytes on call->stream, from and to the processor's memory, which stays
   * valid and untouched until the stream is synced. [stream-serial] */
  flame_status (*upload)(flame_device *device, flame_call *call, const void *from, void *to,
                         uint64_t size) FLAME_NOEXCEPT;
  flame_status (*download)(flame_device *device, flame_call *call, const void *from, void *to,
                           uint64_t size) FLAME_NOEXCEPT;
  /* What the backend itself takes of the device's memory. May be null: nothing, or nobody knows.
   * [object-serial] */
  flame_status (*own)(flame_device *device, flame_call *call, flame_own_memory *out) FLAME_NOEXCEPT;
} flame_memory;

#define FLAME_SYNC_ID "flame.sync/1"

typedef struct flame_sync {
  uint32_t struct_size;
  uint32_t reserved; /* zero */
  flame_status (*create_stream)(flame_device *device, flame_call *call,
                                flame_stream **out) FLAME_NOEXCEPT; /* [object-serial] */
  void (*destroy_stream)(flame_stream *stream) FLAME_NOEXCEPT;
  flame_status (*create_event)(flame_device *device, flame_call *call,
                               flame_event **out) FLAME_NOEXCEPT; /* [object-serial] */
  void (*destroy_event)(flame_event *event) FLAME_NOEXCEPT;
  /* Marks the work enqueued on call->stream so far; work enqueued on call->stream later waits for
   * the mark. [stream-serial] */
  flame_status (*record)(flame_call *call, flame_event *event) FLAME_NOEXCEPT;
  flame_status (*wait)(flame_call *call, flame_event *event) FLAME_NOEXCEPT;
  /* Returns when all work of call->stream is done. Errors of that work surface here.
   * [stream-serial] */
  flame_status (*synchronize)(flame_call *call) FLAME_NOEXCEPT;
} flame_sync;

#define FLAME_OPS_ID "flame.ops/1"

#define FLAME_OP_CAPTURE_SAFE 1u  /* run may be captured */
#define FLAME_OP_DETERMINISTIC 2u /* two runs give the same bits */
#define FLAME_OP_IN_PLACE \
  4u /* each output may stand in the memory of an input of the same type and strides, every output \
        in another, and is then right */

/* Filled by the plugin, no further than struct_size. */
typedef struct flame_op_info {
  uint32_t struct_size;
  uint32_t flags;          /* FLAME_OP_… */
  uint64_t workspace_size; /* bytes that run needs */
  /* Bit i: output 0 may stand in the memory of input i (same shape and type), and is then right. */
  uint64_t in_place_mask;
  /* Bytes of the device's memory that a run takes in a recording with branches, at most; see
   * flame_own_memory. */
  uint64_t recorded_size;
} flame_op_info;

typedef struct flame_ops {
  uint32_t struct_size;
  uint32_t reserved; /* zero */
  /* Can this device do the op? Pure and quick; the answer holds as long as the device is open. If
   * not: UNSUPPORTED, and the message is the reason, in the user's words. Never half an answer:
   * what probe accepts, plan and run do. [any] */
  flame_status (*probe)(flame_device *device, flame_call *call, const flame_op *op,
                        flame_op_info *out) FLAME_NOEXCEPT;
  /* Makes all expensive choices. *out ends with drop, and `info` is what run will need.
   * [object-serial] */
  flame_status (*plan)(flame_device *device, flame_call *call, const flame_op *op,
                       flame_op_info *info, flame_plan **out) FLAME_NOEXCEPT;
  /* Enqueues the op on call->stream. The tensors are those of the plan, with data. No allocation,
   * no waiting. Outputs are written whole and never read; they do not overlap inputs, except where
   * FLAME_OP_IN_PLACE or in_place_mask allows it. [stream-serial] */
  flame_status (*run)(flame_plan *plan, flame_call *call, const flame_tensor *const *inputs,
                      const flame_tensor *const *outputs) FLAME_NOEXCEPT;
  void (*drop)(flame_plan *plan) FLAME_NOEXCEPT; /* [object-serial] */
} flame_ops;

#define FLAME_CAPTURE_ID "flame.capture/1"

#define FLAME_CAPTURE_BRANCHES \
  1u /* a stream that waits for an event of the captured one is recorded too, as a branch, until the \
        captured one waits for an event of it */

/* Between begin and end, what is enqueued on call->stream is recorded instead of run. Addresses and
 * workspaces stay valid until the graph is dropped; values that change between replays are tensors
 * on the device. */
typedef struct flame_capture {
  uint32_t struct_size;
  uint32_t reserved;                                                       /* zero */
  flame_status (*begin)(flame_call *call) FLAME_NOEXCEPT;                  /* [stream-serial] */
  flame_status (*end)(flame_call *call, flame_graph **out) FLAME_NOEXCEPT; /* [stream-serial] */
  flame_status (*replay)(flame_call *call, flame_graph *graph)
      FLAME_NOEXCEPT; /* enqueues all of it, on any stream of the device; [stream-serial] */
  void (*drop)(flame_graph *graph) FLAME_NOEXCEPT;
  uint32_t flags;      /* FLAME_CAPTURE_… */
  uint32_t reserved_2; /* zero */
} flame_capture;

FLAME_END_C

#endif

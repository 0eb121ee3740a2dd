/* The call: what the host hands to every function that can fail, and the error sink in it. */
#ifndef FLAME_CALL_H
#define FLAME_CALL_H

#include "flame/abi.h"

FLAME_BEGIN_C

typedef struct flame_stream flame_stream; /* made by a backend, see backend.h */

#define FLAME_CALL_CAPTURING \
  1u /* the stream is being captured: what cannot be, returns UNSUPPORTED without effect */
#define FLAME_CALL_DETERMINISTIC \
  2u /* two runs must give the same bits; an op that cannot, returns UNSUPPORTED */

/* Owned by the caller; valid until the function that got it returns, and used by that function's
 * thread alone. A plugin that calls the host hands over the call that it got, and then a failure
 * that it passes on has been told already; or a call of its own, whose `fail` keeps the message,
 * and then it tells its caller itself. */
typedef struct flame_call {
  uint32_t struct_size;
  uint32_t flags; /* FLAME_CALL_… ; bits that are not named here are zero */

  /* Says what went wrong. Called exactly once by each function that returns a status other than
   * FLAME_OK, with that status, before it returns. The sink copies `message`, so it may lie on the
   * stack. The message says what is wrong, where, what was expected and what to do; it needs no
   * prefix and no line end. Never null. */
  void *sink;
  void (*fail)(void *sink, flame_status status, flame_str message) FLAME_NOEXCEPT;

  /* For the functions of flame.ops/1, flame.memory/1, flame.sync/1 and flame.capture/1; else null
   * and 0. The workspace has the size and alignment (256 bytes) that the plan asked for and holds
   * nothing of worth. */
  flame_stream *stream;
  void *workspace;
  uint64_t workspace_size;
} flame_call;

FLAME_END_C

#endif

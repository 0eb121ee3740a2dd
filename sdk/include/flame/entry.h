/* The door: the one symbol that a plugin exports, what the host gives it, and what it gives back.
 */
#ifndef FLAME_ENTRY_H
#define FLAME_ENTRY_H

#include "flame/call.h"
#include "flame/descriptor.h"

FLAME_BEGIN_C

/* Given by the host; valid until the process ends. */
typedef struct flame_host {
  uint32_t struct_size;
  uint32_t minor; /* FLAME_ABI_MINOR of the host */
  flame_str name;
  flame_str version;
  /* The host's service of that id ("flame.log/1", see host.h), or null if this host does not offer
   * it. The table is valid until the process ends. [any] */
  const void *(*query)(const struct flame_host *host, flame_str id)FLAME_NOEXCEPT;
} flame_host;

/* Given by the plugin; constant and valid as long as the library is open. */
typedef struct flame_plugin {
  uint32_t struct_size;
  uint32_t minor; /* FLAME_TARGET_MINOR of the plugin's build */
  flame_str id;
  flame_str version;
  flame_str vendor;
  flame_str license;
  flame_str summary;
  uint32_t component_count;
  uint32_t requirement_count;
  const flame_component *const *components;
  const flame_str
      *requirements; /* shared libraries that must be there for start() to work: "libcuda.so.1" */

  /* Makes the plugin ready. Calls are balanced by stop() and may be repeated: the plugin counts. A
   * start that fails leaves everything as it was and is not balanced. After the first good start
   * the library stays open until the process ends. [init] */
  flame_status (*start)(flame_call *call) FLAME_NOEXCEPT;
  /* Everything created by the plugin was destroyed before the last one. [init] */
  void (*stop)(void) FLAME_NOEXCEPT;
  /* The plugin's interface of that id ("flame.optimizer/1"), or null. Valid between start() and the
   * last stop(). The interface of every kind in `components` is there. [any] */
  const void *(*query)(flame_str id)FLAME_NOEXCEPT;
} flame_plugin;

/* The only exported symbol. Pure: it keeps the host, returns the table and does no work; it may be
 * called again and then returns the same. Null if this host cannot serve the plugin: the reason was
 * written to flame.log/1 first, and says what the plugin needs, what the host has and what to do.
 * [init] */
FLAME_EXPORT const flame_plugin *flame_plugin_entry_v1(const flame_host *host) FLAME_NOEXCEPT;

/* The name under which the host looks it up. */
#define FLAME_ENTRY_SYMBOL "flame_plugin_entry_v1"

FLAME_END_C

#endif

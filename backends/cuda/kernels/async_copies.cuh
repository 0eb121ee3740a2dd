// Copies from global to shared memory that go on while the thread works: no registers hold what is on
// its way. For chips from sm_80 on.
#pragma once

#include "elements.cuh"

// kBytes, 4, 8 or 16, from a multiple of kBytes; zeros if not `inside`. Seen by the thread that copied
// after wait_for_copies(), by others after a barrier behind that.
template <int kBytes>
inline void copy_async(void *shared, const void *global, bool inside) {
  const unsigned address = (unsigned)__cvta_generic_to_shared(shared);
  const int size = inside ? kBytes : 0;
  if constexpr (kBytes == 16)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(global),
                 "r"(size)
                 : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(address), "l"(global),
                 "n"(kBytes), "r"(size)
                 : "memory");
}
// Closes a group of copies; there may be empty ones.
inline void end_copies() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}
// Waits until at most kOpen of the thread's last groups are on their way.
template <int kOpen>
inline void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kOpen) : "memory");
}

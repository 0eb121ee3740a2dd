// A cluster: blocks that run at a time and read each other's shared memory, on chips from sm_90 on.
// kCluster is their number; of one, nothing waits, and any chip will do.
#pragma once

// Stands before a kernel's name.
#if __CUDA_ARCH__ >= 900
#define IN_CLUSTERS_OF(count) __cluster_dims__(count, 1, 1)
#else
#define IN_CLUSTERS_OF(count)
#endif

template <int kCluster>
inline void arrive_at_cluster() {
  if constexpr (kCluster > 1) asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
}
template <int kCluster>
inline void wait_for_cluster() {
  if constexpr (kCluster > 1) asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
}

// Four numbers at the same place in the shared memory of another block of the cluster.
template <typename Fours>
inline Fours read_of_block(const Fours *own, int rank) {
  unsigned address = (unsigned)__cvta_generic_to_shared(own);
  Fours out;
  asm volatile("mapa.shared::cluster.u32 %0, %0, %1;" : "+r"(address) : "r"(rank));
  asm volatile("ld.shared::cluster.v4.f32 {%0, %1, %2, %3}, [%4];"
               : "=f"(out.at[0]), "=f"(out.at[1]), "=f"(out.at[2]), "=f"(out.at[3])
               : "r"(address)
               : "memory");
  return out;
}

// Which instruction set a kernel was built for: chosen at run time, so that one portable build is
// fast everywhere.  All kernels are integer-exact, so the choice never shows in a result.
// AIMC_PORTABLE leaves only what every machine runs.
#ifndef AIMC_TILE_CORE_SIMD_HH
#define AIMC_TILE_CORE_SIMD_HH

#if defined(__x86_64__) && defined(__GNUC__) && !defined(AIMC_PORTABLE)
#define AIMC_X86_DISPATCH 1
#define AIMC_TARGET_AVX2 __attribute__((target("avx2,bmi,bmi2,lzcnt")))
#endif

#define AIMC_ALWAYS_INLINE inline __attribute__((always_inline))

namespace aimc {

// True if this machine runs kernels marked AIMC_TARGET_AVX2.
inline bool has_avx2() {
#ifdef AIMC_X86_DISPATCH
  static const bool supported = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                                __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("lzcnt");
  return supported;
#else
  return false;
#endif
}

}  // namespace aimc

#endif  // AIMC_TILE_CORE_SIMD_HH

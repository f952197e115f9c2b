/*===- fpu.h - the floating-point mode of compiled code
 *----------------------===*
 *
 * Flush-to-zero and denormals-are-zero: subnormals made a matrix product 197×
 * slower. The rest of the control word is set as well, so that every thread
 * rounds alike whatever the caller had.
 *
 *===----------------------------------------------------------------------===*/
#ifndef SEQ_RUNTIME_TEAM_FPU_H
#define SEQ_RUNTIME_TEAM_FPU_H

#if defined(__x86_64__)
#include <xmmintrin.h>

typedef unsigned seq_fpu_mode;

static inline seq_fpu_mode seq_fpu_enter(void) {
  enum { FLUSH_TO_ZERO = 0x8000, DENORMALS_ARE_ZERO = 0x40, MASK_ALL = 0x1f80 };
  seq_fpu_mode mode = _mm_getcsr();
  _mm_setcsr(FLUSH_TO_ZERO | DENORMALS_ARE_ZERO | MASK_ALL);
  return mode;
}

static inline void seq_fpu_leave(seq_fpu_mode mode) { _mm_setcsr(mode); }

#else

typedef int seq_fpu_mode;
static inline seq_fpu_mode seq_fpu_enter(void) { return 0; }
static inline void seq_fpu_leave(seq_fpu_mode mode) { (void)mode; }

#endif
#endif

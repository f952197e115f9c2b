/*===- Kernels.h - loops that keep one part of a processor busy ------------===*
 *
 * Kernels.c is compiled once for each set of vector extensions; SEQ_KERNELS
 * names the table of that set.
 *
 *===----------------------------------------------------------------------===*/
#ifndef SEQC_LIB_TARGET_CPU_MEASURE_KERNELS_H
#define SEQC_LIB_TARGET_CPU_MEASURE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int32_t lanes; /* f32 in one vector */
  /* Independent multiply-adds on registers; the number of operations done, a
   * multiply-add being two. */
  double (*fma32)(int64_t rounds);
  double (*fma64)(int64_t rounds);
  /* Multiply-adds of which each waits for the last one; their number. */
  double (*chain)(int64_t rounds);
  /* Exponentials of the values in an array, count a multiple of 64. */
  double (*exp)(float *values, size_t count);
  /* Bytes a multiple of 1024. */
  double (*read)(const void *from, size_t bytes);
  double (*copy)(void *to, const void *from, size_t bytes);
} seq_kernels;

extern const seq_kernels seq_kernels_sse2, seq_kernels_avx2, seq_kernels_avx512;

#ifdef __cplusplus
}
#endif
#endif

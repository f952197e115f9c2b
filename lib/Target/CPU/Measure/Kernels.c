/*===- Kernels.c - loops that keep one part of a processor busy
 * -------------===*/

#include "Kernels.h"

#if defined(__AVX512F__)
#define WIDTH 64
#elif defined(__AVX2__)
#define WIDTH 32
#else
#define WIDTH 16
#endif

#pragma STDC FP_CONTRACT ON

typedef float vec32 __attribute__((vector_size(WIDTH)));
typedef double vec64 __attribute__((vector_size(WIDTH)));
typedef int32_t int32s __attribute__((vector_size(WIDTH)));

enum { CHAINS = 12, LANES = WIDTH / 4 };

/* What the compiler does not know and cannot leave out. */
static volatile float factor = 0.999f, sink;

#define BUSY(NAME, VECTOR)                                                     \
  static double NAME(int64_t rounds) {                                         \
    VECTOR sums[CHAINS], a = (VECTOR){0} + factor, b = a * a;                  \
    for (int i = 0; i < CHAINS; ++i)                                           \
      sums[i] = a + (float)i;                                                  \
    for (int64_t round = 0; round < rounds; ++round)                           \
      for (int i = 0; i < CHAINS; ++i)                                         \
        sums[i] = sums[i] * a + b;                                             \
    for (int i = 1; i < CHAINS; ++i)                                           \
      sums[0] += sums[i];                                                      \
    sink = (float)sums[0][0];                                                  \
    return 2.0 * CHAINS * (double)rounds * sizeof(VECTOR) /                    \
           sizeof(sums[0][0]);                                                 \
  }
BUSY(fma32, vec32)
BUSY(fma64, vec64)

static double chain(int64_t rounds) {
  vec32 sum = (vec32){0} + factor, a = sum, b = a * a;
  for (int64_t round = 0; round < rounds; ++round)
    sum = sum * a + b;
  sink = sum[0];
  return (double)rounds;
}

/* 2^x: rounding to the nearest integer, a polynomial of degree 6 on the rest,
 * the integer added to the exponent; as programs compute it, but for special
 * values. */
static inline vec32 exponential(vec32 x) {
  const float shift = 12582912.0f; /* 1.5 · 2^23: a sum has no fraction */
  x = x * 1.44269504f;
  vec32 rounded = x + shift;
  int32s whole = (int32s)rounded << 23;
  vec32 rest = x - (rounded - shift);
  vec32 value = (vec32){0} + 1.5403530e-4f;
  value = value * rest + 1.3333558e-3f;
  value = value * rest + 9.6181291e-3f;
  value = value * rest + 5.5504109e-2f;
  value = value * rest + 2.4022651e-1f;
  value = value * rest + 6.9314718e-1f;
  value = value * rest + 1.0f;
  return (vec32)((int32s)value + whole);
}

static double exps(float *values, size_t count) {
  for (size_t i = 0; i < count; i += 4 * LANES) {
    vec32 *group = (vec32 *)(values + i);
    for (int j = 0; j < 4; ++j)
      group[j] = -exponential(group[j]);
  }
  return (double)count;
}

static double readAll(const void *from, size_t bytes) {
  const vec32 *values = from;
  vec32 sums[8] = {0};
  for (size_t i = 0; i < bytes / WIDTH; i += 8)
    for (int j = 0; j < 8; ++j)
      sums[j] += values[i + j];
  for (int j = 1; j < 8; ++j)
    sums[0] += sums[j];
  sink = sums[0][0];
  return (double)bytes;
}

static double copyAll(void *to, const void *from, size_t bytes) {
  vec32 *target = to;
  const vec32 *values = from;
  for (size_t i = 0; i < bytes / WIDTH; i += 8)
    for (int j = 0; j < 8; ++j)
      target[i + j] = values[i + j];
  return (double)bytes;
}

const seq_kernels SEQ_KERNELS = {LANES, fma32,   fma64,  chain,
                                 exps,  readAll, copyAll};

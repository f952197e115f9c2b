/*===- Sampling.h - From logits to the next token
 *----------------------------===*
 *
 * With temperature T, top-k k and top-p p:
 *
 *   1. keep the k largest logits (k = 0: all)
 *   2. w_i = exp((l_i - max l) / T), in double
 *   3. keep the shortest prefix, by falling w, whose sum is at least p Σ w
 *      (p = 1: all)
 *   4. draw u in [0, Σ w of what is kept) and take the first token whose
 *      cumulative weight exceeds u
 *
 * T = 0 is greedy: the largest logit. Equal logits are ordered by token id.
 * The result depends on the logits and the seed only.
 *
 *===----------------------------------------------------------------------===*/
#ifndef SEQ_RUNTIME_SAMPLING_H
#define SEQ_RUNTIME_SAMPLING_H

#include "seq/runtime/Tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* xoshiro256** (Blackman and Vigna), its state filled by splitmix64. */
typedef struct {
  uint64_t s[4];
} seq_random;

void seq_random_seed(seq_random *random, uint64_t seed);
uint64_t seq_random_next(seq_random *random);

/* In [0, 1), a multiple of 2^-53. */
double seq_random_unit(seq_random *random);

typedef struct {
  double temperature; /* ≥ 0 */
  int64_t top_k;      /* ≥ 0, 0 = off */
  double top_p;       /* in (0, 1], 1 = off */
  uint64_t seed;
} seq_sampling;

typedef struct seq_sampler seq_sampler;

/* All memory that seq_sampler_next needs is allocated here. */
seq_sampler *seq_sampler_create(const seq_sampling *sampling,
                                int64_t vocabulary, seq_error *error);
void seq_sampler_free(seq_sampler *sampler); /* NULL is fine */

/* `logits` holds `vocabulary` floating-point values. Fails on NaN, on +inf and
 * when all are -inf. */
bool seq_sampler_next(seq_sampler *sampler, const seq_tensor *logits,
                      int64_t *token, seq_error *error);

#ifdef __cplusplus
}
#endif
#endif /* SEQ_RUNTIME_SAMPLING_H */

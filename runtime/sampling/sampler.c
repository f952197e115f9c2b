/*===- sampler.c - from logits to the next token
 * ------------------------------===*/

#include "seq/runtime/Sampling.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/*===----------------------------------------------------------------------===*
 * Random numbers
 *===----------------------------------------------------------------------===*/

static uint64_t splitmix64(uint64_t *state) {
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

static uint64_t rotate(uint64_t x, int k) { return x << k | x >> (64 - k); }

void seq_random_seed(seq_random *random, uint64_t seed) {
  for (int i = 0; i < 4; ++i)
    random->s[i] = splitmix64(&seed);
}

uint64_t seq_random_next(seq_random *random) {
  uint64_t *s = random->s;
  uint64_t result = rotate(s[1] * 5, 7) * 9, shifted = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= shifted;
  s[3] = rotate(s[3], 45);
  return result;
}

double seq_random_unit(seq_random *random) {
  return (double)(seq_random_next(random) >> 11) * 0x1p-53;
}

/*===----------------------------------------------------------------------===*
 * Sampling
 *===----------------------------------------------------------------------===*/

typedef struct {
  double logit;
  int64_t token;
} candidate;

struct seq_sampler {
  seq_sampling sampling;
  int64_t vocabulary;
  seq_random random;
  candidate *candidates;
};

seq_sampler *seq_sampler_create(const seq_sampling *sampling,
                                int64_t vocabulary, seq_error *error) {
  if (!(sampling->temperature >= 0) || isinf(sampling->temperature)) {
    seq_fail(error, "temperature %g, expected at least 0",
             sampling->temperature);
    return NULL;
  }
  if (sampling->top_k < 0) {
    seq_fail(error, "top-k %" PRId64 ", expected at least 0", sampling->top_k);
    return NULL;
  }
  if (!(sampling->top_p > 0 && sampling->top_p <= 1)) {
    seq_fail(error, "top-p %g, expected above 0 and at most 1",
             sampling->top_p);
    return NULL;
  }
  if (vocabulary < 1 || vocabulary > INT64_C(1) << 40) {
    seq_fail(error, "vocabulary of %" PRId64 " tokens", vocabulary);
    return NULL;
  }
  seq_sampler *sampler = calloc(1, sizeof *sampler);
  candidate *candidates = calloc((size_t)vocabulary, sizeof *candidates);
  if (!sampler || !candidates) {
    free(sampler);
    free(candidates);
    seq_fail(error, "no memory to sample from %" PRId64 " tokens", vocabulary);
    return NULL;
  }
  *sampler = (seq_sampler){.sampling = *sampling,
                           .vocabulary = vocabulary,
                           .candidates = candidates};
  seq_random_seed(&sampler->random, sampling->seed);
  return sampler;
}

void seq_sampler_free(seq_sampler *sampler) {
  if (sampler)
    free(sampler->candidates);
  free(sampler);
}

static double logit_at(const seq_tensor *logits, int64_t index) {
  switch (logits->dtype) {
  case SEQ_F64:
    return ((const double *)logits->data)[index];
  case SEQ_F32:
    return (double)((const float *)logits->data)[index];
  case SEQ_F16:
    return (double)seq_f16_to_f32(((const uint16_t *)logits->data)[index]);
  default:
    return (double)seq_bf16_to_f32(((const uint16_t *)logits->data)[index]);
  }
}

static bool before(const candidate *a, const candidate *b) {
  return a->logit > b->logit || (a->logit == b->logit && a->token < b->token);
}

/* Restores the heap (the first is before all others) below `index`. */
static void sift_down(candidate *heap, int64_t count, int64_t index) {
  candidate moved = heap[index];
  for (int64_t child; (child = 2 * index + 1) < count; index = child) {
    if (child + 1 < count && before(&heap[child + 1], &heap[child]))
      ++child;
    if (!before(&heap[child], &moved))
      break;
    heap[index] = heap[child];
  }
  heap[index] = moved;
}

/* Moves the `most` first candidates, or those first ones whose weights reach
 * `mass`, to the end of the array, in falling order from its last place. A heap
 * makes that linear in the vocabulary, where sorting is not. The number moved.
 */
static int64_t select_first(const seq_sampler *sampler, int64_t most,
                            double maximum, double mass) {
  candidate *heap = sampler->candidates;
  int64_t count = sampler->vocabulary, moved = 0;
  double sum = 0;
  for (int64_t i = count / 2; i-- > 0;)
    sift_down(heap, count, i);
  while (moved < most && (moved == 0 || sum < mass)) {
    candidate first = heap[0];
    heap[0] = heap[--count];
    sift_down(heap, count, 0);
    heap[count] = first;
    ++moved;
    sum += exp((first.logit - maximum) / sampler->sampling.temperature);
  }
  return moved;
}

static double weight(const seq_sampler *sampler, const candidate *each,
                     double maximum) {
  return exp((each->logit - maximum) / sampler->sampling.temperature);
}

bool seq_sampler_next(seq_sampler *sampler, const seq_tensor *logits,
                      int64_t *token, seq_error *error) {
  const seq_sampling *sampling = &sampler->sampling;
  candidate *candidates = sampler->candidates;
  int64_t count = sampler->vocabulary, best = -1;
  for (int64_t i = 0; i < count; ++i) {
    double logit = logit_at(logits, i);
    if (isnan(logit) || logit == INFINITY)
      return seq_fail(error, "the logit of token %" PRId64 " is %s", i,
                      isnan(logit) ? "not a number" : "infinite");
    candidates[i] = (candidate){logit, i};
    if (logit != -INFINITY && (best < 0 || logit > candidates[best].logit))
      best = i;
  }
  if (best < 0)
    return seq_fail(error, "the logits of all tokens are -infinity");
  *token = best;
  if (sampling->temperature == 0 || sampling->top_k == 1)
    return true;

  double maximum = candidates[best].logit;
  bool some = sampling->top_k > 0 && sampling->top_k < count;
  int64_t kept = count;
  candidate *start = candidates;
  if (some) {
    kept = select_first(sampler, sampling->top_k, maximum, INFINITY);
    start = candidates + count - kept;
  }
  double sum = 0;
  for (int64_t i = 0; i < kept; ++i)
    sum += weight(sampler, &start[i], maximum);
  if (sampling->top_p < 1) {
    double mass = sampling->top_p * sum;
    if (!some) {
      kept = select_first(sampler, count, maximum, mass);
      start = candidates + count - kept;
      sum = 0;
      for (int64_t i = 0; i < kept; ++i)
        sum += weight(sampler, &start[i], maximum);
    } else {
      /* In falling order from the end: drop the rest from the start. */
      double prefix = 0;
      int64_t prefix_length = 0;
      while (prefix_length < kept && (prefix_length == 0 || prefix < mass))
        prefix += weight(sampler, &start[kept - ++prefix_length], maximum);
      start += kept - prefix_length;
      kept = prefix_length;
      sum = prefix;
    }
  }

  double left = seq_random_unit(&sampler->random) * sum;
  for (int64_t i = kept; i-- > 0;) {
    double w = weight(sampler, &start[i], maximum);
    if (w > 0)
      *token = start[i].token; /* the last one if rounding runs past the end */
    left -= w;
    if (left < 0 && w > 0)
      break;
  }
  return true;
}

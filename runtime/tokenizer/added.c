/*===- added.c - tokens that are found in the text before all else --------===*/

#include "tokenizer/tokenizer.h"

#include <stdlib.h>
#include <string.h>

static int by_id(const void *a, const void *b) {
  int64_t x = ((const added_token *)a)->id, y = ((const added_token *)b)->id;
  return (x > y) - (x < y);
}

static int by_pattern(const void *a, const void *b) {
  const added_token *x = *(const added_token *const *)a;
  const added_token *y = *(const added_token *const *)b;
  size_t common = x->pattern_bytes < y->pattern_bytes ? x->pattern_bytes
                                                      : y->pattern_bytes;
  int order = memcmp(x->pattern, y->pattern, common);
  if (order != 0)
    return order;
  if (x->pattern_bytes != y->pattern_bytes)
    return x->pattern_bytes < y->pattern_bytes ? -1 : 1;
  return (x->id > y->id) - (x->id < y->id);
}

static bool make_set(added_set *set, const added_tokens *added, bool normalized,
                     seq_error *error) {
  set->sorted = calloc((size_t)added->count + 1, sizeof *set->sorted);
  if (!set->sorted)
    return seq_fail(error, "no memory for the added tokens");
  for (int64_t i = 0; i < added->count; ++i)
    if (added->tokens[i].normalized == normalized &&
        added->tokens[i].pattern_bytes > 0)
      set->sorted[set->count++] = &added->tokens[i];
  qsort(set->sorted, (size_t)set->count, sizeof *set->sorted, by_pattern);
  return true;
}

bool added_prepare(added_tokens *added, seq_error *error) {
  if (added->count > 0)
    qsort(added->tokens, (size_t)added->count, sizeof *added->tokens, by_id);
  return make_set(&added->raw, added, false, error) &&
         make_set(&added->normalized, added, true, error);
}

void added_release(added_tokens *added) {
  for (int64_t i = 0; added->tokens && i < added->count; ++i) {
    if (added->tokens[i].pattern != added->tokens[i].text)
      free((char *)added->tokens[i].pattern);
    free((char *)added->tokens[i].text);
  }
  free(added->tokens);
  free(added->raw.sorted);
  free(added->normalized.sorted);
}

const added_token *added_at(const added_tokens *added, int64_t id) {
  const added_token key = {.id = id};
  return added->count == 0 ? NULL
                           : bsearch(&key, added->tokens, (size_t)added->count,
                                     sizeof key, by_id);
}

/* First of sorted[low … high), which agree in their first `depth` bytes, whose
 * byte at `depth` is at least `byte`. Shorter ones come before all. */
static int64_t lower_bound(const added_set *set, int64_t low, int64_t high,
                           size_t depth, int byte) {
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    const added_token *token = set->sorted[middle];
    if (token->pattern_bytes > depth &&
        (unsigned char)token->pattern[depth] >= byte)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

/* The longest that `text` begins with: the range of those that begin with its
 * first bytes is narrowed byte by byte. */
static const added_token *longest_prefix(const added_set *set, const char *text,
                                         size_t bytes) {
  const added_token *best = NULL;
  int64_t low = 0, high = set->count;
  for (size_t depth = 0; depth < bytes; ++depth) {
    int byte = (unsigned char)text[depth];
    low = lower_bound(set, low, high, depth, byte);
    high = lower_bound(set, low, high, depth, byte + 1);
    if (low == high)
      break;
    if (set->sorted[low]->pattern_bytes == depth + 1)
      best = set->sorted[low];
  }
  return best;
}

const added_token *added_find(const added_set *set, const char *text,
                              size_t bytes, size_t from, size_t *begin) {
  for (size_t at = from; set->count > 0 && at < bytes; ++at) {
    const added_token *found = longest_prefix(set, text + at, bytes - at);
    if (found) {
      *begin = at;
      return found;
    }
  }
  return NULL;
}

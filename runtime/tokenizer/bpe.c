/*===- bpe.c - merges the characters of a word, the best pair first -------===*/

#include "tokenizer/tokenizer.h"

#include <inttypes.h>
#include <stdlib.h>

/*===-----------------------------------------------------------------------===*
 * The table of merges
 *===----------------------------------------------------------------------===*/

static uint64_t pair_of(int64_t left, int64_t right) {
  return (uint64_t)left << 32 | (uint64_t)right;
}

static uint64_t hash(uint64_t pair) {
  pair *= UINT64_C(0x9e3779b97f4a7c15);
  return pair ^ pair >> 29;
}

bool merges_reserve(model *bpe, int64_t count, seq_error *error) {
  uint64_t slots = 16;
  while (slots < 2 * (uint64_t)count)
    slots *= 2;
  bpe->merges = malloc((size_t)slots * sizeof *bpe->merges);
  if (!bpe->merges)
    return seq_fail(error, "no memory for %" PRId64 " merges", count);
  bpe->merge_mask = slots - 1;
  for (uint64_t i = 0; i < slots; ++i)
    bpe->merges[i].pair = UINT64_MAX;
  return true;
}

static merge *slot_of(const model *bpe, uint64_t pair) {
  uint64_t slot = hash(pair) & bpe->merge_mask;
  while (bpe->merges[slot].pair != UINT64_MAX &&
         bpe->merges[slot].pair != pair)
    slot = (slot + 1) & bpe->merge_mask;
  return &bpe->merges[slot];
}

void merges_insert(model *bpe, int64_t left, int64_t right, int32_t rank,
                   int64_t merged) {
  uint64_t pair = pair_of(left, right);
  *slot_of(bpe, pair) = (merge){pair, rank, (int32_t)merged};
}

/*===-----------------------------------------------------------------------===*
 * Merging
 *===----------------------------------------------------------------------===*/

/* The symbols of a word are a list. */
struct symbol {
  int64_t id, previous, next; /* previous, next: -1 = none */
  bool gone;                  /* merged into its left neighbour */
};

/* A pair that may be merged: the symbol `at` and the one after it. The symbols
 * may have changed since; then the ids tell. */
struct candidate {
  int32_t rank, merged;
  int64_t at;
};

static bool before(const struct candidate *a, const struct candidate *b) {
  return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static bool push_candidate(encoder *encode, int64_t at) {
  int64_t next = at < 0 ? -1 : encode->symbols[at].next;
  if (next < 0)
    return true;
  uint64_t pair = pair_of(encode->symbols[at].id, encode->symbols[next].id);
  const merge *found = slot_of(&encode->tokenizer->model, pair);
  if (found->pair != pair)
    return true;
  if (encode->heap_count == encode->heap_room) {
    int64_t room = 2 * encode->heap_room + 64;
    struct candidate *heap =
        realloc(encode->heap, (size_t)room * sizeof *heap);
    if (!heap)
      return seq_fail(encode->error, "no memory to merge a word");
    encode->heap = heap;
    encode->heap_room = room;
  }
  struct candidate *heap = encode->heap;
  const struct candidate added = {found->rank, found->merged, at};
  int64_t child = encode->heap_count++;
  for (; child > 0 && before(&added, &heap[(child - 1) / 2]);
       child = (child - 1) / 2)
    heap[child] = heap[(child - 1) / 2];
  heap[child] = added;
  return true;
}

static struct candidate pop_candidate(encoder *encode) {
  struct candidate *heap = encode->heap, best = heap[0];
  int64_t count = --encode->heap_count, hole = 0;
  const struct candidate last = heap[count];
  for (;;) {
    int64_t child = 2 * hole + 1;
    if (child + 1 < count && before(&heap[child + 1], &heap[child]))
      ++child;
    if (child >= count || !before(&heap[child], &last))
      break;
    heap[hole] = heap[child];
    hole = child;
  }
  heap[hole] = last;
  return best;
}

static bool merge_symbols(encoder *encode, int64_t count) {
  struct symbol *symbols = encode->symbols;
  encode->heap_count = 0;
  for (int64_t i = 0; i + 1 < count; ++i)
    if (!push_candidate(encode, i))
      return false;
  while (encode->heap_count > 0) {
    const struct candidate best = pop_candidate(encode);
    struct symbol *left = &symbols[best.at];
    if (left->gone || left->next < 0)
      continue;
    struct symbol *right = &symbols[left->next];
    uint64_t pair = pair_of(left->id, right->id);
    const merge *found = slot_of(&encode->tokenizer->model, pair);
    if (found->pair != pair || found->merged != best.merged)
      continue;
    left->id = best.merged;
    left->next = right->next;
    right->gone = true;
    if (left->next >= 0)
      symbols[left->next].previous = best.at;
    if (!push_candidate(encode, left->previous) ||
        !push_candidate(encode, best.at))
      return false;
  }
  return true;
}

/* The characters of a word as symbols; those that are no token become the
 * unknown token, or nothing if there is none. */
static int64_t make_symbols(encoder *encode, const char *word, size_t bytes) {
  const model *bpe = &encode->tokenizer->model;
  int64_t count = 0;
  bool after_unknown = false;
  for (size_t at = 0; at < bytes;) {
    int32_t c;
    size_t length = utf8_next(word + at, bytes - at, &c);
    const token *found = vocabulary_find(&bpe->vocabulary, word + at, length);
    at += length;
    if (!found && (bpe->unknown == UNKNOWN_NONE ||
                   (after_unknown && bpe->fuse_unknown)))
      continue;
    after_unknown = !found;
    encode->symbols[count] = (struct symbol){
        found ? found->id : bpe->unknown, count - 1, count + 1, false};
    ++count;
  }
  if (count > 0)
    encode->symbols[count - 1].next = -1;
  return count;
}

bool encode_bpe(encoder *encode, const char *word, size_t bytes) {
  const model *bpe = &encode->tokenizer->model;
  if (bpe->ignore_merges) {
    const token *found = vocabulary_find(&bpe->vocabulary, word, bytes);
    if (found)
      return push_id(encode, found->id);
  }
  if ((int64_t)bytes > encode->symbol_room) {
    int64_t room = 2 * (int64_t)bytes;
    struct symbol *symbols =
        realloc(encode->symbols, (size_t)room * sizeof *symbols);
    if (!symbols)
      return seq_fail(encode->error, "no memory for a word of %zu bytes",
                      bytes);
    encode->symbols = symbols;
    encode->symbol_room = room;
  }
  int64_t count = make_symbols(encode, word, bytes);
  if (!merge_symbols(encode, count))
    return false;
  for (int64_t at = count > 0 ? 0 : -1; at >= 0; at = encode->symbols[at].next)
    if (!push_id(encode, encode->symbols[at].id))
      return false;
  return true;
}

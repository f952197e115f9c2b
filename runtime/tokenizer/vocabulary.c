/*===- vocabulary.c - the tokens of a model, by text and by id ------------===*/

#include "tokenizer/vocabulary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a. */
static uint64_t hash(const char *text, size_t bytes) {
  uint64_t value = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < bytes; ++i)
    value = (value ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
  return value ^ value >> 32;
}

static int by_id(const void *a, const void *b) {
  int64_t x = ((const token *)a)->id, y = ((const token *)b)->id;
  return (x > y) - (x < y);
}

static void insert(vocabulary *all, int64_t index) {
  const token *added = &all->tokens[index];
  uint64_t slot = hash(added->text, added->bytes) & all->mask;
  while (all->slots[slot])
    slot = (slot + 1) & all->mask;
  all->slots[slot] = index + 1;
}

bool vocabulary_build(vocabulary *all, const token *tokens, int64_t count,
                      seq_error *error) {
  size_t bytes = 0;
  for (int64_t i = 0; i < count; ++i)
    bytes += tokens[i].bytes;
  uint64_t slots = 16;
  while (slots < 2 * (uint64_t)count)
    slots *= 2;
  *all = (vocabulary){.count = count, .mask = slots - 1};
  all->tokens = calloc((size_t)count + 1, sizeof *all->tokens);
  all->slots = calloc((size_t)slots, sizeof *all->slots);
  all->texts = malloc(bytes + 1);
  if (!all->tokens || !all->slots || !all->texts)
    return seq_fail(error, "no memory for %" PRId64 " tokens", count);
  char *at = all->texts;
  for (int64_t i = 0; i < count; ++i) {
    memcpy(at, tokens[i].text, tokens[i].bytes);
    all->tokens[i] = (token){at, tokens[i].bytes, tokens[i].id};
    at += tokens[i].bytes;
    if (tokens[i].bytes > all->longest)
      all->longest = tokens[i].bytes;
  }
  qsort(all->tokens, (size_t)count, sizeof *all->tokens, by_id);
  for (int64_t i = 0; i < count; ++i) {
    const token *here = &all->tokens[i];
    if (i > 0 && here[-1].id == here->id)
      return seq_fail(error,
                      "'%.*s' and '%.*s' have the same id %" PRId64,
                      (int)here[-1].bytes, here[-1].text, (int)here->bytes,
                      here->text, here->id);
    insert(all, i);
  }
  return true;
}

void vocabulary_release(vocabulary *all) {
  free(all->tokens);
  free(all->slots);
  free(all->texts);
}

const token *vocabulary_find(const vocabulary *all, const char *text,
                             size_t bytes) {
  if (bytes > all->longest)
    return NULL;
  uint64_t slot = hash(text, bytes) & all->mask;
  for (; all->slots[slot]; slot = (slot + 1) & all->mask) {
    const token *found = &all->tokens[all->slots[slot] - 1];
    if (found->bytes == bytes && memcmp(found->text, text, bytes) == 0)
      return found;
  }
  return NULL;
}

const token *vocabulary_at(const vocabulary *all, int64_t id) {
  const token key = {.id = id};
  return bsearch(&key, all->tokens, (size_t)all->count, sizeof key, by_id);
}

/*===- vocabulary.h - the tokens of a model, by text and by id ------------===*/
#ifndef SEQ_RUNTIME_TOKENIZER_VOCABULARY_H
#define SEQ_RUNTIME_TOKENIZER_VOCABULARY_H

#include "seq/runtime/Error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
  const char *text; /* not terminated */
  size_t bytes;
  int64_t id;
} token;

typedef struct {
  token *tokens; /* by rising id */
  int64_t count;
  int64_t *slots; /* by the hash of the text: index + 1, 0 = free */
  uint64_t mask;
  char *texts;    /* what the tokens point into */
  size_t longest; /* bytes of the longest token */
} vocabulary;

/* Takes a copy of the tokens, whose texts are unique and whose ids are at least
 * 0. An id that two tokens share is an error. */
bool vocabulary_build(vocabulary *all, const token *tokens, int64_t count,
                      seq_error *error);
void vocabulary_release(vocabulary *all);

/* NULL if there is none. */
const token *vocabulary_find(const vocabulary *all, const char *text,
                             size_t bytes);
const token *vocabulary_at(const vocabulary *all, int64_t id);

#endif

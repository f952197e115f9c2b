/*===- encode.c - text to ids ---------------------------------------------===*/

#include "tokenizer/tokenizer.h"

#include <stdlib.h>

bool push_id(encoder *encode, int64_t id) {
  seq_token_ids *ids = encode->ids;
  if (id == UNKNOWN_NONE)
    return true;
  if (id == UNKNOWN_MISSING)
    return seq_fail(encode->error, "the text has a word that is no token, and "
                                   "the unk_token is not in the vocabulary");
  if (ids->count == ids->room) {
    int64_t room = 2 * ids->room + 64;
    int64_t *data = realloc(ids->data, (size_t)room * sizeof *data);
    if (!data)
      return seq_fail(encode->error, "no memory for the tokens");
    ids->data = data;
    ids->room = room;
  }
  ids->data[ids->count++] = id;
  return true;
}

/* Where the spaces at the end of text[0 … bytes) begin. */
static size_t spaces_at_end(const char *text, size_t bytes) {
  while (bytes > 0) {
    size_t previous = utf8_previous(text, bytes);
    int32_t c;
    utf8_next(text + previous, bytes - previous, &c);
    if (!char_is_space(c))
      break;
    bytes = previous;
  }
  return bytes;
}

static size_t spaces_at_start(const char *text, size_t bytes) {
  size_t at = 0;
  while (at < bytes) {
    int32_t c;
    size_t length = utf8_next(text + at, bytes - at, &c);
    if (!char_is_space(c))
      break;
    at += length;
  }
  return at;
}

static bool is_single_word(const char *text, size_t bytes, size_t begin,
                           size_t end) {
  int32_t c;
  if (begin > 0) {
    size_t previous = utf8_previous(text, begin);
    utf8_next(text + previous, begin - previous, &c);
    if (char_is_word(c))
      return false;
  }
  if (end == bytes)
    return true;
  utf8_next(text + end, bytes - end, &c);
  return !char_is_word(c);
}

typedef bool (*part_encoder)(encoder *encode, const char *text, size_t bytes);

/* Emits the tokens of the set that the text spells out and gives what is
 * between them to `between`. */
static bool encode_added(encoder *encode, const added_set *set,
                         const char *text, size_t bytes, part_encoder between) {
  size_t done = 0, from = 0, begin;
  for (const added_token *found;
       (found = added_find(set, text, bytes, from, &begin));) {
    size_t end = from = begin + found->pattern_bytes;
    if (found->single_word && !is_single_word(text, bytes, begin, end))
      continue;
    if (found->lstrip)
      begin = spaces_at_end(text, begin);
    if (found->rstrip)
      end += spaces_at_start(text + end, bytes - end);
    if (begin > done && !between(encode, text + done, begin - done))
      return false;
    if (!push_id(encode, found->id))
      return false;
    done = end;
  }
  return done >= bytes || between(encode, text + done, bytes - done);
}

static bool encode_normalized(encoder *encode, const char *text, size_t bytes) {
  return encode_words(encode, 0, text, bytes);
}

static bool encode_raw(encoder *encode, const char *text, size_t bytes) {
  const seq_tokenizer *tokenizer = encode->tokenizer;
  text_buffer *normalized = &encode->normalized;
  return normalize(&tokenizer->normalizer, text, bytes, normalized,
                   &encode->spare, encode->error) &&
         encode_added(encode, &tokenizer->added.normalized, normalized->data,
                      normalized->count, encode_normalized);
}

static bool push_all(encoder *encode, const int64_t *ids, int count) {
  for (int i = 0; i < count; ++i)
    if (!push_id(encode, ids[i]))
      return false;
  return true;
}

bool seq_tokenizer_encode(const seq_tokenizer *tokenizer, const char *text,
                          size_t bytes, bool special, seq_token_ids *ids,
                          seq_error *error) {
  size_t invalid = utf8_invalid(text, bytes);
  if (invalid < bytes)
    return seq_fail(error, "the text is not UTF-8 at byte %zu", invalid);
  /* Patterns in use look at each character a few times. */
  encoder encode = {.tokenizer = tokenizer,
                    .ids = ids,
                    .budget = 4096 + 512 * (uint64_t)bytes,
                    .error = error};
  int before = special ? tokenizer->n_before : 0;
  int after = special ? tokenizer->n_after : 0;
  bool ok = push_all(&encode, tokenizer->before, before) &&
            encode_added(&encode, &tokenizer->added.raw, text, bytes,
                         encode_raw) &&
            push_all(&encode, tokenizer->after, after);
  free(encode.normalized.data);
  free(encode.spare.data);
  for (int i = 0; i < STEP_LIMIT; ++i)
    free(encode.words[i].data);
  free(encode.piece.data);
  free(encode.symbols);
  free(encode.heap);
  return ok;
}

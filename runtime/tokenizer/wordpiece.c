/*===- wordpiece.c - the longest pieces of a word, from the left ----------===*/

#include "tokenizer/tokenizer.h"

static int64_t count_chars(const char *text, size_t bytes) {
  int64_t count = 0;
  for (size_t i = 0; i < bytes; ++i)
    count += ((unsigned char)text[i] & 0xc0) != 0x80;
  return count;
}

/* The longest token that `rest` begins with, in its spelling as the beginning
 * or as the continuation of a word; *taken is how much of `rest` it is. */
static bool longest_piece(encoder *encode, const char *rest, size_t bytes,
                          bool begins, const token **found, size_t *taken) {
  const model *model = &encode->tokenizer->model;
  text_buffer *piece = &encode->piece;
  size_t before = begins ? 0 : model->prefix_bytes;
  *found = NULL;
  if (before > model->vocabulary.longest)
    return true;
  size_t most = model->vocabulary.longest - before;
  if (bytes > most) {
    bytes = most;
    while (bytes > 0 && ((unsigned char)rest[bytes] & 0xc0) == 0x80)
      --bytes;
  }
  piece->count = 0;
  if (!text_append(piece, model->prefix, before, encode->error) ||
      !text_append(piece, rest, bytes, encode->error))
    return false;
  for (; bytes > 0 && !*found; bytes = utf8_previous(rest, bytes)) {
    *found = vocabulary_find(&model->vocabulary, piece->data, before + bytes);
    *taken = bytes;
  }
  return true;
}

bool encode_wordpiece(encoder *encode, const char *word, size_t bytes) {
  const model *model = &encode->tokenizer->model;
  int64_t start = encode->ids->count;
  if (count_chars(word, bytes) > model->longest_word)
    return push_id(encode, model->unknown);
  for (size_t at = 0; at < bytes;) {
    const token *found;
    size_t taken;
    if (!longest_piece(encode, word + at, bytes - at, at == 0, &found, &taken))
      return false;
    if (!found) {
      /* A word is unknown as a whole. */
      encode->ids->count = start;
      return push_id(encode, model->unknown);
    }
    if (!push_id(encode, found->id))
      return false;
    at += taken;
  }
  return true;
}

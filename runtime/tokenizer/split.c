/*===- split.c - pre-tokenizers: text to words ----------------------------===*/

#include "tokenizer/tokenizer.h"

#include <stdlib.h>

/*===-----------------------------------------------------------------------===*
 * The byte-level alphabet
 *===----------------------------------------------------------------------===*/

/* Bytes that are visible in Latin-1 are their own characters; the others follow
 * from U+0100 on, in order. */
static bool is_visible(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte != 0xad);
}

int32_t byte_char(uint8_t byte) {
  if (is_visible(byte))
    return byte;
  return byte <= ' ' ? 0x100 + byte : byte < 0xad ? 0x121 + byte - 0x7f : 0x143;
}

int char_byte(int32_t c) {
  if (c < 0x100)
    return is_visible(c) ? c : -1;
  if (c <= 0x120)
    return c - 0x100;
  return c <= 0x142 ? c - 0x121 + 0x7f : c == 0x143 ? 0xad : -1;
}

/*===-----------------------------------------------------------------------===*
 * Splitting
 *===----------------------------------------------------------------------===*/

static bool is_punctuation(int32_t c) {
  if (c < 0x80)
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') ||
           (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
  return char_category(c) & CATEGORY_P;
}

/* Hands on a part that splitter number `index` has made. */
static bool emit(encoder *encode, int index, const char *text, size_t bytes) {
  if (bytes == 0)
    return true;
  if (encode->tokenizer->splitters[index].kind != SPLIT_BYTE_LEVEL)
    return encode_words(encode, index + 1, text, bytes);
  text_buffer *word = &encode->words[index];
  word->count = 0;
  for (size_t i = 0; i < bytes; ++i)
    if (!text_append_char(word, byte_char((uint8_t)text[i]), encode->error))
      return false;
  return encode_words(encode, index + 1, word->data, word->count);
}

static bool split_bert(encoder *encode, int index, const char *text,
                       size_t bytes) {
  size_t start = 0;
  for (size_t at = 0; at < bytes;) {
    int32_t c;
    size_t length = utf8_next(text + at, bytes - at, &c);
    bool space = char_is_space(c);
    if (space || is_punctuation(c)) {
      if (!emit(encode, index, text + start, at - start) ||
          (!space && !emit(encode, index, text + at, length)))
        return false;
      start = at + length;
    }
    at += length;
  }
  return emit(encode, index, text + start, bytes - start);
}

static bool split_pattern(encoder *encode, int index, const char *text,
                          size_t bytes) {
  const splitter *split = &encode->tokenizer->splitters[index];
  for (size_t at = 0; at < bytes;) {
    size_t begin, end;
    bool found;
    if (!pattern_find(&split->pattern, text, bytes, at, &begin, &end, &found,
                      &encode->budget, encode->error))
      return false;
    if (!found)
      begin = end = bytes;
    if ((!split->drop_others &&
         !emit(encode, index, text + at, begin - at)) ||
        (!split->drop_matches &&
         !emit(encode, index, text + begin, end - begin)))
      return false;
    at = end;
  }
  return true;
}

bool encode_words(encoder *encode, int first, const char *text, size_t bytes) {
  const seq_tokenizer *tokenizer = encode->tokenizer;
  if (first == tokenizer->n_splitters)
    return tokenizer->model.kind == MODEL_BPE
               ? encode_bpe(encode, text, bytes)
               : encode_wordpiece(encode, text, bytes);
  const splitter *split = &tokenizer->splitters[first];
  if (split->kind == SPLIT_BERT)
    return split_bert(encode, first, text, bytes);
  text_buffer spaced = {0};
  bool ok = true;
  if (split->prefix_space && text[0] != ' ') {
    ok = text_append(&spaced, " ", 1, encode->error) &&
         text_append(&spaced, text, bytes, encode->error);
    text = spaced.data;
    bytes = spaced.count;
  }
  ok = ok && (split->has_pattern ? split_pattern(encode, first, text, bytes)
                                 : emit(encode, first, text, bytes));
  free(spaced.data);
  return ok;
}

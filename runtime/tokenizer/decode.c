/*===- decode.c - ids to text ---------------------------------------------===*/

#include "tokenizer/tokenizer.h"

#include <stdlib.h>
#include <string.h>

struct seq_detokenizer {
  const seq_tokenizer *tokenizer;
  bool special; /* are special tokens part of the text? */
  bool begun;   /* a token was decoded */
  text_buffer text;
  size_t given; /* bytes of the text that the caller has seen */
};

/* The token's bytes, or its text where it is not of the alphabet. */
static bool decode_byte_level(text_buffer *out, const char *text, size_t bytes,
                              seq_error *error) {
  size_t start = out->count;
  for (size_t at = 0; at < bytes;) {
    int32_t c;
    at += utf8_next(text + at, bytes - at, &c);
    int byte = char_byte(c);
    if (byte < 0) {
      out->count = start;
      return text_append(out, text, bytes, error);
    }
    const char one = (char)byte;
    if (!text_append(out, &one, 1, error))
      return false;
  }
  return true;
}

/* Replaces in out[start …); what is put in is no longer than what is found. */
static void replace(text_buffer *out, size_t start, const char *what,
                    const char *by) {
  size_t length = strlen(what), shorter = strlen(by), to = start;
  for (size_t at = start; at < out->count;) {
    if (out->count - at >= length &&
        memcmp(out->data + at, what, length) == 0) {
      memcpy(out->data + to, by, shorter);
      to += shorter;
      at += length;
    } else {
      out->data[to++] = out->data[at++];
    }
  }
  out->count = to;
}

static bool decode_wordpiece(const seq_tokenizer *tokenizer, text_buffer *out,
                             const char *text, size_t bytes, bool begun,
                             seq_error *error) {
  /* English contractions and punctuation, one after the other. */
  static const char *const cleanups[][2] = {
      {" .", "."},     {" ?", "?"},     {" !", "!"},     {" ,", ","},
      {" ' ", "'"},    {" n't", "n't"}, {" 'm", "'m"},   {" do not", " don't"},
      {" 's", "'s"},   {" 've", "'ve"}, {" 're", "'re"}};
  size_t prefix = tokenizer->decoder_prefix_bytes, start = out->count;
  if (begun) {
    if (bytes >= prefix &&
        memcmp(text, tokenizer->decoder_prefix, prefix) == 0) {
      text += prefix;
      bytes -= prefix;
    } else if (!text_append(out, " ", 1, error)) {
      return false;
    }
  }
  if (!text_append(out, text, bytes, error))
    return false;
  if (tokenizer->decoder_cleanup)
    for (size_t i = 0; i < sizeof cleanups / sizeof *cleanups; ++i)
      replace(out, start, cleanups[i][0], cleanups[i][1]);
  return true;
}

static bool decode(seq_detokenizer *detokenizer, const char *text, size_t bytes,
                   seq_error *error) {
  const seq_tokenizer *tokenizer = detokenizer->tokenizer;
  text_buffer *out = &detokenizer->text;
  bool begun = detokenizer->begun;
  detokenizer->begun = true;
  switch (tokenizer->decoder) {
  case DECODE_BYTE_LEVEL:
    return decode_byte_level(out, text, bytes, error);
  case DECODE_WORDPIECE:
    return decode_wordpiece(tokenizer, out, text, bytes, begun, error);
  case DECODE_JOIN:
    break;
  }
  return (!begun || text_append(out, " ", 1, error)) &&
         text_append(out, text, bytes, error);
}

seq_detokenizer *seq_detokenizer_create(const seq_tokenizer *tokenizer,
                                        bool special, seq_error *error) {
  seq_detokenizer *detokenizer = calloc(1, sizeof *detokenizer);
  if (!detokenizer) {
    seq_fail(error, "no memory for a detokenizer");
    return NULL;
  }
  detokenizer->tokenizer = tokenizer;
  detokenizer->special = special;
  return detokenizer;
}

void seq_detokenizer_free(seq_detokenizer *detokenizer) {
  if (detokenizer)
    free(detokenizer->text.data);
  free(detokenizer);
}

bool seq_detokenizer_next(seq_detokenizer *detokenizer, int64_t id,
                          const char **text, size_t *bytes, seq_error *error) {
  const seq_tokenizer *tokenizer = detokenizer->tokenizer;
  text_buffer *out = &detokenizer->text;
  size_t held = out->count - detokenizer->given;
  if (held > 0)
    memmove(out->data, out->data + detokenizer->given, held);
  out->count = held;
  detokenizer->given = 0;
  const added_token *added = added_at(&tokenizer->added, id);
  const token *found =
      added ? NULL : vocabulary_at(&tokenizer->model.vocabulary, id);
  bool ok = true;
  /* An added token reads as it was searched for. */
  if (added && (detokenizer->special || !added->special))
    ok = decode(detokenizer, added->pattern, added->pattern_bytes, error);
  else if (found)
    ok = decode(detokenizer, found->text, found->bytes, error);
  if (!ok)
    return false;
  detokenizer->given = out->count - utf8_incomplete(out->data, out->count);
  *bytes = detokenizer->given;
  *text = *bytes > 0 ? out->data : "";
  return true;
}

void seq_detokenizer_end(seq_detokenizer *detokenizer, const char **text,
                         size_t *bytes) {
  text_buffer *out = &detokenizer->text;
  *bytes = out->count - detokenizer->given;
  *text = *bytes > 0 ? out->data + detokenizer->given : "";
  detokenizer->given = out->count;
  detokenizer->begun = false;
}

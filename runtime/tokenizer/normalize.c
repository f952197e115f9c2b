/*===- normalize.c - normalizers: text to text ----------------------------===*/

#include "tokenizer/tokenizer.h"

#include <stdlib.h>
#include <utf8proc.h>

/* The blocks that BERT's own code calls Chinese: no Hiragana, no Hangul. */
static bool is_ideograph(int32_t c) {
  return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) ||
         (c >= 0x20000 && c <= 0x2a6df) || (c >= 0x2a700 && c <= 0x2b73f) ||
         (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) ||
         (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

static bool is_dropped_control(int32_t c) {
  if (c == '\t' || c == '\n' || c == '\r')
    return false;
  return c == 0xfffd ||
         (char_category(c) & (CATEGORY_CC | CATEGORY_CF | CATEGORY_CO));
}

/* Steps that look at one character after the other. */
static bool map_char(normalizer_kind step, int32_t c, text_buffer *out,
                     seq_error *error) {
  int32_t lower[2] = {c, 0};
  int count = 1;
  switch (step) {
  case NORMALIZE_CLEAN:
    count = !is_dropped_control(c);
    if (char_is_space(c))
      lower[0] = ' ';
    break;
  case NORMALIZE_CHINESE:
    if (is_ideograph(c))
      return text_append_char(out, ' ', error) &&
             text_append_char(out, c, error) &&
             text_append_char(out, ' ', error);
    break;
  case NORMALIZE_UNACCENT:
    count = !(char_category(c) & CATEGORY_MN);
    break;
  case NORMALIZE_UNMARK:
    count = !(char_category(c) & CATEGORY_M);
    break;
  default:
    count = char_lower(c, lower);
  }
  for (int i = 0; i < count; ++i)
    if (!text_append_char(out, lower[i], error))
      return false;
  return true;
}

static bool normal_form(normalizer_kind step, const char *text, size_t bytes,
                        text_buffer *out, seq_error *error) {
  bool composes = step == NORMALIZE_NFC || step == NORMALIZE_NFKC;
  bool compatible = step == NORMALIZE_NFKC || step == NORMALIZE_NFKD;
  utf8proc_uint8_t *result = NULL;
  utf8proc_ssize_t length = utf8proc_map(
      (const utf8proc_uint8_t *)text, (utf8proc_ssize_t)bytes, &result,
      UTF8PROC_STABLE | (composes ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE) |
          (compatible ? UTF8PROC_COMPAT : 0));
  if (length < 0)
    return seq_fail(error, "cannot normalize the text: %s",
                    utf8proc_errmsg(length));
  bool ok = text_append(out, result, (size_t)length, error);
  free(result);
  return ok;
}

static bool apply(normalizer_kind step, const char *text, size_t bytes,
                  text_buffer *out, seq_error *error) {
  out->count = 0;
  if (step >= NORMALIZE_NFC)
    return normal_form(step, text, bytes, out, error);
  for (size_t at = 0; at < bytes;) {
    int32_t c;
    at += utf8_next(text + at, bytes - at, &c);
    if (!map_char(step, c, out, error))
      return false;
  }
  return true;
}

bool normalize(const normalizer *steps, const char *text, size_t bytes,
               text_buffer *out, text_buffer *spare, seq_error *error) {
  out->count = 0;
  if (steps->count == 0)
    return text_append(out, text, bytes, error);
  for (int i = 0; i < steps->count; ++i) {
    if (!apply(steps->steps[i], text, bytes, spare, error))
      return false;
    text_buffer written = *spare;
    *spare = *out;
    *out = written;
    text = out->data;
    bytes = out->count;
  }
  return true;
}

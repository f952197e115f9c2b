/*===- text.c - growing text, and what Unicode says of characters ---------===*/

#include "tokenizer/text.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

bool text_reserve(text_buffer *text, size_t more, seq_error *error) {
  if (more <= text->room - text->count)
    return true;
  size_t room = text->room;
  if (more <= SIZE_MAX / 4 - text->count)
    room = text->count + more + room / 2 + 64;
  char *data = room > text->room ? realloc(text->data, room) : NULL;
  if (!data)
    return seq_fail(error, "no memory for a text of %zu bytes more", more);
  text->data = data;
  text->room = room;
  return true;
}

bool text_append(text_buffer *text, const void *bytes, size_t count,
                 seq_error *error) {
  if (!text_reserve(text, count, error))
    return false;
  if (count > 0)
    memcpy(text->data + text->count, bytes, count);
  text->count += count;
  return true;
}

bool text_append_char(text_buffer *text, int32_t c, seq_error *error) {
  if (!text_reserve(text, 4, error))
    return false;
  text->count += (size_t)utf8proc_encode_char(
      c, (utf8proc_uint8_t *)text->data + text->count);
  return true;
}

size_t utf8_invalid(const char *text, size_t bytes) {
  size_t at = 0;
  while (at < bytes) {
    utf8proc_int32_t c;
    utf8proc_ssize_t length =
        utf8proc_iterate((const utf8proc_uint8_t *)text + at,
                         (utf8proc_ssize_t)(bytes - at), &c);
    if (length <= 0)
      break;
    at += (size_t)length;
  }
  return at;
}

size_t utf8_next(const char *text, size_t bytes, int32_t *c) {
  if ((unsigned char)*text < 0x80) {
    *c = *text;
    return 1;
  }
  return (size_t)utf8proc_iterate((const utf8proc_uint8_t *)text,
                                  (utf8proc_ssize_t)bytes, c);
}

size_t utf8_previous(const char *text, size_t at) {
  do
    --at;
  while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80);
  return at;
}

size_t utf8_incomplete(const char *text, size_t bytes) {
  for (size_t back = 1; back <= 3 && back <= bytes; ++back) {
    unsigned char first = (unsigned char)text[bytes - back];
    if ((first & 0xc0) == 0x80)
      continue;
    size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || back >= length)
      return 0;
    /* The second byte of some first ones has a narrower range (RFC 3629). */
    if (back > 1) {
      unsigned char second = (unsigned char)text[bytes - back + 1];
      if ((first == 0xe0 && second < 0xa0) ||
          (first == 0xed && second > 0x9f) ||
          (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
        return 0;
    }
    return back;
  }
  return 0;
}

uint32_t char_category(int32_t c) {
  return UINT32_C(1) << utf8proc_category(c);
}

bool char_is_space(int32_t c) {
  if (c < 0x80)
    return c == ' ' || (c >= '\t' && c <= '\r');
  return c == 0x85 || (char_category(c) & CATEGORY_Z);
}

bool char_is_word(int32_t c) {
  if (char_category(c) &
      (CATEGORY_L | CATEGORY_M | CATEGORY_ND | CATEGORY_NL | CATEGORY_PC))
    return true;
  /* Join_Control, and the symbols that are Other_Alphabetic. */
  return c == 0x200c || c == 0x200d || (c >= 0x24b6 && c <= 0x24e9) ||
         (c >= 0x1f130 && c <= 0x1f149) || (c >= 0x1f150 && c <= 0x1f169) ||
         (c >= 0x1f170 && c <= 0x1f189);
}

int char_lower(int32_t c, int32_t lower[2]) {
  lower[0] = utf8proc_tolower(c);
  if (c != 0x130)
    return 1;
  /* I with a dot above: the only one whose lower case is two characters. */
  lower[0] = 'i';
  lower[1] = 0x307;
  return 2;
}

int32_t char_fold(int32_t c) { return utf8proc_tolower(utf8proc_toupper(c)); }

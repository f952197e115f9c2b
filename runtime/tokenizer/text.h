/*===- text.h - growing text, and what Unicode says of characters ---------===*/
#ifndef SEQ_RUNTIME_TOKENIZER_TEXT_H
#define SEQ_RUNTIME_TOKENIZER_TEXT_H

#include "seq/runtime/Error.h"

#include <stddef.h>
#include <stdint.h>

/*===-----------------------------------------------------------------------===*
 * Growing text
 *===----------------------------------------------------------------------===*/

/* Starts as zeros; release with free(text->data). */
typedef struct {
  char *data;
  size_t count, room;
} text_buffer;

/* Room for `more` bytes after what there is. */
bool text_reserve(text_buffer *text, size_t more, seq_error *error);
bool text_append(text_buffer *text, const void *bytes, size_t count,
                 seq_error *error);
bool text_append_char(text_buffer *text, int32_t c, seq_error *error);

/*===-----------------------------------------------------------------------===*
 * UTF-8
 *===----------------------------------------------------------------------===*/

/* Offset of the first byte that is not part of a valid character; `bytes` if
 * there is none. */
size_t utf8_invalid(const char *text, size_t bytes);

/* The character at `text`, which is valid UTF-8; `*c` gets it, the result is
 * its length. */
size_t utf8_next(const char *text, size_t bytes, int32_t *c);

/* Start of the character that ends before `at` > 0. */
size_t utf8_previous(const char *text, size_t at);

/* How many bytes at the end of `text` begin a character that more bytes could
 * complete. */
size_t utf8_incomplete(const char *text, size_t bytes);

/*===-----------------------------------------------------------------------===*
 * Characters
 *===----------------------------------------------------------------------===*/

/* One bit a general category, in the order of utf8proc_category_t. */
enum {
  CATEGORY_LU = 1 << 1,
  CATEGORY_LL = 1 << 2,
  CATEGORY_LT = 1 << 3,
  CATEGORY_LM = 1 << 4,
  CATEGORY_LO = 1 << 5,
  CATEGORY_L = 0x3e,
  CATEGORY_MN = 1 << 6,
  CATEGORY_MC = 1 << 7,
  CATEGORY_ME = 1 << 8,
  CATEGORY_M = 0x1c0,
  CATEGORY_ND = 1 << 9,
  CATEGORY_NL = 1 << 10,
  CATEGORY_NO = 1 << 11,
  CATEGORY_N = 0xe00,
  CATEGORY_PC = 1 << 12,
  CATEGORY_PD = 1 << 13,
  CATEGORY_PS = 1 << 14,
  CATEGORY_PE = 1 << 15,
  CATEGORY_PI = 1 << 16,
  CATEGORY_PF = 1 << 17,
  CATEGORY_PO = 1 << 18,
  CATEGORY_P = 0x7f000,
  CATEGORY_SM = 1 << 19,
  CATEGORY_SC = 1 << 20,
  CATEGORY_SK = 1 << 21,
  CATEGORY_SO = 1 << 22,
  CATEGORY_S = 0x780000,
  CATEGORY_ZS = 1 << 23,
  CATEGORY_ZL = 1 << 24,
  CATEGORY_ZP = 1 << 25,
  CATEGORY_Z = 0x3800000,
  CATEGORY_CC = 1 << 26,
  CATEGORY_CF = 1 << 27,
  CATEGORY_CO = 1 << 29
};

uint32_t char_category(int32_t c);

/* The property White_Space. */
bool char_is_space(int32_t c);

/* Part of a word for regular expressions: UTS #18, Annex C. */
bool char_is_word(int32_t c);

/* One or two characters, how many is the result. */
int char_lower(int32_t c, int32_t lower[2]);

/* Equal for characters that differ in case only (simple folding). */
int32_t char_fold(int32_t c);

#endif

/*===- pattern.h - the regular expressions of pre-tokenizers ---------------===*
 *
 * The part of Oniguruma's language that pre-tokenizers are written in:
 *
 *   a b | c             sequences, alternatives (the first that matches)
 *   (?:…) (…) (?i:…)    groups; regardless of case
 *   (?=…) (?!…)         what follows, or does not
 *   [a-z] [^…]          classes of characters
 *   \p{L} \p{Lu} \P{…} \p{^…}   general categories
 *   \s \S \d \D \w \W \n \r \t \f \v \xHH \x{H…} \uHHHH \(punctuation)
 *   ? * + {n} {n,} {,m} {n,m} and the possessive ?+ *+ ++ of one character
 *   ?                   of a group
 *
 * A pattern that can match nothing is refused, as is everything else.
 *
 * Matching backtracks, but as only single characters repeat, what it must
 * remember is no more than the pattern is long.
 *
 *===----------------------------------------------------------------------===*/
#ifndef SEQ_RUNTIME_TOKENIZER_PATTERN_H
#define SEQ_RUNTIME_TOKENIZER_PATTERN_H

#include "seq/runtime/Error.h"

#include <stddef.h>
#include <stdint.h>

/* How many instructions a pattern may have. */
enum { PATTERN_LIMIT = 1024 };

typedef enum {
  PATTERN_REPEAT, /* characters of `set`, from `least` to `most` */
  PATTERN_TRY,    /* go on; if that fails, at `target` (0 = nowhere) */
  PATTERN_JUMP,   /* to `target` */
  PATTERN_LOOK,   /* what follows matches (or, `negative`, does not) up to
                     PATTERN_DONE before `target` */
  PATTERN_DONE
} pattern_code;

typedef struct {
  uint8_t code;
  bool possessive, negative;
  int32_t set, target;
  size_t least, most;
} pattern_step;

typedef enum { ITEM_RANGE, ITEM_CATEGORY, ITEM_SPACE, ITEM_WORD } item_kind;

typedef struct {
  uint8_t kind;
  bool negative;
  int32_t low, high; /* of ITEM_RANGE */
  uint32_t category;
} pattern_item;

/* The characters that are (or, `negative`, are not) of one of the items. */
typedef struct {
  int32_t first, count;
  bool negative, fold;
  uint64_t ascii[2]; /* one bit each */
} pattern_set;

typedef struct {
  pattern_step *steps;
  pattern_set *sets;
  pattern_item *items;
  int32_t n_steps, n_sets, n_items;
} pattern;

/* Call pattern_release also on failure. */
bool pattern_compile(pattern *compiled, const char *text, size_t bytes,
                     seq_error *error);

/* The very characters of `text`. */
bool pattern_compile_literal(pattern *compiled, const char *text, size_t bytes,
                             seq_error *error);
void pattern_release(pattern *compiled);

/* Is the character of the set? */
bool pattern_set_has(const pattern *compiled, const pattern_set *set,
                     int32_t c);

/* The leftmost match at or after `from`: [*begin, *end), never empty. *found
 * says whether there is one. *budget falls with the work that is done; at 0 the
 * search is given up, which is an error. */
bool pattern_find(const pattern *compiled, const char *text, size_t bytes,
                  size_t from, size_t *begin, size_t *end, bool *found,
                  uint64_t *budget, seq_error *error);

#endif

/*===- pattern.c - matches the regular expressions of pre-tokenizers ------===*/

#include "tokenizer/pattern.h"
#include "tokenizer/text.h"

/* Where to go on when the present attempt fails: at `step`, at `at`. After a
 * repetition that could do with fewer characters there are several such places,
 * one for each character from `at` down to `least`. */
typedef struct {
  int32_t step;
  bool repeats;
  size_t at, least;
} fallback;

typedef struct {
  const pattern *compiled;
  const char *text;
  size_t bytes;
  uint64_t *budget;
} matcher;

/* \w as Oniguruma has it: with the superscripts and fractions of Latin-1,
 * without the joiners. */
static bool is_word(int32_t c) {
  if (c == 0x200c || c == 0x200d)
    return false;
  return char_is_word(c) || c == 0xb2 || c == 0xb3 || c == 0xb9 ||
         (c >= 0xbc && c <= 0xbe);
}

static bool item_has(const pattern_item *item, int32_t c) {
  bool has = false;
  switch (item->kind) {
  case ITEM_RANGE:
    has = c >= item->low && c <= item->high;
    break;
  case ITEM_CATEGORY:
    has = char_category(c) & item->category;
    break;
  case ITEM_SPACE:
    has = char_is_space(c);
    break;
  case ITEM_WORD:
    has = is_word(c);
    break;
  }
  return has != item->negative;
}

/* Do the characters of the range differ from `c` in case only? Only ranges of
 * one character and of ASCII letters are met with here (see parse.c). */
static bool folded_range_has(const pattern_item *item, int32_t c) {
  if (item->low == item->high)
    return char_fold(item->low) == char_fold(c);
  int32_t folded = char_fold(c), upper = folded - 'a' + 'A';
  return (folded >= item->low && folded <= item->high) ||
         (folded >= 'a' && folded <= 'z' && upper >= item->low &&
          upper <= item->high);
}

bool pattern_set_has(const pattern *compiled, const pattern_set *set,
                     int32_t c) {
  for (int32_t i = 0; i < set->count; ++i) {
    const pattern_item *item = &compiled->items[set->first + i];
    if (item_has(item, c) || (set->fold && item->kind == ITEM_RANGE &&
                              folded_range_has(item, c)))
      return !set->negative;
  }
  return set->negative;
}

static bool has(const pattern *compiled, const pattern_set *set, int32_t c) {
  if (c < 0x80)
    return set->ascii[c >> 6] >> (c & 63) & 1;
  return pattern_set_has(compiled, set, c);
}

/* Repeats from *at; *least is where the fewest characters end. */
static bool repeat(const matcher *match, const pattern_step *step, size_t *at,
                   size_t *least) {
  const pattern_set *set = &match->compiled->sets[step->set];
  size_t count = 0, here = *at;
  *least = here;
  while (count < step->most && here < match->bytes) {
    int32_t c;
    size_t length = utf8_next(match->text + here, match->bytes - here, &c);
    if (!has(match->compiled, set, c))
      break;
    here += length;
    if (++count == step->least)
      *least = here;
  }
  *match->budget -= count < *match->budget ? count : *match->budget;
  *at = here;
  return count >= step->least;
}

/* Runs from `step` until PATTERN_DONE. A step has at most one fallback at a
 * time, so there is room for those of what follows (PATTERN_LOOK) as well. */
static bool run(const matcher *match, int32_t step, size_t at,
                fallback *fallbacks, size_t *end) {
  int32_t held = 0;
  for (;;) {
    const pattern_step *here = &match->compiled->steps[step];
    bool ok = true;
    size_t least;
    switch (here->code) {
    case PATTERN_REPEAT:
      ok = repeat(match, here, &at, &least);
      if (ok && at > least && !here->possessive)
        fallbacks[held++] = (fallback){step + 1, true, at, least};
      ++step;
      break;
    case PATTERN_TRY:
      if (here->target)
        fallbacks[held++] = (fallback){here->target, false, at, at};
      ++step;
      break;
    case PATTERN_JUMP:
      step = here->target;
      break;
    case PATTERN_LOOK:
      ok = run(match, step + 1, at, fallbacks + held, &least) !=
           here->negative;
      step = here->target;
      break;
    case PATTERN_DONE:
      *end = at;
      return true;
    }
    if (ok)
      continue;
    if (held == 0 || *match->budget == 0)
      return false;
    --*match->budget;
    fallback *last = &fallbacks[held - 1];
    if (last->repeats)
      last->at = utf8_previous(match->text, last->at);
    step = last->step;
    at = last->at;
    if (at == last->least)
      --held;
  }
}

bool pattern_find(const pattern *compiled, const char *text, size_t bytes,
                  size_t from, size_t *begin, size_t *end, bool *found,
                  uint64_t *budget, seq_error *error) {
  fallback fallbacks[PATTERN_LIMIT];
  const matcher match = {compiled, text, bytes, budget};
  *found = false;
  for (size_t at = from; at < bytes && !*found;) {
    *found = run(&match, 0, at, fallbacks, end);
    *begin = at;
    if (*budget == 0)
      return seq_fail(error, "the pattern of the pre_tokenizer takes too long "
                             "on this text");
    --*budget;
    int32_t c;
    at += utf8_next(text + at, bytes - at, &c);
  }
  return true;
}

/*===- parse.c - reads the regular expressions of pre-tokenizers ----------===*/

#include "tokenizer/pattern.h"
#include "tokenizer/text.h"

#include <stdlib.h>
#include <string.h>

enum { NESTING_LIMIT = 32 };

typedef struct {
  pattern *out;
  const char *text;
  size_t bytes, at;
  int depth;
  bool fold;
  seq_error *error;
} parser;

static bool refuse(const parser *parse, const char *what) {
  return seq_fail(parse->error,
                  "the pattern '%.*s' is not supported: %s at byte %zu",
                  (int)(parse->bytes < 300 ? parse->bytes : 300), parse->text,
                  what, parse->at);
}

static int peek(const parser *parse) {
  return parse->at < parse->bytes ? (unsigned char)parse->text[parse->at] : -1;
}

/* Skips `expected` if the rest begins with it. */
static bool accept(parser *parse, const char *expected) {
  size_t length = strlen(expected);
  if (parse->bytes - parse->at < length ||
      memcmp(parse->text + parse->at, expected, length) != 0)
    return false;
  parse->at += length;
  return true;
}

/*===-----------------------------------------------------------------------===*
 * Sets of characters
 *===----------------------------------------------------------------------===*/

static bool add_item(parser *parse, pattern_item item) {
  pattern *out = parse->out;
  if (out->n_items == PATTERN_LIMIT)
    return refuse(parse, "too long");
  if (parse->fold && item.kind == ITEM_CATEGORY &&
      (item.category & (CATEGORY_LU | CATEGORY_LL | CATEGORY_LT)))
    return refuse(parse, "a category of letters regardless of case");
  out->items[out->n_items++] = item;
  return true;
}

static bool category_named(const char *name, size_t bytes, uint32_t *category) {
  static const struct {
    const char *name;
    uint32_t category;
  } names[] = {
      {"L", CATEGORY_L},   {"Lu", CATEGORY_LU}, {"Ll", CATEGORY_LL},
      {"Lt", CATEGORY_LT}, {"Lm", CATEGORY_LM}, {"Lo", CATEGORY_LO},
      {"M", CATEGORY_M},   {"Mn", CATEGORY_MN}, {"Mc", CATEGORY_MC},
      {"Me", CATEGORY_ME}, {"N", CATEGORY_N},   {"Nd", CATEGORY_ND},
      {"Nl", CATEGORY_NL}, {"No", CATEGORY_NO}, {"P", CATEGORY_P},
      {"Pc", CATEGORY_PC}, {"Pd", CATEGORY_PD}, {"Ps", CATEGORY_PS},
      {"Pe", CATEGORY_PE}, {"Pi", CATEGORY_PI}, {"Pf", CATEGORY_PF},
      {"Po", CATEGORY_PO}, {"S", CATEGORY_S},   {"Sm", CATEGORY_SM},
      {"Sc", CATEGORY_SC}, {"Sk", CATEGORY_SK}, {"So", CATEGORY_SO},
      {"Z", CATEGORY_Z},   {"Zs", CATEGORY_ZS}, {"Zl", CATEGORY_ZL},
      {"Zp", CATEGORY_ZP}, {"Cc", CATEGORY_CC}, {"Cf", CATEGORY_CF},
      {"Co", CATEGORY_CO}};
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i)
    if (strlen(names[i].name) == bytes &&
        memcmp(names[i].name, name, bytes) == 0) {
      *category = names[i].category;
      return true;
    }
  return false;
}

/* After \p or \P. */
static bool parse_category(parser *parse, bool negative, pattern_item *item) {
  if (!accept(parse, "{"))
    return refuse(parse, "no {…} after \\p");
  negative ^= accept(parse, "^");
  const char *name = parse->text + parse->at;
  const char *close = memchr(name, '}', parse->bytes - parse->at);
  *item = (pattern_item){.kind = ITEM_CATEGORY, .negative = negative};
  if (!close ||
      !category_named(name, (size_t)(close - name), &item->category))
    return refuse(parse, "this \\p{…}");
  parse->at += (size_t)(close - name) + 1;
  return true;
}

/* Hexadecimal digits, `least` to `most` of them. */
static bool parse_hex(parser *parse, int least, int most, int32_t *value) {
  int count = 0;
  for (*value = 0; count < most; ++count, ++parse->at) {
    int digit = peek(parse), lower = digit | 0x20;
    if (digit >= '0' && digit <= '9')
      *value = *value * 16 + digit - '0';
    else if (lower >= 'a' && lower <= 'f')
      *value = *value * 16 + lower - 'a' + 10;
    else
      break;
  }
  return count >= least && *value <= 0x10ffff;
}

/* After the backslash. A single character becomes a range of one. */
static bool parse_escape(parser *parse, pattern_item *item) {
  static const char letters[] = "nrtfv", meanings[] = "\n\r\t\f\v";
  int c = peek(parse);
  if (c < 0)
    return refuse(parse, "a backslash at the end");
  int lower = c | 0x20;
  bool negative = c < 'a';
  int32_t value = c;
  const char *letter = strchr(letters, c);
  if (c >= 0x80) {
    return refuse(parse, "this escape");
  } else if (letter) {
    value = meanings[letter - letters];
  } else if (c == 'x' || c == 'u') {
    ++parse->at;
    bool braced = c == 'x' && accept(parse, "{");
    if (!parse_hex(parse, c == 'u' ? 4 : 1, c == 'u' ? 4 : braced ? 6 : 2,
                   &value) ||
        (braced && !accept(parse, "}")) ||
        (!braced && c == 'x' && value > 0x7f))
      return refuse(parse, "this escape");
    --parse->at;
  } else if (lower >= 'a' && lower <= 'z') {
    ++parse->at;
    if (lower == 'p')
      return parse_category(parse, negative, item);
    *item = (pattern_item){.kind = lower == 's'   ? ITEM_SPACE
                                   : lower == 'w' ? ITEM_WORD
                                                  : ITEM_CATEGORY,
                           .negative = negative,
                           .category = CATEGORY_ND};
    if (lower == 's' || lower == 'w' || lower == 'd')
      return true;
    --parse->at;
    return refuse(parse, "this escape");
  } else if (c >= '0' && c <= '9') {
    return refuse(parse, "this escape");
  }
  ++parse->at;
  *item = (pattern_item){.kind = ITEM_RANGE, .low = value, .high = value};
  return true;
}

/* One character or escape. */
static bool parse_character(parser *parse, pattern_item *item) {
  if (accept(parse, "\\"))
    return parse_escape(parse, item);
  int32_t c;
  parse->at += utf8_next(parse->text + parse->at, parse->bytes - parse->at, &c);
  *item = (pattern_item){.kind = ITEM_RANGE, .low = c, .high = c};
  return true;
}

static bool is_ascii_letter(int32_t c) {
  return c < 0x80 && ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* After the bracket. */
static bool parse_class(parser *parse) {
  for (bool first = true; first || peek(parse) != ']'; first = false) {
    pattern_item item, high;
    if (peek(parse) < 0)
      return refuse(parse, "a [ without ]");
    /* Nested classes and intersections. */
    if (peek(parse) == '[' || accept(parse, "&&") || peek(parse) == ']')
      return refuse(parse, "this class");
    if (!parse_character(parse, &item))
      return false;
    bool ranges = peek(parse) == '-' && parse->at + 1 < parse->bytes &&
                  parse->text[parse->at + 1] != ']';
    if (ranges) {
      ++parse->at;
      if (!parse_character(parse, &high))
        return false;
      if (item.kind != ITEM_RANGE || high.kind != ITEM_RANGE ||
          high.low < item.low)
        return refuse(parse, "this range");
      item.high = high.low;
      /* What folds into a wide range is not worked out. */
      if (parse->fold && (!is_ascii_letter(item.low) ||
                          !is_ascii_letter(item.high)))
        return refuse(parse, "this range regardless of case");
    }
    if (!add_item(parse, item))
      return false;
  }
  ++parse->at;
  return true;
}

/* One character, escape or class as a set. */
static bool parse_set(parser *parse, int32_t *index) {
  pattern *out = parse->out;
  if (out->n_sets == PATTERN_LIMIT)
    return refuse(parse, "too long");
  pattern_set set = {.first = out->n_items, .fold = parse->fold};
  if (accept(parse, "[")) {
    set.negative = accept(parse, "^");
    if (!parse_class(parse))
      return false;
  } else {
    pattern_item item;
    if (!parse_character(parse, &item) || !add_item(parse, item))
      return false;
  }
  set.count = out->n_items - set.first;
  for (int32_t c = 0; c < 0x80; ++c)
    if (pattern_set_has(out, &set, c))
      set.ascii[c >> 6] |= UINT64_C(1) << (c & 63);
  *index = out->n_sets;
  out->sets[out->n_sets++] = set;
  return true;
}

/*===-----------------------------------------------------------------------===*
 * Sequences, alternatives, groups
 *===----------------------------------------------------------------------===*/

static bool add_step(parser *parse, pattern_step step) {
  pattern *out = parse->out;
  if (out->n_steps == PATTERN_LIMIT)
    return refuse(parse, "too long");
  out->steps[out->n_steps++] = step;
  return true;
}

static bool parse_number(parser *parse, size_t *value) {
  size_t start = parse->at;
  for (*value = 0; peek(parse) >= '0' && peek(parse) <= '9'; ++parse->at)
    if ((*value = *value * 10 + (size_t)(peek(parse) - '0')) > 100000)
      return false;
  return parse->at > start;
}

/* {n} {n,} {,m} {n,m}, after the brace. */
static bool parse_counts(parser *parse, pattern_step *step) {
  bool has_least = parse_number(parse, &step->least);
  step->most = step->least;
  if (!has_least)
    step->least = 0;
  if (accept(parse, ",")) {
    if (!parse_number(parse, &step->most)) {
      if (!has_least)
        return refuse(parse, "this repetition");
      step->most = SIZE_MAX;
    }
  } else if (!has_least) {
    return refuse(parse, "this repetition");
  }
  if (!accept(parse, "}") || step->most < step->least)
    return refuse(parse, "this repetition");
  int next = peek(parse);
  return (next != '?' && next != '+' && next != '*') ||
         refuse(parse, "this repetition");
}

static bool parse_repetition(parser *parse, pattern_step *step) {
  step->least = step->most = 1;
  if (accept(parse, "{"))
    return parse_counts(parse, step);
  if (accept(parse, "?"))
    step->least = 0;
  else if (accept(parse, "*"))
    step->least = 0, step->most = SIZE_MAX;
  else if (accept(parse, "+"))
    step->most = SIZE_MAX;
  else
    return true;
  step->possessive = accept(parse, "+");
  int next = peek(parse);
  return (next != '?' && next != '*' && next != '+') ||
         refuse(parse, "this repetition");
}

static bool parse_alternatives(parser *parse, size_t *shortest);

static bool parse_look(parser *parse, bool negative) {
  int32_t look = parse->out->n_steps;
  size_t ignored;
  if (!add_step(parse,
                (pattern_step){.code = PATTERN_LOOK, .negative = negative}) ||
      !parse_alternatives(parse, &ignored) ||
      !add_step(parse, (pattern_step){.code = PATTERN_DONE}))
    return false;
  parse->out->steps[look].target = parse->out->n_steps;
  return accept(parse, ")") || refuse(parse, "a ( without )");
}

/* After the parenthesis. */
static bool parse_group(parser *parse, size_t *shortest) {
  *shortest = 0;
  if (accept(parse, "?!"))
    return parse_look(parse, true);
  if (accept(parse, "?="))
    return parse_look(parse, false);
  bool outer = parse->fold;
  if (accept(parse, "?i:"))
    parse->fold = true;
  else if (!accept(parse, "?:") && peek(parse) == '?')
    return refuse(parse, "this group");
  int32_t start = parse->out->n_steps;
  if (!add_step(parse, (pattern_step){.code = PATTERN_TRY}) ||
      !parse_alternatives(parse, shortest))
    return false;
  if (!accept(parse, ")"))
    return refuse(parse, "a ( without )");
  parse->fold = outer;
  if (accept(parse, "?")) {
    parse->out->steps[start].target = parse->out->n_steps;
    *shortest = 0;
  }
  int next = peek(parse);
  return (next != '?' && next != '*' && next != '+' && next != '{') ||
         refuse(parse, "the repetition of a group");
}

static bool parse_sequence(parser *parse, size_t *shortest) {
  *shortest = 0;
  for (int c = peek(parse); c >= 0 && c != '|' && c != ')'; c = peek(parse)) {
    pattern_step step = {.code = PATTERN_REPEAT};
    size_t length;
    if (strchr("*+?{}^$.", c))
      return refuse(parse, "this character");
    if (accept(parse, "(")) {
      if (!parse_group(parse, &length))
        return false;
      *shortest += length;
      continue;
    }
    if (!parse_set(parse, &step.set) || !parse_repetition(parse, &step) ||
        !add_step(parse, step))
      return false;
    *shortest += step.least;
  }
  return true;
}

/* Each alternative begins with a PATTERN_TRY that leads to the next one and,
 * but for the last, ends with a jump behind all of them. */
static bool parse_alternatives(parser *parse, size_t *shortest) {
  pattern *out = parse->out;
  int32_t jumps = 0; /* the last jump; each holds the one before it */
  *shortest = SIZE_MAX;
  if (++parse->depth > NESTING_LIMIT)
    return refuse(parse, "nested too deeply");
  for (;;) {
    int32_t start = out->n_steps;
    size_t length;
    if (!add_step(parse, (pattern_step){.code = PATTERN_TRY}) ||
        !parse_sequence(parse, &length))
      return false;
    if (length < *shortest)
      *shortest = length;
    if (!accept(parse, "|"))
      break;
    if (!add_step(parse,
                  (pattern_step){.code = PATTERN_JUMP, .target = jumps}))
      return false;
    jumps = out->n_steps - 1;
    out->steps[start].target = out->n_steps;
  }
  while (jumps) {
    int32_t before = out->steps[jumps].target;
    out->steps[jumps].target = out->n_steps;
    jumps = before;
  }
  --parse->depth;
  return true;
}

static bool prepare(pattern *compiled, seq_error *error) {
  *compiled = (pattern){0};
  compiled->steps = calloc(PATTERN_LIMIT, sizeof *compiled->steps);
  compiled->sets = calloc(PATTERN_LIMIT, sizeof *compiled->sets);
  compiled->items = calloc(PATTERN_LIMIT, sizeof *compiled->items);
  return (compiled->steps && compiled->sets && compiled->items) ||
         seq_fail(error, "no memory for a pattern");
}

bool pattern_compile(pattern *compiled, const char *text, size_t bytes,
                     seq_error *error) {
  if (!prepare(compiled, error))
    return false;
  parser parse = {compiled, text, bytes, 0, 0, false, error};
  size_t shortest;
  if (!parse_alternatives(&parse, &shortest) ||
      !add_step(&parse, (pattern_step){.code = PATTERN_DONE}))
    return false;
  if (parse.at < bytes)
    return refuse(&parse, "a ) without (");
  return shortest > 0 || refuse(&parse, "it can match nothing");
}

bool pattern_compile_literal(pattern *compiled, const char *text, size_t bytes,
                             seq_error *error) {
  if (!prepare(compiled, error))
    return false;
  parser parse = {compiled, text, bytes, 0, 0, false, error};
  while (parse.at < bytes) {
    int32_t c;
    parse.at += utf8_next(text + parse.at, bytes - parse.at, &c);
    pattern_step step = {
        .code = PATTERN_REPEAT, .set = compiled->n_sets, .least = 1, .most = 1};
    pattern_set set = {.first = compiled->n_items, .count = 1};
    if (c < 0x80)
      set.ascii[c >> 6] = UINT64_C(1) << (c & 63);
    if (!add_item(&parse, (pattern_item){
                              .kind = ITEM_RANGE, .low = c, .high = c}) ||
        !add_step(&parse, step))
      return false;
    compiled->sets[compiled->n_sets++] = set;
  }
  if (!add_step(&parse, (pattern_step){.code = PATTERN_DONE}))
    return false;
  return bytes > 0 || refuse(&parse, "it can match nothing");
}

void pattern_release(pattern *compiled) {
  free(compiled->steps);
  free(compiled->sets);
  free(compiled->items);
}

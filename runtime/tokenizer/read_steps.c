/*===- read_steps.c - what surrounds the model in a tokenizer.json --------===*/

#include "tokenizer/read.h"

#include <stdlib.h>
#include <string.h>

/* Calls `read` for each of the items of the array `key`. */
static bool read_sequence(const json_node *node, const char *key,
                          bool (*read)(const json_node *, seq_tokenizer *),
                          seq_tokenizer *out) {
  json_node items = node_member(node, key);
  size_t count;
  if (!node_array(&items, &count))
    return false;
  for (size_t i = 0; i < count; ++i) {
    json_node item = node_item(&items, i);
    if (item.depth > STEP_LIMIT)
      return node_fail(&item, "nested too deeply");
    if (!read(&item, out))
      return false;
  }
  return true;
}

/*===-----------------------------------------------------------------------===*
 * Normalizers
 *===----------------------------------------------------------------------===*/

static bool add_normalizer(const json_node *node, seq_tokenizer *out,
                           normalizer_kind step) {
  normalizer *steps = &out->normalizer;
  if (steps->count == STEP_LIMIT)
    return node_fail(node, "more than %d steps", STEP_LIMIT);
  steps->steps[steps->count++] = step;
  return true;
}

static bool read_bert_normalizer(const json_node *node, seq_tokenizer *out) {
  json_node flags[] = {node_member(node, "clean_text"),
                       node_member(node, "handle_chinese_chars"),
                       node_member(node, "lowercase")};
  bool clean, chinese, lower, unaccent;
  if (!node_keys(node, "type clean_text handle_chinese_chars strip_accents "
                       "lowercase") ||
      !node_boolean(&flags[0], &clean) || !node_boolean(&flags[1], &chinese) ||
      !node_boolean(&flags[2], &lower) ||
      !node_flag(node, "strip_accents", lower, &unaccent))
    return false;
  return (!clean || add_normalizer(node, out, NORMALIZE_CLEAN)) &&
         (!chinese || add_normalizer(node, out, NORMALIZE_CHINESE)) &&
         (!unaccent || (add_normalizer(node, out, NORMALIZE_NFD) &&
                        add_normalizer(node, out, NORMALIZE_UNACCENT))) &&
         (!lower || add_normalizer(node, out, NORMALIZE_LOWER));
}

bool read_normalizer(const json_node *node, seq_tokenizer *out) {
  static const struct {
    const char *type;
    normalizer_kind step;
  } simple[] = {{"NFC", NORMALIZE_NFC},
                {"NFD", NORMALIZE_NFD},
                {"NFKC", NORMALIZE_NFKC},
                {"NFKD", NORMALIZE_NFKD},
                {"Lowercase", NORMALIZE_LOWER},
                {"StripAccents", NORMALIZE_UNMARK}};
  const char *type;
  if (node_is_null(node))
    return true;
  if (!node_type(node, &type))
    return false;
  for (size_t i = 0; i < sizeof simple / sizeof *simple; ++i)
    if (strcmp(type, simple[i].type) == 0)
      return node_keys(node, "type") &&
             add_normalizer(node, out, simple[i].step);
  if (strcmp(type, "BertNormalizer") == 0)
    return read_bert_normalizer(node, out);
  if (strcmp(type, "Sequence") == 0)
    return node_keys(node, "type normalizers") &&
           read_sequence(node, "normalizers", read_normalizer, out);
  return node_fail(node,
                   "the type %s is not supported, only BertNormalizer, NFC, "
                   "NFD, NFKC, NFKD, Lowercase, StripAccents and Sequence",
                   type);
}

/*===-----------------------------------------------------------------------===*
 * Pre-tokenizers
 *===----------------------------------------------------------------------===*/

static bool set_pattern(const json_node *node, splitter *split,
                        const char *text, size_t bytes, bool literal) {
  seq_error reason;
  split->has_pattern = true;
  bool ok = literal ? pattern_compile_literal(&split->pattern, text, bytes,
                                              &reason)
                    : pattern_compile(&split->pattern, text, bytes, &reason);
  return ok || node_fail(node, "%s", reason.message);
}

static bool read_byte_level(const json_node *node, splitter *split) {
  /* GPT-2's own. */
  static const char words[] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+|"
                              " ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
  json_node prefix = node_member(node, "add_prefix_space");
  bool use_regex;
  split->kind = SPLIT_BYTE_LEVEL;
  return node_keys(node, "type add_prefix_space trim_offsets use_regex") &&
         node_boolean(&prefix, &split->prefix_space) &&
         node_flag(node, "use_regex", true, &use_regex) &&
         (!use_regex ||
          set_pattern(node, split, words, sizeof words - 1, false));
}

static bool read_digits(const json_node *node, splitter *split) {
  json_node individual = node_member(node, "individual_digits");
  bool single;
  split->kind = SPLIT_PATTERN;
  return node_keys(node, "type individual_digits") &&
         node_boolean(&individual, &single) &&
         set_pattern(node, split, "\\p{N}+", single ? 5 : 6, false);
}

static bool read_split(const json_node *node, splitter *split) {
  json_node pattern = node_member(node, "pattern");
  json_node literal = node_member(&pattern, "String");
  json_node regex = node_member(&pattern, "Regex");
  json_node behavior = node_member(node, "behavior");
  json_node invert = node_member(node, "invert");
  const char *text, *how;
  size_t bytes, how_bytes;
  bool inverted;
  split->kind = SPLIT_PATTERN;
  if (!node_keys(node, "type pattern behavior invert") ||
      !node_keys(&pattern, literal.value ? "String" : "Regex") ||
      !node_string(literal.value ? &literal : &regex, &text, &bytes) ||
      !node_string(&behavior, &how, &how_bytes) ||
      !node_boolean(&invert, &inverted))
    return false;
  if (strcmp(how, "Removed") == 0)
    *(inverted ? &split->drop_others : &split->drop_matches) = true;
  else if (strcmp(how, "Isolated") != 0)
    return node_fail(&behavior,
                     "%s is not supported, only Isolated and Removed", how);
  return set_pattern(literal.value ? &literal : &regex, split, text, bytes,
                     literal.value);
}

bool read_pre_tokenizer(const json_node *node, seq_tokenizer *out) {
  const char *type;
  if (node_is_null(node))
    return true;
  if (!node_type(node, &type))
    return false;
  if (strcmp(type, "Sequence") == 0)
    return node_keys(node, "type pretokenizers") &&
           read_sequence(node, "pretokenizers", read_pre_tokenizer, out);
  if (out->n_splitters == STEP_LIMIT)
    return node_fail(node, "more than %d steps", STEP_LIMIT);
  splitter *split = &out->splitters[out->n_splitters++];
  if (strcmp(type, "BertPreTokenizer") == 0) {
    split->kind = SPLIT_BERT;
    return node_keys(node, "type");
  }
  if (strcmp(type, "ByteLevel") == 0)
    return read_byte_level(node, split);
  if (strcmp(type, "Digits") == 0)
    return read_digits(node, split);
  if (strcmp(type, "Split") == 0)
    return read_split(node, split);
  return node_fail(node,
                   "the type %s is not supported, only BertPreTokenizer, "
                   "ByteLevel, Digits, Split and Sequence",
                   type);
}

/*===-----------------------------------------------------------------------===*
 * Post-processors
 *===----------------------------------------------------------------------===*/

static bool push_special(const json_node *node, int64_t *ids, int *count) {
  if (*count == STEP_LIMIT)
    return node_fail(node, "more than %d tokens around a text", STEP_LIMIT);
  return node_integer(node, 0, ID_LIMIT, &ids[(*count)++]);
}

/* Puts ids around what earlier processors have put around the text. */
static bool wrap(const json_node *node, seq_tokenizer *out,
                 const int64_t *before, int n_before, const int64_t *after,
                 int n_after) {
  if (out->n_before + n_before > STEP_LIMIT ||
      out->n_after + n_after > STEP_LIMIT)
    return node_fail(node, "more than %d tokens around a text", STEP_LIMIT);
  memmove(out->before + n_before, out->before,
          (size_t)out->n_before * sizeof *out->before);
  memcpy(out->before, before, (size_t)n_before * sizeof *before);
  memcpy(out->after + out->n_after, after, (size_t)n_after * sizeof *after);
  out->n_before += n_before;
  out->n_after += n_after;
  return true;
}

/* BertProcessing and RobertaProcessing: "cls" and "sep" are [text, id]. */
static bool read_cls_sep(const json_node *node, seq_tokenizer *out) {
  int64_t ids[2];
  const char *const keys[] = {"cls", "sep"};
  for (int i = 0; i < 2; ++i) {
    json_node pair = node_member(node, keys[i]), id = node_item(&pair, 1);
    size_t count;
    if (!node_array(&pair, &count) || !node_integer(&id, 0, ID_LIMIT, &ids[i]))
      return false;
  }
  return wrap(node, out, &ids[0], 1, &ids[1], 1);
}

/* All that is of the type 0, as a single text is. */
static bool check_piece(const json_node *piece, const char *key) {
  json_node type = node_member(piece, "type_id");
  int64_t value;
  if (!node_keys(piece, "id type_id") ||
      !node_integer(&type, 0, INT32_MAX, &value))
    return false;
  return value == 0 || node_fail(&type, "a %s of type %d is not supported", key,
                                 (int)value);
}

static bool read_special(const json_node *piece, const json_node *tokens,
                         int64_t *ids, int *count) {
  json_node name = node_member(piece, "id");
  const char *text;
  size_t bytes, many;
  if (!check_piece(piece, "special token") ||
      !node_string(&name, &text, &bytes))
    return false;
  json_node token = node_member(tokens, text);
  json_node list = node_member(&token, "ids");
  if (!node_array(&list, &many))
    return false;
  for (size_t i = 0; i < many; ++i) {
    json_node item = node_item(&list, i);
    if (!push_special(&item, ids, count))
      return false;
  }
  return true;
}

static bool read_template(const json_node *node, seq_tokenizer *out) {
  json_node single = node_member(node, "single");
  json_node tokens = node_member(node, "special_tokens");
  int64_t ids[2][STEP_LIMIT];
  int counts[2] = {0, 0};
  size_t n, texts = 0;
  if (!node_keys(node, "type single pair special_tokens") ||
      !node_array(&single, &n))
    return false;
  for (size_t i = 0; i < n; ++i) {
    json_node item = node_item(&single, i);
    json_node text = node_member(&item, "Sequence");
    json_node special = node_member(&item, "SpecialToken");
    json_node name = node_member(&text, "id");
    const char *which = json_string_value(name.value);
    if (!node_keys(&item, text.value ? "Sequence" : "SpecialToken"))
      return false;
    if (special.value && !read_special(&special, &tokens, ids[texts > 0],
                                       &counts[texts > 0]))
      return false;
    if (special.value)
      continue;
    if (!check_piece(&text, "text"))
      return false;
    if (!which || strcmp(which, "A") != 0 || ++texts > 1)
      return node_fail(&text, "expected the text A, once");
  }
  return texts == 1 ? wrap(node, out, ids[0], counts[0], ids[1], counts[1])
                    : node_fail(&single, "the text A is missing");
}

bool read_post_processor(const json_node *node, seq_tokenizer *out) {
  const char *type;
  if (node_is_null(node))
    return true;
  if (!node_type(node, &type))
    return false;
  if (strcmp(type, "BertProcessing") == 0)
    return node_keys(node, "type sep cls") && read_cls_sep(node, out);
  if (strcmp(type, "RobertaProcessing") == 0)
    return node_keys(node, "type sep cls trim_offsets add_prefix_space") &&
           read_cls_sep(node, out);
  if (strcmp(type, "TemplateProcessing") == 0)
    return read_template(node, out);
  if (strcmp(type, "ByteLevel") == 0) /* is about offsets only */
    return node_keys(node, "type add_prefix_space trim_offsets use_regex");
  if (strcmp(type, "Sequence") == 0)
    return node_keys(node, "type processors") &&
           read_sequence(node, "processors", read_post_processor, out);
  return node_fail(node,
                   "the type %s is not supported, only BertProcessing, "
                   "RobertaProcessing, TemplateProcessing, ByteLevel and "
                   "Sequence",
                   type);
}

/*===-----------------------------------------------------------------------===*
 * Decoders
 *===----------------------------------------------------------------------===*/

bool read_decoder(const json_node *node, seq_tokenizer *out) {
  const char *type;
  if (node_is_null(node))
    return true;
  if (!node_type(node, &type))
    return false;
  if (strcmp(type, "ByteLevel") == 0) {
    out->decoder = DECODE_BYTE_LEVEL;
    return node_keys(node, "type add_prefix_space trim_offsets use_regex");
  }
  if (strcmp(type, "WordPiece") == 0) {
    json_node prefix = node_member(node, "prefix");
    json_node cleanup = node_member(node, "cleanup");
    out->decoder = DECODE_WORDPIECE;
    return node_keys(node, "type prefix cleanup") &&
           copy_string(&prefix, &out->decoder_prefix,
                       &out->decoder_prefix_bytes) &&
           node_boolean(&cleanup, &out->decoder_cleanup);
  }
  return node_fail(node,
                   "the type %s is not supported, only WordPiece and ByteLevel",
                   type);
}

/*===- read_model.c - "model" of a tokenizer.json -------------------------===*/

#include "tokenizer/read.h"

#include <stdlib.h>
#include <string.h>

static bool read_vocabulary(const json_node *node, vocabulary *out) {
  if (!node_object(node))
    return false;
  size_t count = json_object_size(node->value), index = 0;
  token *tokens = calloc(count + 1, sizeof *tokens);
  if (!tokens)
    return node_fail(node, "no memory for %zu tokens", count);
  bool ok = true;
  for (void *at = json_object_iter((json_t *)node->value); at && ok;
       at = json_object_iter_next((json_t *)node->value, at), ++index) {
    const char *text = json_object_iter_key(at);
    json_node id = *node;
    id.value = json_object_iter_value(at);
    tokens[index] = (token){text, strlen(text), 0};
    ok = node_integer(&id, 0, ID_LIMIT, &tokens[index].id);
  }
  seq_error reason;
  if (ok && !vocabulary_build(out, tokens, (int64_t)count, &reason))
    ok = node_fail(node, "%s", reason.message);
  free(tokens);
  return ok;
}

static bool read_unknown(const json_node *node, model *out) {
  const char *text;
  size_t bytes;
  out->unknown = UNKNOWN_NONE;
  if (node_is_null(node))
    return true;
  if (!node_string(node, &text, &bytes))
    return false;
  const token *found = vocabulary_find(&out->vocabulary, text, bytes);
  out->unknown = found ? found->id : UNKNOWN_MISSING;
  return true;
}

static bool read_wordpiece(const json_node *node, model *out) {
  json_node vocab = node_member(node, "vocab");
  json_node unknown = node_member(node, "unk_token");
  json_node prefix = node_member(node, "continuing_subword_prefix");
  json_node longest = node_member(node, "max_input_chars_per_word");
  out->kind = MODEL_WORDPIECE;
  const char *text;
  size_t bytes;
  return node_keys(node, "type unk_token continuing_subword_prefix "
                         "max_input_chars_per_word vocab") &&
         read_vocabulary(&vocab, &out->vocabulary) &&
         node_string(&unknown, &text, &bytes) && read_unknown(&unknown, out) &&
         copy_string(&prefix, &out->prefix, &out->prefix_bytes) &&
         node_integer(&longest, 0, INT64_MAX, &out->longest_word);
}

/* ["a", "b"] or "a b". */
static bool read_pair(const json_node *node, const char *texts[2],
                      size_t bytes[2]) {
  if (json_is_array(node->value)) {
    json_node left = node_item(node, 0), right = node_item(node, 1);
    if (json_array_size(node->value) != 2)
      return node_fail(node, "expected two tokens");
    return node_string(&left, &texts[0], &bytes[0]) &&
           node_string(&right, &texts[1], &bytes[1]);
  }
  if (!node_string(node, &texts[0], &bytes[0]))
    return false;
  const char *space = memchr(texts[0], ' ', bytes[0]);
  size_t rest = space ? bytes[0] - (size_t)(space - texts[0]) - 1 : 0;
  if (!space || memchr(space + 1, ' ', rest))
    return node_fail(node, "'%s', expected two tokens and a space between them",
                     texts[0]);
  texts[1] = space + 1;
  bytes[1] = rest;
  bytes[0] = (size_t)(space - texts[0]);
  return true;
}

static bool read_merge(const json_node *node, int32_t rank, text_buffer *joined,
                       model *out) {
  const char *texts[2];
  size_t bytes[2];
  if (!read_pair(node, texts, bytes))
    return false;
  joined->count = 0;
  seq_error reason;
  if (!text_append(joined, texts[0], bytes[0], &reason) ||
      !text_append(joined, texts[1], bytes[1], &reason))
    return node_fail(node, "%s", reason.message);
  const token *found[3] = {
      vocabulary_find(&out->vocabulary, texts[0], bytes[0]),
      vocabulary_find(&out->vocabulary, texts[1], bytes[1]),
      vocabulary_find(&out->vocabulary, joined->data, joined->count)};
  if (!found[0] || !found[1] || !found[2])
    return node_fail(
        node, "'%.*s' is not in the vocabulary",
        (int)(!found[0] ? bytes[0] : !found[1] ? bytes[1] : joined->count),
        !found[0] ? texts[0] : !found[1] ? texts[1] : joined->data);
  merges_insert(out, found[0]->id, found[1]->id, rank, found[2]->id);
  return true;
}

static bool read_merges(const json_node *node, model *out) {
  size_t count;
  if (!node_array(node, &count))
    return false;
  if (count > INT32_MAX)
    return node_fail(node, "%zu merges are too many", count);
  seq_error reason;
  if (!merges_reserve(out, (int64_t)count, &reason))
    return node_fail(node, "%s", reason.message);
  text_buffer joined = {0};
  bool ok = true;
  for (size_t i = 0; ok && i < count; ++i) {
    json_node item = node_item(node, i);
    const char *text = json_string_value(item.value);
    /* The first line of a merges.txt, which older files kept. */
    if (!text || strncmp(text, "#version", 8) != 0)
      ok = read_merge(&item, (int32_t)i, &joined, out);
  }
  free(joined.data);
  return ok;
}

/* What must be absent, null, 0, false or "". */
static bool refuse_unless_off(const json_node *node, const char *key) {
  json_node member = node_member(node, key);
  const json_t *value = member.value;
  return node_is_null(&member) || json_is_false(value) ||
         (json_is_number(value) && json_number_value(value) == 0) ||
         (json_is_string(value) && json_string_length(value) == 0) ||
         node_fail(&member, "this is not supported");
}

static bool read_bpe(const json_node *node, model *out) {
  json_node vocab = node_member(node, "vocab");
  json_node unknown = node_member(node, "unk_token");
  json_node merges = node_member(node, "merges");
  out->kind = MODEL_BPE;
  return node_keys(node, "type dropout unk_token continuing_subword_prefix "
                         "end_of_word_suffix fuse_unk byte_fallback "
                         "ignore_merges vocab merges") &&
         refuse_unless_off(node, "dropout") &&
         refuse_unless_off(node, "continuing_subword_prefix") &&
         refuse_unless_off(node, "end_of_word_suffix") &&
         refuse_unless_off(node, "byte_fallback") &&
         node_flag(node, "fuse_unk", false, &out->fuse_unknown) &&
         node_flag(node, "ignore_merges", false, &out->ignore_merges) &&
         read_vocabulary(&vocab, &out->vocabulary) &&
         read_unknown(&unknown, out) && read_merges(&merges, out);
}

bool read_model(const json_node *node, model *out) {
  if (!node_object(node))
    return false;
  /* Older files do not say which model it is. */
  const char *type = json_object_get(node->value, "merges") ? "BPE"
                     : json_object_get(node->value, "max_input_chars_per_word")
                         ? "WordPiece"
                         : "";
  if ((json_object_get(node->value, "type") || !*type) &&
      !node_type(node, &type))
    return false;
  if (strcmp(type, "BPE") == 0)
    return read_bpe(node, out);
  if (strcmp(type, "WordPiece") == 0)
    return read_wordpiece(node, out);
  return node_fail(node, "the type %s is not supported, only WordPiece and BPE",
                   type);
}

/*===- read.c - reads a tokenizer.json ------------------------------------===*/

#include "support/files.h"
#include "tokenizer/read.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_LIMIT = 1 << 30 };

bool copy_string(const json_node *node, char **copy, size_t *bytes) {
  const char *text;
  if (!node_string(node, &text, bytes))
    return false;
  *copy = malloc(*bytes + 1);
  if (!*copy)
    return node_fail(node, "no memory for %zu bytes", *bytes);
  memcpy(*copy, text, *bytes);
  (*copy)[*bytes] = '\0';
  return true;
}

/*===-----------------------------------------------------------------------===*
 * Added tokens
 *===----------------------------------------------------------------------===*/

/* What is searched for: the text itself, or its normal form. */
static bool make_pattern(const json_node *node, const seq_tokenizer *tokenizer,
                         added_token *added) {
  added->pattern = added->text;
  added->pattern_bytes = added->bytes;
  if (!added->normalized)
    return true;
  text_buffer out = {0}, spare = {0};
  seq_error reason;
  bool ok = normalize(&tokenizer->normalizer, added->text, added->bytes, &out,
                      &spare, &reason) &&
            text_reserve(&out, 1, &reason);
  free(spare.data);
  if (!ok) {
    free(out.data);
    return node_fail(node, "%s", reason.message);
  }
  added->pattern = out.data;
  added->pattern_bytes = out.count;
  return true;
}

static bool read_added_token(const json_node *node,
                             const seq_tokenizer *tokenizer,
                             added_token *added) {
  json_node id = node_member(node, "id");
  json_node content = node_member(node, "content");
  const struct {
    const char *key;
    bool *value;
  } flags[] = {{"single_word", &added->single_word},
               {"lstrip", &added->lstrip},
               {"rstrip", &added->rstrip},
               {"normalized", &added->normalized},
               {"special", &added->special}};
  if (!node_keys(node, "id content single_word lstrip rstrip normalized "
                       "special") ||
      !node_integer(&id, 0, ID_LIMIT, &added->id))
    return false;
  for (size_t i = 0; i < sizeof flags / sizeof *flags; ++i) {
    json_node flag = node_member(node, flags[i].key);
    if (!node_boolean(&flag, flags[i].value))
      return false;
  }
  char *text;
  if (!copy_string(&content, &text, &added->bytes))
    return false;
  added->text = added->pattern = text;
  const vocabulary *all = &tokenizer->model.vocabulary;
  const token *named = vocabulary_find(all, text, added->bytes);
  const token *numbered = vocabulary_at(all, added->id);
  if (named != numbered)
    return node_fail(&id,
                     "'%.100s' has the id %" PRId64
                     ", which the vocabulary of the model contradicts",
                     text, added->id);
  return make_pattern(node, tokenizer, added);
}

bool read_added_tokens(const json_node *node, seq_tokenizer *out) {
  size_t count = 0;
  if (!node_is_null(node) && !node_array(node, &count))
    return false;
  out->added.tokens = calloc(count + 1, sizeof *out->added.tokens);
  if (!out->added.tokens)
    return node_fail(node, "no memory for %zu tokens", count);
  for (size_t i = 0; i < count; ++i) {
    json_node item = node_item(node, i);
    out->added.count = (int64_t)i + 1; /* for the release */
    if (!read_added_token(&item, out, &out->added.tokens[i]))
      return false;
  }
  seq_error reason;
  if (!added_prepare(&out->added, &reason))
    return node_fail(node, "%s", reason.message);
  for (size_t i = 1; i < count; ++i)
    if (out->added.tokens[i].id == out->added.tokens[i - 1].id)
      return node_fail(node, "two tokens have the id %" PRId64,
                       out->added.tokens[i].id);
  return true;
}

/*===-----------------------------------------------------------------------===*
 * The document
 *===----------------------------------------------------------------------===*/

static bool read_document(const json_node *root, seq_tokenizer *out) {
  json_node version = node_member(root, "version");
  json_node model = node_member(root, "model");
  json_node normalizer = node_member(root, "normalizer");
  json_node pre_tokenizer = node_member(root, "pre_tokenizer");
  json_node post_processor = node_member(root, "post_processor");
  json_node decoder = node_member(root, "decoder");
  json_node added = node_member(root, "added_tokens");
  const char *number;
  size_t bytes;
  if (!node_keys(root, "version truncation padding added_tokens normalizer "
                       "pre_tokenizer post_processor decoder model"))
    return false;
  if (version.value) {
    if (!node_string(&version, &number, &bytes))
      return false;
    if (strcmp(number, "1.0") != 0)
      return node_fail(&version, "it is %s, expected 1.0", number);
  }
  return read_model(&model, &out->model) &&
         read_normalizer(&normalizer, out) &&
         read_pre_tokenizer(&pre_tokenizer, out) &&
         read_post_processor(&post_processor, out) &&
         read_decoder(&decoder, out) && read_added_tokens(&added, out);
}

seq_tokenizer *seq_tokenizer_parse(const char *name, const void *json,
                                   size_t bytes, seq_error *error) {
  json_error_t reason;
  json_t *document = json_loadb(json, bytes, JSON_ALLOW_NUL, &reason);
  if (!document) {
    seq_fail(error, "%s: line %d, column %d: %s", name, reason.line,
             reason.column, reason.text);
    return NULL;
  }
  seq_tokenizer *tokenizer = calloc(1, sizeof *tokenizer);
  const json_node root = {.file = name, .error = error, .value = document};
  bool ok = tokenizer ? read_document(&root, tokenizer)
                      : seq_fail(error, "%s: no memory", name);
  json_decref(document);
  if (ok)
    return tokenizer;
  seq_tokenizer_close(tokenizer);
  return NULL;
}

static bool read_file(const char *path, text_buffer *text, seq_error *error) {
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  bool ok = descriptor >= 0;
  int64_t got = ok ? 1 : -1;
  while (ok && got > 0) {
    if (text->count >= FILE_LIMIT)
      ok = seq_fail(error, "%s: more than %d bytes", path, FILE_LIMIT);
    else
      ok = text_reserve(text, 1 << 16, error);
    if (!ok)
      break;
    got = seq_read_fully(descriptor, text->data + text->count, 1 << 16);
    if (got > 0)
      text->count += (size_t)got;
  }
  if (got < 0)
    ok = seq_fail(error, "cannot read %s: %s", path, strerror(errno));
  if (descriptor >= 0)
    close(descriptor);
  return ok;
}

seq_tokenizer *seq_tokenizer_open(const char *path, seq_error *error) {
  text_buffer text = {0};
  seq_tokenizer *tokenizer = NULL;
  if (read_file(path, &text, error))
    tokenizer = seq_tokenizer_parse(path, text.data, text.count, error);
  free(text.data);
  return tokenizer;
}

void seq_tokenizer_close(seq_tokenizer *tokenizer) {
  if (!tokenizer)
    return;
  added_release(&tokenizer->added);
  for (int i = 0; i < tokenizer->n_splitters; ++i)
    pattern_release(&tokenizer->splitters[i].pattern);
  vocabulary_release(&tokenizer->model.vocabulary);
  free(tokenizer->model.prefix);
  free(tokenizer->model.merges);
  free(tokenizer->decoder_prefix);
  free(tokenizer);
}

/*===-----------------------------------------------------------------------===*
 * Looking up
 *===----------------------------------------------------------------------===*/

int64_t seq_tokenizer_size(const seq_tokenizer *tokenizer) {
  const vocabulary *all = &tokenizer->model.vocabulary;
  const added_tokens *added = &tokenizer->added;
  int64_t size = all->count ? all->tokens[all->count - 1].id + 1 : 0;
  int64_t with = added->count ? added->tokens[added->count - 1].id + 1 : 0;
  return with > size ? with : size;
}

int64_t seq_tokenizer_find(const seq_tokenizer *tokenizer, const char *text,
                           size_t bytes) {
  const added_tokens *added = &tokenizer->added;
  for (int64_t i = 0; i < added->count; ++i)
    if (added->tokens[i].bytes == bytes &&
        memcmp(added->tokens[i].text, text, bytes) == 0)
      return added->tokens[i].id;
  const token *found =
      vocabulary_find(&tokenizer->model.vocabulary, text, bytes);
  return found ? found->id : -1;
}

const char *seq_tokenizer_token(const seq_tokenizer *tokenizer, int64_t id,
                                size_t *bytes) {
  const added_token *added = added_at(&tokenizer->added, id);
  const token *found = vocabulary_at(&tokenizer->model.vocabulary, id);
  if (!added && !found)
    return NULL;
  *bytes = added ? added->bytes : found->bytes;
  return added ? added->text : found->text;
}

/*===- speller.c - how text becomes tokens and tokens text ----------------===*/

#include "program/program.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool speller_open(speller *spell, const seq_program *program,
                  const option_list *options, seq_error *error) {
  const char *path = option_value(options, "--tokenizer");
  char *own = NULL;
  *spell = (speller){.program = program};
  if (!path) {
    path = own = seq_program_path(".tokenizer.json", error);
    if (!own)
      return false;
    if (access(own, F_OK) != 0) {
      free(own);
      return true;
    }
  }
  spell->tokenizer = seq_tokenizer_open(path, error);
  free(own);
  if (spell->tokenizer)
    spell->detokenizer = seq_detokenizer_create(spell->tokenizer, false, error);
  if (spell->detokenizer)
    return true;
  seq_tokenizer_close(spell->tokenizer);
  spell->tokenizer = NULL;
  return false;
}

void speller_close(speller *spell) {
  seq_detokenizer_free(spell->detokenizer);
  seq_tokenizer_close(spell->tokenizer);
}

bool speller_has_text(const speller *spell) {
  return spell->tokenizer || spell->program->byte_level;
}

static bool encode_bytes(const char *text, seq_token_ids *ids,
                         seq_error *error) {
  int64_t count = ids->count + (int64_t)strlen(text);
  int64_t *data = realloc(ids->data, (size_t)(count + 1) * sizeof *data);
  if (!data)
    return seq_fail(error, "no memory for %" PRId64 " tokens", count);
  ids->data = data;
  ids->room = count + 1;
  while (*text)
    ids->data[ids->count++] = (unsigned char)*text++;
  return true;
}

/* Are the ids from `first` on of the program's vocabulary (if it has one)? */
static bool check_ids(const speller *spell, const seq_token_ids *ids,
                      int64_t first, seq_error *error) {
  int64_t most = spell->program->vocabulary;
  for (int64_t i = first; most > 0 && i < ids->count; ++i)
    if (ids->data[i] >= most)
      return seq_fail(error,
                      "the text: %s %" PRId64 " at %" PRId64
                      ", expected less than %" PRId64,
                      spell->tokenizer ? "token" : "byte", ids->data[i],
                      i - first, most);
  return true;
}

bool speller_encode(const speller *spell, const char *text, seq_token_ids *ids,
                    seq_error *error) {
  int64_t first = ids->count;
  if (!speller_has_text(spell))
    return seq_fail(error,
                    "no tokenizer: there is no .tokenizer.json beside the "
                    "program; give --tokenizer FILE or token numbers (--ids)");
  bool ok = spell->tokenizer
                ? seq_tokenizer_encode(spell->tokenizer, text, strlen(text),
                                       true, ids, error)
                : encode_bytes(text, ids, error);
  return ok && check_ids(spell, ids, first, error);
}

bool speller_put(speller *spell, int64_t id, FILE *stream, seq_error *error) {
  if (!spell->tokenizer) {
    putc((int)id, stream);
    return true;
  }
  const char *text;
  size_t bytes;
  if (!seq_detokenizer_next(spell->detokenizer, id, &text, &bytes, error))
    return false;
  fwrite(text, 1, bytes, stream);
  return true;
}

void speller_end(speller *spell, FILE *stream) {
  if (!spell->detokenizer)
    return;
  const char *text;
  size_t bytes;
  seq_detokenizer_end(spell->detokenizer, &text, &bytes);
  fwrite(text, 1, bytes, stream);
}

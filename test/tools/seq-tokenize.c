/*===- seq-tokenize.c - the tokenizer on many texts, for tests -------------===*
 *
 *   seq-tokenize TOKENIZER.json encode | encode-plain | decode | decode-all
 *
 * Reads records from standard input and writes one for each: a 4-byte
 * little-endian count, then that many bytes of text, or 4-byte ids. encode adds
 * special tokens, decode drops them.
 *
 *===----------------------------------------------------------------------===*/

#include "seq/runtime/Tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The next record, `size` bytes an item; false at the end of the input. */
static bool read_record(size_t size, void **data, uint32_t *count) {
  if (fread(count, sizeof *count, 1, stdin) != 1)
    return false;
  free(*data);
  *data = malloc(*count * size + 1);
  return *data && fread(*data, size, *count, stdin) == *count;
}

static bool encode(const seq_tokenizer *tokenizer, bool special,
                   seq_error *error) {
  seq_token_ids ids = {0};
  void *text = NULL;
  uint32_t count;
  bool ok = true;
  while (ok && read_record(1, &text, &count)) {
    ids.count = 0;
    ok = seq_tokenizer_encode(tokenizer, text, count, special, &ids, error);
    count = (uint32_t)ids.count;
    fwrite(&count, sizeof count, 1, stdout);
    for (int64_t i = 0; i < ids.count; ++i) {
      int32_t id = (int32_t)ids.data[i];
      fwrite(&id, sizeof id, 1, stdout);
    }
  }
  free(text);
  free(ids.data);
  return ok;
}

/* Joins what the tokens give one by one. */
static bool decode(const seq_tokenizer *tokenizer, bool special,
                   seq_error *error) {
  seq_detokenizer *detokenizer =
      seq_detokenizer_create(tokenizer, special, error);
  void *ids = NULL;
  uint32_t count;
  bool ok = detokenizer;
  while (ok && read_record(4, &ids, &count)) {
    char *joined;
    size_t bytes;
    FILE *stream = open_memstream(&joined, &bytes);
    const char *text;
    size_t more;
    for (uint32_t i = 0; ok && i < count; ++i) {
      ok = seq_detokenizer_next(detokenizer, ((const int32_t *)ids)[i], &text,
                                &more, error);
      if (ok)
        fwrite(text, 1, more, stream);
    }
    seq_detokenizer_end(detokenizer, &text, &more);
    fwrite(text, 1, more, stream);
    fclose(stream);
    count = (uint32_t)bytes;
    fwrite(&count, sizeof count, 1, stdout);
    fwrite(joined, 1, bytes, stdout);
    free(joined);
  }
  free(ids);
  seq_detokenizer_free(detokenizer);
  return ok;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: %s TOKENIZER.json MODE\n", argv[0]);
    return 2;
  }
  seq_error error = {"unknown mode"};
  seq_tokenizer *tokenizer = seq_tokenizer_open(argv[1], &error);
  bool ok = tokenizer;
  if (ok && strncmp(argv[2], "encode", 6) == 0)
    ok = encode(tokenizer, strcmp(argv[2], "encode") == 0, &error);
  else if (ok)
    ok = decode(tokenizer, strcmp(argv[2], "decode-all") == 0, &error);
  if (!ok)
    fprintf(stderr, "error: %s\n", error.message);
  seq_tokenizer_close(tokenizer);
  return ok ? 0 : 1;
}

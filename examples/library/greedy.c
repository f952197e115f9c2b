/*===- greedy.c - the likeliest continuation of a text ---------------------===*
 *
 * A C program with a language model of bytes inside:
 *
 *   seq-compile examples/bible-lm/model --emit=shared -o libbible.so
 *   cc -I. examples/library/greedy.c -L. -lbible -Wl,-rpath,'$ORIGIN' -o greedy
 *   ./greedy "In the beginning" 100
 *
 * With a third argument, the name of a file, it goes on from the state in that
 * file, if there is one, and leaves its own there. The last byte that it prints
 * is not part of that state: the next text should begin with it.
 *
 *===----------------------------------------------------------------------===*/

#include "libbible.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int64_t likeliest(const seq_tensor *logits) {
  const float *values = logits->data;
  int64_t best = 0;
  for (int64_t i = 1; i < LIBBIBLE_VOCABULARY; ++i)
    if (values[i] > values[best])
      best = i;
  return best;
}

static bool greedy(seq_stream *stream, const char *prompt, long count,
                   seq_error *error) {
  size_t length = strlen(prompt);
  int64_t *tokens = malloc((length + 1) * sizeof *tokens);
  if (!tokens)
    return false;
  for (size_t i = 0; i < length; ++i)
    tokens[i] = (unsigned char)prompt[i];
  seq_tensor logits;
  bool ok = seq_prefill(stream, tokens, (int64_t)length, SEQ_LOGITS_LAST,
                        &logits, error);
  free(tokens);
  while (ok) {
    int64_t token = likeliest(&logits);
    putchar((int)token);
    if (--count <= 0)
      break;
    ok = seq_step(stream, &token, &logits, error);
  }
  return ok;
}

static bool run(seq_model *model, const char *prompt, long count,
                const char *file, seq_error *error) {
  seq_stream *stream = seq_create(model, 65536, error);
  bool ok = stream != NULL;
  if (ok && file && access(file, F_OK) == 0)
    ok = seq_restore(stream, file, error);
  ok = ok && greedy(stream, prompt, count, error);
  if (ok && file)
    ok = seq_save(stream, file, error);
  seq_free(stream);
  return ok;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: greedy TEXT COUNT [STATE]\n");
    return 2;
  }
  seq_error error = {0};
  seq_options options = {.source = LIBBIBLE_SOURCE, .threads = 1};
  seq_model *model = seq_open(SEQ_API_VERSION, &options, &error);
  bool ok = model && run(model, argv[1], atol(argv[2]),
                         argc > 3 ? argv[3] : NULL, &error);
  if (!ok)
    fprintf(stderr, "error: %s\n", error.message);
  seq_close(model);
  return ok ? 0 : 1;
}

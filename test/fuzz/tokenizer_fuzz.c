/*===- tokenizer_fuzz.c - any bytes as a tokenizer.json --------------------===*
 *
 * What can be read must encode some text and decode all of its own ids.
 *
 *===----------------------------------------------------------------------===*/

#include "seq/runtime/Tokenizer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
  static const char text[] =
      "Hello, low we'll  <end> 11\xc3\xa9 \xe4\xb8\xad\n\t[MASK] \xcc\x81"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa      ";
  seq_error error;
  seq_tokenizer *tokenizer =
      seq_tokenizer_parse("fuzz", data, bytes, &error);
  if (!tokenizer)
    return 0;
  seq_token_ids ids = {0};
  (void)seq_tokenizer_encode(tokenizer, text, sizeof text - 1, true, &ids,
                             &error);
  seq_detokenizer *detokenizer =
      seq_detokenizer_create(tokenizer, true, &error);
  const char *piece;
  size_t length;
  for (int64_t i = 0; detokenizer && i < ids.count; ++i)
    if (!seq_detokenizer_next(detokenizer, ids.data[i], &piece, &length,
                              &error))
      abort();
  seq_detokenizer_free(detokenizer);
  free(ids.data);
  seq_tokenizer_close(tokenizer);
  return 0;
}

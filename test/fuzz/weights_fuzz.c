/*===- weights_fuzz.c - any bytes as a weight file --------------------------===*
 *
 * All weights of a file that can be opened lie in its payload.
 *
 *===----------------------------------------------------------------------===*/

#include "memory_file.h"
#include "seq/runtime/Weights.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
  static volatile uint8_t sink;
  seq_error error;
  seq_weights *weights = seq_weights_open(memory_file(data, bytes), &error);
  if (!weights)
    return 0;
  const uint8_t *payload = seq_weights_payload(weights);
  uint64_t size = seq_weights_payload_bytes(weights);
  if (size > bytes)
    abort();
  for (uint64_t i = 0; i < size; ++i)
    sink = payload[i];
  for (int64_t i = 0; i < seq_weights_count(weights); ++i) {
    const seq_weights_entry *entry = seq_weights_at(weights, i);
    if (entry->offset > size || entry->bytes > size - entry->offset ||
        seq_weights_find(weights, entry->name) != entry)
      abort();
  }
  seq_program program = {.source_hash = 1};
  (void)seq_weights_check(weights, &program, &error);
  seq_weights_close(weights);
  (void)sink;
  return 0;
}

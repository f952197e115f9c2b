/*===- state_fuzz.c - any bytes as a state file -----------------------------===*
 *
 * Each input is tried as it is and with its digest set right, for states alone
 * and for states with a history.
 *
 *===----------------------------------------------------------------------===*/

#include "memory_file.h"
#include "session/state.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { DIGEST = 56, HEADER = 64, CAPACITY = 16 };

/* As State.h says. */
static void set_digest(uint8_t *data, size_t bytes) {
  uint64_t digest = UINT64_C(0xcbf29ce484222325), word;
  for (size_t i = 0; i + sizeof word <= bytes; i += sizeof word) {
    if (i == DIGEST)
      continue;
    memcpy(&word, data + i, sizeof word);
    digest = (digest ^ word) * UINT64_C(0x100000001b3);
  }
  memcpy(data + DIGEST, &digest, sizeof digest);
}

static void load(const char *path, int64_t unit) {
  static seq_state *states;
  seq_error error;
  if (!states &&
      !(states = seq_state_create(&seq_program_descriptor, CAPACITY, &error)))
    abort();
  seq_state_extra extra = {.unit = unit};
  if (!seq_state_load_extra(states, &extra, path, &error))
    return;
  if (extra.position < 0 || (unit > 0 && extra.position > CAPACITY))
    abort();
  static uint8_t copy[CAPACITY * 8];
  memcpy(copy, extra.history, (size_t)(unit > 0 ? extra.position * unit : 0));
  free(extra.history);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
  load(memory_file(data, bytes), 0);
  load(memory_file(data, bytes), 8);
  if (bytes < HEADER)
    return 0;
  uint8_t *right = malloc(bytes);
  memcpy(right, data, bytes);
  set_digest(right, bytes);
  load(memory_file(right, bytes), 0);
  load(memory_file(right, bytes), 8);
  free(right);
  return 0;
}

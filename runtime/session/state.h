/*===- state.h - the inside of a seq_state
 * ----------------------------------===*/
#ifndef SEQ_RUNTIME_SESSION_STATE_H
#define SEQ_RUNTIME_SESSION_STATE_H

#include "seq/runtime/State.h"

struct seq_state {
  const seq_program *program;
  int64_t capacity;
  uint8_t *block; /* mapped: zero pages cost nothing until they are used */
  int64_t bytes;
  int32_t count;
  bool defined;
  const seq_tensor_type **types; /* count */
  seq_tensor *tensors;           /* count; data points into the block */
};

/* Has state `index` a dynamic size? Then it is a cache: what lies in it before
 * the model's position is never changed. */
bool seq_state_grows(const seq_state *state, int32_t index);

/* What a state file holds beside the states. */
typedef struct {
  int64_t position;
  void *history; /* `unit` bytes for each position */
  int64_t unit;
} seq_state_extra;

bool seq_state_save_extra(const seq_state *state, const seq_state_extra *extra,
                          const char *path, seq_error *error);

/* extra->unit is what is expected; the history read is new memory, released
 * with free(). */
bool seq_state_load_extra(seq_state *state, seq_state_extra *extra,
                          const char *path, seq_error *error);

#endif

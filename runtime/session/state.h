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

#endif

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
  seq_cache *caches;             /* count; positions number these states */
};

/* Does state `index` hold something of each token, up to the capacity? What
 * lies in it before the model's position is never changed. */
bool seq_state_grows(const seq_state *state, int32_t index);

/* Does any state? Then the capacity bounds the tokens. */
bool seq_state_is_bounded(const seq_state *state);

/* Copies what is used of state `index` to `to`, or back from it, as a dense
 * tensor, and answers how many bytes that is: all, unless it is a cache. With
 * `to` NULL it only counts. */
typedef enum { SEQ_COPY_OUT, SEQ_COPY_IN } seq_copy_way;
int64_t seq_state_copy_used(const seq_state *state, int32_t index, uint8_t *to,
                            seq_copy_way way);

/* State `index` is a cache whose position is known. */
bool seq_state_is_cache(const seq_state *state, int32_t index);

/* 0 where no state grows: there is one layout then whatever the capacity. */
int64_t seq_state_layout_capacity(const seq_state *state);

bool seq_state_check_defined(const seq_state *state, seq_error *error);

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

/*===- session.h - the inside of a seq_session
 * ------------------------------===*/
#ifndef SEQ_RUNTIME_SESSION_SESSION_H
#define SEQ_RUNTIME_SESSION_SESSION_H

#include "seq/runtime/Session.h"
#include "seq/runtime/Team.h"
#include "seq/runtime/Weights.h"
#include "session/check.h"
#include "session/pieces.h"

#include <setjmp.h>

/* Memory that only grows. */
typedef struct {
  void *data;
  int64_t bytes;
} seq_buffer;

/* At least `bytes` bytes; the contents are lost when it grows. */
bool seq_buffer_reserve(seq_buffer *buffer, int64_t bytes);

struct seq_session {
  const seq_program *program;
  seq_weights *weights;   /* NULL if embedded, none or the caller's */
  const uint8_t *payload; /* NULL if none */
  seq_team *team;

  /* Room for the largest function. */
  void **args;
  void **whole; /* the inputs, while args has those of a piece */
  seq_sizes sizes;
  seq_buffer *staged;  /* copies of unaligned inputs */
  seq_buffer *results; /* memory of the outputs */
  seq_tensor *outputs; /* views of them; data = NULL: not produced */
  seq_buffer arena;

  /* The run in progress. */
  const seq_function *function;
  seq_pieces pieces;
  bool arena_taken;
  bool refused; /* it failed before any state changed */
  seq_error *error;
  jmp_buf guard;

  seq_session *next; /* in the list of a model's idle sessions (api/) */
};

/* Finds the payload: *payload is NULL if the program has none, *weights what is
 * to be closed, if anything. `path` is as in seq_session_options. */
bool seq_open_payload(const seq_program *program, const char *path,
                      seq_weights **weights, const uint8_t **payload,
                      seq_error *error);

/* As seq_session_open, on a payload that the caller keeps. `program` is
 * checked. */
seq_session *seq_session_open_on(const seq_program *program,
                                 const uint8_t *payload, int32_t threads,
                                 seq_error *error);

/* The most outputs that a function of the program has. */
int32_t seq_most_outputs(const seq_program *program);

#endif

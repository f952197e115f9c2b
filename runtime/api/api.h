/*===- api.h - the inside of models and streams ----------------------------===*/
#ifndef SEQ_RUNTIME_API_API_H
#define SEQ_RUNTIME_API_API_H

#include "session/session.h"
#include "session/state.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

/* Sessions (threads, scratch memory) are lent to calls: there are as many as
 * calls ran at the same time. */
struct seq_model {
  const seq_program *program;
  seq_weights *weights;
  const uint8_t *payload;
  seq_info info;
  atomic_int users; /* the opener and each stream */
  pid_t process;    /* that its threads belong to */
  pthread_mutex_t lock;
  seq_session *idle;
};

void seq_model_release(seq_model *model);

/* Takes an idle session or makes one. */
seq_session *seq_model_lend(seq_model *model, seq_error *error);
void seq_model_return(seq_model *model, seq_session *session);

struct seq_stream {
  seq_model *model;
  seq_state *state;
  int64_t position;

  /* The tokens so far, of a language model without states: each call runs on
   * all of them. One after the other, each for the whole batch. */
  int64_t *history;
  seq_buffer tokens; /* those of one call, as the function wants them */

  /* The outputs of the last call; its session had them while it ran. */
  const seq_function *function; /* NULL if there was none */
  seq_buffer *results;
  seq_tensor *outputs;

  seq_snapshot *snapshots; /* the newest first */
};

/* Those that are still good are in the list of their stream. */
struct seq_snapshot {
  seq_stream *stream;        /* NULL: refused */
  seq_snapshot *older, *newer;
  int64_t position;
  uint8_t *block; /* the states that do not grow, one after the other */
};

/* All snapshots newer than `kept` (NULL: all) lose their meaning. */
void seq_drop_snapshots(seq_stream *stream, const seq_snapshot *kept);

/* Does the stream keep the tokens themselves? */
bool seq_keeps_history(const seq_model *model);

#endif

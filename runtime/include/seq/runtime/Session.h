/*===- Session.h - Runs the functions of a program
 *---------------------------===*
 *
 * A session holds what runs share: the mapped weights, the threads, scratch and
 * output memory. Opening it allocates; afterwards only scratch, outputs and
 * copies of unaligned inputs grow, when a run is larger than all before. One
 * thread at a time may use a session.
 *
 *   seq_error error;
 *   seq_session *session = seq_session_open(&seq_program_descriptor, NULL,
 *                                           &error);
 *   seq_state *state = seq_state_create(&seq_program_descriptor, 4096, &error);
 *   const seq_function *last = seq_find_function(&seq_program_descriptor,
 *                                                "last", &error);
 *   if (!seq_session_run(session, state, last, &ids, &error)) …
 *   const seq_tensor *logits = seq_session_outputs(session);
 *
 *===----------------------------------------------------------------------===*/
#ifndef SEQ_RUNTIME_SESSION_H
#define SEQ_RUNTIME_SESSION_H

#include "seq/runtime/State.h"
#include "seq/runtime/Tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct seq_session seq_session;

typedef struct {
  const char *weights; /* weight file. NULL: the embedded weights, or
                          seq_default_weights_path */
  int32_t threads;     /* 0 = seq_default_threads() */
} seq_session_options;

/* Checks what the runtime relies on: ABI version, ranks, dtypes, names, states
 * of equal name. seq_session_open and seq_state_create call it. */
bool seq_program_check(const seq_program *program, seq_error *error);

/* By name; NULL gives the first. On failure the error lists the names. */
const seq_function *seq_find_function(const seq_program *program,
                                      const char *name, seq_error *error);

/* Path of the running executable + `suffix`; release with free(). */
char *seq_program_path(const char *suffix, seq_error *error);

/* The same for ".weights". */
char *seq_default_weights_path(seq_error *error);

/* `options` may be NULL. A weight file that is named is opened and checked even
 * if the program could do without. */
seq_session *seq_session_open(const seq_program *program,
                              const seq_session_options *options,
                              seq_error *error);
void seq_session_close(seq_session *session); /* NULL is fine */

int32_t seq_session_threads(const seq_session *session);

/* Runs `function` on `inputs` (n_inputs of them, in its order; any alignment;
 * not the outputs of this session, which are about to be overwritten) and
 * updates `state` (NULL is fine for a function without states).
 *
 * Before anything runs, each input is checked: dtype, rank, static sizes, equal
 * symbols, integers in [0, limit), bool 0 or 1; and scratch memory is reserved.
 * A failure of these, and seq_rt_refuse, leave `state` as it was. A failure
 * while the program runs (no memory for an output, seq_rt_fail) leaves it
 * undefined. */
bool seq_session_run(seq_session *session, seq_state *state,
                     const seq_function *function, const seq_tensor *inputs,
                     seq_error *error);

/* The outputs of the last run that succeeded, n_outputs of its function; they
 * live until the next run. */
const seq_tensor *seq_session_outputs(const seq_session *session);

#ifdef __cplusplus
}
#endif
#endif /* SEQ_RUNTIME_SESSION_H */

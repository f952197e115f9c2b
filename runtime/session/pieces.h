/*===- pieces.h - long sequences in pieces --------------------------------===*
 *
 * A function whose states go on from run to run gives in pieces what it gives
 * on the whole. So a long sequence is run in pieces that are as short as speed
 * allows: scratch memory does not grow with the sequence, and what one
 * operation leaves for the next is still in a cache.
 *
 *===----------------------------------------------------------------------===*/
#ifndef SEQ_RUNTIME_SESSION_PIECES_H
#define SEQ_RUNTIME_SESSION_PIECES_H

#include "seq/runtime/Program.h"
#include "session/check.h"

/* The pieces of one run. */
typedef struct {
  int64_t times;  /* of the whole; 0: the run is not in pieces */
  int64_t most;   /* times of a piece */
  int64_t begin;  /* of the present piece */
  int64_t count;  /* its times */
  int32_t symbol; /* of the sizes that are time */
} seq_pieces;

/* The axis of a tensor that is time, or -1. */
int32_t seq_time_axis(const seq_pieces *pieces, const seq_tensor_type *type);

/* How many of `times` times are run at once; `dims`, as in seq_frame, become
 * those of such a run. */
int64_t seq_shorten_to_piece(const seq_program *program,
                             const seq_function *function, int64_t times,
                             int64_t *dims);

/* Plans the pieces of a run whose sizes are bound: none, where the function is
 * not causal, the sequence is short, or a piece of a tensor would not be one
 * piece of memory. */
void seq_plan_pieces(seq_pieces *pieces, const seq_program *program,
                     const seq_function *function, seq_sizes *sizes);

/* Makes the piece from `begin` on the present one: its sizes, and the inputs'
 * places in `args`, which holds those of the whole in `inputs`. */
void seq_enter_piece(seq_pieces *pieces, int64_t begin,
                     const seq_function *function, const seq_tensor *inputs,
                     void *const *whole, void **args, seq_sizes *sizes);

#endif

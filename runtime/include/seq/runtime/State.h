/*===- State.h - What a model remembers between calls
 *------------------------===*
 *
 * One object holds all states of a program (states of equal name in several
 * functions are one) in one block of memory, so that snapshot and rollback are
 * one copy. It outlives sessions but not its program, and one thread at a time
 * may use it.
 *
 *===----------------------------------------------------------------------===*/
#ifndef SEQ_RUNTIME_STATE_H
#define SEQ_RUNTIME_STATE_H

#include "seq/runtime/Tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct seq_state seq_state;

/* Does any state have a dynamic size, so that its capacity must be chosen? */
bool seq_program_has_capacity(const seq_program *program);

/* Zeroed states; `capacity` (≥ 0) is the size of every dynamic dimension, but
 * for rings that need less. */
seq_state *seq_state_create(const seq_program *program, int64_t capacity,
                            seq_error *error);
seq_state *seq_state_clone(const seq_state *state, seq_error *error);
void seq_state_free(seq_state *state); /* NULL is fine */

/* Back to zeros. */
void seq_state_reset(seq_state *state);

/* to = from. Both must be of one program and one capacity. Of a cache what is
 * used is copied. */
bool seq_state_copy(seq_state *to, const seq_state *from, seq_error *error);

int64_t seq_state_capacity(const seq_state *state);

/* The block: bytes, base. Each state is 64-byte aligned in it. */
int64_t seq_state_bytes(const seq_state *state);
void *seq_state_data(seq_state *state);

/* The single states, in the order in which the program first names them. */
int32_t seq_state_count(const seq_state *state);
const char *seq_state_name(const seq_state *state, int32_t index);
const seq_tensor *seq_state_at(const seq_state *state, int32_t index);
const seq_tensor *seq_state_find(const seq_state *state, const char *name);

/* A run that failed half-way leaves states undefined; they cannot be run again,
 * copied or saved until reset, copied over or loaded. */
bool seq_state_is_defined(const seq_state *state);

/* Writes and reads all states. The file appears whole or not at all.
 * Little-endian:
 *   0   char magic[8]      "SEQSTA\0\2"
 *   8   u32  abi_version
 *   12  u32  count         number of states
 *   16  u64  source_hash   of the program
 *   24  i64  capacity
 *   32  i64  bytes         of the states
 *   40  i64  position      \ of a stream (api/stream.h), else 0
 *   48  i64  history_bytes /
 *   56  u64  digest        of all that is before and after it
 *   64  the states of a fixed size, then what is used of caches, each padded
 *       to 64 bytes; then the history
 * Loading refuses a file of another program, capacity or size and one that is
 * damaged, and then leaves the state as it was. */
bool seq_state_save(const seq_state *state, const char *path, seq_error *error);
bool seq_state_load(seq_state *state, const char *path, seq_error *error);

#ifdef __cplusplus
}
#endif
#endif /* SEQ_RUNTIME_STATE_H */

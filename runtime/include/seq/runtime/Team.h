/*===- Team.h - The threads of a session
 *-------------------------------------===*
 *
 * A fixed set of threads: the one that calls, and threads - 1 workers, alive as
 * long as the team. Workers that have nothing to do spin for a fraction of a
 * millisecond, then sleep until they are woken. One thread at a time may call
 * into a team. After fork() the child has no workers and must not use it.
 *
 * While a body runs, its thread has flush-to-zero and denormals-are-zero set
 * (x86), rounds to nearest and masks all exceptions; the caller's own setting
 * is back when the call returns.
 *
 *===----------------------------------------------------------------------===*/
#ifndef SEQ_RUNTIME_TEAM_H
#define SEQ_RUNTIME_TEAM_H

#include "seq/runtime/Error.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SEQ_MAX_THREADS 256

typedef struct seq_team seq_team;

/* Number of CPUs in the affinity mask of the calling thread, at most
 * SEQ_MAX_THREADS. */
int32_t seq_default_threads(void);

/* 1 to SEQ_MAX_THREADS threads; more than there are cores is slow but works. */
seq_team *seq_team_create(int32_t threads, seq_error *error);

void seq_team_destroy(seq_team *team); /* NULL is fine */

int32_t seq_team_threads(const seq_team *team);

/* As seq_rt_parallel, seq_rt_team and seq_rt_barrier say (Program.h). The
 * barrier belongs to the innermost body that the calling thread is in. */
void seq_team_parallel(seq_team *team,
                       void (*body)(void *ctx, int64_t lo, int64_t hi),
                       void *ctx, int64_t n, int64_t grain);
void seq_team_run(seq_team *team,
                  void (*body)(void *ctx, int64_t thread, int64_t threads),
                  void *ctx);
void seq_team_barrier(seq_team *team);

#ifdef __cplusplus
}
#endif
#endif /* SEQ_RUNTIME_TEAM_H */

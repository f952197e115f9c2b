/*===- team.c - the threads of a session
 *--------------------------------------===*
 *
 * One word, the gate, says what the team is doing:
 *
 *     | epoch : 20 | everyone : 1 | open : 1 | active : 10 |
 *
 * The caller describes a job in plain fields and opens the gate. A worker that
 * finds it open joins by adding 1 to `active` in the same atomic step, and may
 * read the fields from then on. The caller closes the gate and waits until
 * nobody is active; only then are the fields its own again. So a worker that is
 * slow to wake does not delay a job that the others have finished: it comes to
 * a closed gate.
 *
 * A parallel job is closed by the caller when the last range is handed out. The
 * epoch tells a worker that it has been there already; after 2^20 jobs without
 * it, it may be wrong and miss one, which does no harm. A team job needs
 * everyone, whatever the epoch: it is closed by the worker that joins last, and
 * no worker leaves (or could join twice) before.
 *
 *===----------------------------------------------------------------------===*/

#include "seq/runtime/Team.h"
#include "team/fpu.h"
#include "team/wait.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum {
  ACTIVE = (1 << 10) - 1,
  OPEN = 1 << 10,
  EVERYONE = 1 << 11,
  EPOCH = 1 << 12,
  /* About a quarter of a millisecond: the pauses between the kernels of one
   * step are shorter, those between two requests are not. */
  SPINS = 6000,
  /* With more threads than cores, whoever is waited for needs the core. */
  SPINS_CROWDED = 16,
};
_Static_assert(SEQ_MAX_THREADS <= ACTIVE, "the gate counts active threads");

typedef struct {
  seq_team *team;
  pthread_t handle;
  int32_t number;
  atomic_bool moved; /* its affinity mask was narrowed to wake it elsewhere */
} worker;

struct seq_team {
  seq_word gate;
  seq_word arrivals; /* value: how often the barrier has opened */
  _Alignas(64) _Atomic uint32_t arrived;
  _Alignas(64) _Atomic int64_t next; /* the next range of a parallel job */

  /* The job: written while the gate is closed and nobody is active. */
  _Alignas(64) void (*ranges)(void *, int64_t, int64_t);
  void (*everyone)(void *, int64_t, int64_t);
  void *ctx;
  int64_t n, grain, count;
  bool stop;

  int32_t threads;
  int spins;
  bool affinity_known;
  cpu_set_t affinity;
  worker *workers; /* threads - 1 */
};

/* What the calling thread is in: 0 outside of all bodies, else the number of
 * threads that its barrier waits for. */
static _Thread_local int32_t inside;

int32_t seq_default_threads(void) {
  cpu_set_t mask;
  long count = sched_getaffinity(0, sizeof mask, &mask) == 0
                   ? CPU_COUNT(&mask)
                   : sysconf(_SC_NPROCESSORS_ONLN);
  return count < 1 ? 1 : count > SEQ_MAX_THREADS ? SEQ_MAX_THREADS : count;
}

/*===----------------------------------------------------------------------===*
 * The work of one thread
 *===----------------------------------------------------------------------===*/

static void hand_out(seq_team *team) {
  for (;;) {
    int64_t range =
        atomic_fetch_add_explicit(&team->next, 1, memory_order_relaxed);
    if (range >= team->count)
      return;
    int64_t lo = range * team->grain;
    int64_t hi = team->n - lo > team->grain ? lo + team->grain : team->n;
    team->ranges(team->ctx, lo, hi);
  }
}

/* Is there a job to join for a worker whose last one was `epoch`? */
static bool wanted(uint32_t gate, uint32_t epoch) {
  return (gate & OPEN) && ((gate & EVERYONE) || gate / EPOCH != epoch);
}

/* Joins the open job, if one is wanted: the gate after that, else 0. */
static uint32_t join(seq_team *team, uint32_t epoch) {
  uint32_t gate = atomic_load_explicit(&team->gate.value, memory_order_acquire);
  do {
    if (!wanted(gate, epoch))
      return 0;
  } while (!atomic_compare_exchange_weak(&team->gate.value, &gate, gate + 1));
  return gate + 1;
}

static void leave(seq_team *team) {
  uint32_t gate = atomic_fetch_sub(&team->gate.value, 1) - 1;
  if (!(gate & (OPEN | ACTIVE)) && seq_has_sleepers(&team->gate))
    seq_wake(&team->gate); /* the caller may be among them */
}

/* Waits until the bits of `mask` are 0. */
static void wait_for_gate(seq_team *team, uint32_t mask) {
  uint32_t gate;
  while (
      (gate = atomic_load_explicit(&team->gate.value, memory_order_acquire)) &
      mask)
    seq_wait(&team->gate, gate, team->spins);
}

/* `gate` is what it was when this worker had joined. */
static void work(seq_team *team, const worker *self, uint32_t gate) {
  if (gate & EVERYONE) {
    if ((gate & ACTIVE) == (uint32_t)team->threads - 1) {
      atomic_fetch_and(&team->gate.value, ~(uint32_t)OPEN);
      if (seq_has_sleepers(&team->gate))
        seq_wake(&team->gate);
    }
    inside = team->threads;
    team->everyone(team->ctx, self->number, team->threads);
    wait_for_gate(team, OPEN);
  } else {
    inside = 1;
    hand_out(team);
  }
  inside = 0;
  leave(team);
}

static void *worker_main(void *argument) {
  worker *self = argument;
  seq_team *team = self->team;
  uint32_t epoch = 0;
  seq_fpu_enter();
  for (;;) {
    uint32_t gate = join(team, epoch);
    if (gate != 0) {
      if (team->stop)
        return NULL;
      epoch = gate / EPOCH;
      work(team, self, gate);
      continue;
    }
    /* The mask may be narrow since the last time that this thread was woken. */
    if (atomic_load_explicit(&self->moved, memory_order_acquire)) {
      atomic_store(&self->moved, false);
      sched_setaffinity(0, sizeof team->affinity, &team->affinity);
    }
    gate = atomic_load_explicit(&team->gate.value, memory_order_acquire);
    if (!wanted(gate, epoch))
      seq_wait(&team->gate, gate, team->spins);
  }
}

/*===----------------------------------------------------------------------===*
 * The caller's side
 *===----------------------------------------------------------------------===*/

/* The kernel likes to wake a thread on the core of its waker, where it would
 * wait for the caller's share of the work to be done. So that core is taken out
 * of the sleepers' masks; each puts its mask back before it next waits. */
static void move_workers_away(seq_team *team) {
  if (!team->affinity_known)
    return;
  cpu_set_t mask = team->affinity;
  int here = sched_getcpu();
  if (here >= 0 && here < CPU_SETSIZE)
    CPU_CLR(here, &mask);
  if (CPU_COUNT(&mask) < team->threads - 1)
    return;
  for (int32_t i = 0; i < team->threads - 1; ++i) {
    worker *each = &team->workers[i];
    pthread_setaffinity_np(each->handle, sizeof mask, &mask);
    atomic_store_explicit(&each->moved, true, memory_order_release);
  }
}

/* `kind` is 0 or EVERYONE. */
static void open_gate(seq_team *team, uint32_t kind) {
  uint32_t gate = atomic_load_explicit(&team->gate.value, memory_order_relaxed);
  atomic_store(&team->gate.value, (gate / EPOCH + 1) * EPOCH + OPEN + kind);
  if (seq_has_sleepers(&team->gate)) {
    move_workers_away(team);
    seq_wake(&team->gate);
  }
}

void seq_team_parallel(seq_team *team,
                       void (*body)(void *ctx, int64_t lo, int64_t hi),
                       void *ctx, int64_t n, int64_t grain) {
  if (n <= 0)
    return;
  if (grain < 1)
    grain = 1;
  int32_t outer = inside;
  seq_fpu_mode mode = seq_fpu_enter();
  inside = 1;
  if (team->threads == 1 || outer != 0 || n <= grain) {
    body(ctx, 0, n);
  } else {
    team->ranges = body;
    team->ctx = ctx;
    team->n = n;
    team->grain = grain;
    team->count = n / grain + (n % grain != 0);
    atomic_store_explicit(&team->next, 0, memory_order_relaxed);
    open_gate(team, 0);
    hand_out(team);
    atomic_fetch_and(&team->gate.value, ~(uint32_t)OPEN);
    wait_for_gate(team, ACTIVE);
  }
  inside = outer;
  seq_fpu_leave(mode);
}

void seq_team_run(seq_team *team,
                  void (*body)(void *ctx, int64_t thread, int64_t threads),
                  void *ctx) {
  int32_t outer = inside;
  seq_fpu_mode mode = seq_fpu_enter();
  if (team->threads == 1 || outer != 0) {
    inside = 1;
    body(ctx, 0, 1);
  } else {
    team->everyone = body;
    team->ctx = ctx;
    inside = team->threads;
    open_gate(team, EVERYONE);
    body(ctx, 0, team->threads);
    wait_for_gate(team, OPEN | ACTIVE);
  }
  inside = outer;
  seq_fpu_leave(mode);
}

void seq_team_barrier(seq_team *team) {
  if (inside <= 1)
    return;
  /* Cannot change before the calling thread has arrived. */
  uint32_t opened =
      atomic_load_explicit(&team->arrivals.value, memory_order_relaxed);
  if (atomic_fetch_add_explicit(&team->arrived, 1, memory_order_acq_rel) + 1 <
      (uint32_t)team->threads) {
    seq_wait(&team->arrivals, opened, team->spins);
    return;
  }
  atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
  atomic_store(&team->arrivals.value, opened + 1);
  if (seq_has_sleepers(&team->arrivals))
    seq_wake(&team->arrivals);
}

int32_t seq_team_threads(const seq_team *team) { return team->threads; }

/*===----------------------------------------------------------------------===*
 * Life
 *===----------------------------------------------------------------------===*/

/* Ends and frees a team of which `started` workers exist. */
static void stop(seq_team *team, int32_t started) {
  team->stop = true;
  team->threads = started + 1;
  open_gate(team, EVERYONE);
  for (int32_t i = 0; i < started; ++i)
    pthread_join(team->workers[i].handle, NULL);
  free(team->workers);
  free(team);
}

seq_team *seq_team_create(int32_t threads, seq_error *error) {
  if (threads < 1 || threads > SEQ_MAX_THREADS) {
    seq_fail(error, "%d threads, expected 1 to %d", threads, SEQ_MAX_THREADS);
    return NULL;
  }
  seq_team *team = aligned_alloc(64, sizeof *team);
  worker *workers = calloc((size_t)threads, sizeof *workers);
  if (!team || !workers) {
    free(team);
    free(workers);
    seq_fail(error, "no memory for %d threads", threads);
    return NULL;
  }
  memset(team, 0, sizeof *team);
  team->workers = workers;
  team->threads = threads;
  team->spins = threads <= seq_default_threads() ? SPINS : SPINS_CROWDED;
  team->affinity_known =
      sched_getaffinity(0, sizeof team->affinity, &team->affinity) == 0;
  for (int32_t i = 0; i < threads - 1; ++i) {
    workers[i].team = team;
    workers[i].number = i + 1;
    int reason =
        pthread_create(&workers[i].handle, NULL, worker_main, &workers[i]);
    if (reason != 0) {
      stop(team, i);
      seq_fail(error, "cannot start thread %d of %d: %s", i + 2, threads,
               strerror(reason));
      return NULL;
    }
  }
  return team;
}

void seq_team_destroy(seq_team *team) {
  if (team)
    stop(team, team->threads - 1);
}

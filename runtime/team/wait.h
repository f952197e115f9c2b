/*===- wait.h - spin, then sleep
 *----------------------------------------------===*
 *
 * A thread waits for a word to change. Sleepers are counted beside the word, so
 * that a change that nobody sleeps on costs no system call.
 *
 *===----------------------------------------------------------------------===*/
#ifndef SEQ_RUNTIME_TEAM_WAIT_H
#define SEQ_RUNTIME_TEAM_WAIT_H

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct {
  _Alignas(64) _Atomic uint32_t value;
  _Atomic uint32_t sleepers;
} seq_word;

static inline void seq_cpu_relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb" ::: "memory");
#endif
}

/* Spins until the value is not `old`, at most `spins` times. The new value, or
 * `old`. */
static inline uint32_t seq_spin(seq_word *word, uint32_t old, int spins) {
  uint32_t value;
  while ((value = atomic_load_explicit(&word->value, memory_order_acquire)) ==
             old &&
         spins-- > 0)
    seq_cpu_relax();
  return value;
}

/* Sleeps unless the value is no longer `old`. May return early. */
static inline void seq_sleep(seq_word *word, uint32_t old) {
  /* Sequentially consistent on both sides: either the waker sees the sleeper,
   * or the kernel, which looks after this line, sees the new value. */
  atomic_fetch_add(&word->sleepers, 1);
  syscall(SYS_futex, &word->value, FUTEX_WAIT_PRIVATE, old, NULL, NULL, 0);
  atomic_fetch_sub(&word->sleepers, 1);
}

/* Is there someone to wake? To be asked after a sequentially consistent change
 * of the value. */
static inline bool seq_has_sleepers(seq_word *word) {
  return atomic_load(&word->sleepers) != 0;
}

static inline void seq_wake(seq_word *word) {
  syscall(SYS_futex, &word->value, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* Waits until the value is not `old`. */
static inline void seq_wait(seq_word *word, uint32_t old, int spins) {
  if (seq_spin(word, old, spins) != old)
    return;
  while (atomic_load_explicit(&word->value, memory_order_acquire) == old)
    seq_sleep(word, old);
}

#endif

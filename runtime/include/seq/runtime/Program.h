/*===- Program.h - The ABI between generated code and the runtime
 *-----------===*
 *
 * The compiler emits one object that defines `seq_program_descriptor` and the
 * functions that it points to. The object calls the seq_rt_* functions below,
 * and nothing else of the runtime. Everything is little-endian and 64-bit; the
 * layout of each structure is fixed by the assertions at the end of this file,
 * and `SEQ_ABI_VERSION` changes whenever one of them does.
 *
 *===----------------------------------------------------------------------===*/
#ifndef SEQ_RUNTIME_PROGRAM_H
#define SEQ_RUNTIME_PROGRAM_H

#include "seq/api.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SEQ_ABI_VERSION 3

typedef struct seq_frame seq_frame;

/* What there is to say of a state of dynamic size. `position` is the index of
 * another state of its function, int64 of a fixed size: of the dynamic size
 * only so much is used as its largest element says; -1: all. `most` bounds the
 * size (0: nothing does), whatever the capacity; such a state is a ring, and a
 * capacity of `most` or more is enough for any number of tokens. */
typedef struct {
  int64_t most;
  int32_t position, reserved;
} seq_cache;

/* One entry point. Names of tensors are unique within each list, and inputs
 * and states share one name space.
 *
 * States of equal name in several functions are one state, so that a prompt
 * may be fed to one function and the next token to another; their dtypes and
 * shapes must be equal. States start as zeros. A dynamic size of a state is
 * its capacity: chosen when the state is created, constant afterwards, and the
 * same for all of them. Such a state is a cache: a run may write only what lies
 * at or after the position, a state of a fixed size, from which it starts, so
 * that going back is a matter of the states of a fixed size; a ring with `most`
 * places may be written anywhere. A position is not to be trusted: it may come
 * from a file.
 *
 * `generate` and `bench` of a language model run "last": its only input holds
 * token ids, int32 or int64, [1, T] or [T], and its first output `vocabulary`
 * logits. If it has no states, it is given the whole sequence at every call. */
typedef struct {
  const char *name; /* "forward" (all logits), "last" (logits of the last
                       position only), or the user's function name */
  int32_t n_inputs, n_states, n_outputs;
  int32_t causal; /* 1: a sequence in pieces, states handed on, gives what the
                     whole gives */
  const seq_tensor_type *inputs, *states, *outputs;
  void (*run)(seq_frame *);
  int64_t (*arena_bytes)(const int64_t *dims); /* scratch bytes for these dims
                                                  (as in seq_frame);
                                                  NULL = none */
  const seq_cache *caches; /* one for each state; NULL: nothing is known */
} seq_function;

typedef struct {
  uint32_t abi_version, n_functions;
  const seq_function *functions;
  const char *architecture, *target, *compiler,
      *forms;                      /* forms: human text, one line a layer, may
                                      be "" */
  uint64_t source_hash, layout_id; /* must equal those of the weight file */
  uint64_t weights_bytes;          /* size of the weight payload; 0 = the
                                      program has no weights */
  const uint8_t *embedded_weights; /* payload inside the program (64-byte
                                      aligned) or NULL */
  int64_t vocabulary;              /* tokens, 0 = not a language model */
  int32_t byte_level;              /* 1: token ids are bytes */
  int32_t n_ends;
  const int64_t *ends; /* the tokens that end a text */
} seq_program;

extern const seq_program seq_program_descriptor; /* defined by the generated
                                                    object */

/* What one call of seq_function.run gets. It runs with flush-to-zero and
 * denormals-are-zero set (x86), rounding to nearest, exceptions masked. */
struct seq_frame {
  void *const *args;   /* inputs, then states: row-major dense, never NULL.
                          Inputs are read only and aligned as their elements
                          are; states are updated in place, 64-byte aligned */
  const int64_t *dims; /* over all args in order: the size of each dynamic (-1)
                          dimension in order */
  const uint8_t *weights; /* payload base, 64-byte aligned; NULL if the program
                             has none */
  void *runtime;          /* private to the runtime (session, team) */
};

/*===----------------------------------------------------------------------===*
 * Called by generated code
 *
 * seq_rt_arena, seq_rt_result, seq_rt_fail and seq_rt_refuse are for the thread
 * that called `run`, outside of every parallel or team body. When they cannot
 * answer they do not return: the run is left by longjmp to the session, which
 * reports one line and marks the states of the run as undefined, seq_rt_refuse
 * aside (seq_state_reset or a copy makes them usable again). That is sound
 * because between the session and these calls there are frames of generated
 * code alone, which own nothing, and because the team is idle outside of its
 * bodies.
 *===----------------------------------------------------------------------===*/

/* 64-byte-aligned scratch of at least `bytes` bytes, undefined contents. There
 * is one block a frame, kept and grown between runs: a second call in one run
 * gives the same block, and must not ask for more. The session reserves
 * arena_bytes(dims) before `run`, so that asking for no more than that cannot
 * fail. */
void *seq_rt_arena(seq_frame *, int64_t bytes);

/* 64-byte-aligned memory for output `index` with all its sizes (rank many).
 * Asking again gives the same memory if it is no larger. */
void *seq_rt_result(seq_frame *, int64_t index, const int64_t *sizes);

/* Ends the run with `message` (one line, copied) as the session's error: for
 * what only the program can know, such as a full key/value cache. */
#if defined(__GNUC__)
__attribute__((noreturn))
#endif
void seq_rt_fail(seq_frame *, const char *message);

/* The same for what is seen before any state has changed, such as an input of a
 * size that has no meaning: the states stay defined. */
#if defined(__GNUC__)
__attribute__((noreturn))
#endif
void seq_rt_refuse(seq_frame *, const char *message);

/* body(ctx, lo, hi) over disjoint ranges that cover [0, n), each of at most
 * `grain` (at least 1) indices, on any thread of the team in any order; n <= 0
 * returns at once; with one thread it is one call body(ctx, 0, n). Inside
 * another body it is one call as well. All effects of the bodies are visible
 * when it returns. */
void seq_rt_parallel(seq_frame *,
                     void (*body)(void *ctx, int64_t lo, int64_t hi), void *ctx,
                     int64_t n, int64_t grain);

/* body(ctx, thread, threads) once on every thread of the team at the same time,
 * thread = 0 being the caller; a thread's number is the same in every call.
 * Inside another body: body(ctx, 0, 1). */
void seq_rt_team(seq_frame *,
                 void (*body)(void *ctx, int64_t thread, int64_t threads),
                 void *ctx);

/* Inside a body of seq_rt_team: all threads meet, and see what the others did
 * before. Every thread must call it equally often. Elsewhere it does nothing.
 */
void seq_rt_barrier(seq_frame *);

/*===----------------------------------------------------------------------===*
 * Layout
 *===----------------------------------------------------------------------===*/

#define SEQ_AT(type, field, offset)                                            \
  static_assert(offsetof(type, field) == (offset), #type "." #field)
static_assert(sizeof(void *) == 8, "seq programs are 64-bit");
SEQ_AT(seq_tensor_type, name, 0);
SEQ_AT(seq_tensor_type, dtype, 8);
SEQ_AT(seq_tensor_type, rank, 12);
SEQ_AT(seq_tensor_type, shape, 16);
SEQ_AT(seq_tensor_type, symbols, 24);
SEQ_AT(seq_tensor_type, limit, 32);
static_assert(sizeof(seq_tensor_type) == 40, "seq_tensor_type");
SEQ_AT(seq_function, name, 0);
SEQ_AT(seq_function, n_inputs, 8);
SEQ_AT(seq_function, n_states, 12);
SEQ_AT(seq_function, n_outputs, 16);
SEQ_AT(seq_function, causal, 20);
SEQ_AT(seq_function, inputs, 24);
SEQ_AT(seq_function, states, 32);
SEQ_AT(seq_function, outputs, 40);
SEQ_AT(seq_function, run, 48);
SEQ_AT(seq_function, arena_bytes, 56);
SEQ_AT(seq_function, caches, 64);
static_assert(sizeof(seq_function) == 72, "seq_function");
SEQ_AT(seq_cache, most, 0);
SEQ_AT(seq_cache, position, 8);
static_assert(sizeof(seq_cache) == 16, "seq_cache");
SEQ_AT(seq_program, abi_version, 0);
SEQ_AT(seq_program, n_functions, 4);
SEQ_AT(seq_program, functions, 8);
SEQ_AT(seq_program, architecture, 16);
SEQ_AT(seq_program, target, 24);
SEQ_AT(seq_program, compiler, 32);
SEQ_AT(seq_program, forms, 40);
SEQ_AT(seq_program, source_hash, 48);
SEQ_AT(seq_program, layout_id, 56);
SEQ_AT(seq_program, weights_bytes, 64);
SEQ_AT(seq_program, embedded_weights, 72);
SEQ_AT(seq_program, vocabulary, 80);
SEQ_AT(seq_program, byte_level, 88);
SEQ_AT(seq_program, n_ends, 92);
SEQ_AT(seq_program, ends, 96);
static_assert(sizeof(seq_program) == 104, "seq_program");
SEQ_AT(seq_frame, args, 0);
SEQ_AT(seq_frame, dims, 8);
SEQ_AT(seq_frame, weights, 16);
SEQ_AT(seq_frame, runtime, 24);
static_assert(sizeof(seq_frame) == 32, "seq_frame");
#undef SEQ_AT

#ifdef __cplusplus
}
#endif
#endif /* SEQ_RUNTIME_PROGRAM_H */

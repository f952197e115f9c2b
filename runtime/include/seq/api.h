/*===- api.h - a compiled model inside another program ---------------------===*
 *
 * `seq-compile MODEL --emit=shared -o libmodel.so` makes a library with these
 * functions and no others. Nothing of it prints, exits or aborts: what can fail
 * answers false or NULL and writes one line into a seq_error, which may be NULL.
 * docs/Library.md has a tour.
 *
 * A model may be used by any number of threads at once, a stream by one thread
 * at a time. Different streams run at the same time. After fork(), the child
 * must open a model of its own.
 *
 *===----------------------------------------------------------------------===*/
#ifndef SEQ_API_H
#define SEQ_API_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* Major and minor version, 16 bits each. A minor version adds functions only; a
 * library accepts callers of its own major version that are not newer. */
#define SEQ_API_VERSION 0x00010000u

typedef struct {
  char message[1024]; /* one line, without a newline */
} seq_error;

/*===----------------------------------------------------------------------===*
 * Tensors
 *===----------------------------------------------------------------------===*/

/* The highest rank of any tensor that crosses this interface. */
#define SEQ_MAX_RANK 8

/* bool is one byte, 0 or 1. float16 and bfloat16 are their 16 bits. */
typedef enum {
  SEQ_F32 = 0,
  SEQ_F64 = 1,
  SEQ_F16 = 2,
  SEQ_BF16 = 3,
  SEQ_I8 = 4,
  SEQ_U8 = 5,
  SEQ_I32 = 6,
  SEQ_I64 = 7,
  SEQ_BOOL = 8
} seq_dtype;

/* A view of dense memory, row-major. It owns nothing. */
typedef struct {
  int32_t dtype, rank;
  int64_t shape[SEQ_MAX_RANK];
  void *data;
} seq_tensor;

/* What a function takes or gives. */
typedef struct {
  const char *name;
  int32_t dtype, rank;
  const int64_t *shape;   /* rank sizes; -1 = dynamic */
  const int32_t *symbols; /* rank ids, -1 for static sizes; equal ids in one
                             function must have equal sizes at run time. A
                             dynamic size with the id -1 is bound to nothing.
                             NULL = all -1 */
  int64_t limit;          /* integers must be in [0, limit); 0 = unbounded */
} seq_tensor_type;

/*===----------------------------------------------------------------------===*
 * Models
 *===----------------------------------------------------------------------===*/

/* Weights, mapped once, and the threads that run on them. */
typedef struct seq_model seq_model;

/* Begin with zeros: what is not set has its default. */
typedef struct {
  const char *weights; /* NULL: those inside the library, else the file
                          <library>.weights beside it */
  uint64_t source;     /* the model that the caller was written for
                          (<LIBRARY>_SOURCE); another one is refused. 0: any */
  int32_t threads;     /* of one call; 0: one for each CPU. Calls that run at
                          the same time have as many each */
  int32_t reserved[5]; /* 0 */
} seq_options;

typedef struct {
  const char *architecture, *target, *compiler;
  uint64_t source;    /* hash of the model's own weights */
  int64_t vocabulary; /* tokens; 0: not a language model */
  int64_t batch;      /* sequences at a time, of a language model */
  int32_t byte_level; /* 1: tokens are bytes */
  int32_t threads;    /* of one call */
} seq_info;

/* That of the library. */
uint32_t seq_api_version(void);

/* `api_version` is SEQ_API_VERSION; `options` may be NULL. */
seq_model *seq_open(uint32_t api_version, const seq_options *options,
                    seq_error *error);

/* Streams may outlive this: the model goes with the last of them. NULL is
 * fine, as for all that release. */
void seq_close(seq_model *model);

const seq_info *seq_model_info(const seq_model *model);

/* Functions, and what they take and give; NULL when there are no more. The
 * first function is what NULL stands for as a name. */
const char *seq_function_name(const seq_model *model, int32_t index);
const seq_tensor_type *seq_input(const seq_model *model, const char *function,
                                 int32_t index);
const seq_tensor_type *seq_output(const seq_model *model, const char *function,
                                  int32_t index);

/*===----------------------------------------------------------------------===*
 * Streams
 *===----------------------------------------------------------------------===*/

/* The state of a model: what it remembers of the sequence that it was given so
 * far, at first nothing, and the outputs of the last call. */
typedef struct seq_stream seq_stream;

/* `capacity` bounds the tokens of a model that remembers each of them; it
 * changes nothing where the state has a fixed size. */
seq_stream *seq_create(seq_model *model, int64_t capacity, seq_error *error);
seq_stream *seq_clone(const seq_stream *stream, seq_error *error);
void seq_free(seq_stream *stream);

/* Back to the beginning. */
void seq_reset(seq_stream *stream);

/* Tokens that prefill and step have read since the beginning. */
int64_t seq_position(const seq_stream *stream);

/* What a stream holds in memory, without its outputs. */
int64_t seq_stream_bytes(const seq_stream *stream);

/* Runs any function on its inputs, in its order, of any alignment. A call that
 * is refused (wrong inputs, no tokens for the function `last`) leaves the stream
 * as it was. One that fails while it runs (no memory, a full cache) leaves it
 * undefined: it answers with errors until it is reset, restored or rolled back.
 */
bool seq_run(seq_stream *stream, const char *function, const seq_tensor *inputs,
             int32_t count, seq_error *error);

/* Output `index` of the last call that succeeded, NULL if there is none. It
 * lives until the stream's next call. */
const seq_tensor *seq_result(const seq_stream *stream, int32_t index);

/*===----------------------------------------------------------------------===*
 * Language models
 *===----------------------------------------------------------------------===*/

typedef enum {
  SEQ_LOGITS_NONE = 0,
  SEQ_LOGITS_LAST = 1, /* of the last token: [batch, vocabulary] */
  SEQ_LOGITS_ALL = 2   /* of each of the tokens: [batch, count, vocabulary] */
} seq_which_logits;

/* Reads `count` tokens, at least one; of a model compiled for a batch, `count`
 * for each sequence, one sequence after the other. `logits`, which may be NULL,
 * becomes a view of memory of the stream that lives until its next call. */
bool seq_prefill(seq_stream *stream, const int64_t *tokens, int64_t count,
                 seq_which_logits which, seq_tensor *logits, seq_error *error);

/* Prefill with one token (of each sequence) and its logits. */
bool seq_step(seq_stream *stream, const int64_t *token, seq_tensor *logits,
              seq_error *error);

/*===----------------------------------------------------------------------===*
 * Back in time
 *===----------------------------------------------------------------------===*/

/* A place in a stream to return to. States of a fixed size are copied, and so
 * is what is used of a ring (the cache of a window); what grows with the tokens
 * (a cache) stays where it is, since what lies before the position is never
 * changed. */
typedef struct seq_snapshot seq_snapshot;

seq_snapshot *seq_take_snapshot(seq_stream *stream, seq_error *error);

/* The stream is again where it was when the snapshot was taken, as often as you
 * like. Snapshots that were taken later lose their meaning and are refused from
 * then on; seq_reset and seq_restore do that to all. */
bool seq_rollback(seq_stream *stream, const seq_snapshot *snapshot,
                  seq_error *error);

/* Before or after its stream. */
void seq_free_snapshot(seq_snapshot *snapshot);

/* The file appears whole or not at all. Restoring refuses a file of another
 * model or capacity or a damaged one, and then leaves the stream as it was. */
bool seq_save(const seq_stream *stream, const char *path, seq_error *error);
bool seq_restore(seq_stream *stream, const char *path, seq_error *error);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif /* SEQ_API_H */

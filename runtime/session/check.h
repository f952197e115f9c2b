/*===- check.h - checks of descriptors and of the inputs of a run
 * -----------===*/
#ifndef SEQ_RUNTIME_SESSION_CHECK_H
#define SEQ_RUNTIME_SESSION_CHECK_H

#include "seq/runtime/Session.h"

/* The size that a symbol has in one run, and which dimension said so. */
typedef struct {
  int32_t symbol, axis;
  int64_t size;
  const char *name; /* of the input or state */
} seq_binding;

typedef struct {
  seq_binding *bindings; /* room for one a dynamic dimension */
  int32_t n_bindings;
  int64_t *dims; /* the dims of seq_frame */
  int64_t n_dims;
} seq_sizes;

/* dtype, rank and sizes of `tensor` are those of `type`; appends its dynamic
 * sizes. `what` is "input" or "state". */
bool seq_check_sizes(const seq_tensor_type *type, const seq_tensor *tensor,
                     const char *what, seq_sizes *sizes, seq_error *error);

/* The values are in [0, limit), or 0 and 1 for bool. */
bool seq_check_values(const seq_tensor_type *type, const seq_tensor *tensor,
                      seq_error *error);

#endif

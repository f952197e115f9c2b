/*===- frame.c - what generated code calls
 * ------------------------------------===*/

#include "session/session.h"

#include <inttypes.h>
#include <stdlib.h>

bool seq_buffer_reserve(seq_buffer *buffer, int64_t bytes) {
  if (buffer->data && bytes <= buffer->bytes)
    return true;
  /* The old block goes first: at most one of the two exists. */
  free(buffer->data);
  buffer->data = seq_allocate(bytes);
  buffer->bytes = buffer->data ? bytes : 0;
  return buffer->data != NULL;
}

/* Program.h says why this is sound. */
static _Noreturn void leave(seq_session *session) {
  longjmp(session->guard, 1);
}

void *seq_rt_arena(seq_frame *frame, int64_t bytes) {
  seq_session *session = frame->runtime;
  const char *name = session->function->name;
  bool fits = session->arena.data && bytes <= session->arena.bytes;
  if (bytes < 0 || (session->arena_taken && !fits)) {
    seq_fail(session->error,
             "damaged program: function %s asks for %" PRId64
             " bytes of scratch after %" PRId64,
             name, bytes, session->arena.bytes);
    leave(session);
  }
  if (!seq_buffer_reserve(&session->arena, bytes)) {
    seq_fail(session->error,
             "no memory for %" PRId64 " bytes of scratch of function %s", bytes,
             name);
    leave(session);
  }
  session->arena_taken = true;
  return session->arena.data;
}

void *seq_rt_result(seq_frame *frame, int64_t index, const int64_t *sizes) {
  seq_session *session = frame->runtime;
  const seq_function *function = session->function;
  if (index < 0 || index >= function->n_outputs) {
    seq_fail(session->error,
             "damaged program: function %s has no output %" PRId64,
             function->name, index);
    leave(session);
  }
  const seq_tensor_type *type = &function->outputs[index];
  seq_tensor output = {.dtype = type->dtype, .rank = type->rank};
  bool valid = true;
  for (int32_t axis = 0; axis < type->rank; ++axis) {
    output.shape[axis] = sizes[axis];
    valid &= type->shape[axis] < 0 || type->shape[axis] == sizes[axis];
  }
  int64_t element = seq_dtype_bytes(type->dtype), elements, skipped = 0;
  const seq_pieces *pieces = &session->pieces;
  int32_t time = pieces->times ? seq_time_axis(pieces, type) : -1;
  if (time >= 0) {
    /* The whole, of which this is the place of a piece. */
    valid &= sizes[time] == pieces->count;
    output.shape[time] = pieces->times;
    skipped = pieces->begin * element;
    for (int32_t axis = time + 1; axis < type->rank; ++axis)
      skipped *= sizes[axis];
  }
  char text[256];
  if (!valid || !seq_elements(output.rank, output.shape, element, &elements)) {
    seq_fail(session->error,
             "damaged program: output %s of function %s has no valid size (%s)",
             type->name, function->name,
             seq_tensor_text(&output, text, sizeof text));
    leave(session);
  }
  seq_buffer *buffer = &session->results[index];
  if (!seq_buffer_reserve(buffer, elements * element)) {
    seq_fail(session->error, "no memory for output %s: %s", type->name,
             seq_tensor_text(&output, text, sizeof text));
    leave(session);
  }
  output.data = buffer->data;
  session->outputs[index] = output;
  return (char *)output.data + skipped;
}

void seq_rt_fail(seq_frame *frame, const char *message) {
  seq_session *session = frame->runtime;
  seq_fail(session->error, "%s", message);
  leave(session);
}

void seq_rt_refuse(seq_frame *frame, const char *message) {
  seq_session *session = frame->runtime;
  session->refused = true;
  seq_rt_fail(frame, message);
}

void seq_rt_parallel(seq_frame *frame,
                     void (*body)(void *ctx, int64_t lo, int64_t hi), void *ctx,
                     int64_t n, int64_t grain) {
  seq_team_parallel(((seq_session *)frame->runtime)->team, body, ctx, n, grain);
}

void seq_rt_team(seq_frame *frame,
                 void (*body)(void *ctx, int64_t thread, int64_t threads),
                 void *ctx) {
  seq_team_run(((seq_session *)frame->runtime)->team, body, ctx);
}

void seq_rt_barrier(seq_frame *frame) {
  seq_team_barrier(((seq_session *)frame->runtime)->team);
}

/*===- pieces.c - long sequences in pieces --------------------------------===*/

#include "session/pieces.h"

/* Weights are read once a piece, and products are as fast as on any more rows
 * from here on. */
#define PIECE_WITH_WEIGHTS 512
/* The scratch memory of a piece that has no weights is to stay in a cache. */
#define CACHED_BYTES (1 << 20)
#define SHORTEST_PIECE 64

int32_t seq_time_axis(const seq_pieces *pieces, const seq_tensor_type *type) {
  for (int32_t axis = 0; axis < type->rank; ++axis)
    if (type->shape[axis] < 0 && type->symbols &&
        type->symbols[axis] == pieces->symbol)
      return axis;
  return -1;
}

/* Whether time is the only dynamic size, and no other size lies outside of it,
 * so that a piece of the tensor is one piece of memory. */
static bool is_piecewise(const seq_pieces *pieces, const seq_tensor_type *type) {
  bool found = false;
  for (int32_t axis = 0; axis < type->rank; ++axis) {
    if (type->shape[axis] >= 0) {
      if (!found && type->shape[axis] != 1 &&
          seq_time_axis(pieces, type) > axis)
        return false;
      continue;
    }
    if (found || !type->symbols || type->symbols[axis] != pieces->symbol)
      return false;
    found = true;
  }
  return true;
}

/* The first symbol of the inputs, or -1. */
static int32_t first_symbol(const seq_function *function) {
  for (int32_t i = 0; i < function->n_inputs; ++i) {
    const seq_tensor_type *type = &function->inputs[i];
    for (int32_t axis = 0; axis < type->rank; ++axis)
      if (type->shape[axis] < 0 && type->symbols && type->symbols[axis] >= 0)
        return type->symbols[axis];
  }
  return -1;
}

static bool find_time(seq_pieces *pieces, const seq_function *function) {
  pieces->symbol = first_symbol(function);
  if (!function->causal || function->n_states == 0 || pieces->symbol < 0)
    return false;
  for (int32_t i = 0; i < function->n_inputs; ++i)
    if (!is_piecewise(pieces, &function->inputs[i]))
      return false;
  for (int32_t i = 0; i < function->n_outputs; ++i)
    if (!is_piecewise(pieces, &function->outputs[i]))
      return false;
  /* A cache of as many places as the sequence has times would be none. */
  for (int32_t i = 0; i < function->n_states; ++i)
    if (seq_time_axis(pieces, &function->states[i]) >= 0)
      return false;
  return true;
}

/* Writes the number of times where the inputs have it. */
static void set_times(const seq_function *function, int64_t times,
                      int64_t *dims) {
  for (int32_t i = 0; i < function->n_inputs; ++i)
    for (int32_t axis = 0; axis < function->inputs[i].rank; ++axis)
      if (function->inputs[i].shape[axis] < 0)
        *dims++ = times;
}

int64_t seq_shorten_to_piece(const seq_program *program,
                             const seq_function *function, int64_t times,
                             int64_t *dims) {
  seq_pieces pieces;
  if (!find_time(&pieces, function))
    return times;
  int64_t most = PIECE_WITH_WEIGHTS;
  if (program->weights_bytes == 0 && function->arena_bytes && times > most)
    for (; most > SHORTEST_PIECE; most /= 2) {
      set_times(function, most, dims);
      if (function->arena_bytes(dims) <= CACHED_BYTES)
        break;
    }
  most = times < most ? times : most;
  set_times(function, most, dims);
  return most;
}

void seq_plan_pieces(seq_pieces *pieces, const seq_program *program,
                     const seq_function *function, seq_sizes *sizes) {
  *pieces = (seq_pieces){0};
  if (!find_time(pieces, function))
    return;
  int64_t times = 0;
  for (int32_t i = 0; i < sizes->n_bindings; ++i)
    if (sizes->bindings[i].symbol == pieces->symbol)
      times = sizes->bindings[i].size;
  int64_t most = seq_shorten_to_piece(program, function, times, sizes->dims);
  if (most == times)
    return;
  pieces->times = times;
  pieces->most = most;
}

void seq_enter_piece(seq_pieces *pieces, int64_t begin,
                     const seq_function *function, const seq_tensor *inputs,
                     void *const *whole, void **args, seq_sizes *sizes) {
  int64_t rest = pieces->times - begin;
  pieces->begin = begin;
  pieces->count = rest < pieces->most ? rest : pieces->most;
  set_times(function, pieces->count, sizes->dims);
  for (int32_t i = 0; i < function->n_inputs; ++i) {
    int32_t time = seq_time_axis(pieces, &function->inputs[i]);
    if (time < 0)
      continue;
    int64_t bytes = seq_dtype_bytes(inputs[i].dtype);
    for (int32_t axis = time + 1; axis < inputs[i].rank; ++axis)
      bytes *= inputs[i].shape[axis];
    args[i] = (char *)whole[i] + begin * bytes;
  }
}

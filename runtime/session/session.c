/*===- session.c - runs the functions of a program
 * ---------------------------===*/

#include "session/session.h"
#include "session/state.h"
#include "team/fpu.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*===----------------------------------------------------------------------===*
 * Opening
 *===----------------------------------------------------------------------===*/

char *seq_program_path(const char *suffix, seq_error *error) {
  size_t extra = strlen(suffix) + 1;
  for (size_t size = 256; size < (1u << 20); size *= 2) {
    char *path = malloc(size + extra);
    if (!path)
      break;
    ssize_t length = readlink("/proc/self/exe", path, size);
    if (length >= 0 && (size_t)length < size) {
      memcpy(path + length, suffix, extra);
      return path;
    }
    free(path);
    if (length < 0) {
      seq_fail(error, "cannot find the program's own file: %s",
               strerror(errno));
      return NULL;
    }
  }
  seq_fail(error, "no memory for the program's own path");
  return NULL;
}

char *seq_default_weights_path(seq_error *error) {
  return seq_program_path(".weights", error);
}

bool seq_open_payload(const seq_program *program, const char *path,
                      seq_weights **weights, const uint8_t **payload,
                      seq_error *error) {
  *weights = NULL;
  *payload = NULL;
  if (!path && program->weights_bytes == 0)
    return true;
  if (!path && program->embedded_weights) {
    if ((uintptr_t)program->embedded_weights % SEQ_ALIGNMENT != 0)
      return seq_fail(error, "damaged program: its weights are not aligned");
    *payload = program->embedded_weights;
    return true;
  }
  char *own = NULL;
  if (!path && !(path = own = seq_default_weights_path(error)))
    return false;
  seq_weights *opened = seq_weights_open(path, error);
  free(own);
  if (!opened || !seq_weights_check(opened, program, error)) {
    seq_weights_close(opened);
    return false;
  }
  *weights = opened;
  *payload = seq_weights_payload(opened);
  return true;
}

int32_t seq_most_outputs(const seq_program *program) {
  int32_t most = 0;
  for (uint32_t f = 0; f < program->n_functions; ++f)
    if (program->functions[f].n_outputs > most)
      most = program->functions[f].n_outputs;
  return most;
}

static bool reserve_tables(seq_session *session, seq_error *error) {
  size_t args = 0, outputs = (size_t)seq_most_outputs(session->program);
  for (uint32_t f = 0; f < session->program->n_functions; ++f) {
    const seq_function *function = &session->program->functions[f];
    size_t mine = (size_t)function->n_inputs + (size_t)function->n_states;
    args = mine > args ? mine : args;
  }
  size_t dims = args * SEQ_MAX_RANK;
  session->args = calloc(args + 1, sizeof *session->args);
  session->whole = calloc(args + 1, sizeof *session->whole);
  session->sizes.dims = calloc(dims + 1, sizeof *session->sizes.dims);
  session->sizes.bindings = calloc(dims + 1, sizeof *session->sizes.bindings);
  session->staged = calloc(args + 1, sizeof *session->staged);
  session->results = calloc(outputs + 1, sizeof *session->results);
  session->outputs = calloc(outputs + 1, sizeof *session->outputs);
  if (session->args && session->whole && session->sizes.dims && session->sizes.bindings &&
      session->staged && session->results && session->outputs)
    return true;
  return seq_fail(error, "no memory for a session");
}

seq_session *seq_session_open_on(const seq_program *program,
                                 const uint8_t *payload, int32_t threads,
                                 seq_error *error) {
  seq_session *session = calloc(1, sizeof *session);
  if (!session) {
    seq_fail(error, "no memory for a session");
    return NULL;
  }
  session->program = program;
  session->payload = payload;
  if (reserve_tables(session, error) &&
      (session->team = seq_team_create(
           threads ? threads : seq_default_threads(), error)))
    return session;
  seq_session_close(session);
  return NULL;
}

seq_session *seq_session_open(const seq_program *program,
                              const seq_session_options *options,
                              seq_error *error) {
  static const seq_session_options defaults;
  if (!options)
    options = &defaults;
  seq_weights *weights;
  const uint8_t *payload;
  if (!seq_program_check(program, error) ||
      !seq_open_payload(program, options->weights, &weights, &payload, error))
    return NULL;
  seq_session *session =
      seq_session_open_on(program, payload, options->threads, error);
  if (session)
    session->weights = weights;
  else
    seq_weights_close(weights);
  return session;
}

/* Tables that reserve_tables could not make are NULL. */
static void free_buffers(seq_buffer *buffers, int32_t count) {
  for (int32_t i = 0; buffers && i < count; ++i)
    free(buffers[i].data);
  free(buffers);
}

void seq_session_close(seq_session *session) {
  if (!session)
    return;
  int32_t inputs = 0, outputs = seq_most_outputs(session->program);
  for (uint32_t f = 0; f < session->program->n_functions; ++f) {
    const seq_function *function = &session->program->functions[f];
    inputs = function->n_inputs > inputs ? function->n_inputs : inputs;
  }
  seq_team_destroy(session->team);
  seq_weights_close(session->weights);
  free(session->args);
  free(session->whole);
  free(session->sizes.dims);
  free(session->sizes.bindings);
  free_buffers(session->staged, inputs);
  free_buffers(session->results, outputs);
  free(session->outputs);
  free(session->arena.data);
  free(session);
}

int32_t seq_session_threads(const seq_session *session) {
  return seq_team_threads(session->team);
}

const seq_tensor *seq_session_outputs(const seq_session *session) {
  return session->outputs;
}

/*===----------------------------------------------------------------------===*
 * Running
 *===----------------------------------------------------------------------===*/

static bool bind_inputs(seq_session *session, const seq_tensor *inputs,
                        seq_error *error) {
  const seq_function *function = session->function;
  for (int32_t i = 0; i < function->n_inputs; ++i)
    if (!seq_check_sizes(&function->inputs[i], &inputs[i], "input",
                         &session->sizes, error))
      return false;
  for (int32_t i = 0; i < function->n_inputs; ++i)
    if (!seq_check_values(&function->inputs[i], &inputs[i], error))
      return false;
  for (int32_t i = 0; i < function->n_inputs; ++i) {
    session->args[i] = inputs[i].data;
    int64_t element = seq_dtype_bytes(inputs[i].dtype);
    if (inputs[i].data && (uintptr_t)inputs[i].data % (uintptr_t)element == 0)
      continue;
    int64_t bytes = seq_tensor_bytes(&inputs[i]);
    if (!seq_buffer_reserve(&session->staged[i], bytes))
      return seq_fail(error, "no memory to copy input %s",
                      function->inputs[i].name);
    if (bytes > 0)
      memcpy(session->staged[i].data, inputs[i].data, (size_t)bytes);
    session->args[i] = session->staged[i].data;
  }
  return true;
}

static bool bind_states(seq_session *session, seq_state *state,
                        seq_error *error) {
  const seq_function *function = session->function;
  if (function->n_states == 0)
    return true;
  if (!state)
    return seq_fail(error, "function %s needs states", function->name);
  if (state->program != session->program)
    return seq_fail(error, "the states belong to another program");
  if (!state->defined)
    return seq_fail(error, "the states are undefined since a run that failed");
  for (int32_t i = 0; i < function->n_states; ++i) {
    const seq_tensor_type *type = &function->states[i];
    const seq_tensor *tensor = seq_state_find(state, type->name);
    if (!seq_check_sizes(type, tensor, "state", &session->sizes, error))
      return false;
    session->args[function->n_inputs + i] = tensor->data;
  }
  return true;
}

static bool reserve_arena(seq_session *session, seq_error *error) {
  const seq_function *function = session->function;
  if (!function->arena_bytes)
    return true;
  int64_t bytes = function->arena_bytes(session->sizes.dims);
  if (bytes >= 0 && seq_buffer_reserve(&session->arena, bytes))
    return true;
  return seq_fail(error,
                  "no memory for %" PRId64 " bytes of scratch of function %s",
                  bytes, function->name);
}

/* False when generated code left by longjmp; the error is then written. */
static bool call(seq_session *session) {
  seq_frame frame = {.args = session->args,
                     .dims = session->sizes.dims,
                     .weights = session->payload,
                     .runtime = session};
  seq_fpu_mode mode = seq_fpu_enter();
  volatile bool returned = false;
  if (setjmp(session->guard) == 0) {
    session->function->run(&frame);
    returned = true;
  }
  seq_fpu_leave(mode);
  return returned;
}

static bool call_with_scratch(seq_session *session) {
  if (reserve_arena(session, session->error))
    return call(session);
  session->refused = true;
  return false;
}

static bool call_in_pieces(seq_session *session, const seq_tensor *inputs) {
  seq_pieces *pieces = &session->pieces;
  size_t count = (size_t)session->function->n_inputs;
  memcpy(session->whole, session->args, count * sizeof *session->whole);
  for (int64_t begin = 0; begin < pieces->times; begin += pieces->most) {
    seq_enter_piece(pieces, begin, session->function, inputs, session->whole,
                    session->args, &session->sizes);
    session->arena_taken = false;
    if (!call_with_scratch(session)) {
      session->refused &= begin == 0;
      return false;
    }
  }
  return true;
}

static bool check_outputs(const seq_session *session, seq_error *error) {
  const seq_function *function = session->function;
  for (int32_t i = 0; i < function->n_outputs; ++i)
    if (!session->outputs[i].data)
      return seq_fail(error,
                      "damaged program: function %s did not make output %s",
                      function->name, function->outputs[i].name);
  return true;
}

/* What a full cache was made for. */
static void say_capacity(const seq_state *state, seq_error *error) {
  size_t used = strlen(error->message);
  snprintf(error->message + used, sizeof error->message - used,
           " (the capacity of the state is %" PRId64 ")", state->capacity);
}

bool seq_session_run(seq_session *session, seq_state *state,
                     const seq_function *function, const seq_tensor *inputs,
                     seq_error *error) {
  session->function = function;
  session->error = error;
  session->arena_taken = session->refused = false;
  session->sizes.n_dims = session->sizes.n_bindings = 0;
  for (int32_t i = 0; i < function->n_outputs; ++i)
    session->outputs[i].data = NULL;
  if (!bind_inputs(session, inputs, error) ||
      !bind_states(session, state, error))
    return false;
  seq_plan_pieces(&session->pieces, session->program, function,
                  &session->sizes);
  if (session->pieces.times ? call_in_pieces(session, inputs)
                            : call_with_scratch(session))
    if (check_outputs(session, error))
      return true;
  if (function->n_states > 0 && !session->refused) {
    state->defined = false;
    if (seq_state_is_bounded(state))
      say_capacity(state, error);
  }
  return false;
}

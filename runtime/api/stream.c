/*===- stream.c - what a model remembers, and its calls --------------------===*/

#include "api/api.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*===----------------------------------------------------------------------===*
 * Life
 *===----------------------------------------------------------------------===*/

bool seq_keeps_history(const seq_model *model) {
  seq_error ignored;
  const seq_function *last = seq_find_function(model->program, "last", &ignored);
  return model->program->vocabulary > 0 && last && last->n_states == 0;
}

/* Bytes of the history for each position. */
static int64_t unit_of(const seq_stream *stream) {
  return seq_keeps_history(stream->model)
             ? stream->model->info.batch * (int64_t)sizeof(int64_t)
             : 0;
}

static bool allocate(seq_stream *stream, int64_t capacity, seq_error *error) {
  const seq_program *program = stream->model->program;
  size_t outputs = (size_t)seq_most_outputs(program) + 1;
  stream->state = seq_state_create(program, capacity, error);
  if (!stream->state)
    return false;
  int64_t unit = unit_of(stream);
  stream->results = calloc(outputs, sizeof *stream->results);
  stream->outputs = calloc(outputs, sizeof *stream->outputs);
  if (unit > 0 && capacity <= (INT64_C(1) << 60) / unit)
    stream->history = malloc((size_t)(capacity * unit) + 1);
  if (stream->results && stream->outputs && (unit == 0 || stream->history))
    return true;
  return seq_fail(error, "no memory for a stream of capacity %" PRId64,
                  capacity);
}

seq_stream *seq_create(seq_model *model, int64_t capacity, seq_error *error) {
  seq_error ignored;
  if (!error)
    error = &ignored;
  if (!model) {
    seq_fail(error, "no model");
    return NULL;
  }
  seq_stream *stream = calloc(1, sizeof *stream);
  if (!stream) {
    seq_fail(error, "no memory for a stream");
    return NULL;
  }
  atomic_fetch_add(&model->users, 1);
  stream->model = model;
  if (allocate(stream, capacity, error))
    return stream;
  seq_free(stream);
  return NULL;
}

seq_stream *seq_clone(const seq_stream *stream, seq_error *error) {
  seq_error ignored;
  if (!error)
    error = &ignored;
  if (!stream) {
    seq_fail(error, "no stream");
    return NULL;
  }
  seq_stream *copy = seq_create(stream->model,
                                seq_state_capacity(stream->state), error);
  if (!copy)
    return NULL;
  if (!seq_state_copy(copy->state, stream->state, error)) {
    seq_free(copy);
    return NULL;
  }
  copy->position = stream->position;
  if (stream->history)
    memcpy(copy->history, stream->history,
           (size_t)(stream->position * unit_of(stream)));
  return copy;
}

void seq_free(seq_stream *stream) {
  if (!stream)
    return;
  seq_drop_snapshots(stream, NULL);
  for (int32_t i = 0;
       stream->results && i < seq_most_outputs(stream->model->program); ++i)
    free(stream->results[i].data);
  free(stream->results);
  free(stream->outputs);
  free(stream->tokens.data);
  free(stream->history);
  seq_state_free(stream->state);
  seq_model_release(stream->model);
  free(stream);
}

void seq_reset(seq_stream *stream) {
  if (!stream)
    return;
  seq_drop_snapshots(stream, NULL);
  seq_state_reset(stream->state);
  stream->position = 0;
}

int64_t seq_position(const seq_stream *stream) { return stream->position; }

int64_t seq_stream_bytes(const seq_stream *stream) {
  return seq_state_bytes(stream->state) +
         unit_of(stream) * seq_state_capacity(stream->state);
}

bool seq_save(const seq_stream *stream, const char *path, seq_error *error) {
  seq_error ignored;
  if (!error)
    error = &ignored;
  if (!stream || !path)
    return seq_fail(error, "no %s", stream ? "path" : "stream");
  seq_state_extra extra = {.position = stream->position,
                           .history = stream->history,
                           .unit = unit_of(stream)};
  return seq_state_save_extra(stream->state, &extra, path, error);
}

bool seq_restore(seq_stream *stream, const char *path, seq_error *error) {
  seq_error ignored;
  if (!error)
    error = &ignored;
  if (!stream || !path)
    return seq_fail(error, "no %s", stream ? "path" : "stream");
  seq_state_extra extra = {.unit = unit_of(stream)};
  if (!seq_state_load_extra(stream->state, &extra, path, error))
    return false;
  seq_drop_snapshots(stream, NULL);
  stream->position = extra.position;
  if (stream->history)
    memcpy(stream->history, extra.history,
           (size_t)(extra.position * extra.unit));
  free(extra.history);
  return true;
}

/*===----------------------------------------------------------------------===*
 * Calls
 *===----------------------------------------------------------------------===*/

/* The session writes into memory of the stream. */
static void exchange_outputs(seq_stream *stream, seq_session *session) {
  seq_buffer *results = session->results;
  seq_tensor *outputs = session->outputs;
  session->results = stream->results;
  session->outputs = stream->outputs;
  stream->results = results;
  stream->outputs = outputs;
}

static bool run(seq_stream *stream, const seq_function *function,
                const seq_tensor *inputs, seq_error *error) {
  seq_session *session = seq_model_lend(stream->model, error);
  if (!session)
    return false;
  exchange_outputs(stream, session);
  bool ok = seq_session_run(session, stream->state, function, inputs, error);
  exchange_outputs(stream, session);
  seq_model_return(stream->model, session);
  stream->function = ok ? function : NULL;
  return ok;
}

bool seq_run(seq_stream *stream, const char *name, const seq_tensor *inputs,
             int32_t count, seq_error *error) {
  seq_error ignored;
  if (!error)
    error = &ignored;
  if (!stream)
    return seq_fail(error, "no stream");
  const seq_function *function =
      seq_find_function(stream->model->program, name, error);
  if (!function)
    return false;
  if (count != function->n_inputs || (count > 0 && !inputs))
    return seq_fail(error,
                    "function %s: %" PRId32 " inputs, expected %" PRId32,
                    function->name, inputs ? count : 0, function->n_inputs);
  return run(stream, function, inputs, error);
}

const seq_tensor *seq_result(const seq_stream *stream, int32_t index) {
  return stream && stream->function && index >= 0 &&
                 index < stream->function->n_outputs
             ? &stream->outputs[index]
             : NULL;
}

/*===----------------------------------------------------------------------===*
 * Language models
 *===----------------------------------------------------------------------===*/

static const seq_function *language_function(const seq_model *model,
                                             seq_which_logits which,
                                             seq_error *error) {
  const seq_program *program = model->program;
  if (program->vocabulary < 1) {
    seq_fail(error, "the model (%s) is not a language model",
             program->architecture);
    return NULL;
  }
  const seq_function *function = seq_find_function(
      program, which == SEQ_LOGITS_ALL ? "forward" : "last", error);
  if (!function)
    return NULL;
  if (function->n_inputs == 1 && function->n_outputs > 0 &&
      (function->inputs[0].dtype == SEQ_I32 ||
       function->inputs[0].dtype == SEQ_I64) &&
      (function->inputs[0].rank == 1 || function->inputs[0].rank == 2))
    return function;
  seq_fail(error, "function %s does not take token ids alone", function->name);
  return NULL;
}

/* The tokens of one call as the function wants them: those of `history`, kept
 * one time after the other, then the new ones, kept one sequence after the
 * other. */
static bool lay_out_tokens(seq_stream *stream, const seq_tensor_type *type,
                           int64_t held, const int64_t *tokens, int64_t count,
                           seq_tensor *ids, seq_error *error) {
  int64_t batch = stream->model->info.batch, all = held + count;
  int64_t element = seq_dtype_bytes(type->dtype);
  *ids = (seq_tensor){.dtype = type->dtype, .rank = type->rank};
  ids->shape[0] = batch;
  ids->shape[type->rank - 1] = all;
  if (!seq_buffer_reserve(&stream->tokens, batch * all * element))
    return seq_fail(error, "no memory for %" PRId64 " tokens", batch * all);
  ids->data = stream->tokens.data;
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t t = 0; t < all; ++t) {
      int64_t token = t < held ? stream->history[t * batch + b]
                               : tokens[b * count + t - held];
      /* Checked here, before it could become another number. */
      if (token < 0 || token >= stream->model->info.vocabulary)
        return seq_fail(error, "token %" PRId64 ", expected 0 to %" PRId64,
                        token, stream->model->info.vocabulary - 1);
      if (type->dtype == SEQ_I32)
        ((int32_t *)ids->data)[b * all + t] = (int32_t)token;
      else
        ((int64_t *)ids->data)[b * all + t] = token;
    }
  return true;
}

/* The logits of the last `count` of all times. */
static seq_tensor last_times(const seq_tensor *all, int64_t count) {
  seq_tensor view = *all;
  if (view.rank == 3 && view.shape[0] == 1 && view.shape[1] > count) {
    int64_t skipped = (view.shape[1] - count) * view.shape[2];
    view.data = (char *)view.data + skipped * seq_dtype_bytes(view.dtype);
    view.shape[1] = count;
  }
  return view;
}

bool seq_prefill(seq_stream *stream, const int64_t *tokens, int64_t count,
                 seq_which_logits which, seq_tensor *logits, seq_error *error) {
  seq_error ignored;
  if (!error)
    error = &ignored;
  if (!stream)
    return seq_fail(error, "no stream");
  seq_model *model = stream->model;
  int64_t batch = model->info.batch;
  int64_t most = (INT64_C(1) << 48) / batch;
  if (!tokens || count < 1)
    return seq_fail(error, "%" PRId64 " tokens, expected at least one",
                    tokens ? count : 0);
  if (count > most)
    return seq_fail(error, "%" PRId64 " tokens, expected at most %" PRId64,
                    count, most);
  if (which != SEQ_LOGITS_NONE && which != SEQ_LOGITS_LAST &&
      which != SEQ_LOGITS_ALL)
    return seq_fail(error, "the value %d for which logits, expected 0 to 2",
                    (int)which);
  const seq_function *function = language_function(model, which, error);
  if (!function)
    return false;
  bool keeps = seq_keeps_history(model);
  int64_t capacity = seq_state_capacity(stream->state);
  if ((keeps || seq_state_is_bounded(stream->state)) &&
      count > capacity - stream->position)
    return seq_fail(error,
                    "%" PRId64 " tokens after %" PRId64
                    ", expected at most %" PRId64
                    " in all, the capacity that seq_create was called with",
                    count, stream->position, capacity);
  if (keeps && which == SEQ_LOGITS_ALL && batch > 1 && stream->position > 0)
    return seq_fail(error, "all logits of a batch after its beginning: the "
                           "model has no state");
  seq_tensor ids;
  if (!lay_out_tokens(stream, &function->inputs[0],
                      keeps ? stream->position : 0, tokens, count, &ids,
                      error) ||
      !run(stream, function, &ids, error))
    return false;
  for (int64_t t = 0; keeps && t < count; ++t)
    for (int64_t b = 0; b < batch; ++b)
      stream->history[(stream->position + t) * batch + b] =
          tokens[b * count + t];
  stream->position += count;
  if (logits)
    *logits = which == SEQ_LOGITS_NONE ? (seq_tensor){0}
              : which == SEQ_LOGITS_ALL
                  ? last_times(&stream->outputs[0], count)
                  : stream->outputs[0];
  return true;
}

bool seq_step(seq_stream *stream, const int64_t *token, seq_tensor *logits,
              seq_error *error) {
  return seq_prefill(stream, token, 1, SEQ_LOGITS_LAST, logits, error);
}

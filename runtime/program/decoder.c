/*===- decoder.c - feeds tokens to a language model
 * ---------------------------===*/

#include "program/program.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool check_signature(const seq_function *function, seq_error *error) {
  char text[256];
  if (function->n_inputs != 1)
    return seq_fail(error,
                    "function last has %" PRId32
                    " inputs, expected one of token ids",
                    function->n_inputs);
  const seq_tensor_type *ids = &function->inputs[0];
  if ((ids->dtype != SEQ_I32 && ids->dtype != SEQ_I64) || ids->rank < 1 ||
      ids->rank > 2)
    return seq_fail(
        error, "input %s is %s, expected token ids int64[1, T] or int64[T]",
        ids->name, seq_tensor_type_text(ids, text, sizeof text));
  if (ids->rank == 2 && ids->shape[0] != 1 && ids->shape[0] != -1)
    return seq_fail(
        error, "the program is compiled for batches of %" PRId64 ", expected 1",
        ids->shape[0]);
  if (function->n_outputs < 1 || function->outputs[0].dtype > SEQ_BF16)
    return seq_fail(error, "function last has no floating-point output");
  return true;
}

bool decoder_open(decoder_state *decoder, const seq_program *program,
                  seq_session *session, int64_t most, seq_error *error) {
  *decoder = (decoder_state){
      .session = session, .program = program, .most = most < 1 ? 1 : most};
  if (program->vocabulary < 1)
    return seq_fail(error, "the program (%s) is not a language model",
                    program->architecture ? program->architecture : "?");
  decoder->function = seq_find_function(program, "last", error);
  if (!decoder->function || !check_signature(decoder->function, error))
    return false;
  const seq_tensor_type *type = &decoder->function->inputs[0];
  decoder->ids = (seq_tensor){.dtype = type->dtype, .rank = type->rank};
  int64_t element = seq_dtype_bytes(type->dtype);
  if (decoder->most <= (INT64_C(1) << 60) / element)
    decoder->ids.data = seq_allocate(decoder->most * element);
  if (!decoder->ids.data)
    return seq_fail(error, "no memory for %" PRId64 " tokens", decoder->most);
  if (decoder->function->n_states > 0)
    decoder->state = seq_state_create(program, decoder->most, error);
  return decoder->function->n_states == 0 || decoder->state;
}

void decoder_reset(decoder_state *decoder) {
  decoder->held = 0;
  if (decoder->state)
    seq_state_reset(decoder->state);
}

bool decoder_feed(decoder_state *decoder, const int64_t *tokens, int64_t count,
                  seq_tensor *logits, seq_error *error) {
  int64_t start = decoder->state ? 0 : decoder->held;
  if (decoder->held + count > decoder->most)
    return seq_fail(error, "%" PRId64 " tokens, expected at most %" PRId64,
                    decoder->held + count, decoder->most);
  for (int64_t i = 0; i < count; ++i)
    if (decoder->ids.dtype == SEQ_I32)
      ((int32_t *)decoder->ids.data)[start + i] = (int32_t)tokens[i];
    else
      ((int64_t *)decoder->ids.data)[start + i] = tokens[i];
  decoder->held += count;
  decoder->ids.shape[0] = 1;
  decoder->ids.shape[decoder->ids.rank - 1] = start + count;
  if (!seq_session_run(decoder->session, decoder->state, decoder->function,
                       &decoder->ids, error))
    return false;
  *logits = seq_session_outputs(decoder->session)[0];
  char text[256];
  int64_t found = seq_tensor_bytes(logits) / seq_dtype_bytes(logits->dtype);
  if (found != decoder->program->vocabulary)
    return seq_fail(error, "output %s is %s, expected %" PRId64 " logits",
                    decoder->function->outputs[0].name,
                    seq_tensor_text(logits, text, sizeof text),
                    decoder->program->vocabulary);
  return true;
}

void decoder_close(decoder_state *decoder) {
  seq_state_free(decoder->state);
  free(decoder->ids.data);
}

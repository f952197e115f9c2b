/*===- EmbedFixture.c - a hand-written "generated" encoder -----------------===*
 *
 * The hidden state of a token is [id, mask, 1 + type, tokens], so that a vector
 * shows what went into the function. There are no weights.
 *
 *===----------------------------------------------------------------------===*/

#include "seq/runtime/Program.h"

static void run_forward(seq_frame *frame) {
  const int64_t *ids = frame->args[0], *mask = frame->args[1];
  const int32_t *types = frame->args[2];
  int64_t tokens = frame->dims[0], sizes[] = {1, tokens, 4};
  float *hidden = seq_rt_result(frame, 0, sizes);
  for (int64_t t = 0; t < tokens; ++t, hidden += 4) {
    hidden[0] = (float)ids[t];
    hidden[1] = (float)mask[t];
    hidden[2] = 1 + (float)types[t];
    hidden[3] = (float)tokens;
  }
}

static const int64_t sequence[] = {1, -1}, states[] = {1, -1, 4};
static const int32_t symbols[] = {-1, 0, -1};

static const seq_tensor_type inputs[] = {
    {"input_ids", SEQ_I64, 2, sequence, symbols, 9},
    {"attention_mask", SEQ_I64, 2, sequence, symbols, 0},
    {"token_type_ids", SEQ_I32, 2, sequence, symbols, 2}};
static const seq_tensor_type outputs[] = {
    {"last_hidden_state", SEQ_F32, 3, states, symbols, 0}};
static const seq_function functions[] = {
    {"forward", 3, 0, 1, 0, inputs, NULL, outputs, run_forward, NULL, NULL}};

const seq_program seq_program_descriptor = {
    .abi_version = SEQ_ABI_VERSION,
    .n_functions = 1,
    .functions = functions,
    .architecture = "encoder",
    .target = "any",
    .compiler = "by hand",
};

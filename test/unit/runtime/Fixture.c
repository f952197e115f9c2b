/*===- Fixture.c - a hand-written "generated" object
 *--------------------------===*
 *
 * A language model with 8 channels:
 *
 *   h ← h/2 + E[id]      logits = hᵀ W
 *
 * E [V, 8] and W [8, V] come from the weight file. With SEQ_FIXTURE_STATELESS h
 * is no state but starts from 0 at each call, as in a model without a cache.
 *Then functions that exercise the rest of the interface.
 *
 *===----------------------------------------------------------------------===*/

#include "Fixture.h"

#include <math.h>
#include <string.h>

enum { V = SEQ_FIXTURE_VOCABULARY, C = 8 };

/*===----------------------------------------------------------------------===*
 * The language model
 *===----------------------------------------------------------------------===*/

static void step(const float *e, float *h, int64_t id) {
  for (int c = 0; c < C; ++c)
    h[c] = h[c] / 2 + e[id * C + c];
}

typedef struct {
  const float *h, *w;
  float *logits;
} readout_context;

static void readout(void *ctx, int64_t lo, int64_t hi) {
  readout_context *context = ctx;
  for (int64_t v = lo; v < hi; ++v) {
    float sum = 0;
    for (int c = 0; c < C; ++c)
      sum += context->h[c] * context->w[c * V + v];
    context->logits[v] = sum;
  }
}

static void model(seq_frame *frame, int every) {
  const int64_t *ids = frame->args[0];
#if SEQ_FIXTURE_STATELESS
  float h[C] = {0};
  int64_t unused, *position = &unused;
  unused = 0;
#else
  float *h = frame->args[1];
  int64_t *position = frame->args[2];
#endif
  int64_t tokens = frame->dims[0];
  const float *e = (const float *)frame->weights;
  const float *w = (const float *)(frame->weights + SEQ_FIXTURE_W_OFFSET);
  float *hidden = seq_rt_arena(frame, tokens * C * (int64_t)sizeof *hidden);
  int64_t sizes_all[] = {1, tokens, V}, sizes_last[] = {1, V};
  float *logits = seq_rt_result(frame, 0, every ? sizes_all : sizes_last);
  for (int64_t t = 0; t < tokens; ++t) {
    step(e, h, ids[t]);
    memcpy(hidden + t * C, h, sizeof(float) * C);
  }
  *position += tokens;
  for (int64_t t = every ? 0 : tokens - 1; t < tokens; ++t) {
    readout_context context = {hidden + t * C, w, logits + (every ? t * V : 0)};
    seq_rt_parallel(frame, readout, &context, V, 3);
  }
}

static void run_forward(seq_frame *frame) { model(frame, 1); }
static void run_last(seq_frame *frame) { model(frame, 0); }
static int64_t model_arena(const int64_t *dims) {
  return dims[0] * C * (int64_t)sizeof(float);
}

/*===----------------------------------------------------------------------===*
 * Other functions
 *===----------------------------------------------------------------------===*/

typedef struct {
  seq_frame *frame;
  const float *x, *g;
  float *y;
  int64_t tokens;
} mix_context;

/* y_t = g_t ⊙ rotate(y_{t-1}) + x_t: every channel needs its neighbour's, so
 * the threads meet after each step. */
static void mix_body(void *ctx, int64_t thread, int64_t threads) {
  mix_context *context = ctx;
  int64_t lo = 4 * thread / threads, hi = 4 * (thread + 1) / threads;
  for (int64_t t = 0; t < context->tokens; ++t) {
    for (int64_t c = lo; c < hi; ++c) {
      float before = t == 0 ? 0 : context->y[(t - 1) * 4 + (c + 1) % 4];
      context->y[t * 4 + c] =
          context->g[t * 4 + c] * before + context->x[t * 4 + c];
    }
    seq_rt_barrier(context->frame);
  }
}

static void run_mix(seq_frame *frame) {
  int64_t tokens = frame->dims[0];
  int64_t sizes[] = {1, tokens, 4};
  mix_context context = {frame, frame->args[0], frame->args[1],
                         seq_rt_result(frame, 0, sizes), tokens};
  seq_rt_team(frame, mix_body, &context);
  double *sum = seq_rt_result(frame, 1, NULL);
  *sum = 0;
  for (int64_t i = 0; i < tokens * 4; ++i)
    *sum += (double)context.y[i];
}

/* The input says what goes wrong. */
static void run_misbehave(seq_frame *frame) {
  int64_t size = 4, huge = INT64_C(1) << 50;
  if (*(const int32_t *)frame->args[0] == 8)
    seq_rt_refuse(frame, "expected at least one token");
  *(float *)frame->args[1] += 1;
  switch (*(const int32_t *)frame->args[0]) {
  case 1:
    seq_rt_fail(frame, "the cache is full\nat position 7");
  case 2:
    seq_rt_result(frame, 0, &huge);
    break;
  case 3:
    seq_rt_arena(frame, huge);
    break;
  case 4:
    return; /* makes no output */
  case 5:
    seq_rt_result(frame, 1, &size);
    break;
  case 6:
    seq_rt_arena(frame, 100);
    seq_rt_arena(frame, 1000000);
    break;
  case 7: {
    int64_t negative = -1;
    seq_rt_result(frame, 0, &negative);
  }
  }
  float *y = seq_rt_result(frame, 0, &size);
  for (int i = 0; i < 4; ++i)
    y[i] = *(const float *)frame->args[1];
}

static void run_huge(seq_frame *frame) { (void)frame; }
static int64_t huge_arena(const int64_t *dims) {
  (void)dims;
  return INT64_C(1) << 50;
}

/* The product of two subnormals' neighbours is subnormal: 0 where flushed. */
static void run_denormal(seq_frame *frame) {
  const float *x = frame->args[0];
  float *y = seq_rt_result(frame, 0, NULL);
  *y = *x * 0.5f;
}

static void run_static(seq_frame *frame) {
  const uint8_t *mask = frame->args[0];
  int64_t sizes[] = {2, 3};
  uint8_t *inverse = seq_rt_result(frame, 0, sizes);
  for (int i = 0; i < 6; ++i)
    inverse[i] = !mask[i];
}

/*===----------------------------------------------------------------------===*
 * The descriptor
 *===----------------------------------------------------------------------===*/

#define SHAPE(...)                                                             \
  (const int64_t[]) { __VA_ARGS__ }
#define SYMBOLS(...)                                                           \
  (const int32_t[]) { __VA_ARGS__ }

static const seq_tensor_type ids_type[] = {
    {"input_ids", SEQ_I64, 2, SHAPE(1, -1), SYMBOLS(-1, 0), V}};
static const seq_tensor_type model_states[] = {
    {"h", SEQ_F32, 2, SHAPE(1, C), NULL, 0},
    {"position", SEQ_I64, 0, NULL, NULL, 0}};
static const seq_tensor_type all_logits[] = {
    {"logits", SEQ_F32, 3, SHAPE(1, -1, V), SYMBOLS(-1, 0, -1), 0}};
static const seq_tensor_type last_logits[] = {
    {"logits", SEQ_F32, 2, SHAPE(1, V), NULL, 0}};
static const seq_tensor_type mix_inputs[] = {
    {"x", SEQ_F32, 3, SHAPE(1, -1, 4), SYMBOLS(-1, 0, -1), 0},
    {"g", SEQ_F32, 3, SHAPE(1, -1, 4), SYMBOLS(-1, 0, -1), 0}};
static const seq_tensor_type mix_outputs[] = {
    {"y", SEQ_F32, 3, SHAPE(1, -1, 4), SYMBOLS(-1, 0, -1), 0},
    {"sum", SEQ_F64, 0, NULL, NULL, 0}};
static const seq_tensor_type how_type[] = {{"how", SEQ_I32, 0, NULL, NULL, 9}};
static const seq_tensor_type calls_type[] = {
    {"calls", SEQ_F32, 0, NULL, NULL, 0}};
static const seq_tensor_type any_type[] = {
    {"y", SEQ_F32, 1, SHAPE(-1), SYMBOLS(0), 0}};
static const seq_tensor_type scalar_in[] = {{"x", SEQ_F32, 0, NULL, NULL, 0}};
static const seq_tensor_type scalar_out[] = {{"y", SEQ_F32, 0, NULL, NULL, 0}};
static const seq_tensor_type mask_in[] = {
    {"mask", SEQ_BOOL, 2, SHAPE(2, 3), NULL, 0}};
static const seq_tensor_type mask_out[] = {
    {"inverse", SEQ_BOOL, 2, SHAPE(2, 3), NULL, 0}};

enum { MODEL_STATES = SEQ_FIXTURE_STATELESS ? 0 : 2 };

static const seq_function functions[] = {
    {"forward", 1, MODEL_STATES, 1, 0, ids_type, model_states, all_logits,
     run_forward, model_arena, NULL},
    {"last", 1, MODEL_STATES, 1, 0, ids_type, model_states, last_logits,
     run_last, model_arena, NULL},
    {"mix", 2, 0, 2, 0, mix_inputs, NULL, mix_outputs, run_mix, NULL, NULL},
    {"misbehave", 1, 1, 1, 0, how_type, calls_type, any_type, run_misbehave,
     NULL, NULL},
    {"huge", 0, 0, 0, 0, NULL, NULL, NULL, run_huge, huge_arena, NULL},
    {"denormal", 1, 0, 1, 0, scalar_in, NULL, scalar_out, run_denormal, NULL,
     NULL},
    {"static", 1, 0, 1, 0, mask_in, NULL, mask_out, run_static, NULL, NULL}};

const seq_program seq_program_descriptor = {
    .abi_version = SEQ_ABI_VERSION,
    .n_functions = sizeof functions / sizeof *functions,
    .functions = functions,
    .architecture = "fixture",
    .target = "any",
    .compiler = "by hand",
    .forms = "layer 0: sequential",
    .source_hash = SEQ_FIXTURE_HASH,
    .layout_id = SEQ_FIXTURE_LAYOUT,
    .weights_bytes = SEQ_FIXTURE_WEIGHTS_BYTES(V),
    .vocabulary = V,
    .byte_level = SEQ_FIXTURE_BYTES,
};

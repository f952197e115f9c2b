/*===- embed.c - `embed`: texts as vectors --------------------------------===*/

#include "program/program.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const option_spec own_options[] = {TOKENIZER_OPTION,
                                          {NULL, NULL, NULL, false}};

typedef struct {
  const char *text;
  seq_token_ids ids;
  double *vector;
} embedding;

typedef struct {
  const seq_program *program;
  const seq_function *function;
  int32_t output; /* number of last_hidden_state */
  seq_session *session;
  seq_tensor *inputs;
  embedding *texts;
  int count;
  int64_t width; /* of the vectors, known after the first */
} embed_job;

/*===----------------------------------------------------------------------===*
 * Running
 *===----------------------------------------------------------------------===*/

/* "forward" with its inputs of token ids and masks and its hidden states. */
static bool find_function(embed_job *job, seq_error *error) {
  job->function = seq_find_function(job->program, "forward", error);
  if (!job->function)
    return false;
  const seq_function *function = job->function;
  while (job->output < function->n_outputs &&
         strcmp(function->outputs[job->output].name, "last_hidden_state") != 0)
    ++job->output;
  if (job->output == function->n_outputs)
    return seq_fail(error,
                    "function forward has no output last_hidden_state to make "
                    "a vector of");
  bool has_ids = false;
  for (int32_t i = 0; i < function->n_inputs; ++i) {
    const char *name = function->inputs[i].name;
    bool ids = strcmp(name, "input_ids") == 0;
    has_ids |= ids;
    if (!ids && strcmp(name, "attention_mask") != 0 &&
        strcmp(name, "token_type_ids") != 0)
      return seq_fail(error,
                      "function forward has the input %s; embed knows "
                      "input_ids, attention_mask and token_type_ids",
                      name);
  }
  return has_ids || seq_fail(error, "function forward has no input_ids");
}

static void set_element(const seq_tensor *tensor, int64_t index,
                        int64_t value) {
  switch (tensor->dtype) {
  case SEQ_F32:
    ((float *)tensor->data)[index] = (float)value;
    break;
  case SEQ_F64:
    ((double *)tensor->data)[index] = (double)value;
    break;
  case SEQ_F16:
    ((uint16_t *)tensor->data)[index] = seq_f32_to_f16((float)value);
    break;
  case SEQ_BF16:
    ((uint16_t *)tensor->data)[index] = seq_f32_to_bf16((float)value);
    break;
  case SEQ_I32:
    ((int32_t *)tensor->data)[index] = (int32_t)value;
    break;
  case SEQ_I64:
    ((int64_t *)tensor->data)[index] = value;
    break;
  default:
    ((uint8_t *)tensor->data)[index] = (uint8_t)value;
  }
}

/* The ids; a mask of ones, as nothing is padded; the type 0 for all. */
static bool fill_inputs(embed_job *job, const seq_token_ids *ids,
                        seq_error *error) {
  for (int32_t i = 0; i < job->function->n_inputs; ++i) {
    const seq_tensor_type *type = &job->function->inputs[i];
    seq_tensor *input = &job->inputs[i];
    char text[256];
    if (type->rank < 1 || type->rank > 2 ||
        (type->rank == 2 && type->shape[0] != 1 && type->shape[0] != -1))
      return seq_fail(error, "input %s is %s, expected [1, T] or [T]",
                      type->name,
                      seq_tensor_type_text(type, text, sizeof text));
    free(input->data);
    *input = (seq_tensor){.dtype = type->dtype, .rank = type->rank};
    input->shape[0] = 1;
    input->shape[type->rank - 1] = ids->count;
    input->data = seq_allocate(ids->count * seq_dtype_bytes(type->dtype));
    if (!input->data)
      return seq_fail(error, "no memory for %" PRId64 " tokens", ids->count);
    int64_t same = strcmp(type->name, "attention_mask") == 0;
    bool is_ids = strcmp(type->name, "input_ids") == 0;
    for (int64_t t = 0; t < ids->count; ++t)
      set_element(input, t, is_ids ? ids->data[t] : same);
  }
  return true;
}

static double element(const seq_tensor *tensor, int64_t index) {
  switch (tensor->dtype) {
  case SEQ_F32:
    return (double)((const float *)tensor->data)[index];
  case SEQ_F64:
    return ((const double *)tensor->data)[index];
  case SEQ_F16:
    return (double)seq_f16_to_f32(((const uint16_t *)tensor->data)[index]);
  default:
    return (double)seq_bf16_to_f32(((const uint16_t *)tensor->data)[index]);
  }
}

/* The mean over the tokens, of length 1. */
static bool pool(embed_job *job, embedding *text, seq_error *error) {
  const seq_tensor *hidden = &seq_session_outputs(job->session)[job->output];
  int64_t tokens = text->ids.count, rank = hidden->rank;
  char shape[256];
  if (hidden->dtype > SEQ_BF16 || rank < 2 || rank > 3 ||
      hidden->shape[rank - 2] != tokens || (rank == 3 && hidden->shape[0] != 1))
    return seq_fail(error,
                    "output last_hidden_state is %s, expected floats "
                    "[1, %" PRId64 ", C]",
                    seq_tensor_text(hidden, shape, sizeof shape), tokens);
  job->width = hidden->shape[rank - 1];
  text->vector = calloc((size_t)job->width + 1, sizeof *text->vector);
  if (!text->vector)
    return seq_fail(error, "no memory for a vector of %" PRId64, job->width);
  double square = 0;
  for (int64_t c = 0; c < job->width; ++c) {
    double sum = 0;
    for (int64_t t = 0; t < tokens; ++t)
      sum += element(hidden, t * job->width + c);
    text->vector[c] = sum / (double)tokens;
    square += text->vector[c] * text->vector[c];
  }
  for (int64_t c = 0; square > 0 && c < job->width; ++c)
    text->vector[c] /= sqrt(square);
  return true;
}

static bool embed(embed_job *job, embedding *text, seq_error *error) {
  seq_state *state = NULL;
  if (!fill_inputs(job, &text->ids, error))
    return false;
  if (job->function->n_states > 0 &&
      !(state = seq_state_create(job->program, text->ids.count, error)))
    return false;
  bool ok = seq_session_run(job->session, state, job->function, job->inputs,
                            error) &&
            pool(job, text, error);
  seq_state_free(state);
  return ok;
}

/*===----------------------------------------------------------------------===*
 * Printing
 *===----------------------------------------------------------------------===*/

static double cosine(const embed_job *job, int a, int b) {
  double sum = 0;
  for (int64_t c = 0; c < job->width; ++c)
    sum += job->texts[a].vector[c] * job->texts[b].vector[c];
  return sum;
}

static void print_json(const embed_job *job) {
  seq_json json;
  seq_json_begin(&json, stdout);
  seq_json_object(&json, NULL);
  seq_json_integer(&json, "threads", seq_session_threads(job->session));
  seq_json_array(&json, "texts");
  for (int i = 0; i < job->count; ++i) {
    seq_json_object(&json, NULL);
    seq_json_string(&json, "text", job->texts[i].text);
    seq_json_array(&json, "ids");
    for (int64_t t = 0; t < job->texts[i].ids.count; ++t)
      seq_json_integer(&json, NULL, job->texts[i].ids.data[t]);
    seq_json_array_end(&json);
    seq_json_array(&json, "vector");
    for (int64_t c = 0; c < job->width; ++c)
      seq_json_number(&json, NULL, job->texts[i].vector[c]);
    seq_json_array_end(&json);
    seq_json_object_end(&json);
  }
  seq_json_array_end(&json);
  seq_json_array(&json, "cosines");
  for (int a = 0; a < job->count; ++a)
    for (int b = a + 1; b < job->count; ++b) {
      seq_json_object(&json, NULL);
      seq_json_integer(&json, "first", a);
      seq_json_integer(&json, "second", b);
      seq_json_number(&json, "cosine", cosine(job, a, b));
      seq_json_object_end(&json);
    }
  seq_json_array_end(&json);
  seq_json_object_end(&json);
  seq_json_finish(&json);
}

/* In quotes, so that a line stays a line. */
static void print_quoted(const char *text) {
  seq_json json;
  seq_json_begin(&json, stdout);
  seq_json_string(&json, NULL, text);
}

static void print_text(const embed_job *job) {
  for (int64_t c = 0; job->count == 1 && c < job->width; ++c)
    printf("%.9g%c", job->texts[0].vector[c], c + 1 < job->width ? ' ' : '\n');
  for (int a = 0; a < job->count; ++a)
    for (int b = a + 1; b < job->count; ++b) {
      printf("%7.4f  ", cosine(job, a, b));
      print_quoted(job->texts[a].text);
      printf("  ");
      print_quoted(job->texts[b].text);
      printf("\n");
    }
}

/*===----------------------------------------------------------------------===*
 * The command
 *===----------------------------------------------------------------------===*/

static bool encode_all(embed_job *job, const option_list *options,
                       const speller *spell, seq_error *error) {
  for (int i = 0; i < job->count; ++i) {
    embedding *text = &job->texts[i];
    text->text = options->words[i];
    if (!speller_encode(spell, text->text, &text->ids, error))
      return false;
    if (text->ids.count == 0)
      return seq_fail(error, "embed: text %d has no tokens", i + 1);
  }
  return true;
}

static bool execute(embed_job *job, const option_list *options, speller *spell,
                    seq_error *error) {
  if (options->n_words == 0)
    return seq_fail(error, "embed: no text is given");
  if (!find_function(job, error) ||
      !speller_open(spell, job->program, options, error))
    return false;
  job->texts = calloc((size_t)options->n_words, sizeof *job->texts);
  job->inputs =
      calloc((size_t)job->function->n_inputs + 1, sizeof *job->inputs);
  if (!job->texts || !job->inputs)
    return seq_fail(error, "no memory for %d texts", options->n_words);
  job->count = options->n_words;
  if (!encode_all(job, options, spell, error) ||
      !(job->session = open_session(job->program, options, error)))
    return false;
  for (int i = 0; i < job->count; ++i)
    if (!embed(job, &job->texts[i], error))
      return false;
  if (has_option(options, "--json"))
    print_json(job);
  else
    print_text(job);
  return true;
}

static bool run(const seq_program *program, const option_list *options,
                seq_error *error) {
  if (!seq_program_check(program, error))
    return false;
  embed_job job = {.program = program};
  speller spell = {0};
  bool ok = execute(&job, options, &spell, error);
  for (int i = 0; i < job.count; ++i) {
    free(job.texts[i].ids.data);
    free(job.texts[i].vector);
  }
  for (int32_t i = 0; job.inputs && i < job.function->n_inputs; ++i)
    free(job.inputs[i].data);
  free(job.texts);
  free(job.inputs);
  speller_close(&spell);
  seq_session_close(job.session);
  return ok;
}

const program_command embed_command = {
    "embed", "Turn texts into vectors and compare them.", "TEXT...",
    "\nA text's vector is the mean of last_hidden_state over its tokens, of "
    "length 1.\nOne text prints its vector; several print the cosine of each "
    "pair. --json prints\nall. Texts that begin with - come after --.",
    own_options, run};

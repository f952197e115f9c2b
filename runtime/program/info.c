/*===- info.c - `info`: what the program is
 * -----------------------------------===*/

#include "program/program.h"
#include "seq/runtime/Team.h"
#include "seq/runtime/Weights.h"
#include "session/pieces.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const option_spec own_options[] = {{NULL, NULL, NULL, false}};

static const int64_t lengths[] = {1, 128, 2048};
enum { N_LENGTHS = sizeof lengths / sizeof *lengths };

/* Scratch bytes when every dynamic size is `size`, of a piece where the sequence
 * is run in pieces; -1 without memory. */
static int64_t arena_bytes(const seq_program *program,
                           const seq_function *function, int64_t size) {
  size_t args = (size_t)function->n_inputs + (size_t)function->n_states;
  int64_t *dims = malloc((args * SEQ_MAX_RANK + 1) * sizeof *dims);
  if (!dims || !function->arena_bytes) {
    free(dims);
    return function->arena_bytes ? -1 : 0;
  }
  for (size_t i = 0; i <= args * SEQ_MAX_RANK; ++i)
    dims[i] = size;
  seq_shorten_to_piece(program, function, size, dims);
  int64_t bytes = function->arena_bytes(dims);
  free(dims);
  return bytes;
}

/* Of all states at capacity `size`. */
static int64_t state_bytes(const seq_program *program, int64_t size) {
  seq_error error;
  seq_state *state = seq_state_create(program, size, &error);
  int64_t bytes = state ? seq_state_bytes(state) : -1;
  seq_state_free(state);
  return bytes;
}

typedef struct {
  char *path; /* NULL: none or embedded */
  const char *status;
  seq_error error;
} weights_info;

/* A program whose weights are missing still says what it is. */
static weights_info find_weights(const seq_program *program,
                                 const option_list *options) {
  weights_info info = {NULL, "ok", {""}};
  const char *named = option_value(options, "--weights");
  if (!named && program->weights_bytes == 0)
    info.status = "none";
  else if (!named && program->embedded_weights)
    info.status = "embedded";
  else {
    info.path = named ? strdup(named) : seq_default_weights_path(&info.error);
    seq_weights *weights =
        info.path ? seq_weights_open(info.path, &info.error) : NULL;
    if (!weights || !seq_weights_check(weights, program, &info.error))
      info.status = "unusable";
    seq_weights_close(weights);
  }
  return info;
}

static const char *or_unknown(const char *text) {
  return text && *text ? text : "unknown";
}

static void print_types(const char *what, const seq_tensor_type *types,
                        const seq_cache *caches, int32_t count) {
  char text[256];
  for (int32_t i = 0; i < count; ++i) {
    printf("  %-7s %s: %s", what, types[i].name,
           seq_tensor_type_text(&types[i], text, sizeof text));
    if (types[i].limit > 0)
      printf(", 0 to %" PRId64, types[i].limit - 1);
    if (caches && caches[i].most > 0)
      printf(", a ring of at most %" PRId64, caches[i].most);
    printf("\n");
  }
}

static void print_text(const seq_program *program, const weights_info *weights,
                       bool has_capacity) {
  printf("architecture: %s\ntarget: %s\ncompiler: %s\nABI: %d\n",
         or_unknown(program->architecture), or_unknown(program->target),
         or_unknown(program->compiler), SEQ_ABI_VERSION);
  printf("source: %016" PRIx64 ", layout %016" PRIx64 "\n",
         program->source_hash, program->layout_id);
  if (program->vocabulary > 0)
    printf("vocabulary: %" PRId64 " tokens%s\n", program->vocabulary,
           program->byte_level ? ", bytes" : "");
  if (!weights->path)
    printf("weights: %s", weights->status);
  else
    printf("weights: %s (%s)", weights->path, weights->status);
  printf(", %" PRIu64 " bytes\n", program->weights_bytes);
  if (*weights->error.message)
    printf("  %s\n", weights->error.message);
  printf("threads: %" PRId32 " by default\n", seq_default_threads());
  for (uint32_t f = 0; f < program->n_functions; ++f) {
    const seq_function *function = &program->functions[f];
    printf("function %s\n", function->name);
    print_types("input", function->inputs, NULL, function->n_inputs);
    print_types("state", function->states, function->caches,
                function->n_states);
    print_types("output", function->outputs, NULL, function->n_outputs);
    printf("  scratch bytes at dynamic sizes of");
    for (int i = 0; i < N_LENGTHS; ++i)
      printf("%s %" PRId64 ": %" PRId64, i ? "," : "", lengths[i],
             arena_bytes(program, function, lengths[i]));
    printf("\n");
  }
  printf("state bytes: %" PRId64, state_bytes(program, lengths[0]));
  for (int i = 1; has_capacity && i < N_LENGTHS; ++i)
    printf(", at capacity %" PRId64 ": %" PRId64, lengths[i],
           state_bytes(program, lengths[i]));
  printf("\n");
  if (program->forms && *program->forms)
    printf("forms:\n%s%s", program->forms,
           program->forms[strlen(program->forms) - 1] == '\n' ? "" : "\n");
}

static void json_types(seq_json *json, const char *key,
                       const seq_tensor_type *types, const seq_cache *caches,
                       int32_t count) {
  seq_json_array(json, key);
  for (int32_t i = 0; i < count; ++i) {
    seq_json_object(json, NULL);
    seq_json_string(json, "name", types[i].name);
    seq_json_string(json, "dtype", seq_dtype_name(types[i].dtype));
    seq_json_array(json, "shape");
    for (int32_t axis = 0; axis < types[i].rank; ++axis)
      seq_json_integer(json, NULL, types[i].shape[axis]);
    seq_json_array_end(json);
    if (types[i].limit > 0)
      seq_json_integer(json, "limit", types[i].limit);
    if (caches && caches[i].most > 0)
      seq_json_integer(json, "most", caches[i].most);
    seq_json_object_end(json);
  }
  seq_json_array_end(json);
}

/* {"1": …, "128": …} */
static void json_function(seq_json *json, const seq_program *program,
                          const seq_function *function) {
  char key[24];
  seq_json_object(json, NULL);
  seq_json_string(json, "name", function->name);
  json_types(json, "inputs", function->inputs, NULL, function->n_inputs);
  json_types(json, "states", function->states, function->caches,
             function->n_states);
  json_types(json, "outputs", function->outputs, NULL, function->n_outputs);
  seq_json_object(json, "scratch_bytes");
  for (int i = 0; i < N_LENGTHS; ++i) {
    snprintf(key, sizeof key, "%" PRId64, lengths[i]);
    seq_json_integer(json, key, arena_bytes(program, function, lengths[i]));
  }
  seq_json_object_end(json);
  seq_json_object_end(json);
}

static void print_json(const seq_program *program, const weights_info *weights,
                       bool has_capacity) {
  char hex[24];
  seq_json json;
  seq_json_begin(&json, stdout);
  seq_json_object(&json, NULL);
  seq_json_string(&json, "architecture", program->architecture);
  seq_json_string(&json, "target", program->target);
  seq_json_string(&json, "compiler", program->compiler);
  seq_json_integer(&json, "abi_version", SEQ_ABI_VERSION);
  snprintf(hex, sizeof hex, "%016" PRIx64, program->source_hash);
  seq_json_string(&json, "source_hash", hex);
  snprintf(hex, sizeof hex, "%016" PRIx64, program->layout_id);
  seq_json_string(&json, "layout_id", hex);
  seq_json_integer(&json, "vocabulary", program->vocabulary);
  seq_json_boolean(&json, "byte_level", program->byte_level != 0);
  seq_json_object(&json, "weights");
  seq_json_string(&json, "status", weights->status);
  seq_json_string(&json, "file", weights->path);
  seq_json_integer(&json, "bytes", (int64_t)program->weights_bytes);
  if (*weights->error.message)
    seq_json_string(&json, "error", weights->error.message);
  seq_json_object_end(&json);
  seq_json_integer(&json, "threads", seq_default_threads());
  seq_json_array(&json, "functions");
  for (uint32_t f = 0; f < program->n_functions; ++f)
    json_function(&json, program, &program->functions[f]);
  seq_json_array_end(&json);
  if (has_capacity) {
    seq_json_object(&json, "state_bytes");
    for (int i = 0; i < N_LENGTHS; ++i) {
      snprintf(hex, sizeof hex, "%" PRId64, lengths[i]);
      seq_json_integer(&json, hex, state_bytes(program, lengths[i]));
    }
    seq_json_object_end(&json);
  } else {
    seq_json_integer(&json, "state_bytes", state_bytes(program, 0));
  }
  seq_json_string(&json, "forms", program->forms);
  seq_json_object_end(&json);
  seq_json_finish(&json);
}

static bool run(const seq_program *program, const option_list *options,
                seq_error *error) {
  int64_t threads;
  if (!seq_program_check(program, error) ||
      !integer_option(options, "--threads", 1, SEQ_MAX_THREADS, 0, &threads,
                      error))
    return false;
  weights_info weights = find_weights(program, options);
  bool has_capacity = seq_program_has_capacity(program);
  if (has_option(options, "--json"))
    print_json(program, &weights, has_capacity);
  else
    print_text(program, &weights, has_capacity);
  free(weights.path);
  return true;
}

const program_command info_command = {
    "info", "Say what the program computes, how, and from what.", NULL, NULL,
    own_options, run};

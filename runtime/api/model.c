/*===- model.c - models, and the sessions that they lend -------------------===*/

#include "api/api.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

uint32_t seq_api_version(void) { return SEQ_API_VERSION; }

static bool check_version(uint32_t caller, seq_error *error) {
  if (caller >> 16 == SEQ_API_VERSION >> 16 && caller <= SEQ_API_VERSION)
    return true;
  return seq_fail(error,
                  "the caller was built for API version %" PRIu32 ".%" PRIu32
                  ", this library has %u.%u",
                  caller >> 16, caller & 0xffff, SEQ_API_VERSION >> 16,
                  SEQ_API_VERSION & 0xffff);
}

static bool check_options(const seq_options *options,
                          const seq_program *program, seq_error *error) {
  for (size_t i = 0; i < sizeof options->reserved / sizeof(int32_t); ++i)
    if (options->reserved[i] != 0)
      return seq_fail(error, "options: a reserved field is not 0");
  if (options->threads < 0 || options->threads > SEQ_MAX_THREADS)
    return seq_fail(error, "options: %" PRId32 " threads, expected 0 to %d",
                    options->threads, SEQ_MAX_THREADS);
  if (options->source != 0 && options->source != program->source_hash)
    return seq_fail(error,
                    "the library holds another model: source hash %016" PRIx64
                    ", expected %016" PRIx64,
                    program->source_hash, options->source);
  return true;
}

/* The file of this library, where the loader found it, + ".weights". */
static char *weights_beside_library(seq_error *error) {
  Dl_info found;
  if (!dladdr(&seq_program_descriptor, &found) || !found.dli_fname) {
    seq_fail(error, "cannot find the library's own file: name the weights");
    return NULL;
  }
  char *path = malloc(strlen(found.dli_fname) + sizeof ".weights");
  if (path)
    sprintf(path, "%s.weights", found.dli_fname);
  else
    seq_fail(error, "no memory for the library's own path");
  return path;
}

static bool open_weights(seq_model *model, const char *path, seq_error *error) {
  const seq_program *program = model->program;
  char *own = NULL;
  if (!path && program->weights_bytes != 0 && !program->embedded_weights &&
      !(path = own = weights_beside_library(error)))
    return false;
  bool ok = seq_open_payload(program, path, &model->weights, &model->payload,
                             error);
  free(own);
  return ok;
}

static seq_info describe(const seq_program *program, int32_t threads) {
  seq_info info = {.architecture = program->architecture,
                   .target = program->target,
                   .compiler = program->compiler,
                   .source = program->source_hash,
                   .vocabulary = program->vocabulary,
                   .batch = 1,
                   .byte_level = program->byte_level,
                   .threads = threads};
  seq_error ignored;
  const seq_function *last = seq_find_function(program, "last", &ignored);
  if (last && last->n_inputs > 0 && last->inputs[0].rank == 2 &&
      last->inputs[0].shape[0] > 0)
    info.batch = last->inputs[0].shape[0];
  return info;
}

seq_model *seq_open(uint32_t api_version, const seq_options *options,
                    seq_error *error) {
  static const seq_options defaults;
  const seq_program *program = &seq_program_descriptor;
  seq_error ignored;
  if (!error)
    error = &ignored;
  if (!options)
    options = &defaults;
  if (!check_version(api_version, error) || !seq_program_check(program, error) ||
      !check_options(options, program, error))
    return NULL;
  seq_model *model = calloc(1, sizeof *model);
  if (!model) {
    seq_fail(error, "no memory for a model");
    return NULL;
  }
  model->program = program;
  model->process = getpid();
  atomic_init(&model->users, 1);
  pthread_mutex_init(&model->lock, NULL);
  model->info = describe(program, options->threads ? options->threads
                                                   : seq_default_threads());
  /* The first session shows that threads can be had at all. */
  seq_session *session = NULL;
  if (open_weights(model, options->weights, error))
    session = seq_model_lend(model, error);
  if (!session) {
    seq_model_release(model);
    return NULL;
  }
  seq_model_return(model, session);
  return model;
}

void seq_close(seq_model *model) { seq_model_release(model); }

void seq_model_release(seq_model *model) {
  if (!model || atomic_fetch_sub(&model->users, 1) > 1)
    return;
  /* A forked child has none of the threads, and cannot wait for their end. */
  while (model->idle && model->process == getpid()) {
    seq_session *session = model->idle;
    model->idle = session->next;
    seq_session_close(session);
  }
  seq_weights_close(model->weights);
  pthread_mutex_destroy(&model->lock);
  free(model);
}

seq_session *seq_model_lend(seq_model *model, seq_error *error) {
  if (model->process != getpid()) {
    seq_fail(error, "the model belongs to another process: after fork(), open "
                    "one again");
    return NULL;
  }
  pthread_mutex_lock(&model->lock);
  seq_session *session = model->idle;
  if (session)
    model->idle = session->next;
  pthread_mutex_unlock(&model->lock);
  return session ? session
                 : seq_session_open_on(model->program, model->payload,
                                       model->info.threads, error);
}

void seq_model_return(seq_model *model, seq_session *session) {
  pthread_mutex_lock(&model->lock);
  session->next = model->idle;
  model->idle = session;
  pthread_mutex_unlock(&model->lock);
}

/*===----------------------------------------------------------------------===*
 * What a model says of itself
 *===----------------------------------------------------------------------===*/

const seq_info *seq_model_info(const seq_model *model) { return &model->info; }

const char *seq_function_name(const seq_model *model, int32_t index) {
  if (index < 0 || (uint32_t)index >= model->program->n_functions)
    return NULL;
  return model->program->functions[index].name;
}

const seq_tensor_type *seq_input(const seq_model *model, const char *function,
                                 int32_t index) {
  seq_error ignored;
  const seq_function *found =
      seq_find_function(model->program, function, &ignored);
  return found && index >= 0 && index < found->n_inputs ? &found->inputs[index]
                                                        : NULL;
}

const seq_tensor_type *seq_output(const seq_model *model, const char *function,
                                  int32_t index) {
  seq_error ignored;
  const seq_function *found =
      seq_find_function(model->program, function, &ignored);
  return found && index >= 0 && index < found->n_outputs
             ? &found->outputs[index]
             : NULL;
}

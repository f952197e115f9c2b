/*===- run.c - `run`: arrays in, arrays out
 * -----------------------------------===*/

#include "program/program.h"
#include "seq/runtime/Npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const option_spec own_options[] = {
    {"--input", "NAME=FILE", "Read an input from a .npy file; once for each.",
     true},
    {"--output", "NAME=FILE", "Write an output to a .npy file; once for each.",
     true},
    {"--function", "NAME", "The function to run; default: the first.", false},
    {NULL, NULL, NULL, false}};

/* What one run needs, released together. */
typedef struct {
  const seq_function *function;
  const char **input_paths, **output_paths; /* in the function's order */
  seq_tensor *inputs;
  seq_session *session;
  seq_state *state;
} run_job;

/* Sorts the values of `name`, each NAME=FILE, into paths by the type's index.
 */
static bool assign_paths(const option_list *options, const char *name,
                         const char *what, const seq_tensor_type *types,
                         int32_t count, const char **paths, seq_error *error) {
  for (int i = 0; i < options->count; ++i) {
    if (strcmp(options->given[i].option->name, name) != 0)
      continue;
    const char *value = options->given[i].value;
    const char *equals = strchr(value, '=');
    if (!equals || equals == value || !equals[1])
      return seq_fail(error, "%s '%s', expected NAME=FILE", name, value);
    size_t length = (size_t)(equals - value);
    int32_t index = 0;
    while (index < count && (strlen(types[index].name) != length ||
                             memcmp(types[index].name, value, length) != 0))
      ++index;
    if (index == count) {
      char names[512] = "";
      for (int32_t j = 0; j < count; ++j) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", j ? ", " : "",
                 types[j].name);
      }
      return seq_fail(error, "no %s %.*s; there is %s", what, (int)length,
                      value, count ? names : "none");
    }
    if (paths[index])
      return seq_fail(error, "%s %s is given twice", name, types[index].name);
    paths[index] = equals + 1;
  }
  return true;
}

static bool assign(run_job *job, const option_list *options, seq_error *error) {
  const seq_function *function = job->function;
  job->input_paths =
      calloc((size_t)function->n_inputs + 1, sizeof *job->input_paths);
  job->output_paths =
      calloc((size_t)function->n_outputs + 1, sizeof *job->output_paths);
  job->inputs = calloc((size_t)function->n_inputs + 1, sizeof *job->inputs);
  if (!job->input_paths || !job->output_paths || !job->inputs)
    return seq_fail(error, "no memory for the inputs");
  if (!assign_paths(options, "--input", "input", function->inputs,
                    function->n_inputs, job->input_paths, error) ||
      !assign_paths(options, "--output", "output", function->outputs,
                    function->n_outputs, job->output_paths, error))
    return false;
  char text[256];
  for (int32_t i = 0; i < function->n_inputs; ++i)
    if (!job->input_paths[i])
      return seq_fail(
          error, "missing --input %s=FILE.npy (%s)", function->inputs[i].name,
          seq_tensor_type_text(&function->inputs[i], text, sizeof text));
  return true;
}

/* A capacity that is enough for the sequences at hand: their longest dynamic
 * size. */
static int64_t capacity(const run_job *job) {
  int64_t largest = 1;
  for (int32_t i = 0; i < job->function->n_inputs; ++i)
    for (int32_t axis = 0;
         axis < job->function->inputs[i].rank && axis < job->inputs[i].rank;
         ++axis)
      if (job->function->inputs[i].shape[axis] < 0 &&
          job->inputs[i].shape[axis] > largest)
        largest = job->inputs[i].shape[axis];
  return largest;
}

static bool read_inputs(run_job *job, seq_error *error) {
  for (int32_t i = 0; i < job->function->n_inputs; ++i) {
    seq_error reason;
    if (!seq_npy_read(job->input_paths[i], job->function->inputs[i].dtype,
                      &job->inputs[i], &reason))
      return seq_fail(error, "input %s: %s", job->function->inputs[i].name,
                      reason.message);
  }
  return true;
}

static bool write_outputs(const run_job *job, seq_error *error) {
  const seq_tensor *outputs = seq_session_outputs(job->session);
  int32_t n = job->function->n_outputs, count = 0;
  const char **paths = calloc((size_t)n + 1, sizeof *paths);
  seq_tensor *arrays = calloc((size_t)n + 1, sizeof *arrays);
  bool ok = paths && arrays;
  if (!ok)
    seq_fail(error, "no memory to write the outputs");
  for (int32_t i = 0; ok && i < n; ++i)
    if (job->output_paths[i]) {
      paths[count] = job->output_paths[i];
      arrays[count++] = outputs[i];
    }
  ok = ok && seq_npy_write_all(paths, arrays, count, error);
  free(paths);
  free(arrays);
  return ok;
}

static void print_text(const run_job *job) {
  const seq_tensor *outputs = seq_session_outputs(job->session);
  char text[256];
  for (int32_t i = 0; i < job->function->n_outputs; ++i)
    printf("%s: %s%s%s\n", job->function->outputs[i].name,
           seq_tensor_text(&outputs[i], text, sizeof text),
           job->output_paths[i] ? " -> " : "",
           job->output_paths[i] ? job->output_paths[i] : "");
}

static void print_json(const run_job *job, double seconds) {
  const seq_tensor *outputs = seq_session_outputs(job->session);
  seq_json json;
  seq_json_begin(&json, stdout);
  seq_json_object(&json, NULL);
  seq_json_string(&json, "function", job->function->name);
  seq_json_integer(&json, "threads", seq_session_threads(job->session));
  seq_json_number(&json, "seconds", seconds);
  seq_json_array(&json, "outputs");
  for (int32_t i = 0; i < job->function->n_outputs; ++i) {
    seq_json_object(&json, NULL);
    seq_json_string(&json, "name", job->function->outputs[i].name);
    seq_json_string(&json, "dtype", seq_dtype_name(outputs[i].dtype));
    seq_json_array(&json, "shape");
    for (int32_t axis = 0; axis < outputs[i].rank; ++axis)
      seq_json_integer(&json, NULL, outputs[i].shape[axis]);
    seq_json_array_end(&json);
    seq_json_string(&json, "file", job->output_paths[i]);
    seq_json_object_end(&json);
  }
  seq_json_array_end(&json);
  seq_json_object_end(&json);
  seq_json_finish(&json);
}

static bool execute(run_job *job, const seq_program *program,
                    const option_list *options, seq_error *error) {
  job->function =
      seq_find_function(program, option_value(options, "--function"), error);
  if (!job->function || !assign(job, options, error) ||
      !(job->session = open_session(program, options, error)) ||
      !read_inputs(job, error))
    return false;
  if (job->function->n_states > 0 &&
      !(job->state = seq_state_create(program, capacity(job), error)))
    return false;
  double start = seconds_now();
  if (!seq_session_run(job->session, job->state, job->function, job->inputs,
                       error))
    return false;
  double seconds = seconds_now() - start;
  if (!write_outputs(job, error))
    return false;
  if (has_option(options, "--json"))
    print_json(job, seconds);
  else
    print_text(job);
  return true;
}

static bool run(const seq_program *program, const option_list *options,
                seq_error *error) {
  if (!seq_program_check(program, error))
    return false;
  run_job job = {0};
  bool ok = execute(&job, program, options, error);
  for (int32_t i = 0; job.inputs && i < job.function->n_inputs; ++i)
    free(job.inputs[i].data);
  free(job.inputs);
  free(job.input_paths);
  free(job.output_paths);
  seq_state_free(job.state);
  seq_session_close(job.session);
  return ok;
}

const program_command run_command = {
    "run", "Run a function on arrays from .npy files.", NULL,
    "\nStates start as zeros. Outputs are written when all has succeeded; "
    "those without\n--output are computed and only described. `info` lists "
    "names and types.",
    own_options, run};

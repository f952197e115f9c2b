/*===- bench.c - `bench`: how fast
 * --------------------------------------------===*/

#include "program/program.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const option_spec own_options[] = {
    {"--prefill", "N", "Tokens given in one call; 0 = skip; default: 512.",
     false},
    {"--decode", "N",
     "Tokens given one by one, after none; 0 = skip; default: 128.", false},
    {"--repeat", "R", "Measurements of each; default: 5.", false},
    {"--function", "NAME",
     "Measure this function on random inputs; default for what is no language "
     "model: the first.",
     false},
    {NULL, NULL, NULL, false}};

typedef struct {
  const seq_program *program;
  seq_session *session;
  const seq_function *function; /* NULL: a language model, through a decoder */
  decoder_state decoder;
  seq_tensor logits;
  seq_tensor *inputs; /* of the function, for sequences of `made_for` */
  int64_t made_for;
  seq_state *state;
  int64_t *ids;
  double *rates; /* R */
  int64_t repeat;
  seq_random random;
} bench_job;

typedef struct {
  const char *name;
  int64_t tokens;
  bool one_by_one;
} measurement;

/* Inputs of the function for sequences of `size`. */
static bool make_inputs(bench_job *bench, int64_t size, seq_error *error) {
  const seq_function *function = bench->function;
  if (!bench->inputs)
    bench->inputs =
        calloc((size_t)function->n_inputs + 1, sizeof *bench->inputs);
  if (!bench->inputs)
    return seq_fail(error, "no memory for the inputs");
  for (int32_t i = 0; i < function->n_inputs; ++i) {
    free(bench->inputs[i].data);
    if (!make_input(&function->inputs[i], size, &bench->inputs[i], error))
      return false;
    fill_random(&bench->inputs[i], function->inputs[i].limit, &bench->random);
  }
  bench->made_for = size;
  return true;
}

static bool call(bench_job *bench, int64_t tokens, seq_error *error) {
  if (!bench->function)
    return decoder_feed(&bench->decoder, bench->ids, tokens, &bench->logits,
                        error);
  return seq_session_run(bench->session, bench->state, bench->function,
                         bench->inputs, error);
}

/* Tokens per second, from zeroed states. */
static bool measure_once(bench_job *bench, const measurement *what,
                         double *rate, seq_error *error) {
  int64_t size = what->one_by_one ? 1 : what->tokens;
  if (!bench->function)
    decoder_reset(&bench->decoder);
  else if (bench->state)
    seq_state_reset(bench->state);
  if (bench->function && bench->made_for != size &&
      !make_inputs(bench, size, error))
    return false;
  double start = seconds_now();
  for (int64_t i = 0; i < (what->one_by_one ? what->tokens : 1); ++i)
    if (!call(bench, size, error))
      return false;
  *rate = (double)what->tokens / (seconds_now() - start);
  return true;
}

static bool prepare(bench_job *bench, const option_list *options,
                    int64_t longest, seq_error *error) {
  const char *name = option_value(options, "--function");
  const seq_program *program = bench->program;
  bench->rates = calloc((size_t)bench->repeat, sizeof *bench->rates);
  bench->ids = calloc((size_t)longest + 1, sizeof *bench->ids);
  if (!bench->rates || !bench->ids)
    return seq_fail(error, "no memory for %" PRId64 " tokens", longest);
  bench->session = open_session(program, options, error);
  if (!bench->session)
    return false;
  seq_random_seed(&bench->random, 0);
  if (!name && program->vocabulary > 0) {
    for (int64_t i = 0; i < longest; ++i)
      bench->ids[i] = (int64_t)(seq_random_next(&bench->random) %
                                (uint64_t)program->vocabulary);
    return decoder_open(&bench->decoder, program, bench->session, longest,
                        error);
  }
  bench->made_for = -1;
  bench->function = seq_find_function(program, name, error);
  if (!bench->function)
    return false;
  if (bench->function->n_states > 0)
    bench->state = seq_state_create(program, longest, error);
  return bench->function->n_states == 0 || bench->state;
}

static void print_json_head(seq_json *json, const bench_job *bench) {
  seq_json_begin(json, stdout);
  seq_json_object(json, NULL);
  seq_json_string(json, "architecture", bench->program->architecture);
  seq_json_string(json, "target", bench->program->target);
  seq_json_string(json, "function",
                  bench->function ? bench->function->name : "last");
  seq_json_integer(json, "threads", seq_session_threads(bench->session));
  seq_json_array(json, "tests");
}

static void print_json_row(seq_json *json, const bench_job *bench,
                           const measurement *what, const double *rates,
                           rate_spread spread) {
  seq_json_object(json, NULL);
  seq_json_string(json, "test", what->name);
  seq_json_integer(json, "tokens", what->tokens);
  seq_json_number(json, "median", spread.median);
  seq_json_number(json, "min", spread.least);
  seq_json_number(json, "max", spread.most);
  seq_json_array(json, "tokens_per_second");
  for (int64_t i = 0; i < bench->repeat; ++i)
    seq_json_number(json, NULL, rates[i]);
  seq_json_array_end(json);
  seq_json_object_end(json);
}

static void print_text_head(const bench_job *bench) {
  printf("%s, %s; %" PRId64 " runs each\n\n",
         bench->program->architecture ? bench->program->architecture : "?",
         bench->program->target ? bench->program->target : "?", bench->repeat);
  printf("| function         | threads | test            |     tokens/s |"
         "          min |          max |\n");
  printf("| ---------------- | ------: | --------------- | -----------: |"
         " -----------: | -----------: |\n");
}

static void print_text_row(const bench_job *bench, const measurement *what,
                           rate_spread spread) {
  char test[48];
  snprintf(test, sizeof test, "%s %" PRId64, what->name, what->tokens);
  printf("| %-16s | %7" PRId32 " | %-15s | %12.2f | %12.2f | %12.2f |\n",
         bench->function ? bench->function->name : "last",
         seq_session_threads(bench->session), test, spread.median, spread.least,
         spread.most);
  fflush(stdout);
}

static bool has_dynamic_input(const seq_function *function) {
  for (int32_t i = 0; i < function->n_inputs; ++i)
    for (int32_t axis = 0; axis < function->inputs[i].rank; ++axis)
      if (function->inputs[i].shape[axis] < 0)
        return true;
  return false;
}

/* What to measure of a function with static sizes, where nobody can say how
 * many tokens a call is worth, is calls; one without states has no decoding. */
static measurement suited(const bench_job *bench, measurement what) {
  if (bench->function && !has_dynamic_input(bench->function))
    what = what.one_by_one || what.tokens == 0
               ? (measurement){"", 0, true}
               : (measurement){"call", 1, false};
  else if (bench->function && bench->function->n_states == 0 && what.one_by_one)
    what.tokens = 0;
  return what;
}

static bool measure(bench_job *bench, const option_list *options,
                    const measurement *list, int count, seq_error *error) {
  bool as_json = has_option(options, "--json");
  seq_json json;
  if (as_json)
    print_json_head(&json, bench);
  else
    print_text_head(bench);
  for (int i = 0; i < count; ++i) {
    const measurement suitable = suited(bench, list[i]), *what = &suitable;
    if (what->tokens == 0)
      continue;
    double ignored;
    if (!measure_once(bench, what, &ignored, error)) /* warms up */
      return false;
    for (int64_t r = 0; r < bench->repeat; ++r)
      if (!measure_once(bench, what, &bench->rates[r], error))
        return false;
    rate_spread spread = spread_of(bench->rates, bench->repeat);
    if (as_json)
      print_json_row(&json, bench, what, bench->rates, spread);
    else
      print_text_row(bench, what, spread);
  }
  if (as_json) {
    seq_json_array_end(&json);
    seq_json_object_end(&json);
    seq_json_finish(&json);
  }
  return true;
}

static bool run(const seq_program *program, const option_list *options,
                seq_error *error) {
  const int64_t most = INT64_C(1) << 40;
  int64_t prefill, decode;
  bench_job bench = {.program = program};
  if (!seq_program_check(program, error) ||
      !integer_option(options, "--prefill", 0, most, 512, &prefill, error) ||
      !integer_option(options, "--decode", 0, most, 128, &decode, error) ||
      !integer_option(options, "--repeat", 1, 1000000, 5, &bench.repeat, error))
    return false;
  const measurement list[] = {{"prefill", prefill, false},
                              {"decode", decode, true}};
  bool ok =
      prepare(&bench, options, prefill > decode ? prefill : decode, error) &&
      measure(&bench, options, list, 2, error);
  for (int32_t i = 0; bench.inputs && i < bench.function->n_inputs; ++i)
    free(bench.inputs[i].data);
  free(bench.inputs);
  free(bench.ids);
  free(bench.rates);
  seq_state_free(bench.state);
  decoder_close(&bench.decoder);
  seq_session_close(bench.session);
  return ok;
}

const program_command bench_command = {
    "bench", "Measure tokens per second.", NULL,
    "\nEach test runs once to warm up, then R times from zeroed states; the "
    "table has the\nmedian, the least and the most. prefill gives N random "
    "tokens in one call, decode\ngives N in N calls. Of a function that is no "
    "language model, dynamic sizes are N;\nif it has none, calls per second "
    "are measured.",
    own_options, run};

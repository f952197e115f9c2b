/*===- generate.c - `generate`: continue a prompt
 * -----------------------------===*/

#include "program/program.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const option_spec own_options[] = {
    {"--prompt", "TEXT", "The beginning.", false},
    {"--ids", "1,2,3", "The beginning as token ids.", false},
    {"--max-new", "N", "How many tokens to generate; default: 64.", false},
    {"--temperature", "T",
     "0 = always the likeliest token (default); higher = more varied.", false},
    {"--top-k", "K", "Sample from the K likeliest tokens; 0 = all (default).",
     false},
    {"--top-p", "P",
     "Sample from the likeliest tokens of total probability P; 1 = all "
     "(default).",
     false},
    {"--seed", "N", "Of the random numbers; default: 0.", false},
    {"--ignore-eos", NULL, "Go on behind a token that ends the text.", false},
    TOKENIZER_OPTION,
    {NULL, NULL, NULL, false}};

typedef struct {
  int64_t *ids; /* the prompt, then what was generated */
  int64_t n_prompt, n_new, most_new;
  bool ignores_end, ended;
  double prompt_seconds, new_seconds; /* of the calls after the first */
} generation;

static bool parse_ids(seq_token_ids *ids, const seq_program *program,
                      const char *list, seq_error *error) {
  /* An id takes at least one character. */
  ids->data = malloc((strlen(list) + 1) * sizeof *ids->data);
  if (!ids->data)
    return seq_fail(error, "no memory for the tokens of --ids");
  while (*list) {
    size_t length = strcspn(list, ",");
    int64_t id;
    if (!parse_integer(list, length, &id))
      return seq_fail(error, "--ids: '%.*s', expected integers like 1,2,3",
                      (int)(length < 64 ? length : 64), list);
    if (id < 0 || id >= program->vocabulary)
      return seq_fail(error, "--ids: token %" PRId64 ", expected 0 to %" PRId64,
                      id, program->vocabulary - 1);
    ids->data[ids->count++] = id;
    list += length;
    if (*list == ',' && !*++list)
      return seq_fail(error, "--ids: it ends with a comma");
  }
  return true;
}

static bool read_prompt(generation *text, const speller *spell,
                        const option_list *options, seq_error *error) {
  const char *prompt = option_value(options, "--prompt");
  const char *ids = option_value(options, "--ids");
  const seq_program *program = spell->program;
  if (!prompt == !ids)
    return seq_fail(error, "%s: expected one of --prompt TEXT and --ids 1,2,3",
                    prompt ? "both --prompt and --ids are given"
                           : "no beginning is given");
  seq_token_ids list = {0};
  bool ok = prompt ? speller_encode(spell, prompt, &list, error)
                   : parse_ids(&list, program, ids, error);
  text->ids = list.data;
  text->n_prompt = list.count;
  if (!ok)
    return false;
  if (text->n_prompt == 0)
    return seq_fail(error, "%s is empty", prompt ? "--prompt" : "--ids");
  int64_t most = text->n_prompt + text->most_new;
  int64_t *all = NULL;
  if (most < INT64_C(1) << 60)
    all = realloc(text->ids, (size_t)most * sizeof *all);
  if (!all)
    return seq_fail(error, "no memory for %" PRId64 " tokens", most);
  text->ids = all;
  return true;
}

static bool is_end(const seq_program *program, int64_t id) {
  for (int32_t i = 0; i < program->n_ends; ++i)
    if (program->ends[i] == id)
      return true;
  return false;
}

/* The end token is no text. */
static bool stream_token(speller *spell, const generation *text,
                         seq_error *error) {
  int64_t id = text->ids[text->n_prompt + text->n_new - 1];
  if (text->ended && speller_has_text(spell))
    return true;
  if (!speller_has_text(spell))
    printf("%s%" PRId64, text->n_new > 1 ? " " : "", id);
  else if (!speller_put(spell, id, stdout, error))
    return false;
  return fflush(stdout) == 0 ||
         seq_fail(error, "cannot write to standard output");
}

/* `stream`: NULL = no text is shown. */
static bool generate(decoder_state *decoder, seq_sampler *sampler,
                     generation *text, speller *stream, seq_error *error) {
  seq_tensor logits;
  double start = seconds_now();
  if (!decoder_feed(decoder, text->ids, text->n_prompt, &logits, error))
    return false;
  text->prompt_seconds = seconds_now() - start;
  start = seconds_now();
  for (;;) {
    int64_t *id = &text->ids[text->n_prompt + text->n_new];
    if (!seq_sampler_next(sampler, &logits, id, error))
      return false;
    ++text->n_new;
    text->ended = !text->ignores_end && is_end(decoder->program, *id);
    if (stream && !stream_token(stream, text, error))
      return false;
    if (text->ended || text->n_new == text->most_new)
      break;
    if (!decoder_feed(decoder, id, 1, &logits, error))
      return false;
  }
  text->new_seconds = seconds_now() - start;
  return true;
}

static double prompt_rate(const generation *text) {
  return (double)text->n_prompt / text->prompt_seconds;
}

/* The first new token needs no call of its own. */
static double new_rate(const generation *text) {
  return (double)(text->n_new - 1) / text->new_seconds;
}

/* The new tokens as text. */
static bool spell_all(speller *spell, const generation *text, char **spelled,
                      size_t *bytes, seq_error *error) {
  FILE *stream = open_memstream(spelled, bytes);
  bool ok = stream || seq_fail(error, "no memory for the text");
  for (int64_t i = 0; ok && i < text->n_new - text->ended; ++i)
    ok = speller_put(spell, text->ids[text->n_prompt + i], stream, error);
  if (stream) {
    speller_end(spell, stream);
    fclose(stream);
  }
  return ok;
}

static bool print_json(speller *spell, const generation *text,
                       const seq_sampling *sampling, int32_t threads,
                       seq_error *error) {
  char *spelled = NULL;
  size_t bytes = 0;
  if (speller_has_text(spell) &&
      !spell_all(spell, text, &spelled, &bytes, error)) {
    free(spelled);
    return false;
  }
  seq_json json;
  seq_json_begin(&json, stdout);
  seq_json_object(&json, NULL);
  seq_json_array(&json, "prompt_ids");
  for (int64_t i = 0; i < text->n_prompt; ++i)
    seq_json_integer(&json, NULL, text->ids[i]);
  seq_json_array_end(&json);
  seq_json_array(&json, "ids");
  for (int64_t i = 0; i < text->n_new; ++i)
    seq_json_integer(&json, NULL, text->ids[text->n_prompt + i]);
  seq_json_array_end(&json);
  if (spelled)
    seq_json_bytes(&json, "text", spelled, bytes);
  free(spelled);
  seq_json_string(&json, "stopped", text->ended ? "end token" : "length");
  seq_json_integer(&json, "seed", (int64_t)sampling->seed);
  seq_json_integer(&json, "threads", threads);
  seq_json_number(&json, "prompt_tokens_per_second", prompt_rate(text));
  seq_json_number(&json, "new_tokens_per_second",
                  text->n_new > 1 ? new_rate(text) : 0.0 / 0.0);
  seq_json_object_end(&json);
  seq_json_finish(&json);
  return true;
}

static void print_rates(const generation *text) {
  fprintf(stderr, "prompt: %" PRId64 " tokens, %.1f tokens/s; ", text->n_prompt,
          prompt_rate(text));
  if (text->n_new > 1)
    fprintf(stderr, "generated: %" PRId64 " tokens, %.1f tokens/s\n",
            text->n_new, new_rate(text));
  else
    fprintf(stderr, "generated: 1 token\n");
}

static bool read_sampling(const option_list *options, seq_sampling *sampling,
                          int64_t *most_new, seq_error *error) {
  int64_t seed;
  if (!integer_option(options, "--max-new", 1, INT64_C(1) << 40, 64, most_new,
                      error) ||
      !integer_option(options, "--top-k", 0, INT64_MAX, 0, &sampling->top_k,
                      error) ||
      !integer_option(options, "--seed", 0, INT64_MAX, 0, &seed, error) ||
      !number_option(options, "--temperature", 0, &sampling->temperature,
                     error) ||
      !number_option(options, "--top-p", 1, &sampling->top_p, error))
    return false;
  sampling->seed = (uint64_t)seed;
  return true;
}

static bool execute(const seq_program *program, const option_list *options,
                    generation *text, speller *spell, decoder_state *decoder,
                    seq_sampler **sampler, seq_error *error) {
  seq_sampling sampling;
  bool json = has_option(options, "--json");
  text->ignores_end = has_option(options, "--ignore-eos");
  if (program->vocabulary < 1)
    return seq_fail(error, "the program (%s) is not a language model",
                    program->architecture ? program->architecture : "?");
  if (!read_sampling(options, &sampling, &text->most_new, error))
    return false;
  if (!speller_open(spell, program, options, error)) {
    /* A tokenizer that nobody asked for is not needed to go on from ids. */
    if (!has_option(options, "--ids") || has_option(options, "--tokenizer"))
      return false;
    fprintf(stderr, "note: ids instead of text: %s\n", error->message);
  }
  if (!read_prompt(text, spell, options, error) ||
      !(*sampler = seq_sampler_create(&sampling, program->vocabulary, error)))
    return false;
  seq_session *session = open_session(program, options, error);
  if (!session || !decoder_open(decoder, program, session,
                                text->n_prompt + text->most_new, error))
    return false;
  bool ok = generate(decoder, *sampler, text, json ? NULL : spell, error);
  if (!json && text->n_new > 0) {
    speller_end(spell, stdout);
    putchar('\n');
  }
  if (!ok)
    return false;
  if (json)
    return print_json(spell, text, &sampling, seq_session_threads(session),
                      error);
  fflush(stdout);
  print_rates(text);
  return true;
}

static bool run(const seq_program *program, const option_list *options,
                seq_error *error) {
  if (!seq_program_check(program, error))
    return false;
  generation text = {0};
  speller spell = {0};
  decoder_state decoder = {0};
  seq_sampler *sampler = NULL;
  bool ok =
      execute(program, options, &text, &spell, &decoder, &sampler, error);
  seq_session *session = decoder.session;
  decoder_close(&decoder);
  seq_session_close(session);
  seq_sampler_free(sampler);
  speller_close(&spell);
  free(text.ids);
  return ok;
}

const program_command generate_command = {
    "generate", "Continue a prompt, token by token.", NULL,
    "\nThe new tokens go to standard output as they are made: as text where "
    "there is a\ntokenizer or tokens are bytes, else as ids. The rates go to "
    "standard error. The\nsame seed gives the same tokens.",
    own_options, run};

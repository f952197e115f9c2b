/*===- program.h - the command line of a compiled program
 * -------------------===*/
#ifndef SEQ_RUNTIME_PROGRAM_PROGRAM_H
#define SEQ_RUNTIME_PROGRAM_PROGRAM_H

#include "seq/runtime/Json.h"
#include "seq/runtime/Sampling.h"
#include "seq/runtime/Session.h"
#include "seq/runtime/Tokenizer.h"

/*===----------------------------------------------------------------------===*
 * Options
 *===----------------------------------------------------------------------===*/

typedef struct {
  const char *name;     /* "--threads" */
  const char *argument; /* what help calls its value; NULL = it has none */
  const char *help;
  bool repeats; /* may be given several times */
} option_spec;

typedef struct {
  const option_spec *option;
  const char *value;
} given_option;

typedef struct {
  given_option *given;
  int count;
  const char **words; /* what is no option */
  int n_words;
} option_list;

typedef struct {
  const char *name, *summary;
  const char *words;      /* what help calls the words it takes; NULL = none */
  const char *details;    /* more lines for its help, or NULL */
  const option_spec *own; /* besides the common ones; ends with a NULL name */
  bool (*run)(const seq_program *program, const option_list *options,
              seq_error *error);
} program_command;

extern const program_command run_command, generate_command, embed_command,
    bench_command, info_command;

/* Options and words after the command's name; after "--" all are words. Call
 * release_options also on failure. */
bool parse_options(const program_command *command, int argc, char **argv,
                   option_list *options, seq_error *error);

void release_options(option_list *options);

/* NULL when it was not given. */
const char *option_value(const option_list *options, const char *name);
bool has_option(const option_list *options, const char *name);

/* The option's number in [least, most], or `otherwise` when not given. */
bool integer_option(const option_list *options, const char *name, int64_t least,
                    int64_t most, int64_t otherwise, int64_t *value,
                    seq_error *error);
bool number_option(const option_list *options, const char *name,
                   double otherwise, double *value, seq_error *error);

void print_command_help(const program_command *command, const char *program);

/* Opens a session by --threads and --weights. */
seq_session *open_session(const seq_program *program,
                          const option_list *options, seq_error *error);

/*===----------------------------------------------------------------------===*
 * Numbers
 *===----------------------------------------------------------------------===*/

/* The whole of text[0 … bytes) is a decimal integer. */
bool parse_integer(const char *text, size_t bytes, int64_t *value);

double seconds_now(void);

typedef struct {
  double median, least, most;
} rate_spread;

/* Of at least one value; sorts them. */
rate_spread spread_of(double *values, int64_t count);

/* Normal floats, integers in [0, limit) ([0, 2) without a limit), bools. */
void fill_random(const seq_tensor *tensor, int64_t limit, seq_random *random);

/* Memory for an input of type `type` with every dynamic size `size`. */
bool make_input(const seq_tensor_type *type, int64_t size, seq_tensor *tensor,
                seq_error *error);

/*===----------------------------------------------------------------------===*
 * Text
 *===----------------------------------------------------------------------===*/

/* How text becomes tokens: by a tokenizer; else as bytes, where the program is
 * made for them; else not at all. */
typedef struct {
  const seq_program *program;
  seq_tokenizer *tokenizer; /* NULL without one */
  seq_detokenizer *detokenizer;
} speller;

#define TOKENIZER_OPTION                                                       \
  {"--tokenizer", "FILE",                                                      \
   "A tokenizer.json; default: the program's own path + .tokenizer.json, "     \
   "where there is one.",                                                      \
   false}

/* A failure leaves one without a tokenizer. Call speller_close also then. */
bool speller_open(speller *spell, const seq_program *program,
                  const option_list *options, seq_error *error);
void speller_close(speller *spell);

/* Can it spell? */
bool speller_has_text(const speller *spell);

/* Appends the tokens of a text. */
bool speller_encode(const speller *spell, const char *text, seq_token_ids *ids,
                    seq_error *error);

/* Writes what the token adds to the text. */
bool speller_put(speller *spell, int64_t id, FILE *stream, seq_error *error);

/* Writes what was held back at the end of the text. */
void speller_end(speller *spell, FILE *stream);

/*===----------------------------------------------------------------------===*
 * Language models
 *===----------------------------------------------------------------------===*/

/* Feeds tokens to the function "last". A model without states is given all
 * tokens since the last reset again at every call. */
typedef struct {
  seq_session *session;
  seq_state *state; /* NULL without states */
  const seq_program *program;
  const seq_function *function;
  seq_tensor ids; /* room for `most` tokens */
  int64_t held, most;
} decoder_state;

/* For sequences of up to `most` tokens. Call decoder_close also on failure. */
bool decoder_open(decoder_state *decoder, const seq_program *program,
                  seq_session *session, int64_t most, seq_error *error);
void decoder_reset(decoder_state *decoder);

/* The logits (`vocabulary` of them) after these tokens. */
bool decoder_feed(decoder_state *decoder, const int64_t *tokens, int64_t count,
                  seq_tensor *logits, seq_error *error);
void decoder_close(decoder_state *decoder);

#endif

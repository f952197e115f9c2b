/*===- program.h - the command line of a compiled program
 * -------------------===*/
#ifndef SEQ_RUNTIME_PROGRAM_PROGRAM_H
#define SEQ_RUNTIME_PROGRAM_PROGRAM_H

#include "seq/runtime/Json.h"
#include "seq/runtime/Sampling.h"
#include "seq/runtime/Session.h"

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
} option_list;

typedef struct {
  const char *name, *summary;
  const char *details;    /* more lines for its help, or NULL */
  const option_spec *own; /* besides the common ones; ends with a NULL name */
  bool (*run)(const seq_program *program, const option_list *options,
              seq_error *error);
} program_command;

extern const program_command run_command, generate_command, bench_command,
    info_command;

/* Options after the command's name. Also fails on words that are no options. */
bool parse_options(const program_command *command, int argc, char **argv,
                   option_list *options, seq_error *error);

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

/*===- options.c - the options of a command
 * -----------------------------------===*/

#include "program/program.h"
#include "seq/runtime/Team.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const option_spec common_options[] = {
    {"--json", NULL, "Print JSON instead of text.", false},
    {"--threads", "N", "Threads to use; default: the CPUs it may run on.",
     false},
    {"--weights", "FILE",
     "Weight file; default: the program's own path + .weights, unless the "
     "weights are embedded.",
     false},
    {"--help", NULL, "Print this.", false},
    {NULL, NULL, NULL, false}};

static const option_spec *find(const option_spec *list, const char *name,
                               size_t bytes) {
  for (; list->name; ++list)
    if (strlen(list->name) == bytes && memcmp(list->name, name, bytes) == 0)
      return list;
  return NULL;
}

bool has_option(const option_list *options, const char *name) {
  return option_value(options, name) != NULL;
}

const char *option_value(const option_list *options, const char *name) {
  for (int i = 0; i < options->count; ++i)
    if (strcmp(options->given[i].option->name, name) == 0)
      return options->given[i].value;
  return NULL;
}

bool parse_options(const program_command *command, int argc, char **argv,
                   option_list *options, seq_error *error) {
  bool only_words = false;
  *options = (option_list){0};
  options->given = calloc((size_t)argc + 1, sizeof *options->given);
  options->words = calloc((size_t)argc + 1, sizeof *options->words);
  if (!options->given || !options->words)
    return seq_fail(error, "no memory for the options");
  for (int i = 0; i < argc; ++i) {
    const char *word = argv[i];
    if (command->words && (only_words || word[0] != '-')) {
      options->words[options->n_words++] = word;
      continue;
    }
    if (command->words && strcmp(word, "--") == 0) {
      only_words = true;
      continue;
    }
    if (word[0] != '-')
      return seq_fail(error, "%s: unexpected argument '%s'", command->name,
                      word);
    const char *equals = strchr(word, '=');
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    const option_spec *found = find(command->own, word, length);
    if (!found)
      found = find(common_options, word, length);
    if (!found)
      return seq_fail(error, "%s: unknown option '%.*s' (see %s --help)",
                      command->name, (int)length, word, command->name);
    const char *value = "";
    if (!found->argument) {
      if (equals)
        return seq_fail(error, "%s: %s takes no value", command->name,
                        found->name);
    } else if (equals) {
      value = equals + 1;
    } else {
      /* A value that looks like an option is more likely forgotten. */
      if (i + 1 == argc || strncmp(argv[i + 1], "--", 2) == 0)
        return seq_fail(error, "%s: %s needs a value (%s %s)", command->name,
                        found->name, found->name, found->argument);
      value = argv[++i];
    }
    if (!found->repeats && has_option(options, found->name))
      return seq_fail(error, "%s: %s is given twice", command->name,
                      found->name);
    options->given[options->count++] = (given_option){found, value};
  }
  return true;
}

void release_options(option_list *options) {
  free(options->given);
  free(options->words);
}

bool integer_option(const option_list *options, const char *name, int64_t least,
                    int64_t most, int64_t otherwise, int64_t *value,
                    seq_error *error) {
  const char *text = option_value(options, name);
  *value = otherwise;
  if (!text || (parse_integer(text, strlen(text), value) && *value >= least &&
                *value <= most))
    return true;
  if (most == INT64_MAX)
    return seq_fail(error, "%s '%s', expected an integer of at least %" PRId64,
                    name, text, least);
  return seq_fail(error,
                  "%s '%s', expected an integer from %" PRId64 " to %" PRId64,
                  name, text, least, most);
}

bool number_option(const option_list *options, const char *name,
                   double otherwise, double *value, seq_error *error) {
  const char *text = option_value(options, name);
  *value = otherwise;
  if (!text)
    return true;
  char *end;
  errno = 0;
  *value = strtod(text, &end);
  if (end == text || *end || errno == ERANGE)
    return seq_fail(error, "%s '%s', expected a number", name, text);
  return true;
}

static void print_options(const option_spec *list) {
  for (; list->name; ++list) {
    char head[64];
    snprintf(head, sizeof head, "%s%s%s", list->name, list->argument ? " " : "",
             list->argument ? list->argument : "");
    printf("  %-24s %s\n", head, list->help);
  }
}

void print_command_help(const program_command *command, const char *program) {
  printf("usage: %s %s [options]%s%s\n\n%s\n", program, command->name,
         command->words ? " " : "", command->words ? command->words : "",
         command->summary);
  if (command->details)
    printf("%s\n", command->details);
  printf("\noptions:\n");
  print_options(command->own);
  print_options(common_options);
}

seq_session *open_session(const seq_program *program,
                          const option_list *options, seq_error *error) {
  int64_t threads;
  if (!integer_option(options, "--threads", 1, SEQ_MAX_THREADS, 0, &threads,
                      error))
    return NULL;
  seq_session_options choices = {.weights = option_value(options, "--weights"),
                                 .threads = (int32_t)threads};
  return seq_session_open(program, &choices, error);
}

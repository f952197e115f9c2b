/*===- main.c - an executable's commands
 * --------------------------------------===*/

#include "program/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const program_command *const commands[] = {
    &run_command, &generate_command, &embed_command, &bench_command,
    &info_command};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static void print_help(const char *program) {
  printf("usage: %s COMMAND [options]\n\n%s, compiled by seq\n\ncommands:\n",
         program,
         seq_program_descriptor.architecture
             ? seq_program_descriptor.architecture
             : "a program");
  for (int i = 0; i < N_COMMANDS; ++i)
    printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
  printf("\n%s COMMAND --help describes the options of one.\n", program);
}

static bool wants_help(int argc, char **argv) {
  for (int i = 0; i < argc; ++i)
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
      return true;
  return false;
}

static bool run(int argc, char **argv, seq_error *error) {
  const char *slash = strrchr(argv[0], '/');
  const char *program = slash ? slash + 1 : argv[0];
  if (argc < 2)
    return seq_fail(error, "no command: expected run, generate, embed, bench "
                           "or info (see --help)");
  const program_command *chosen = NULL;
  for (int i = 0; i < N_COMMANDS; ++i)
    if (strcmp(argv[1], commands[i]->name) == 0)
      chosen = commands[i];
  if (!chosen) {
    if (!wants_help(1, argv + 1))
      return seq_fail(error,
                      "unknown command '%s': expected run, generate, embed, "
                      "bench or info (see --help)",
                      argv[1]);
    print_help(program);
    return true;
  }
  if (wants_help(argc - 2, argv + 2)) {
    print_command_help(chosen, program);
    return true;
  }
  option_list given;
  bool ok = parse_options(chosen, argc - 2, argv + 2, &given, error) &&
            chosen->run(&seq_program_descriptor, &given, error);
  release_options(&given);
  return ok;
}

int main(int argc, char **argv) {
  seq_error error;
  bool ok = argc > 0 && run(argc, argv, &error);
  /* What was printed must have arrived, too. */
  errno = 0;
  if (ok && (fflush(stdout) != 0 || ferror(stdout)))
    ok = seq_fail(&error, "cannot write to standard output: %s",
                  errno ? strerror(errno) : "output was lost");
  if (!ok)
    fprintf(stderr, "error: %s\n", error.message);
  return ok ? 0 : 1;
}

/*===- files.h - files that appear whole or not at all
 * ----------------------===*/
#ifndef SEQ_RUNTIME_SUPPORT_FILES_H
#define SEQ_RUNTIME_SUPPORT_FILES_H

#include "seq/runtime/Error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One file on its way. What is written goes to a temporary file in the folder
 * of the target (of what a symbolic link leads to); seq_file_commit gives it
 * its name. A target that exists and is no regular file (a device, a pipe) has
 * no temporary file: it is opened and written in place. */
typedef struct {
  char *path;               /* as the user spelled it, for messages */
  char *target;             /* the file itself, links resolved */
  char *temporary, *backup; /* NULL when there is none */
  int descriptor;           /* -1 once closed */
  bool named;               /* the temporary file became the target */
} seq_file;

/* Opens for writing. On failure nothing is left behind and `file` needs no
 * release. */
bool seq_file_create(seq_file *file, const char *path, seq_error *error);

/* Opens what is at `path`, emptied, and writes there: nothing is renamed. */
bool seq_file_open(seq_file *file, const char *path, seq_error *error);

/* Do both lead to one file? */
bool seq_file_same(const seq_file *a, const seq_file *b);

/* All `bytes` at the end of what was written. */
bool seq_file_write(seq_file *file, const void *data, size_t bytes,
                    seq_error *error);

/* Closes the descriptor and reports what only closing can find. */
bool seq_file_close(seq_file *file, seq_error *error);

/* Gives `count` closed files their names, all or none: when one cannot be
 * renamed, those that were are taken back (an older file returns to its place).
 * Releases all of them, also on failure. */
bool seq_file_commit(seq_file *files, int64_t count, seq_error *error);

/* Removes the temporary file, releases. */
void seq_file_abort(seq_file *file);

/* Reads exactly `bytes` bytes, or until the end of the file: the count read, -1
 * on an error (errno). */
int64_t seq_read_fully(int descriptor, void *data, int64_t bytes);

#endif

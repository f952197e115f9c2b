/*===- files.c - files that appear whole or not at all
 * -----------------------===*/

#include "support/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void release(seq_file *file) {
  free(file->path);
  free(file->target);
  free(file->temporary);
  free(file->backup);
  *file = (seq_file){.descriptor = -1};
}

/* A name beside `target` that no other process uses. */
static char *sibling(const char *target, const char *suffix) {
  static atomic_uint counter;
  size_t size = strlen(target) + strlen(suffix) + 48;
  char *name = malloc(size);
  if (name)
    snprintf(name, size, "%s.%ld.%u%s", target, (long)getpid(),
             atomic_fetch_add(&counter, 1), suffix);
  return name;
}

bool seq_file_create(seq_file *file, const char *path, seq_error *error) {
  *file = (seq_file){.descriptor = -1};
  file->path = strdup(path);
  struct stat status;
  bool exists = stat(path, &status) == 0;
  bool in_place = exists && !S_ISREG(status.st_mode);
  /* Renaming over a symbolic link would replace the link, not the file. */
  file->target = exists && !in_place ? realpath(path, NULL) : strdup(path);
  if (!file->path || !file->target) {
    release(file);
    return seq_fail(error, "cannot write %s: %s", path, strerror(errno));
  }
  if (exists && S_ISDIR(status.st_mode)) {
    release(file);
    return seq_fail(error, "cannot write %s: it is a directory", path);
  }
  if (in_place) {
    file->descriptor = open(path, O_WRONLY | O_CLOEXEC);
  } else if (exists && access(file->target, W_OK) != 0) {
    /* A file that is protected against writing is not replaced either. */
  } else {
    file->temporary = sibling(file->target, ".tmp");
    if (file->temporary)
      file->descriptor =
          open(file->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  }
  if (file->descriptor < 0) {
    int reason = errno;
    release(file);
    return seq_fail(error, "cannot write %s: %s", path, strerror(reason));
  }
  if (exists && !in_place)
    (void)fchmod(file->descriptor, status.st_mode & 07777);
  return true;
}

bool seq_file_open(seq_file *file, const char *path, seq_error *error) {
  *file = (seq_file){.descriptor = -1};
  file->path = strdup(path);
  file->target = strdup(path);
  if (file->path && file->target)
    file->descriptor = open(path, O_RDWR | O_TRUNC | O_CLOEXEC);
  if (file->descriptor >= 0)
    return true;
  int reason = errno;
  release(file);
  return seq_fail(error, "cannot write %s: %s", path, strerror(reason));
}

bool seq_file_same(const seq_file *a, const seq_file *b) {
  /* A target that exists has its links resolved; one that does not is told by
   * its folder and its last name. */
  const char *slash_a = strrchr(a->target, '/');
  const char *slash_b = strrchr(b->target, '/');
  if (strcmp(slash_a ? slash_a + 1 : a->target,
             slash_b ? slash_b + 1 : b->target) != 0)
    return false;
  struct stat folders[2];
  const seq_file *const files[2] = {a, b};
  for (int i = 0; i < 2; ++i) {
    const char *slash = i ? slash_b : slash_a;
    char *folder = slash ? strndup(files[i]->target,
                                   (size_t)(slash - files[i]->target) + 1)
                         : strdup(".");
    bool known = folder && stat(folder, &folders[i]) == 0;
    free(folder);
    if (!known)
      return false;
  }
  return folders[0].st_dev == folders[1].st_dev &&
         folders[0].st_ino == folders[1].st_ino;
}

bool seq_file_write(seq_file *file, const void *data, size_t bytes,
                    seq_error *error) {
  const char *at = data;
  while (bytes > 0) {
    size_t most = bytes < (1u << 30) ? bytes : 1u << 30;
    ssize_t written = write(file->descriptor, at, most);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return seq_fail(error, "cannot write %s: %s", file->path,
                      written < 0 ? strerror(errno) : "nothing was accepted");
    at += written;
    bytes -= (size_t)written;
  }
  return true;
}

bool seq_file_close(seq_file *file, seq_error *error) {
  int descriptor = file->descriptor;
  file->descriptor = -1;
  if (close(descriptor) != 0 && errno != EINTR)
    return seq_fail(error, "cannot write %s: %s", file->path, strerror(errno));
  return true;
}

void seq_file_abort(seq_file *file) {
  if (file->descriptor >= 0)
    close(file->descriptor);
  if (file->temporary && !file->named)
    unlink(file->temporary);
  release(file);
}

bool seq_file_commit(seq_file *files, int64_t count, seq_error *error) {
  int64_t done = 0;
  for (; done < count; ++done) {
    seq_file *file = &files[done];
    if (!file->temporary)
      continue;
    /* A second name keeps an older file for the way back. Where there is none
     * (or no hard links), there is nothing to return to. One file needs no way
     * back. */
    if (count > 1) {
      file->backup = sibling(file->target, ".old");
      if (file->backup && link(file->target, file->backup) != 0) {
        free(file->backup);
        file->backup = NULL;
      }
    }
    if (rename(file->temporary, file->target) != 0) {
      seq_fail(error, "cannot write %s: %s", file->path, strerror(errno));
      break;
    }
    file->named = true;
  }
  bool ok = done == count;
  for (int64_t i = 0; i < count; ++i) {
    seq_file *file = &files[i];
    if (file->backup && !ok && file->named)
      rename(file->backup, file->target);
    else if (file->backup)
      unlink(file->backup);
    else if (!ok && file->named)
      unlink(file->target);
    seq_file_abort(file);
  }
  return ok;
}

int64_t seq_read_fully(int descriptor, void *data, int64_t bytes) {
  char *at = data;
  int64_t total = 0;
  while (total < bytes) {
    int64_t most = bytes - total;
    ssize_t got = read(descriptor, at + total,
                       (size_t)(most < (1 << 30) ? most : 1 << 30));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return -1;
    if (got == 0)
      break;
    total += got;
  }
  return total;
}

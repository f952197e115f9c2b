/*===- memory_file.h - bytes as a file with a path --------------------------===*/
#ifndef SEQ_TEST_FUZZ_MEMORY_FILE_H
#define SEQ_TEST_FUZZ_MEMORY_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* The path of one file in memory, which now holds these bytes and no others. */
static inline const char *memory_file(const uint8_t *data, size_t bytes) {
  static char path[64];
  static int descriptor = -1;
  if (descriptor < 0) {
    descriptor = memfd_create("fuzz", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  }
  if (descriptor < 0 || ftruncate(descriptor, 0) != 0 ||
      pwrite(descriptor, data, bytes, 0) != (ssize_t)bytes)
    abort();
  return path;
}

#endif

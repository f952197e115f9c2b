/*===- read.c - reads .npy files
 * ----------------------------------------------===*/

#include "npy/header.h"
#include "seq/runtime/Npy.h"
#include "support/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool cannot_read(const char *path, seq_error *error) {
  return seq_fail(error, "cannot read %s: %s", path, strerror(errno));
}

static bool exactly(int descriptor, const char *path, void *data, int64_t bytes,
                    const char *what, seq_error *error) {
  int64_t got = seq_read_fully(descriptor, data, bytes);
  if (got < 0)
    return cannot_read(path, error);
  if (got < bytes)
    return seq_fail(
        error, "%s: truncated: %s has %" PRId64 " bytes, expected %" PRId64,
        path, what, got, bytes);
  return true;
}

/* Everything in front of the data; *bytes is its length. */
static bool read_header(int descriptor, const char *path, seq_tensor *array,
                        int64_t *bytes, seq_error *error) {
  unsigned char start[12];
  int64_t got = seq_read_fully(descriptor, start, 8);
  if (got < 0)
    return cannot_read(path, error);
  if (got < 6 || memcmp(start, "\x93NUMPY", 6) != 0)
    return seq_fail(error, "%s: not an npy file (wrong magic)", path);
  if (got < 8)
    return seq_fail(error, "%s: truncated: it ends in its header", path);
  if (start[6] < 1 || start[6] > 3 || start[7] != 0)
    return seq_fail(error, "%s: npy version %d.%d, expected 1.0, 2.0 or 3.0",
                    path, start[6], start[7]);
  int64_t width = start[6] == 1 ? 2 : 4, length = 0;
  if (!exactly(descriptor, path, start + 8, width, "the header's size", error))
    return false;
  for (int64_t i = width; i-- > 0;)
    length = length << 8 | start[8 + i];
  /* NumPy itself refuses more than 10000; long ones only come from structured
   * dtypes. */
  if (length > 1 << 20)
    return seq_fail(error,
                    "%s: npy header of %" PRId64 " bytes, expected at most %d",
                    path, length, 1 << 20);
  char *text = malloc((size_t)length + 1);
  if (!text)
    return seq_fail(error, "%s: no memory for its header", path);
  bool ok = exactly(descriptor, path, text, length, "the header", error) &&
            seq_npy_parse_header(text, (size_t)length, path, array, error);
  free(text);
  *bytes = 8 + width + length;
  return ok;
}

/* The size of a regular file is known before memory is asked for, so that a
 * header that lies is told from a machine that is too small. */
static bool check_size(int descriptor, const char *path, int64_t expected,
                       int64_t header, seq_error *error) {
  struct stat status;
  if (fstat(descriptor, &status) != 0)
    return cannot_read(path, error);
  if (S_ISDIR(status.st_mode))
    return seq_fail(error, "cannot read %s: it is a directory", path);
  int64_t found = status.st_size - header;
  if (S_ISREG(status.st_mode) && found < expected)
    return seq_fail(
        error, "%s: truncated: %" PRId64 " bytes of data, expected %" PRId64,
        path, found, expected);
  if (S_ISREG(status.st_mode) && found > expected)
    return seq_fail(error, "%s: %" PRId64 " bytes of data, expected %" PRId64,
                    path, found, expected);
  return true;
}

static bool read_data(int descriptor, const char *path, seq_tensor *array,
                      int64_t header, seq_error *error) {
  int64_t element = seq_dtype_bytes(array->dtype), elements;
  char text[256];
  if (!seq_elements(array->rank, array->shape, element, &elements))
    return seq_fail(error, "%s: %s is too large", path,
                    seq_tensor_text(array, text, sizeof text));
  int64_t bytes = elements * element;
  if (!check_size(descriptor, path, bytes, header, error))
    return false;
  array->data = seq_allocate(bytes);
  if (!array->data)
    return seq_fail(error, "%s: no memory for %s", path,
                    seq_tensor_text(array, text, sizeof text));
  if (!exactly(descriptor, path, array->data, bytes, "the data", error))
    return false;
  char beyond;
  int64_t got = seq_read_fully(descriptor, &beyond, 1);
  if (got < 0)
    return cannot_read(path, error);
  if (got > 0)
    return seq_fail(error, "%s: more than %" PRId64 " bytes of data", path,
                    bytes);
  return true;
}

static int kind(int32_t dtype) {
  return dtype == SEQ_BOOL ? 2 : dtype >= SEQ_I8;
}

static bool convert(const char *path, int32_t dtype, seq_tensor *array,
                    seq_error *error) {
  if (dtype == SEQ_NPY_ANY || dtype == array->dtype)
    return true;
  if (kind(dtype) != kind(array->dtype))
    return seq_fail(error, "%s: dtype %s, expected %s", path,
                    seq_dtype_name(array->dtype), seq_dtype_name(dtype));
  int64_t from_bytes = seq_dtype_bytes(array->dtype);
  int64_t count = seq_tensor_bytes(array) / from_bytes, bad;
  void *data = seq_allocate(count * seq_dtype_bytes(dtype));
  if (!data)
    return seq_fail(error, "%s: no memory to convert %s to %s", path,
                    seq_dtype_name(array->dtype), seq_dtype_name(dtype));
  if (!seq_npy_convert(data, dtype, array->data, array->dtype, count, &bad)) {
    free(data);
    return seq_fail(error,
                    "%s: dtype %s, expected %s: the value at index %" PRId64
                    " does not fit",
                    path, seq_dtype_name(array->dtype), seq_dtype_name(dtype),
                    bad);
  }
  free(array->data);
  array->data = data;
  array->dtype = dtype;
  return true;
}

bool seq_npy_read(const char *path, int32_t dtype, seq_tensor *array,
                  seq_error *error) {
  memset(array, 0, sizeof *array);
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return cannot_read(path, error);
  int64_t header = 0;
  bool ok = read_header(descriptor, path, array, &header, error) &&
            read_data(descriptor, path, array, header, error) &&
            convert(path, dtype, array, error);
  close(descriptor);
  if (!ok) {
    free(array->data);
    array->data = NULL;
  }
  return ok;
}

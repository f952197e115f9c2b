/*===- write.c - writes .npy files
 * --------------------------------------------===*/

#include "npy/header.h"
#include "seq/runtime/Npy.h"
#include "support/files.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool write_header(seq_file *file, const seq_tensor *array,
                         seq_error *error) {
  static const char *const names[] = {"<f4", "<f8", "<f2", "<f4", "|i1",
                                      "|u1", "<i4", "<i8", "|b1"};
  char text[512] = "\x93NUMPY\x01";
  size_t used = 10; /* magic, version and the size of the rest */
  used += (size_t)snprintf(text + used, sizeof text - used,
                           "{'descr': '%s', 'fortran_order': False, 'shape': (",
                           names[array->dtype]);
  for (int32_t i = 0; i < array->rank; ++i)
    used += (size_t)snprintf(text + used, sizeof text - used, "%s%" PRId64,
                             i ? ", " : "", array->shape[i]);
  used += (size_t)snprintf(text + used, sizeof text - used, "%s), }",
                           array->rank == 1 ? "," : "");
  /* The data starts at a multiple of 64. */
  while ((used + 1) % 64 != 0)
    text[used++] = ' ';
  text[used++] = '\n';
  text[8] = (char)((used - 10) & 255);
  text[9] = (char)((used - 10) >> 8);
  return seq_file_write(file, text, used, error);
}

static bool write_bfloat16(seq_file *file, const seq_tensor *array,
                           seq_error *error) {
  const uint16_t *values = array->data;
  int64_t count = seq_tensor_bytes(array) / 2;
  float block[1024];
  for (int64_t i = 0; i < count;) {
    size_t n = 0;
    for (; n < 1024 && i < count; ++n, ++i)
      block[n] = seq_bf16_to_f32(values[i]);
    if (!seq_file_write(file, block, n * sizeof *block, error))
      return false;
  }
  return true;
}

static bool write_array(seq_file *file, const seq_tensor *array,
                        seq_error *error) {
  if (seq_dtype_bytes(array->dtype) == 0 || array->rank < 0 ||
      array->rank > SEQ_MAX_RANK)
    return seq_fail(error, "cannot write %s: dtype %d of rank %d", file->path,
                    array->dtype, array->rank);
  if (!write_header(file, array, error))
    return false;
  if (array->dtype == SEQ_BF16)
    return write_bfloat16(file, array, error);
  return seq_file_write(file, array->data, (size_t)seq_tensor_bytes(array),
                        error);
}

bool seq_npy_write(const char *path, const seq_tensor *array,
                   seq_error *error) {
  return seq_npy_write_all(&path, array, 1, error);
}

/* Writes file `index`, with its own name or in place. */
static bool write_one(seq_file *files, int64_t index, const seq_tensor *arrays,
                      seq_error *error) {
  return write_array(&files[index], &arrays[index], error) &&
         seq_file_close(&files[index], error);
}

bool seq_npy_write_all(const char *const *paths, const seq_tensor *arrays,
                       int64_t count, seq_error *error) {
  seq_file *files = calloc((size_t)count + 1, sizeof *files);
  if (!files)
    return seq_fail(error, "no memory to write %" PRId64 " files", count);
  int64_t made = 0;
  bool ok = true;
  for (; ok && made < count; made += ok) {
    ok = seq_file_create(&files[made], paths[made], error);
    for (int64_t i = 0; ok && i < made; ++i)
      if (files[made].temporary && seq_file_same(&files[made], &files[i])) {
        ok = seq_fail(error, "cannot write %s: two outputs name this file",
                      paths[made]);
        seq_file_abort(&files[made]);
      }
  }
  /* What goes to a device or pipe cannot be taken back, so it goes last. */
  for (int in_place = 0; in_place < 2; ++in_place)
    for (int64_t i = 0; ok && i < count; ++i)
      if (in_place == !files[i].temporary)
        ok = write_one(files, i, arrays, error);
  if (ok) {
    ok = seq_file_commit(files, count, error);
  } else {
    for (int64_t i = 0; i < made; ++i)
      seq_file_abort(&files[i]);
  }
  free(files);
  return ok;
}

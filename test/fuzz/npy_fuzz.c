/*===- npy_fuzz.c - any bytes as a .npy file --------------------------------===*
 *
 * What can be read has all of its elements, is not more than the file holds,
 * and is written again.
 *
 *===----------------------------------------------------------------------===*/

#include "memory_file.h"
#include "seq/runtime/Npy.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void read_as(const char *path, int32_t dtype, size_t bytes) {
  seq_error error;
  seq_tensor array;
  if (!seq_npy_read(path, dtype, &array, &error)) {
    if (array.data || !memchr(error.message, 0, sizeof error.message))
      abort();
    return;
  }
  size_t size = (size_t)seq_tensor_bytes(&array);
  /* Converting makes elements eight times as large at most. */
  if ((dtype != SEQ_NPY_ANY && array.dtype != dtype) || size > 8 * bytes)
    abort();
  memset(array.data, 1, size);
  if (!seq_npy_write("/dev/null", &array, &error))
    abort();
  free(array.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
  const char *path = memory_file(data, bytes);
  read_as(path, SEQ_NPY_ANY, bytes);
  for (int32_t dtype = SEQ_F32; dtype <= SEQ_BOOL; ++dtype)
    read_as(path, dtype, bytes);
  return 0;
}

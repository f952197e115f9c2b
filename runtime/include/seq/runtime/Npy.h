/*===- Npy.h - Arrays in NumPy's .npy files
 *----------------------------------===*
 *
 * Read: versions 1, 2 and 3, C order, little-endian f2 f4 f8 i1 u1 i4 i8 b1,
 * rank at most SEQ_MAX_RANK, and nothing after the data. Everything else is
 * refused by one line that says what was found.
 *
 * Reading can convert, within a kind only:
 *   float → float    rounds to nearest even; a finite value that becomes
 *                    infinite is an error
 *   integer → integer  each value must be in range, else an error
 *   bool → bool
 *
 * Written: version 1. bfloat16, which NumPy lacks, is written as f4 (exact).
 *
 *===----------------------------------------------------------------------===*/
#ifndef SEQ_RUNTIME_NPY_H
#define SEQ_RUNTIME_NPY_H

#include "seq/runtime/Tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SEQ_NPY_ANY (-1)

/* Reads the array in the file `path` as `dtype` (or, with SEQ_NPY_ANY, as what
 * it is) into new memory at SEQ_ALIGNMENT: release with free(array->data). On
 * failure array->data is NULL. `path` need not be seekable. */
bool seq_npy_read(const char *path, int32_t dtype, seq_tensor *array,
                  seq_error *error);

/* Writes one array. The file appears whole under its name or not at all; an
 * older file of that name stays as it was on failure. A path that names a
 * device or pipe is written in place. */
bool seq_npy_write(const char *path, const seq_tensor *array, seq_error *error);

/* Writes several, all or none. Two paths that lead to one file are an error. */
bool seq_npy_write_all(const char *const *paths, const seq_tensor *arrays,
                       int64_t count, seq_error *error);

#ifdef __cplusplus
}
#endif
#endif /* SEQ_RUNTIME_NPY_H */

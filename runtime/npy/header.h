/*===- header.h - the description in front of an .npy array
 * -----------------===*/
#ifndef SEQ_RUNTIME_NPY_HEADER_H
#define SEQ_RUNTIME_NPY_HEADER_H

#include "seq/runtime/Tensor.h"

/* Reads the header's text, a Python dictionary such as
 *   {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
 * into dtype, rank and shape. `path` is for messages. */
bool seq_npy_parse_header(const char *text, size_t bytes, const char *path,
                          seq_tensor *array, seq_error *error);

/* Converts `count` elements. `to` and `from` do not overlap. The kinds of the
 * dtypes agree. On a value that does not fit: false, and its index. */
bool seq_npy_convert(void *to, int32_t to_dtype, const void *from,
                     int32_t from_dtype, int64_t count, int64_t *bad);

#endif

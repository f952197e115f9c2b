/*===- Tensor.h - A view of dense memory
 *------------------------------------===*
 *
 * Row-major, no strides. A view owns nothing.
 *
 *===----------------------------------------------------------------------===*/
#ifndef SEQ_RUNTIME_TENSOR_H
#define SEQ_RUNTIME_TENSOR_H

#include "seq/runtime/Error.h"
#include "seq/runtime/Program.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All memory of the runtime that holds tensors begins at a multiple of this. */
#define SEQ_ALIGNMENT 64

/* Bytes of one element; 0 for a number that is no seq_dtype. */
int64_t seq_dtype_bytes(int32_t dtype);

/* As numpy calls it: "float32", "int64", "bool"; "unknown" for a number that is
 * no seq_dtype. */
const char *seq_dtype_name(int32_t dtype);

/* Product of `sizes` (1 for rank 0). Fails if a size is negative or if the
 * product times `element_bytes` exceeds 2^62. */
bool seq_elements(int64_t rank, const int64_t *sizes, int64_t element_bytes,
                  int64_t *elements);

/* Bytes of a tensor whose sizes are known to be valid. */
int64_t seq_tensor_bytes(const seq_tensor *tensor);

/* "float32[1, 5, 256]" into `text`, cut to `size`; returns `text`. */
char *seq_tensor_text(const seq_tensor *tensor, char *text, size_t size);

/* "int64[1, d0]": dynamic sizes are d and their symbol, or ?. */
char *seq_tensor_type_text(const seq_tensor_type *type, char *text,
                           size_t size);

/* Conversions between the 16-bit formats and float, rounding to nearest even.
 * They work on the bits, so flush-to-zero does not change them. */
float seq_f16_to_f32(uint16_t bits);
uint16_t seq_f32_to_f16(float value);
float seq_bf16_to_f32(uint16_t bits);
uint16_t seq_f32_to_bf16(float value);

/* At least `bytes` bytes (at least 1) at SEQ_ALIGNMENT, undefined contents;
 * NULL when there is no memory. Release with free(). */
void *seq_allocate(int64_t bytes);

#ifdef __cplusplus
}
#endif
#endif /* SEQ_RUNTIME_TENSOR_H */

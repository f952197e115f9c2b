/*===- tensor.c - element types, sizes, memory
 * -------------------------------===*/

#include "seq/runtime/Tensor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "files and programs are little-endian; so must be the machine"
#endif

int64_t seq_dtype_bytes(int32_t dtype) {
  static const int8_t bytes[] = {4, 8, 2, 2, 1, 1, 4, 8, 1};
  return dtype < 0 || dtype > SEQ_BOOL ? 0 : bytes[dtype];
}

const char *seq_dtype_name(int32_t dtype) {
  static const char *const names[] = {"float32",  "float64", "float16",
                                      "bfloat16", "int8",    "uint8",
                                      "int32",    "int64",   "bool"};
  return dtype < 0 || dtype > SEQ_BOOL ? "unknown" : names[dtype];
}

bool seq_elements(int64_t rank, const int64_t *sizes, int64_t element_bytes,
                  int64_t *elements) {
  const int64_t most = (INT64_C(1) << 62) / element_bytes;
  int64_t product = 1;
  bool zero = false;
  /* A zero makes the tensor empty but does not excuse the other sizes: strides
   * are computed from them. */
  for (int64_t i = 0; i < rank; ++i) {
    if (sizes[i] < 0)
      return false;
    if (sizes[i] == 0)
      zero = true;
    else if (product > most / sizes[i])
      return false;
    else
      product *= sizes[i];
  }
  *elements = zero ? 0 : product;
  return true;
}

int64_t seq_tensor_bytes(const seq_tensor *tensor) {
  int64_t bytes = seq_dtype_bytes(tensor->dtype);
  for (int32_t i = 0; i < tensor->rank; ++i)
    bytes *= tensor->shape[i];
  return bytes;
}

/* Appends to a string of `size` bytes; what does not fit is dropped. */
#define APPEND(...)                                                            \
  do {                                                                         \
    size_t used = strlen(text);                                                \
    snprintf(text + used, size - used, __VA_ARGS__);                           \
  } while (0)

char *seq_tensor_text(const seq_tensor *tensor, char *text, size_t size) {
  snprintf(text, size, "%s[", seq_dtype_name(tensor->dtype));
  for (int32_t i = 0; i < tensor->rank; ++i)
    APPEND("%s%" PRId64, i ? ", " : "", tensor->shape[i]);
  APPEND("]");
  return text;
}

char *seq_tensor_type_text(const seq_tensor_type *type, char *text,
                           size_t size) {
  snprintf(text, size, "%s[", seq_dtype_name(type->dtype));
  for (int32_t i = 0; i < type->rank; ++i) {
    APPEND("%s", i ? ", " : "");
    if (type->shape[i] >= 0)
      APPEND("%" PRId64, type->shape[i]);
    else if (type->symbols && type->symbols[i] >= 0)
      APPEND("d%" PRId32, type->symbols[i]);
    else
      APPEND("?");
  }
  APPEND("]");
  return text;
}

void *seq_allocate(int64_t bytes) {
  if (bytes < 0 || bytes > (INT64_C(1) << 62))
    return NULL;
  /* aligned_alloc wants a multiple of the alignment. */
  size_t rounded = ((size_t)bytes + SEQ_ALIGNMENT) & -(size_t)SEQ_ALIGNMENT;
  return aligned_alloc(SEQ_ALIGNMENT, rounded);
}

static uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

float seq_f16_to_f32(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000) << 16;
  uint32_t exponent = half >> 10 & 31, mantissa = half & 1023;
  if (exponent == 31)
    return float_of(sign | 0x7f800000 | mantissa << 13);
  if (exponent != 0)
    return float_of(sign | (exponent + 112) << 23 | mantissa << 13);
  if (mantissa == 0)
    return float_of(sign);
  /* Subnormal: the leading one moves to the implicit place. */
  exponent = 113;
  while (!(mantissa & 1024)) {
    mantissa <<= 1;
    --exponent;
  }
  return float_of(sign | exponent << 23 | (mantissa & 1023) << 13);
}

uint16_t seq_f32_to_f16(float value) {
  uint32_t bits = bits_of(value);
  uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
  bits &= 0x7fffffff;
  if (bits > 0x7f800000)
    return sign | 0x7e00;
  if (bits >= 0x477ff000) /* 65520 and above round to infinity */
    return sign | 0x7c00;
  if (bits >= 0x38800000) { /* normal: at least 2^-14 */
    bits += 0xfff + (bits >> 13 & 1);
    return sign | (uint16_t)((bits - (UINT32_C(112) << 23)) >> 13);
  }
  if (bits < 0x33000000) /* below 2^-25: zero */
    return sign;
  uint32_t shift = 126 - (bits >> 23); /* 14 … 24 */
  uint32_t mantissa = (bits & 0x7fffff) | 0x800000;
  uint32_t rest = mantissa & ((UINT32_C(1) << shift) - 1);
  uint32_t half = UINT32_C(1) << (shift - 1);
  mantissa >>= shift;
  if (rest > half || (rest == half && (mantissa & 1)))
    ++mantissa;
  return sign | (uint16_t)mantissa;
}

float seq_bf16_to_f32(uint16_t bits) { return float_of((uint32_t)bits << 16); }

uint16_t seq_f32_to_bf16(float value) {
  uint32_t bits = bits_of(value);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return (uint16_t)(bits >> 16 | 0x40);
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

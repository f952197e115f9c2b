/*===- convert.c - element conversions within a kind
 * -------------------------===*/

#include "npy/header.h"

#include <math.h>
#include <string.h>

/* All floating-point formats pass through double and all integers through
 * int64_t: exact on the way in. */
static double load_float(const char *at, int32_t dtype) {
  uint16_t bits;
  float single;
  double value;
  switch (dtype) {
  case SEQ_F64:
    memcpy(&value, at, sizeof value);
    return value;
  case SEQ_F32:
    memcpy(&single, at, sizeof single);
    return (double)single;
  default:
    memcpy(&bits, at, sizeof bits);
    return (double)(dtype == SEQ_F16 ? seq_f16_to_f32(bits)
                                     : seq_bf16_to_f32(bits));
  }
}

/* double → float such that a second rounding to at most 11 bits is right:
 * toward zero, with the last bit set if anything was cut off (round to odd). */
static float round_to_odd(double value) {
  float nearest = (float)value;
  if ((double)nearest == value || isnan(value) || isinf(nearest))
    return nearest;
  uint32_t bits;
  if (fabs((double)nearest) > fabs(value))
    nearest = nextafterf(nearest, 0.0f);
  memcpy(&bits, &nearest, sizeof bits);
  bits |= 1;
  memcpy(&nearest, &bits, sizeof bits);
  return nearest;
}

static bool store_float(char *at, int32_t dtype, double value) {
  uint16_t bits;
  float single;
  bool infinite;
  switch (dtype) {
  case SEQ_F64:
    memcpy(at, &value, sizeof value);
    return true;
  case SEQ_F32:
    single = (float)value;
    memcpy(at, &single, sizeof single);
    infinite = isinf(single);
    break;
  case SEQ_F16:
    bits = seq_f32_to_f16(round_to_odd(value));
    memcpy(at, &bits, sizeof bits);
    infinite = (bits & 0x7fff) == 0x7c00;
    break;
  default:
    bits = seq_f32_to_bf16(round_to_odd(value));
    memcpy(at, &bits, sizeof bits);
    infinite = (bits & 0x7fff) == 0x7f80;
  }
  return !infinite || isinf(value);
}

static int64_t load_integer(const char *at, int32_t dtype) {
  int32_t word;
  int64_t value;
  switch (dtype) {
  case SEQ_I8:
    return *(const int8_t *)at;
  case SEQ_U8:
    return *(const uint8_t *)at;
  case SEQ_I32:
    memcpy(&word, at, sizeof word);
    return word;
  default:
    memcpy(&value, at, sizeof value);
    return value;
  }
}

static bool store_integer(char *at, int32_t dtype, int64_t value) {
  int32_t word = (int32_t)value;
  switch (dtype) {
  case SEQ_I8:
    *(int8_t *)at = (int8_t)value;
    return value >= INT8_MIN && value <= INT8_MAX;
  case SEQ_U8:
    *(uint8_t *)at = (uint8_t)value;
    return value >= 0 && value <= UINT8_MAX;
  case SEQ_I32:
    memcpy(at, &word, sizeof word);
    return word == value;
  default:
    memcpy(at, &value, sizeof value);
    return true;
  }
}

bool seq_npy_convert(void *to, int32_t to_dtype, const void *from,
                     int32_t from_dtype, int64_t count, int64_t *bad) {
  int64_t to_bytes = seq_dtype_bytes(to_dtype);
  int64_t from_bytes = seq_dtype_bytes(from_dtype);
  bool is_float = to_dtype <= SEQ_BF16;
  for (int64_t i = 0; i < count; ++i) {
    char *target = (char *)to + i * to_bytes;
    const char *source = (const char *)from + i * from_bytes;
    if (is_float
            ? !store_float(target, to_dtype, load_float(source, from_dtype))
            : !store_integer(target, to_dtype,
                             load_integer(source, from_dtype))) {
      *bad = i;
      return false;
    }
  }
  return true;
}

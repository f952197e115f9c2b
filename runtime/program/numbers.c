/*===- numbers.c - parsing, timing, random inputs
 * -----------------------------===*/

#include "program/program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

bool parse_integer(const char *text, size_t bytes, int64_t *value) {
  const char *end = text + bytes;
  bool negative = bytes > 0 && *text == '-';
  text += negative;
  if (text == end)
    return false;
  int64_t result = 0;
  for (; text < end; ++text) {
    if (*text < '0' || *text > '9' || result > (INT64_MAX - 9) / 10)
      return false;
    result = result * 10 + (*text - '0');
  }
  *value = negative ? -result : result;
  return true;
}

double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

rate_spread spread_of(double *values, int64_t count) {
  qsort(values, (size_t)count, sizeof *values, by_value);
  double median = count % 2 ? values[count / 2]
                            : (values[count / 2 - 1] + values[count / 2]) / 2;
  return (rate_spread){median, values[0], values[count - 1]};
}

/* Box and Muller. */
static double normal(seq_random *random) {
  double u = 1 - seq_random_unit(random), v = seq_random_unit(random);
  return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

void fill_random(const seq_tensor *tensor, int64_t limit, seq_random *random) {
  int64_t count = seq_tensor_bytes(tensor) / seq_dtype_bytes(tensor->dtype);
  if (limit <= 0 || tensor->dtype == SEQ_BOOL)
    limit = 2;
  if (limit > 127 && (tensor->dtype == SEQ_I8 || tensor->dtype == SEQ_U8))
    limit = 127;
  void *data = tensor->data;
  for (int64_t i = 0; i < count; ++i) {
    double value = tensor->dtype <= SEQ_BF16 ? normal(random) : 0;
    int64_t integer = (int64_t)(seq_random_next(random) % (uint64_t)limit);
    switch (tensor->dtype) {
    case SEQ_F32:
      ((float *)data)[i] = (float)value;
      break;
    case SEQ_F64:
      ((double *)data)[i] = value;
      break;
    case SEQ_F16:
      ((uint16_t *)data)[i] = seq_f32_to_f16((float)value);
      break;
    case SEQ_BF16:
      ((uint16_t *)data)[i] = seq_f32_to_bf16((float)value);
      break;
    case SEQ_I32:
      ((int32_t *)data)[i] = (int32_t)integer;
      break;
    case SEQ_I64:
      ((int64_t *)data)[i] = integer;
      break;
    default:
      ((uint8_t *)data)[i] = (uint8_t)integer;
    }
  }
}

bool make_input(const seq_tensor_type *type, int64_t size, seq_tensor *tensor,
                seq_error *error) {
  *tensor = (seq_tensor){.dtype = type->dtype, .rank = type->rank};
  for (int32_t axis = 0; axis < type->rank; ++axis)
    tensor->shape[axis] = type->shape[axis] < 0 ? size : type->shape[axis];
  int64_t element = seq_dtype_bytes(type->dtype), elements;
  if (seq_elements(type->rank, tensor->shape, element, &elements))
    tensor->data = seq_allocate(elements * element);
  char text[256];
  return tensor->data ||
         seq_fail(error, "no memory for input %s: %s", type->name,
                  seq_tensor_text(tensor, text, sizeof text));
}

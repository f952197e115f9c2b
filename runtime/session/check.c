/*===- check.c - checks of descriptors and of the inputs of a run
 * ------------===*/

#include "session/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*===----------------------------------------------------------------------===*
 * Descriptors
 *===----------------------------------------------------------------------===*/

static bool check_types(const seq_function *function, const char *what,
                        const seq_tensor_type *types, int32_t count,
                        seq_error *error) {
  if (count < 0 || (count > 0 && !types))
    return seq_fail(error, "damaged program: function %s has no list of %ss",
                    function->name, what);
  for (int32_t i = 0; i < count; ++i) {
    const seq_tensor_type *type = &types[i];
    if (!type->name || !*type->name || seq_dtype_bytes(type->dtype) == 0 ||
        type->rank < 0 || type->rank > SEQ_MAX_RANK ||
        (type->rank > 0 && !type->shape))
      return seq_fail(error,
                      "damaged program: function %s: %s %" PRId32
                      " has no valid type",
                      function->name, what, i);
    for (int32_t axis = 0; axis < type->rank; ++axis)
      if (type->shape[axis] < -1)
        return seq_fail(
            error,
            "damaged program: function %s: %s %s: dimension %" PRId32
            " is %" PRId64,
            function->name, what, type->name, axis, type->shape[axis]);
    for (int32_t other = 0; other < i; ++other)
      if (strcmp(types[other].name, type->name) == 0)
        return seq_fail(error,
                        "damaged program: function %s: two %ss are called %s",
                        function->name, what, type->name);
  }
  return true;
}

/* A cache has one dynamic size. */
static bool check_caches(const seq_function *function, seq_error *error) {
  for (int32_t i = 0; function->caches && i < function->n_states; ++i) {
    const seq_cache *cache = &function->caches[i];
    const seq_tensor_type *type = &function->states[i];
    int32_t dynamic = 0;
    for (int32_t axis = 0; axis < type->rank; ++axis)
      dynamic += type->shape[axis] < 0;
    bool ok = cache->most >= 0 && cache->position >= -1 &&
              cache->position < function->n_states &&
              (dynamic == 1 || (cache->most == 0 && cache->position == -1));
    if (ok && cache->position >= 0) {
      const seq_tensor_type *position = &function->states[cache->position];
      ok = position->dtype == SEQ_I64;
      for (int32_t axis = 0; axis < position->rank; ++axis)
        ok = ok && position->shape[axis] >= 0;
    }
    if (!ok)
      return seq_fail(error,
                      "damaged program: function %s: state %s is no cache",
                      function->name, type->name);
  }
  return true;
}

static bool same_type(const seq_tensor_type *a, const seq_tensor_type *b) {
  return a->dtype == b->dtype && a->rank == b->rank &&
         (a->rank == 0 ||
          memcmp(a->shape, b->shape, (size_t)a->rank * sizeof *a->shape) == 0);
}

/* States of equal name are one state. */
static bool check_states(const seq_program *program, uint32_t index,
                         seq_error *error) {
  const seq_function *function = &program->functions[index];
  for (uint32_t other = 0; other < index; ++other)
    for (int32_t i = 0; i < function->n_states; ++i)
      for (int32_t j = 0; j < program->functions[other].n_states; ++j) {
        const seq_tensor_type *a = &function->states[i];
        const seq_tensor_type *b = &program->functions[other].states[j];
        if (strcmp(a->name, b->name) == 0 && !same_type(a, b))
          return seq_fail(error,
                          "damaged program: state %s differs between functions "
                          "%s and %s",
                          a->name, program->functions[other].name,
                          function->name);
      }
  return true;
}

bool seq_program_check(const seq_program *program, seq_error *error) {
  if (program->abi_version != SEQ_ABI_VERSION)
    return seq_fail(error,
                    "the program has ABI version %" PRIu32
                    ", this runtime expects %d",
                    program->abi_version, SEQ_ABI_VERSION);
  if (program->n_functions == 0 || !program->functions)
    return seq_fail(error, "damaged program: it has no functions");
  for (uint32_t i = 0; i < program->n_functions; ++i) {
    const seq_function *function = &program->functions[i];
    if (!function->name || !*function->name || !function->run)
      return seq_fail(
          error, "damaged program: function %" PRIu32 " has no name or no code",
          i);
    if (!check_types(function, "input", function->inputs, function->n_inputs,
                     error) ||
        !check_types(function, "state", function->states, function->n_states,
                     error) ||
        !check_types(function, "output", function->outputs, function->n_outputs,
                     error) ||
        !check_caches(function, error) || !check_states(program, i, error))
      return false;
  }
  return true;
}

const seq_function *seq_find_function(const seq_program *program,
                                      const char *name, seq_error *error) {
  if (!name)
    return &program->functions[0];
  char names[512] = "";
  for (uint32_t i = 0; i < program->n_functions; ++i) {
    if (strcmp(program->functions[i].name, name) == 0)
      return &program->functions[i];
    size_t used = strlen(names);
    snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "",
             program->functions[i].name);
  }
  seq_fail(error, "no function %s; there is %s", name, names);
  return NULL;
}

/*===----------------------------------------------------------------------===*
 * Inputs of a run
 *===----------------------------------------------------------------------===*/

static bool bind(const char *what, const char *name, int32_t axis,
                 int32_t symbol, int64_t size, seq_sizes *sizes,
                 seq_error *error) {
  for (int32_t i = 0; i < sizes->n_bindings; ++i) {
    const seq_binding *bound = &sizes->bindings[i];
    if (bound->symbol != symbol)
      continue;
    if (bound->size == size)
      return true;
    return seq_fail(error,
                    "%s %s: dimension %" PRId32 " is %" PRId64
                    ", expected %" PRId64 " as dimension %" PRId32 " of %s",
                    what, name, axis, size, bound->size, bound->axis,
                    bound->name);
  }
  sizes->bindings[sizes->n_bindings++] =
      (seq_binding){.symbol = symbol, .axis = axis, .size = size, .name = name};
  return true;
}

bool seq_check_sizes(const seq_tensor_type *type, const seq_tensor *tensor,
                     const char *what, seq_sizes *sizes, seq_error *error) {
  char found[256], expected[256];
  if (tensor->dtype != type->dtype)
    return seq_fail(error, "%s %s: dtype %s, expected %s", what, type->name,
                    seq_dtype_name(tensor->dtype), seq_dtype_name(type->dtype));
  if (tensor->rank != type->rank)
    return seq_fail(
        error, "%s %s: rank %" PRId32 " (%s), expected %" PRId32 " (%s)", what,
        type->name, tensor->rank,
        tensor->rank < 0 || tensor->rank > SEQ_MAX_RANK
            ? "?"
            : seq_tensor_text(tensor, found, sizeof found),
        type->rank, seq_tensor_type_text(type, expected, sizeof expected));
  int64_t elements;
  if (!seq_elements(tensor->rank, tensor->shape, seq_dtype_bytes(tensor->dtype),
                    &elements))
    return seq_fail(error, "%s %s: %s has no valid size", what, type->name,
                    seq_tensor_text(tensor, found, sizeof found));
  if (elements > 0 && !tensor->data)
    return seq_fail(error, "%s %s: it has no data", what, type->name);
  for (int32_t axis = 0; axis < type->rank; ++axis) {
    int64_t size = tensor->shape[axis];
    if (type->shape[axis] >= 0) {
      if (size != type->shape[axis])
        return seq_fail(error,
                        "%s %s: dimension %" PRId32 " is %" PRId64
                        " (%s), expected %" PRId64 " (%s)",
                        what, type->name, axis, size,
                        seq_tensor_text(tensor, found, sizeof found),
                        type->shape[axis],
                        seq_tensor_type_text(type, expected, sizeof expected));
      continue;
    }
    sizes->dims[sizes->n_dims++] = size;
    if (type->symbols && type->symbols[axis] >= 0 &&
        !bind(what, type->name, axis, type->symbols[axis], size, sizes, error))
      return false;
  }
  return true;
}

static int64_t integer_at(const seq_tensor *tensor, int64_t index) {
  switch (tensor->dtype) {
  case SEQ_I8:
    return ((const int8_t *)tensor->data)[index];
  case SEQ_I32:
    return ((const int32_t *)tensor->data)[index];
  case SEQ_I64:
    return ((const int64_t *)tensor->data)[index];
  default:
    return ((const uint8_t *)tensor->data)[index];
  }
}

bool seq_check_values(const seq_tensor_type *type, const seq_tensor *tensor,
                      seq_error *error) {
  /* A bool that is neither 0 nor 1 would mean different things to different
   * instructions. */
  int64_t limit = type->dtype == SEQ_BOOL ? 2
                  : type->dtype >= SEQ_I8 ? type->limit
                                          : 0;
  if (limit <= 0)
    return true;
  int64_t count = seq_tensor_bytes(tensor) / seq_dtype_bytes(tensor->dtype);
  for (int64_t i = 0; i < count; ++i) {
    int64_t value = integer_at(tensor, i);
    if (value >= 0 && value < limit)
      continue;
    char place[SEQ_MAX_RANK * 24] = "";
    int64_t rest = i;
    /* From the last axis to the first: prepended. */
    for (int32_t axis = tensor->rank; axis-- > 0;) {
      char longer[sizeof place];
      snprintf(longer, sizeof longer, "%" PRId64 "%s%s",
               rest % tensor->shape[axis], *place ? ", " : "", place);
      memcpy(place, longer, sizeof place);
      rest /= tensor->shape[axis];
    }
    return seq_fail(
        error, "input %s: value %" PRId64 " at [%s], expected 0 to %" PRId64,
        type->name, value, place, limit - 1);
  }
  return true;
}

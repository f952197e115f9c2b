/*===- state.c - what a model remembers between calls
 * ------------------------===*/

#include "session/state.h"
#include "seq/runtime/Session.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

bool seq_program_has_capacity(const seq_program *program) {
  for (uint32_t f = 0; f < program->n_functions; ++f)
    for (int32_t i = 0; i < program->functions[f].n_states; ++i)
      for (int32_t axis = 0; axis < program->functions[f].states[i].rank;
           ++axis)
        if (program->functions[f].states[i].shape[axis] < 0)
          return true;
  return false;
}

static bool is_dynamic(const seq_tensor_type *type) {
  for (int32_t axis = 0; axis < type->rank; ++axis)
    if (type->shape[axis] < 0)
      return true;
  return false;
}

/* The size of dynamic dimensions. */
static int64_t dynamic_size(const seq_state *state, int32_t index) {
  int64_t most = state->caches[index].most;
  return most > 0 && most < state->capacity ? most : state->capacity;
}

bool seq_state_grows(const seq_state *state, int32_t index) {
  int64_t most = state->caches[index].most;
  return is_dynamic(state->types[index]) &&
         !(most > 0 && most <= state->capacity);
}

bool seq_state_is_bounded(const seq_state *state) {
  for (int32_t i = 0; i < state->count; ++i)
    if (seq_state_grows(state, i))
      return true;
  return false;
}

bool seq_state_is_cache(const seq_state *state, int32_t index) {
  return state->caches[index].position >= 0;
}

static int32_t number_of(const seq_state *state, const char *name) {
  for (int32_t i = 0; i < state->count; ++i)
    if (strcmp(state->types[i]->name, name) == 0)
      return i;
  return -1;
}

const seq_tensor *seq_state_find(const seq_state *state, const char *name) {
  int32_t index = number_of(state, name);
  return index < 0 ? NULL : &state->tensors[index];
}

/* Gives `type` the next place; data is its offset until the block exists. */
static bool place(seq_state *state, const seq_tensor_type *type,
                  const seq_cache *cache, seq_error *error) {
  state->caches[state->count] = cache ? *cache : (seq_cache){.position = -1};
  seq_tensor *tensor = &state->tensors[state->count];
  tensor->dtype = type->dtype;
  tensor->rank = type->rank;
  for (int32_t axis = 0; axis < type->rank; ++axis)
    tensor->shape[axis] = type->shape[axis] < 0
                              ? dynamic_size(state, state->count)
                              : type->shape[axis];
  int64_t element = seq_dtype_bytes(type->dtype), elements;
  if (!seq_elements(type->rank, tensor->shape, element, &elements) ||
      elements * element > (INT64_C(1) << 61) - state->bytes)
    return seq_fail(error, "state %s: too large at capacity %" PRId64,
                    type->name, state->capacity);
  tensor->data = (void *)(uintptr_t)state->bytes;
  state->types[state->count++] = type;
  state->bytes +=
      (elements * element + SEQ_ALIGNMENT - 1) / SEQ_ALIGNMENT * SEQ_ALIGNMENT;
  return true;
}

/* From a function's numbers to those of all states. */
static void find_positions(seq_state *state) {
  const seq_program *program = state->program;
  for (uint32_t f = 0; f < program->n_functions; ++f) {
    const seq_function *function = &program->functions[f];
    for (int32_t i = 0; function->caches && i < function->n_states; ++i) {
      int32_t position = function->caches[i].position;
      state->caches[number_of(state, function->states[i].name)].position =
          position < 0 ? -1 : number_of(state, function->states[position].name);
    }
  }
}

static bool place_all(seq_state *state, seq_error *error) {
  const seq_program *program = state->program;
  size_t most = 0;
  for (uint32_t f = 0; f < program->n_functions; ++f)
    most += (size_t)program->functions[f].n_states;
  state->types = calloc(most + 1, sizeof *state->types);
  state->tensors = calloc(most + 1, sizeof *state->tensors);
  state->caches = calloc(most + 1, sizeof *state->caches);
  if (!state->types || !state->tensors || !state->caches)
    return seq_fail(error, "no memory for %zu states", most);
  for (uint32_t f = 0; f < program->n_functions; ++f)
    for (int32_t i = 0; i < program->functions[f].n_states; ++i) {
      const seq_function *function = &program->functions[f];
      if (!seq_state_find(state, function->states[i].name) &&
          !place(state, &function->states[i],
                 function->caches ? &function->caches[i] : NULL, error))
        return false;
    }
  find_positions(state);
  void *block =
      mmap(NULL, (size_t)state->bytes + SEQ_ALIGNMENT, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED)
    return seq_fail(error, "no memory for states of %" PRId64 " bytes",
                    state->bytes);
  state->block = block;
  for (int32_t i = 0; i < state->count; ++i)
    state->tensors[i].data = state->block + (uintptr_t)state->tensors[i].data;
  return true;
}

seq_state *seq_state_create(const seq_program *program, int64_t capacity,
                            seq_error *error) {
  if (!seq_program_check(program, error))
    return NULL;
  if (capacity < 0) {
    seq_fail(error, "capacity %" PRId64 " of the states is negative", capacity);
    return NULL;
  }
  seq_state *state = calloc(1, sizeof *state);
  if (!state) {
    seq_fail(error, "no memory for states");
    return NULL;
  }
  state->program = program;
  state->capacity = capacity;
  state->defined = true;
  if (place_all(state, error))
    return state;
  seq_state_free(state);
  return NULL;
}

seq_state *seq_state_clone(const seq_state *state, seq_error *error) {
  seq_state *copy = seq_state_create(state->program, state->capacity, error);
  if (copy && seq_state_copy(copy, state, error))
    return copy;
  seq_state_free(copy);
  return NULL;
}

void seq_state_free(seq_state *state) {
  if (!state)
    return;
  if (state->block)
    munmap(state->block, (size_t)state->bytes + SEQ_ALIGNMENT);
  free(state->types);
  free(state->tensors);
  free(state->caches);
  free(state);
}

void seq_state_reset(seq_state *state) {
  memset(state->block, 0, (size_t)state->bytes);
  state->defined = true;
}

bool seq_state_check_defined(const seq_state *state, seq_error *error) {
  return state->defined ||
         seq_fail(error, "the states are undefined since a run that failed");
}

int64_t seq_state_layout_capacity(const seq_state *state) {
  return seq_state_is_bounded(state) ? state->capacity : 0;
}

/*===----------------------------------------------------------------------===*
 * What is used
 *===----------------------------------------------------------------------===*/

/* What is used of a state: `count` runs of `bytes`, each `stride` behind the
 * one before. */
typedef struct {
  int64_t count, stride, bytes;
} used_runs;

/* Of a size along a dynamic dimension, as much as the position says. */
static int64_t used_size(const seq_state *state, int32_t index, int64_t size) {
  const seq_tensor *position = &state->tensors[state->caches[index].position];
  int64_t used = 0;
  int64_t count = seq_tensor_bytes(position) / (int64_t)sizeof(int64_t);
  for (int64_t i = 0; i < count; ++i) {
    int64_t here = ((const int64_t *)position->data)[i];
    used = here > used ? here : used;
  }
  return used < size ? used : size;
}

static used_runs find_used(const seq_state *state, int32_t index) {
  const seq_tensor *tensor = &state->tensors[index];
  used_runs runs = {1, 0, seq_tensor_bytes(tensor)};
  runs.stride = runs.bytes;
  if (!seq_state_is_cache(state, index) || runs.bytes == 0)
    return runs;
  const int64_t *shape = state->types[index]->shape;
  int32_t axis = 0;
  while (shape[axis] >= 0)
    runs.count *= tensor->shape[axis++];
  runs.stride /= runs.count;
  int64_t size = tensor->shape[axis];
  runs.bytes = runs.stride / size * used_size(state, index, size);
  return runs;
}

int64_t seq_state_copy_used(const seq_state *state, int32_t index, uint8_t *to,
                            seq_copy_way way) {
  used_runs runs = find_used(state, index);
  uint8_t *here = state->tensors[index].data;
  for (int64_t i = 0; to && i < runs.count; ++i) {
    if (way == SEQ_COPY_OUT)
      memcpy(to + i * runs.bytes, here + i * runs.stride, (size_t)runs.bytes);
    else
      memcpy(here + i * runs.stride, to + i * runs.bytes, (size_t)runs.bytes);
  }
  return runs.count * runs.bytes;
}

bool seq_state_copy(seq_state *to, const seq_state *from, seq_error *error) {
  if (to->program != from->program)
    return seq_fail(error, "the states belong to different programs");
  if (seq_state_layout_capacity(to) != seq_state_layout_capacity(from))
    return seq_fail(error, "states of capacity %" PRId64 ", expected %" PRId64,
                    from->capacity, to->capacity);
  if (!seq_state_check_defined(from, error))
    return false;
  /* The room that a cache still has is not touched: it takes no memory. */
  for (int32_t i = 0; to != from && i < from->count; ++i) {
    used_runs runs = find_used(from, i);
    uint8_t *target = to->tensors[i].data, *source = from->tensors[i].data;
    for (int64_t run = 0; run < runs.count; ++run)
      memcpy(target + run * runs.stride, source + run * runs.stride,
             (size_t)runs.bytes);
  }
  to->defined = true;
  return true;
}

int64_t seq_state_capacity(const seq_state *state) { return state->capacity; }
int64_t seq_state_bytes(const seq_state *state) { return state->bytes; }
void *seq_state_data(seq_state *state) { return state->block; }
int32_t seq_state_count(const seq_state *state) { return state->count; }
bool seq_state_is_defined(const seq_state *state) { return state->defined; }

const char *seq_state_name(const seq_state *state, int32_t index) {
  return state->types[index]->name;
}

const seq_tensor *seq_state_at(const seq_state *state, int32_t index) {
  return &state->tensors[index];
}

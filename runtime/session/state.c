/*===- state.c - what a model remembers between calls
 * ------------------------===*/

#include "session/state.h"
#include "seq/runtime/Session.h"
#include "support/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAGIC "SEQSTA\0\1"

typedef struct {
  char magic[8];
  uint32_t abi_version, count;
  uint64_t source_hash;
  int64_t capacity, bytes, position, history_bytes;
  uint64_t digest;
} state_header;
static_assert(sizeof(state_header) == 64, "state file header");

bool seq_program_has_capacity(const seq_program *program) {
  for (uint32_t f = 0; f < program->n_functions; ++f)
    for (int32_t i = 0; i < program->functions[f].n_states; ++i)
      for (int32_t axis = 0; axis < program->functions[f].states[i].rank;
           ++axis)
        if (program->functions[f].states[i].shape[axis] < 0)
          return true;
  return false;
}

bool seq_state_grows(const seq_state *state, int32_t index) {
  const seq_tensor_type *type = state->types[index];
  for (int32_t axis = 0; axis < type->rank; ++axis)
    if (type->shape[axis] < 0)
      return true;
  return false;
}

const seq_tensor *seq_state_find(const seq_state *state, const char *name) {
  for (int32_t i = 0; i < state->count; ++i)
    if (strcmp(state->types[i]->name, name) == 0)
      return &state->tensors[i];
  return NULL;
}

/* Gives `type` the next place; data is its offset until the block exists. */
static bool place(seq_state *state, const seq_tensor_type *type,
                  seq_error *error) {
  seq_tensor *tensor = &state->tensors[state->count];
  tensor->dtype = type->dtype;
  tensor->rank = type->rank;
  for (int32_t axis = 0; axis < type->rank; ++axis)
    tensor->shape[axis] =
        type->shape[axis] < 0 ? state->capacity : type->shape[axis];
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

static bool place_all(seq_state *state, seq_error *error) {
  const seq_program *program = state->program;
  size_t most = 0;
  for (uint32_t f = 0; f < program->n_functions; ++f)
    most += (size_t)program->functions[f].n_states;
  state->types = calloc(most + 1, sizeof *state->types);
  state->tensors = calloc(most + 1, sizeof *state->tensors);
  if (!state->types || !state->tensors)
    return seq_fail(error, "no memory for %zu states", most);
  for (uint32_t f = 0; f < program->n_functions; ++f)
    for (int32_t i = 0; i < program->functions[f].n_states; ++i) {
      const seq_tensor_type *type = &program->functions[f].states[i];
      if (!seq_state_find(state, type->name) && !place(state, type, error))
        return false;
    }
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
  free(state);
}

void seq_state_reset(seq_state *state) {
  memset(state->block, 0, (size_t)state->bytes);
  state->defined = true;
}

static bool check_defined(const seq_state *state, seq_error *error) {
  return state->defined ||
         seq_fail(error, "the states are undefined since a run that failed");
}

/* A program without dynamic sizes has one layout whatever its capacity. */
static int64_t stored_capacity(const seq_state *state) {
  return seq_program_has_capacity(state->program) ? state->capacity : 0;
}

bool seq_state_copy(seq_state *to, const seq_state *from, seq_error *error) {
  if (to->program != from->program)
    return seq_fail(error, "the states belong to different programs");
  if (stored_capacity(to) != stored_capacity(from))
    return seq_fail(error, "states of capacity %" PRId64 ", expected %" PRId64,
                    from->capacity, to->capacity);
  if (!check_defined(from, error))
    return false;
  memmove(to->block, from->block, (size_t)to->bytes);
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

/*===----------------------------------------------------------------------===*
 * Files
 *===----------------------------------------------------------------------===*/

/* FNV-1a over words of 8 bytes (`bytes` is a multiple). It finds damage, not
 * forgery. */
static uint64_t digest_of(uint64_t digest, const void *data, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += 8) {
    uint64_t word;
    memcpy(&word, (const char *)data + i, sizeof word);
    digest = (digest ^ word) * UINT64_C(0x100000001b3);
  }
  return digest;
}

static uint64_t digest_file(const state_header *header, const void *block,
                            const void *history) {
  uint64_t digest = digest_of(UINT64_C(0xcbf29ce484222325), header,
                              offsetof(state_header, digest));
  digest = digest_of(digest, block, header->bytes);
  return digest_of(digest, history, header->history_bytes);
}

bool seq_state_save_extra(const seq_state *state, const seq_state_extra *extra,
                          const char *path, seq_error *error) {
  if (!check_defined(state, error))
    return false;
  state_header header = {
      .abi_version = SEQ_ABI_VERSION,
      .count = (uint32_t)state->count,
      .source_hash = state->program->source_hash,
      .capacity = stored_capacity(state),
      .bytes = state->bytes,
      .position = extra->position,
      .history_bytes = extra->position * extra->unit,
  };
  memcpy(header.magic, MAGIC, sizeof header.magic);
  header.digest = digest_file(&header, state->block, extra->history);
  seq_file file;
  if (!seq_file_create(&file, path, error))
    return false;
  if (seq_file_write(&file, &header, sizeof header, error) &&
      seq_file_write(&file, state->block, (size_t)state->bytes, error) &&
      seq_file_write(&file, extra->history, (size_t)header.history_bytes,
                     error) &&
      seq_file_close(&file, error))
    return seq_file_commit(&file, 1, error);
  seq_file_abort(&file);
  return false;
}

static bool check_header(const seq_state *state, const seq_state_extra *extra,
                         const state_header *header, const char *path,
                         seq_error *error) {
  if (memcmp(header->magic, MAGIC, sizeof header->magic) != 0)
    return seq_fail(error, "%s: not a state file (wrong magic)", path);
  if (header->abi_version != SEQ_ABI_VERSION)
    return seq_fail(error, "%s: ABI version %" PRIu32 ", expected %d", path,
                    header->abi_version, SEQ_ABI_VERSION);
  if (header->source_hash != state->program->source_hash)
    return seq_fail(error,
                    "%s: states of another model: source hash %016" PRIx64
                    ", expected %016" PRIx64,
                    path, header->source_hash, state->program->source_hash);
  if (header->capacity != stored_capacity(state))
    return seq_fail(error,
                    "%s: states of capacity %" PRId64 ", expected %" PRId64,
                    path, header->capacity, stored_capacity(state));
  if (header->count != (uint32_t)state->count || header->bytes != state->bytes)
    return seq_fail(error,
                    "%s: %" PRIu32 " states of %" PRId64
                    " bytes, expected %" PRId32 " of %" PRId64,
                    path, header->count, header->bytes, state->count,
                    state->bytes);
  /* A history is for models that have a capacity. */
  if (header->position < 0 ||
      (extra->unit > 0 && header->position > state->capacity) ||
      header->history_bytes !=
          (extra->unit > 0 ? header->position * extra->unit : 0))
    return seq_fail(error,
                    "%s: damaged: %" PRId64 " bytes of history at position "
                    "%" PRId64,
                    path, header->history_bytes, header->position);
  return true;
}

/* Block and history, read into `data`, which is one byte larger. */
static bool read_body(const state_header *header, uint8_t *data, int descriptor,
                      const char *path, seq_error *error) {
  int64_t expected = header->bytes + header->history_bytes;
  int64_t got = seq_read_fully(descriptor, data, expected + 1);
  if (got < 0)
    return seq_fail(error, "cannot read %s: %s", path, strerror(errno));
  if (got != expected)
    return seq_fail(error, "%s: %s: expected %" PRId64 " bytes of states", path,
                    got < expected ? "truncated" : "bytes after its end",
                    expected);
  if (header->digest != digest_file(header, data, data + header->bytes))
    return seq_fail(error, "%s: damaged (its digest is another)", path);
  return true;
}

static bool load(seq_state *state, seq_state_extra *extra, int descriptor,
                 const char *path, seq_error *error) {
  state_header header;
  int64_t got = seq_read_fully(descriptor, &header, sizeof header);
  if (got < 0)
    return seq_fail(error, "cannot read %s: %s", path, strerror(errno));
  if (got < (int64_t)sizeof header)
    return seq_fail(error, "%s: not a state file (%" PRId64 " bytes)", path,
                    got);
  if (!check_header(state, extra, &header, path, error))
    return false;
  /* Read beside the states, so that a file that ends early changes nothing. */
  uint8_t *data = seq_allocate(header.bytes + header.history_bytes + 1);
  uint8_t *history = malloc((size_t)header.history_bytes + 1);
  bool ok = data && history;
  if (!ok)
    seq_fail(error, "no memory to load %s", path);
  ok = ok && read_body(&header, data, descriptor, path, error);
  if (ok) {
    memcpy(state->block, data, (size_t)header.bytes);
    memcpy(history, data + header.bytes, (size_t)header.history_bytes);
    state->defined = true;
    extra->position = header.position;
    extra->history = history;
  } else {
    free(history);
  }
  free(data);
  return ok;
}

bool seq_state_load_extra(seq_state *state, seq_state_extra *extra,
                          const char *path, seq_error *error) {
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return seq_fail(error, "cannot read %s: %s", path, strerror(errno));
  bool ok = load(state, extra, descriptor, path, error);
  close(descriptor);
  return ok;
}

bool seq_state_save(const seq_state *state, const char *path,
                    seq_error *error) {
  seq_state_extra none = {0};
  return seq_state_save_extra(state, &none, path, error);
}

bool seq_state_load(seq_state *state, const char *path, seq_error *error) {
  seq_state_extra none = {0};
  if (!seq_state_load_extra(state, &none, path, error))
    return false;
  free(none.history);
  return true;
}

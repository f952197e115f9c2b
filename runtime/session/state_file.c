/*===- state_file.c - states in files
 * ----------------------------------------===*/

#include "session/state.h"
#include "support/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC "SEQSTA\0\2"

typedef struct {
  char magic[8];
  uint32_t abi_version, count;
  uint64_t source_hash;
  int64_t capacity, bytes, position, history_bytes;
  uint64_t digest;
} state_header;
static_assert(sizeof(state_header) == 64, "state file header");

/*===----------------------------------------------------------------------===*
 * The body
 *===----------------------------------------------------------------------===*/

typedef enum { STATES_ALL, STATES_FIXED, STATES_CACHES } which_states;

/* Copies what is used of some states to a body, or from it, each at a multiple
 * of the alignment; answers the bytes. With `body` NULL it only counts. */
static int64_t transfer(const seq_state *state, which_states which,
                        uint8_t *body, seq_copy_way way) {
  int64_t bytes = 0;
  for (int32_t i = 0; i < state->count; ++i) {
    if (which != STATES_ALL &&
        seq_state_is_cache(state, i) != (which == STATES_CACHES))
      continue;
    bytes += seq_state_copy_used(state, i, body ? body + bytes : NULL, way);
    bytes = (bytes + SEQ_ALIGNMENT - 1) / SEQ_ALIGNMENT * SEQ_ALIGNMENT;
  }
  return bytes;
}

/* Those of a fixed size first: they say how much of the caches is there. */
static uint8_t *make_body(const seq_state *state, int64_t *bytes) {
  int64_t fixed = transfer(state, STATES_FIXED, NULL, SEQ_COPY_OUT);
  *bytes = fixed + transfer(state, STATES_CACHES, NULL, SEQ_COPY_OUT);
  uint8_t *body = calloc(1, (size_t)*bytes + 1);
  if (body) {
    transfer(state, STATES_FIXED, body, SEQ_COPY_OUT);
    transfer(state, STATES_CACHES, body + fixed, SEQ_COPY_OUT);
  }
  return body;
}

static bool check_positions(const seq_state *state, const char *path,
                            seq_error *error) {
  for (int32_t i = 0; i < state->count; ++i) {
    if (!seq_state_is_cache(state, i))
      continue;
    int32_t index = state->caches[i].position;
    const seq_tensor *position = &state->tensors[index];
    int64_t most = seq_state_grows(state, i) ? state->capacity : INT64_MAX;
    int64_t count = seq_tensor_bytes(position) / (int64_t)sizeof(int64_t);
    for (int64_t j = 0; j < count; ++j) {
      int64_t here = ((const int64_t *)position->data)[j];
      if (here < 0 || here > most)
        return seq_fail(error,
                        "%s: damaged: state %s is %" PRId64
                        ", expected 0 to %" PRId64,
                        path, state->types[index]->name, here, most);
    }
  }
  return true;
}

/* Fills `state`, which is new. */
static bool take_body(seq_state *state, const uint8_t *body, int64_t bytes,
                      const char *path, seq_error *error) {
  int64_t fixed = transfer(state, STATES_FIXED, NULL, SEQ_COPY_IN);
  if (fixed <= bytes) {
    transfer(state, STATES_FIXED, (uint8_t *)body, SEQ_COPY_IN);
    if (!check_positions(state, path, error))
      return false;
    if (fixed + transfer(state, STATES_CACHES, NULL, SEQ_COPY_IN) == bytes) {
      transfer(state, STATES_CACHES, (uint8_t *)body + fixed, SEQ_COPY_IN);
      return true;
    }
  }
  return seq_fail(error, "%s: damaged: %" PRId64 " bytes of states", path,
                  bytes);
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

static uint64_t digest_file(const state_header *header, const void *body,
                            const void *history) {
  uint64_t digest = digest_of(UINT64_C(0xcbf29ce484222325), header,
                              offsetof(state_header, digest));
  digest = digest_of(digest, body, header->bytes);
  return digest_of(digest, history, header->history_bytes);
}

bool seq_state_save_extra(const seq_state *state, const seq_state_extra *extra,
                          const char *path, seq_error *error) {
  if (!seq_state_check_defined(state, error))
    return false;
  int64_t bytes;
  uint8_t *body = make_body(state, &bytes);
  if (!body)
    return seq_fail(error, "no memory to save %s", path);
  state_header header = {
      .abi_version = SEQ_ABI_VERSION,
      .count = (uint32_t)state->count,
      .source_hash = state->program->source_hash,
      .capacity = seq_state_layout_capacity(state),
      .bytes = bytes,
      .position = extra->position,
      .history_bytes = extra->position * extra->unit,
  };
  memcpy(header.magic, MAGIC, sizeof header.magic);
  header.digest = digest_file(&header, body, extra->history);
  seq_file file;
  if (!seq_file_create(&file, path, error)) {
    free(body);
    return false;
  }
  bool ok = seq_file_write(&file, &header, sizeof header, error) &&
            seq_file_write(&file, body, (size_t)bytes, error) &&
            seq_file_write(&file, extra->history, (size_t)header.history_bytes,
                           error) &&
            seq_file_close(&file, error);
  free(body);
  if (ok)
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
  if (header->capacity != seq_state_layout_capacity(state))
    return seq_fail(error,
                    "%s: states of capacity %" PRId64 ", expected %" PRId64,
                    path, header->capacity, seq_state_layout_capacity(state));
  if (header->count != (uint32_t)state->count || header->bytes < 0 ||
      header->bytes > state->bytes || header->bytes % SEQ_ALIGNMENT != 0)
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

/* Body and history, read into `data`, which is one byte larger. */
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
  seq_state *read = seq_state_create(state->program, state->capacity, error);
  bool ok = read && ((data && history) ||
                     seq_fail(error, "no memory to load %s", path));
  ok = ok && read_body(&header, data, descriptor, path, error) &&
       take_body(read, data, header.bytes, path, error) &&
       seq_state_copy(state, read, error);
  if (ok) {
    memcpy(history, data + header.bytes, (size_t)header.history_bytes);
    extra->position = header.position;
    extra->history = history;
  } else {
    free(history);
  }
  seq_state_free(read);
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

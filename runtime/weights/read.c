/*===- read.c - maps and checks a weight file
 * --------------------------------===*/

#include "seq/runtime/Tensor.h"
#include "weights/format.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct seq_weights {
  char *path;
  uint8_t *base;
  uint64_t file_bytes;
  seq_weights_header header;
  seq_weights_entry *entries;
};

static bool check_header(const seq_weights *weights, seq_error *error) {
  const seq_weights_header *header = &weights->header;
  const char *path = weights->path;
  if (memcmp(header->magic, SEQ_WEIGHTS_MAGIC, sizeof header->magic) != 0)
    return seq_fail(error, "%s: not a weight file (wrong magic)", path);
  if (header->abi_version != SEQ_ABI_VERSION)
    return seq_fail(error, "%s: ABI version %" PRIu32 ", expected %d", path,
                    header->abi_version, SEQ_ABI_VERSION);
  if (header->reserved != 0)
    return seq_fail(error, "%s: damaged header (reserved field is set)", path);

  uint64_t end =
      sizeof *header + (uint64_t)header->entries * sizeof(seq_weights_record);
  /* end < 2^40, so only the sizes from the file can overflow. */
  if (header->names_bytes > UINT64_C(1) << 48 ||
      header->payload_offset % SEQ_WEIGHTS_PAGE != 0 ||
      header->payload_offset < end + header->names_bytes ||
      header->payload_offset > UINT64_C(1) << 62)
    return seq_fail(error,
                    "%s: damaged header (payload at %" PRIu64
                    ", names end at %" PRIu64 ")",
                    path, header->payload_offset, end + header->names_bytes);
  if (header->payload_bytes % SEQ_ALIGNMENT != 0 ||
      header->payload_bytes > UINT64_C(1) << 62)
    return seq_fail(error, "%s: damaged header (payload of %" PRIu64 " bytes)",
                    path, header->payload_bytes);
  uint64_t expected = header->payload_offset + header->payload_bytes;
  if (weights->file_bytes != expected)
    return seq_fail(
        error, "%s: %s: it has %" PRIu64 " bytes, expected %" PRIu64, path,
        weights->file_bytes < expected ? "truncated" : "bytes after its end",
        weights->file_bytes, expected);
  return true;
}

static bool read_entries(seq_weights *weights, seq_error *error) {
  const seq_weights_header *header = &weights->header;
  const seq_weights_record *records =
      (const seq_weights_record *)(weights->base + sizeof *header);
  const char *names = (const char *)(records + header->entries);
  weights->entries =
      calloc((size_t)header->entries + 1, sizeof *weights->entries);
  if (!weights->entries)
    return seq_fail(error, "%s: no memory for its %" PRIu32 " entries",
                    weights->path, header->entries);

  uint64_t free_from = 0;
  for (uint32_t i = 0; i < header->entries; ++i) {
    const seq_weights_record *record = &records[i];
    seq_weights_entry *entry = &weights->entries[i];
    if (record->name_bytes == 0 || record->name_offset > header->names_bytes ||
        record->name_bytes >= header->names_bytes - record->name_offset ||
        memchr(names + record->name_offset, 0,
               (size_t)record->name_bytes + 1) !=
            names + record->name_offset + record->name_bytes)
      return seq_fail(error, "%s: entry %" PRIu32 " has no valid name",
                      weights->path, i);
    entry->name = names + record->name_offset;
    entry->dtype = record->dtype;
    entry->rank = record->rank;
    memcpy(entry->shape, record->shape, sizeof entry->shape);
    entry->offset = record->offset;

    seq_error reason;
    if (!seq_weights_entry_bytes(entry, &entry->bytes, &reason))
      return seq_fail(error, "%s: %s", weights->path, reason.message);
    if (entry->bytes != record->bytes)
      return seq_fail(error,
                      "%s: weight %s: %" PRIu64 " bytes, expected %" PRIu64,
                      weights->path, entry->name, record->bytes, entry->bytes);
    if (entry->offset % SEQ_ALIGNMENT != 0)
      return seq_fail(
          error, "%s: weight %s: offset %" PRIu64 " is not a multiple of %d",
          weights->path, entry->name, entry->offset, SEQ_ALIGNMENT);
    if (entry->offset < free_from)
      return seq_fail(error,
                      "%s: weight %s: at %" PRIu64
                      " it overlaps the one before, which ends at %" PRIu64,
                      weights->path, entry->name, entry->offset, free_from);
    if (entry->offset > header->payload_bytes ||
        entry->bytes > header->payload_bytes - entry->offset)
      return seq_fail(error,
                      "%s: weight %s: %" PRIu64 " bytes at %" PRIu64
                      " exceed the payload of %" PRIu64 " bytes",
                      weights->path, entry->name, entry->bytes, entry->offset,
                      header->payload_bytes);
    free_from = entry->offset + entry->bytes;
  }
  seq_error reason;
  if (!seq_weights_unique(weights->entries, header->entries, &reason))
    return seq_fail(error, "%s: %s", weights->path, reason.message);
  return true;
}

static bool map_file(seq_weights *weights, seq_error *error) {
  int descriptor = open(weights->path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return seq_fail(error, "cannot open weight file %s: %s", weights->path,
                    strerror(errno));
  struct stat status;
  bool ok = fstat(descriptor, &status) == 0;
  if (!ok)
    seq_fail(error, "cannot read %s: %s", weights->path, strerror(errno));
  else if (!S_ISREG(status.st_mode))
    ok = seq_fail(error, "%s: not a weight file (no regular file)",
                  weights->path);
  else if (status.st_size < (off_t)sizeof weights->header)
    ok = seq_fail(
        error, "%s: truncated: it has %lld bytes, expected at least %zu",
        weights->path, (long long)status.st_size, sizeof weights->header);
  if (ok) {
    void *base = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE,
                      descriptor, 0);
    if (base == MAP_FAILED) {
      ok = seq_fail(error, "cannot map %s: %s", weights->path, strerror(errno));
    } else {
      weights->base = base;
      weights->file_bytes = (uint64_t)status.st_size;
      memcpy(&weights->header, base, sizeof weights->header);
    }
  }
  close(descriptor);
  return ok;
}

seq_weights *seq_weights_open(const char *path, seq_error *error) {
  seq_weights *weights = calloc(1, sizeof *weights);
  if (!weights || !(weights->path = strdup(path))) {
    free(weights);
    seq_fail(error, "no memory to open %s", path);
    return NULL;
  }
  if (map_file(weights, error) && check_header(weights, error) &&
      read_entries(weights, error))
    return weights;
  seq_weights_close(weights);
  return NULL;
}

bool seq_weights_check(const seq_weights *weights, const seq_program *program,
                       seq_error *error) {
  const seq_weights_header *header = &weights->header;
  if (header->source_hash != program->source_hash)
    return seq_fail(error,
                    "%s: made for another model: source hash %016" PRIx64
                    ", expected %016" PRIx64,
                    weights->path, header->source_hash, program->source_hash);
  if (header->layout_id != program->layout_id)
    return seq_fail(error,
                    "%s: packed for another layout: layout id %016" PRIx64
                    ", expected %016" PRIx64,
                    weights->path, header->layout_id, program->layout_id);
  if (header->payload_bytes != program->weights_bytes)
    return seq_fail(
        error, "%s: payload of %" PRIu64 " bytes, expected %" PRIu64,
        weights->path, header->payload_bytes, program->weights_bytes);
  return true;
}

void seq_weights_close(seq_weights *weights) {
  if (!weights)
    return;
  if (weights->base)
    munmap(weights->base, (size_t)weights->file_bytes);
  free(weights->entries);
  free(weights->path);
  free(weights);
}

const char *seq_weights_path(const seq_weights *weights) {
  return weights->path;
}

uint64_t seq_weights_source_hash(const seq_weights *weights) {
  return weights->header.source_hash;
}

uint64_t seq_weights_layout_id(const seq_weights *weights) {
  return weights->header.layout_id;
}

const uint8_t *seq_weights_payload(const seq_weights *weights) {
  return weights->base + weights->header.payload_offset;
}

uint64_t seq_weights_payload_bytes(const seq_weights *weights) {
  return weights->header.payload_bytes;
}

int64_t seq_weights_count(const seq_weights *weights) {
  return weights->header.entries;
}

const seq_weights_entry *seq_weights_at(const seq_weights *weights,
                                        int64_t index) {
  return &weights->entries[index];
}

const seq_weights_entry *seq_weights_find(const seq_weights *weights,
                                          const char *name) {
  for (uint32_t i = 0; i < weights->header.entries; ++i)
    if (strcmp(weights->entries[i].name, name) == 0)
      return &weights->entries[i];
  return NULL;
}

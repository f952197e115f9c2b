/*===- write.c - writes a weight file in place
 * -------------------------------===*/

#include "support/files.h"
#include "weights/format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct seq_weights_writer {
  seq_file file;
  uint8_t *base;
  uint64_t file_bytes, payload_offset;
};

static void write_table(seq_weights_writer *writer, uint64_t source_hash,
                        uint64_t layout_id, const seq_weights_entry *entries,
                        int64_t count, uint64_t names_bytes) {
  seq_weights_header header = {
      .abi_version = SEQ_ABI_VERSION,
      .entries = (uint32_t)count,
      .source_hash = source_hash,
      .layout_id = layout_id,
      .payload_offset = writer->payload_offset,
      .payload_bytes = writer->file_bytes - writer->payload_offset,
      .names_bytes = names_bytes,
  };
  memcpy(header.magic, SEQ_WEIGHTS_MAGIC, sizeof header.magic);
  memcpy(writer->base, &header, sizeof header);
  seq_weights_record *records =
      (seq_weights_record *)(writer->base + sizeof header);
  char *names = (char *)(records + count);
  uint64_t name_offset = 0;
  for (int64_t i = 0; i < count; ++i) {
    size_t length = strlen(entries[i].name);
    seq_weights_record record = {
        .name_offset = name_offset,
        .name_bytes = (uint32_t)length,
        .dtype = entries[i].dtype,
        .rank = entries[i].rank,
        .offset = entries[i].offset,
        .bytes = entries[i].bytes,
    };
    for (int32_t axis = 0; axis < entries[i].rank; ++axis)
      record.shape[axis] = entries[i].shape[axis];
    memcpy(&records[i], &record, sizeof record);
    memcpy(names + name_offset, entries[i].name, length + 1);
    name_offset += length + 1;
  }
}

/* Gives the file its size with blocks behind it and maps it. */
static bool map_file(seq_weights_writer *writer, seq_error *error) {
  seq_file *file = &writer->file;
  off_t bytes = (off_t)writer->file_bytes;
  struct stat status;
  if (fstat(file->descriptor, &status) != 0 || !S_ISREG(status.st_mode))
    return seq_fail(error, "cannot write %s: not a regular file", file->path);
  int reason = posix_fallocate(file->descriptor, 0, bytes);
  if (reason != 0)
    return seq_fail(error, "cannot write %s: %s", file->path, strerror(reason));
  void *base = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                    file->descriptor, 0);
  if (base == MAP_FAILED)
    return seq_fail(error, "cannot map %s: %s", file->path, strerror(errno));
  writer->base = base;
  return true;
}

static seq_weights_writer *create(const char *path, bool in_place,
                                  uint64_t source_hash, uint64_t layout_id,
                                  seq_weights_entry *entries, int64_t count,
                                  seq_error *error) {
  uint64_t payload_bytes, names_bytes = 0;
  if (!seq_weights_layout(entries, count, &payload_bytes, error))
    return NULL;
  for (int64_t i = 0; i < count; ++i)
    names_bytes += strlen(entries[i].name) + 1;
  uint64_t end = sizeof(seq_weights_header) +
                 (uint64_t)count * sizeof(seq_weights_record) + names_bytes;

  seq_weights_writer *writer = calloc(1, sizeof *writer);
  if (!writer) {
    seq_fail(error, "no memory to write %s", path);
    return NULL;
  }
  writer->payload_offset =
      (end + SEQ_WEIGHTS_PAGE - 1) & -(uint64_t)SEQ_WEIGHTS_PAGE;
  writer->file_bytes = writer->payload_offset + payload_bytes;
  if (!(in_place ? seq_file_open(&writer->file, path, error)
                 : seq_file_create(&writer->file, path, error))) {
    free(writer);
    return NULL;
  }
  if (!map_file(writer, error)) {
    seq_weights_writer_abort(writer);
    return NULL;
  }
  write_table(writer, source_hash, layout_id, entries, count, names_bytes);
  return writer;
}

seq_weights_writer *seq_weights_writer_create(const char *path,
                                              uint64_t source_hash,
                                              uint64_t layout_id,
                                              seq_weights_entry *entries,
                                              int64_t count, seq_error *error) {
  return create(path, false, source_hash, layout_id, entries, count, error);
}

seq_weights_writer *seq_weights_writer_open(const char *path,
                                            uint64_t source_hash,
                                            uint64_t layout_id,
                                            seq_weights_entry *entries,
                                            int64_t count, seq_error *error) {
  return create(path, true, source_hash, layout_id, entries, count, error);
}

uint8_t *seq_weights_writer_payload(seq_weights_writer *writer) {
  return writer->base + writer->payload_offset;
}

void seq_weights_writer_flush(seq_weights_writer *writer, uint64_t offset,
                              uint64_t bytes) {
  uint64_t from = (writer->payload_offset + offset) & -(uint64_t)SEQ_WEIGHTS_PAGE;
  uint64_t to = writer->payload_offset + offset + bytes;
  if (to > writer->file_bytes || to <= from)
    return;
  /* Hints both: errors of writing back show when the file is finished, and the
   * pages of a shared mapping stay in the file's cache when they leave it. */
  sync_file_range(writer->file.descriptor, (off_t)from, (off_t)(to - from),
                  SYNC_FILE_RANGE_WRITE);
  madvise(writer->base + from, (size_t)(to - from), MADV_DONTNEED);
}

bool seq_weights_writer_finish(seq_weights_writer *writer, seq_error *error) {
  /* msync reports an I/O error of writing back, which close would not. */
  bool ok = true;
  if (msync(writer->base, (size_t)writer->file_bytes, MS_SYNC) != 0)
    ok = seq_fail(error, "cannot write %s: %s", writer->file.path,
                  strerror(errno));
  munmap(writer->base, (size_t)writer->file_bytes);
  writer->base = NULL;
  ok = ok && seq_file_close(&writer->file, error);
  if (ok) {
    ok = seq_file_commit(&writer->file, 1, error);
    free(writer);
  } else {
    seq_weights_writer_abort(writer);
  }
  return ok;
}

void seq_weights_writer_abort(seq_weights_writer *writer) {
  if (!writer)
    return;
  if (writer->base)
    munmap(writer->base, (size_t)writer->file_bytes);
  seq_file_abort(&writer->file);
  free(writer);
}

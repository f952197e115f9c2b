/*===- format.h - the bytes of a weight file (see Weights.h)
 * ----------------===*/
#ifndef SEQ_RUNTIME_WEIGHTS_FORMAT_H
#define SEQ_RUNTIME_WEIGHTS_FORMAT_H

#include "seq/runtime/Weights.h"

#define SEQ_WEIGHTS_MAGIC "SEQWGT\0\1"
#define SEQ_WEIGHTS_PAGE 4096

typedef struct {
  char magic[8];
  uint32_t abi_version, entries;
  uint64_t source_hash, layout_id;
  uint64_t payload_offset, payload_bytes, names_bytes, reserved;
} seq_weights_header;

typedef struct {
  uint64_t name_offset;
  uint32_t name_bytes;
  int32_t dtype, rank;
  uint32_t reserved0;
  int64_t shape[SEQ_MAX_RANK];
  uint64_t offset, bytes;
  uint64_t reserved1[3];
} seq_weights_record;

static_assert(sizeof(seq_weights_header) == 64, "weight file header");
static_assert(sizeof(seq_weights_record) == 128, "weight file entry");
static_assert(offsetof(seq_weights_record, shape) == 24, "weight file entry");
static_assert(offsetof(seq_weights_record, offset) == 88, "weight file entry");

/* The dtype and shape are valid; *bytes is then the size of the values. */
bool seq_weights_entry_bytes(const seq_weights_entry *entry, uint64_t *bytes,
                             seq_error *error);

/* No two of the names are equal. */
bool seq_weights_unique(const seq_weights_entry *entries, int64_t count,
                        seq_error *error);

#endif

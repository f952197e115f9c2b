/*===- Weights.h - The weight file
 *------------------------------------------===*
 *
 * `<program>.weights` holds the packed weights of one program. Little-endian:
 *
 *   offset 0    header, 64 bytes
 *     0   char magic[8]         "SEQWGT\0\1"
 *     8   u32  abi_version      SEQ_ABI_VERSION
 *     12  u32  entries          number of entries n
 *     16  u64  source_hash      \ must equal those of the program
 *     24  u64  layout_id        /
 *     32  u64  payload_offset   multiple of 4096, at least the end of the names
 *     40  u64  payload_bytes    multiple of 64; the file ends with the payload
 *     48  u64  names_bytes      size of the name block
 *     56  u64  reserved         0
 *   offset 64   n entries of 128 bytes
 *     0   u64  name_offset      in the name block
 *     8   u32  name_bytes       without the NUL that follows it; at least 1
 *     12  i32  dtype            seq_dtype
 *     16  i32  rank             0 … 8
 *     20  u32  reserved         0
 *     24  i64  shape[8]         0 beyond the rank
 *     88  u64  offset           in the payload, multiple of 64
 *     96  u64  bytes            product of the shape × bytes of the dtype
 *     104 reserved              0
 *   then        the name block: names with a NUL after each
 *   then        zeros up to payload_offset, the payload
 *
 * Entries are in the order of their offsets and do not overlap; their names
 * are unique. Gaps (at most 63 bytes) are zeros. The payload starts on a page,
 * so that it is mapped and used in place, shared by all processes that run the
 * program.
 *
 *===----------------------------------------------------------------------===*/
#ifndef SEQ_RUNTIME_WEIGHTS_H
#define SEQ_RUNTIME_WEIGHTS_H

#include "seq/runtime/Error.h"
#include "seq/runtime/Program.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  const char *name;
  int32_t dtype, rank;
  int64_t shape[SEQ_MAX_RANK];
  uint64_t offset, bytes; /* in the payload; computed by seq_weights_layout */
} seq_weights_entry;

/*===----------------------------------------------------------------------===*
 * Reading
 *===----------------------------------------------------------------------===*/

typedef struct seq_weights seq_weights;

/* Maps the file, read only, and checks all that is said above; a file that is
 * truncated, longer than it says, or inconsistent is refused. The numbers
 * themselves are not looked at (nothing of the payload is read). Changing the
 * file while it is mapped is not supported; replacing it by rename is. */
seq_weights *seq_weights_open(const char *path, seq_error *error);

/* Refuses, by name, a file that was not made for `program`: source hash, layout
 * id, payload size. */
bool seq_weights_check(const seq_weights *weights, const seq_program *program,
                       seq_error *error);

void seq_weights_close(seq_weights *weights); /* NULL is fine */

const char *seq_weights_path(const seq_weights *weights);
uint64_t seq_weights_source_hash(const seq_weights *weights);
uint64_t seq_weights_layout_id(const seq_weights *weights);

/* Base of the payload, page aligned, and its size. Never NULL. */
const uint8_t *seq_weights_payload(const seq_weights *weights);
uint64_t seq_weights_payload_bytes(const seq_weights *weights);

int64_t seq_weights_count(const seq_weights *weights);

/* Entry `index` in the order of the file; its name lives as long as the
 * mapping. */
const seq_weights_entry *seq_weights_at(const seq_weights *weights,
                                        int64_t index);

/* By name (linear search); NULL if there is none. */
const seq_weights_entry *seq_weights_find(const seq_weights *weights,
                                          const char *name);

/*===----------------------------------------------------------------------===*
 * Writing
 *
 * Entries are declared first, so that their places are known before any value
 * is; values are then written into the mapped payload in any order, from any
 * thread. Until `finish` nothing exists under the final name: the file grows
 * under a temporary name in the same folder. All its blocks are allocated at
 * the start, so a full disk is an error of `create`, not a signal later.
 *===----------------------------------------------------------------------===*/

/* Fills in `offset` and `bytes` of each entry in the given order, and the size
 * of the payload. Fails on an invalid name (empty, repeated), dtype, rank or
 * size. Needs no file: the compiler uses it to know the offsets early. */
bool seq_weights_layout(seq_weights_entry *entries, int64_t count,
                        uint64_t *payload_bytes, seq_error *error);

typedef struct seq_weights_writer seq_weights_writer;

/* `entries` are laid out by seq_weights_layout and need not live longer than
 * the call. */
seq_weights_writer *seq_weights_writer_create(const char *path,
                                              uint64_t source_hash,
                                              uint64_t layout_id,
                                              seq_weights_entry *entries,
                                              int64_t count, seq_error *error);

/* The same in the place of the file `path`, which is emptied. Its name, and what
 * becomes of it on failure, is the caller's business. */
seq_weights_writer *seq_weights_writer_open(const char *path,
                                            uint64_t source_hash,
                                            uint64_t layout_id,
                                            seq_weights_entry *entries,
                                            int64_t count, seq_error *error);

/* The payload, zeros at first, 4096-byte aligned; valid until finish or
 * abort. */
uint8_t *seq_weights_writer_payload(seq_weights_writer *writer);

/* Says that these bytes of the payload are final: they are written back, and
 * leave this process's memory. They may still be read, or even changed. */
void seq_weights_writer_flush(seq_weights_writer *writer, uint64_t offset,
                              uint64_t bytes);

/* Writes all back, checks for errors, gives the file its final name (replacing
 * an older one in one step) and releases the writer, also when it fails; then
 * the older file is as it was and the temporary one is gone. */
bool seq_weights_writer_finish(seq_weights_writer *writer, seq_error *error);

/* Removes the temporary file and releases the writer. NULL is fine. */
void seq_weights_writer_abort(seq_weights_writer *writer);

#ifdef __cplusplus
}
#endif
#endif /* SEQ_RUNTIME_WEIGHTS_H */

/*===- layout.c - the places of the entries of a weight file
 * -----------------===*/

#include "seq/runtime/Tensor.h"
#include "weights/format.h"

#include <stdlib.h>
#include <string.h>

bool seq_weights_entry_bytes(const seq_weights_entry *entry, uint64_t *bytes,
                             seq_error *error) {
  int64_t element = seq_dtype_bytes(entry->dtype), elements;
  if (element == 0)
    return seq_fail(error, "weight %s: unknown dtype %d", entry->name,
                    entry->dtype);
  if (entry->rank < 0 || entry->rank > SEQ_MAX_RANK)
    return seq_fail(error, "weight %s: rank %d, expected 0 to %d", entry->name,
                    entry->rank, SEQ_MAX_RANK);
  if (!seq_elements(entry->rank, entry->shape, element, &elements))
    return seq_fail(error, "weight %s: its sizes are negative or too large",
                    entry->name);
  *bytes = (uint64_t)(elements * element);
  return true;
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool seq_weights_unique(const seq_weights_entry *entries, int64_t count,
                        seq_error *error) {
  const char **names = malloc((size_t)(count + 1) * sizeof *names);
  if (!names)
    return seq_fail(error, "no memory for the names of %lld weights",
                    (long long)count);
  for (int64_t i = 0; i < count; ++i)
    names[i] = entries[i].name;
  qsort(names, (size_t)count, sizeof *names, by_name);
  bool unique = true;
  for (int64_t i = 1; unique && i < count; ++i)
    if (strcmp(names[i - 1], names[i]) == 0)
      unique =
          seq_fail(error, "weight %s: there are two of this name", names[i]);
  free(names);
  return unique;
}

bool seq_weights_layout(seq_weights_entry *entries, int64_t count,
                        uint64_t *payload_bytes, seq_error *error) {
  uint64_t offset = 0;
  if (count < 0 || count > UINT32_MAX)
    return seq_fail(error, "%lld weights, expected less than 2^32",
                    (long long)count);
  for (int64_t i = 0; i < count; ++i) {
    seq_weights_entry *entry = &entries[i];
    if (!entry->name || !*entry->name)
      return seq_fail(error, "weight %lld has no name", (long long)i);
    if (strlen(entry->name) > 65535)
      return seq_fail(error, "weight %lld: its name is too long", (long long)i);
    if (!seq_weights_entry_bytes(entry, &entry->bytes, error))
      return false;
    entry->offset = offset;
    offset += (entry->bytes + SEQ_ALIGNMENT - 1) & -(uint64_t)SEQ_ALIGNMENT;
    if (offset > UINT64_C(1) << 62)
      return seq_fail(error, "weight %s: the weight file would be too large",
                      entry->name);
  }
  *payload_bytes = offset;
  return seq_weights_unique(entries, count, error);
}

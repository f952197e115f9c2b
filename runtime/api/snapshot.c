/*===- snapshot.c - places in a stream to return to ------------------------===*/

#include "api/api.h"

#include <stdlib.h>
#include <string.h>

/* Copies what a run may overwrite between the stream and a snapshot's block:
 * the states of a fixed size, then rings, of which these say how much is used.
 * A cache that grows is neither copied nor counted. With `block` NULL it only
 * counts. */
static int64_t copy_states(const seq_stream *stream, uint8_t *block,
                           seq_copy_way way) {
  int64_t bytes = 0;
  for (int rings = 0; rings < 2; ++rings)
    for (int32_t i = 0; i < seq_state_count(stream->state); ++i)
      if (!seq_state_grows(stream->state, i) &&
          seq_state_is_cache(stream->state, i) == (rings == 1))
        bytes += seq_state_copy_used(stream->state, i,
                                     block ? block + bytes : NULL, way);
  return bytes;
}

seq_snapshot *seq_take_snapshot(seq_stream *stream, seq_error *error) {
  seq_error ignored;
  if (!error)
    error = &ignored;
  if (!stream || !seq_state_is_defined(stream->state)) {
    seq_fail(error, stream ? "the stream is undefined since a run that failed"
                           : "no stream");
    return NULL;
  }
  seq_snapshot *snapshot = calloc(1, sizeof *snapshot);
  if (snapshot)
    snapshot->block = seq_allocate(copy_states(stream, NULL, SEQ_COPY_OUT));
  if (!snapshot || !snapshot->block) {
    free(snapshot);
    seq_fail(error, "no memory for a snapshot");
    return NULL;
  }
  copy_states(stream, snapshot->block, SEQ_COPY_OUT);
  snapshot->position = stream->position;
  snapshot->stream = stream;
  snapshot->older = stream->snapshots;
  if (snapshot->older)
    snapshot->older->newer = snapshot;
  stream->snapshots = snapshot;
  return snapshot;
}

void seq_drop_snapshots(seq_stream *stream, const seq_snapshot *kept) {
  while (stream->snapshots != kept) {
    seq_snapshot *dropped = stream->snapshots;
    stream->snapshots = dropped->older;
    dropped->stream = NULL;
  }
  if (stream->snapshots)
    stream->snapshots->newer = NULL;
}

bool seq_rollback(seq_stream *stream, const seq_snapshot *snapshot,
                  seq_error *error) {
  seq_error ignored;
  if (!error)
    error = &ignored;
  if (!stream || !snapshot)
    return seq_fail(error, "no %s", stream ? "snapshot" : "stream");
  if (snapshot->stream != stream)
    return seq_fail(error, snapshot->stream
                               ? "the snapshot is one of another stream"
                               : "the snapshot is no more: its stream went "
                                 "back behind it, or ended");
  seq_drop_snapshots(stream, snapshot);
  copy_states(stream, snapshot->block, SEQ_COPY_IN);
  stream->state->defined = true;
  stream->position = snapshot->position;
  return true;
}

void seq_free_snapshot(seq_snapshot *snapshot) {
  if (!snapshot)
    return;
  if (snapshot->stream) {
    if (snapshot->newer)
      snapshot->newer->older = snapshot->older;
    else
      snapshot->stream->snapshots = snapshot->older;
    if (snapshot->older)
      snapshot->older->newer = snapshot->newer;
  }
  free(snapshot->block);
  free(snapshot);
}

/*===- Json.h - Writes JSON (RFC 8259) to a stream
 *---------------------------===*
 *
 * The caller's calls mirror the document; commas and escapes are done here.
 * `key` is the member's name inside an object and NULL elsewhere. Whether the
 * stream took everything is for the caller to ask (ferror).
 *
 *===----------------------------------------------------------------------===*/
#ifndef SEQ_RUNTIME_JSON_H
#define SEQ_RUNTIME_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  FILE *stream;
  uint64_t occupied; /* bit d: the container at depth d has a member already */
  int depth;         /* at most 62 */
} seq_json;

void seq_json_begin(seq_json *json, FILE *stream);
void seq_json_object(seq_json *json, const char *key);
void seq_json_object_end(seq_json *json);
void seq_json_array(seq_json *json, const char *key);
void seq_json_array_end(seq_json *json);

/* UTF-8; each byte that is not part of a valid sequence becomes U+FFFD. NULL is
 * written as null. */
void seq_json_string(seq_json *json, const char *key, const char *text);
void seq_json_bytes(seq_json *json, const char *key, const void *text,
                    size_t bytes);
void seq_json_integer(seq_json *json, const char *key, int64_t value);

/* The shortest digits that read back as the same double; null for infinities
 * and NaN, which JSON does not have. */
void seq_json_number(seq_json *json, const char *key, double value);
void seq_json_boolean(seq_json *json, const char *key, bool value);

/* Ends the document with a newline. */
void seq_json_finish(seq_json *json);

#ifdef __cplusplus
}
#endif
#endif /* SEQ_RUNTIME_JSON_H */

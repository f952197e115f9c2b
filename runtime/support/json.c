/*===- json.c - writes JSON
 * ---------------------------------------------------===*/

#include "seq/runtime/Json.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Length of the valid UTF-8 sequence at `at`, 0 if there is none (RFC 3629: no
 * overlong forms, no surrogates, at most U+10FFFF). */
static size_t sequence(const unsigned char *at, size_t left) {
  unsigned char first = at[0];
  if (first < 0x80)
    return 1;
  size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || length > left)
    return 0;
  unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (at[1] < low || at[1] > high)
    return 0;
  for (size_t i = 2; i < length; ++i)
    if ((at[i] & 0xc0) != 0x80)
      return 0;
  return length;
}

static void quoted(FILE *stream, const unsigned char *text, size_t bytes) {
  putc('"', stream);
  for (size_t i = 0; i < bytes;) {
    size_t length = sequence(text + i, bytes - i);
    if (length == 0) {
      fputs("\\ufffd", stream);
      ++i;
      continue;
    }
    unsigned char c = text[i];
    if (c == '"' || c == '\\')
      fprintf(stream, "\\%c", c);
    else if (c == '\n')
      fputs("\\n", stream);
    else if (c < 0x20 || c == 0x7f)
      fprintf(stream, "\\u%04x", c);
    else
      fwrite(text + i, 1, length, stream);
    i += length;
  }
  putc('"', stream);
}

static void member(seq_json *json, const char *key) {
  uint64_t bit = UINT64_C(1) << json->depth;
  if (json->occupied & bit)
    fputs(", ", json->stream);
  json->occupied |= bit;
  if (key) {
    quoted(json->stream, (const unsigned char *)key, strlen(key));
    fputs(": ", json->stream);
  }
}

static void open_container(seq_json *json, const char *key, char bracket) {
  member(json, key);
  putc(bracket, json->stream);
  ++json->depth;
  json->occupied &= ~(UINT64_C(1) << json->depth);
}

static void close_container(seq_json *json, char bracket) {
  --json->depth;
  putc(bracket, json->stream);
}

void seq_json_begin(seq_json *json, FILE *stream) {
  *json = (seq_json){.stream = stream};
}

void seq_json_object(seq_json *json, const char *key) {
  open_container(json, key, '{');
}

void seq_json_object_end(seq_json *json) { close_container(json, '}'); }

void seq_json_array(seq_json *json, const char *key) {
  open_container(json, key, '[');
}

void seq_json_array_end(seq_json *json) { close_container(json, ']'); }

void seq_json_string(seq_json *json, const char *key, const char *text) {
  if (text) {
    seq_json_bytes(json, key, text, strlen(text));
    return;
  }
  member(json, key);
  fputs("null", json->stream);
}

void seq_json_bytes(seq_json *json, const char *key, const void *text,
                    size_t bytes) {
  member(json, key);
  quoted(json->stream, text, bytes);
}

void seq_json_integer(seq_json *json, const char *key, int64_t value) {
  member(json, key);
  fprintf(json->stream, "%" PRId64, value);
}

void seq_json_number(seq_json *json, const char *key, double value) {
  member(json, key);
  if (!isfinite(value)) {
    fputs("null", json->stream);
    return;
  }
  char text[40];
  for (int digits = 1; digits <= 17; ++digits) {
    snprintf(text, sizeof text, "%.*g", digits, value);
    if (strtod(text, NULL) == value)
      break;
  }
  fputs(text, json->stream);
}

void seq_json_boolean(seq_json *json, const char *key, bool value) {
  member(json, key);
  fputs(value ? "true" : "false", json->stream);
}

void seq_json_finish(seq_json *json) { putc('\n', json->stream); }

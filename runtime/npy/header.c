/*===- header.c - parses the description in front of an .npy array
 * -----------===*/

#include "npy/header.h"

#include <string.h>

typedef struct {
  const char *at, *end, *path;
  seq_error *error;
} parser;

static bool malformed(parser *p, const char *expected) {
  return seq_fail(p->error, "%s: malformed npy header: expected %s", p->path,
                  expected);
}

static void skip_space(parser *p) {
  while (p->at < p->end &&
         (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
    ++p->at;
}

static bool take(parser *p, char c) {
  skip_space(p);
  if (p->at == p->end || *p->at != c)
    return false;
  ++p->at;
  return true;
}

/* A quoted string without escapes. */
static bool string(parser *p, char *text, size_t size) {
  skip_space(p);
  if (p->at == p->end || (*p->at != '\'' && *p->at != '"'))
    return malformed(p, "a string");
  char quote = *p->at++;
  const char *start = p->at;
  while (p->at < p->end && *p->at != quote)
    ++p->at;
  if (p->at == p->end)
    return malformed(p, "the end of a string");
  size_t length = (size_t)(p->at++ - start);
  if (length >= size || memchr(start, 0, length))
    return malformed(p, "a shorter string");
  memcpy(text, start, length);
  text[length] = 0;
  return true;
}

static bool dtype(parser *p, int32_t *result) {
  static const struct {
    const char *name;
    int32_t dtype;
  } known[] = {{"f2", SEQ_F16}, {"f4", SEQ_F32}, {"f8", SEQ_F64},
               {"i1", SEQ_I8},  {"u1", SEQ_U8},  {"i4", SEQ_I32},
               {"i8", SEQ_I64}, {"b1", SEQ_BOOL}};
  static const char supported[] =
      "expected one of f2 f4 f8 i1 u1 i4 i8 b1, little-endian";
  char text[64];
  skip_space(p);
  if (p->at < p->end && *p->at == '[')
    return seq_fail(p->error, "%s: structured dtype; %s", p->path, supported);
  if (!string(p, text, sizeof text))
    return false;
  if (text[0] == '>')
    return seq_fail(p->error, "%s: dtype '%s' is big-endian; %s", p->path, text,
                    supported);
  if (text[0] == '|' && text[1] == 'O')
    return seq_fail(p->error, "%s: array of Python objects; %s", p->path,
                    supported);
  if (text[0] == '<' || text[0] == '|' || text[0] == '=')
    for (size_t i = 0; i < sizeof known / sizeof *known; ++i)
      if (strcmp(text + 1, known[i].name) == 0) {
        *result = known[i].dtype;
        return true;
      }
  return seq_fail(p->error, "%s: dtype '%s'; %s", p->path, text, supported);
}

static bool boolean(parser *p, bool *result) {
  skip_space(p);
  size_t left = (size_t)(p->end - p->at);
  *result = left >= 4 && memcmp(p->at, "True", 4) == 0;
  if (!*result && (left < 5 || memcmp(p->at, "False", 5) != 0))
    return malformed(p, "True or False");
  p->at += *result ? 4 : 5;
  return true;
}

static bool shape(parser *p, seq_tensor *array) {
  if (!take(p, '('))
    return malformed(p, "a tuple of sizes");
  array->rank = 0;
  while (!take(p, ')')) {
    int64_t size = 0;
    skip_space(p);
    if (p->at == p->end || *p->at < '0' || *p->at > '9')
      return malformed(p, "a size");
    for (; p->at < p->end && *p->at >= '0' && *p->at <= '9'; ++p->at) {
      if (size > INT64_MAX / 10 - 1)
        return malformed(p, "a smaller size");
      size = size * 10 + (*p->at - '0');
    }
    if (p->at < p->end && *p->at == 'L') /* written by Python 2 */
      ++p->at;
    if (array->rank == SEQ_MAX_RANK)
      return seq_fail(p->error, "%s: rank above %d", p->path, SEQ_MAX_RANK);
    array->shape[array->rank++] = size;
    if (!take(p, ',')) {
      if (!take(p, ')'))
        return malformed(p, "',' or ')'");
      return true;
    }
  }
  return true;
}

bool seq_npy_parse_header(const char *text, size_t bytes, const char *path,
                          seq_tensor *array, seq_error *error) {
  parser p = {text, text + bytes, path, error};
  bool has_dtype = false, has_order = false, has_shape = false;
  if (!take(&p, '{'))
    return malformed(&p, "'{'");
  while (!take(&p, '}')) {
    char key[32];
    bool ok, fortran_order;
    if (!string(&p, key, sizeof key))
      return false;
    if (!take(&p, ':'))
      return malformed(&p, "':'");
    if (strcmp(key, "descr") == 0 && !has_dtype) {
      ok = has_dtype = dtype(&p, &array->dtype);
    } else if (strcmp(key, "fortran_order") == 0 && !has_order) {
      ok = has_order = boolean(&p, &fortran_order);
      if (ok && fortran_order)
        return seq_fail(error, "%s: fortran_order is True, expected C order",
                        path);
    } else if (strcmp(key, "shape") == 0 && !has_shape) {
      ok = has_shape = shape(&p, array);
    } else {
      ok = malformed(&p, "the keys descr, fortran_order and shape, once each");
    }
    if (!ok)
      return false;
    if (!take(&p, ',')) {
      if (!take(&p, '}'))
        return malformed(&p, "',' or '}'");
      break;
    }
  }
  skip_space(&p);
  if (p.at != p.end)
    return malformed(&p, "nothing after '}'");
  if (!has_dtype || !has_order || !has_shape)
    return malformed(&p, "the keys descr, fortran_order and shape, once each");
  return true;
}

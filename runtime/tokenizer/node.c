/*===- node.c - a value of a JSON document and its place ------------------===*/

#include "tokenizer/node.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

json_node node_member(const json_node *object, const char *key) {
  json_node member = *object;
  member.value = json_object_get(object->value, key);
  ++member.depth;
  snprintf(member.path, sizeof member.path, "%.80s%s%.70s", object->path,
           *object->path ? "." : "", key);
  return member;
}

json_node node_item(const json_node *array, size_t index) {
  json_node item = *array;
  item.value = json_array_get(array->value, index);
  ++item.depth;
  snprintf(item.path, sizeof item.path, "%.120s[%zu]", array->path, index);
  return item;
}

bool node_is_null(const json_node *node) {
  return !node->value || json_is_null(node->value);
}

bool node_fail(const json_node *node, const char *format, ...) {
  char text[600];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return seq_fail(node->error, "%s: %s%s%s", node->file, node->path,
                  *node->path ? ": " : "", text);
}

static bool expected(const json_node *node, const char *what) {
  static const char *const names[] = {"an object", "an array", "a string",
                                      "an integer", "a number", "true",
                                      "false",      "null"};
  return node_fail(node, "it is %s, expected %s",
                   node->value ? names[json_typeof(node->value)] : "missing",
                   what);
}

static bool is_listed(const char *key, const char *allowed) {
  size_t length = strlen(key);
  for (const char *at = allowed; *at; at += strspn(at, " ")) {
    size_t word = strcspn(at, " ");
    if (word == length && memcmp(at, key, length) == 0)
      return true;
    at += word;
  }
  return false;
}

bool node_keys(const json_node *node, const char *allowed) {
  if (!node_object(node))
    return false;
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)node->value, key, value)
    if (!is_listed(key, allowed))
      return node_fail(node, "the key %s is not supported", key);
  return true;
}

bool node_type(const json_node *node, const char **type) {
  size_t bytes;
  if (!node_object(node))
    return false;
  json_node member = node_member(node, "type");
  return node_string(&member, type, &bytes);
}

bool node_array(const json_node *node, size_t *count) {
  if (!json_is_array(node->value))
    return expected(node, "an array");
  *count = json_array_size(node->value);
  return true;
}

bool node_object(const json_node *node) {
  return json_is_object(node->value) || expected(node, "an object");
}

bool node_string(const json_node *node, const char **text, size_t *bytes) {
  if (!json_is_string(node->value))
    return expected(node, "a string");
  *text = json_string_value(node->value);
  *bytes = json_string_length(node->value);
  return true;
}

bool node_integer(const json_node *node, int64_t least, int64_t most,
                  int64_t *value) {
  if (!json_is_integer(node->value))
    return expected(node, "an integer");
  *value = json_integer_value(node->value);
  return (*value >= least && *value <= most) ||
         node_fail(node, "it is %" PRId64 ", expected %" PRId64 " to %" PRId64,
                   *value, least, most);
}

bool node_boolean(const json_node *node, bool *value) {
  if (!json_is_boolean(node->value))
    return expected(node, "true or false");
  *value = json_is_true(node->value);
  return true;
}

bool node_flag(const json_node *object, const char *key, bool otherwise,
               bool *value) {
  json_node member = node_member(object, key);
  *value = otherwise;
  return node_is_null(&member) || node_boolean(&member, value);
}

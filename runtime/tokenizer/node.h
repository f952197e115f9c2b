/*===- node.h - a value of a JSON document and its place -------------------===*
 *
 * Errors name the file and the place: "tokenizer.json: model.vocab: …".
 *
 *===----------------------------------------------------------------------===*/
#ifndef SEQ_RUNTIME_TOKENIZER_NODE_H
#define SEQ_RUNTIME_TOKENIZER_NODE_H

#include "seq/runtime/Error.h"

#include <jansson.h>
#include <stdint.h>

typedef struct {
  const char *file;
  seq_error *error;
  const json_t *value; /* NULL = there is none */
  int depth;
  char path[160];
} json_node;

json_node node_member(const json_node *object, const char *key);
json_node node_item(const json_node *array, size_t index);

/* Is it missing or null? */
bool node_is_null(const json_node *node);

bool node_fail(const json_node *node, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* An object whose keys are all in `allowed`, words separated by spaces. */
bool node_keys(const json_node *node, const char *allowed);

/* The member "type". */
bool node_type(const json_node *node, const char **type);

bool node_array(const json_node *node, size_t *count);
bool node_object(const json_node *node);
bool node_string(const json_node *node, const char **text, size_t *bytes);
bool node_integer(const json_node *node, int64_t least, int64_t most,
                  int64_t *value);
bool node_boolean(const json_node *node, bool *value);

/* The member `key`; `otherwise` if it is missing or null. */
bool node_flag(const json_node *object, const char *key, bool otherwise,
               bool *value);

#endif

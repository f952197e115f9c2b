/*===- read.h - the parts of a tokenizer.json -----------------------------===*/
#ifndef SEQ_RUNTIME_TOKENIZER_READ_H
#define SEQ_RUNTIME_TOKENIZER_READ_H

#include "tokenizer/node.h"
#include "tokenizer/tokenizer.h"

/* The highest id that a token may have. */
enum { ID_LIMIT = INT32_MAX - 1 };

/* Each reads one member of the document (null = none) into the tokenizer, which
 * the caller releases in any case. */
bool read_model(const json_node *node, model *out);
bool read_normalizer(const json_node *node, seq_tokenizer *out);
bool read_pre_tokenizer(const json_node *node, seq_tokenizer *out);
bool read_post_processor(const json_node *node, seq_tokenizer *out);
bool read_decoder(const json_node *node, seq_tokenizer *out);

/* After the model and the normalizer. */
bool read_added_tokens(const json_node *node, seq_tokenizer *out);

/* A copy of a string of the document, terminated. */
bool copy_string(const json_node *node, char **copy, size_t *bytes);

#endif

/*===- Tokenizer.h - Text to token ids and back ----------------------------===*
 *
 * Reads the tokenizer.json of the Hugging Face `tokenizers` package and gives
 * the same ids and the same text. Supported, with all that is listed combining
 * freely:
 *
 *   model           WordPiece; BPE (without dropout, byte_fallback and affixes)
 *   normalizer      BertNormalizer, NFC, NFD, NFKC, NFKD, Lowercase,
 *                   StripAccents, Sequence
 *   pre_tokenizer   BertPreTokenizer, ByteLevel, Digits, Split (a string or a
 *                   regular expression as support of tokenizer/pattern.h says),
 *                   Sequence
 *   post_processor  BertProcessing, RobertaProcessing, TemplateProcessing,
 *                   ByteLevel, Sequence
 *   decoder         WordPiece, ByteLevel
 *   added_tokens    with all their flags
 *
 * `truncation` and `padding` are ignored. Everything else that would change the
 * result is an error that names the key.
 *
 * Unicode is version 15 (utf8proc). The parts of the package follow several
 * versions: its regular expressions a newer one, BertNormalizer and
 * BertPreTokenizer version 8 (U+166D, U+1734, U+1885 and U+1886 have changed
 * since). Characters that were added in between may be taken otherwise.
 *
 * A tokenizer does not change once it is open: threads may share it.
 *
 *===----------------------------------------------------------------------===*/
#ifndef SEQ_RUNTIME_TOKENIZER_H
#define SEQ_RUNTIME_TOKENIZER_H

#include "seq/runtime/Error.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct seq_tokenizer seq_tokenizer;

seq_tokenizer *seq_tokenizer_open(const char *path, seq_error *error);

/* From memory; `name` stands for the path in messages. */
seq_tokenizer *seq_tokenizer_parse(const char *name, const void *json,
                                   size_t bytes, seq_error *error);
void seq_tokenizer_close(seq_tokenizer *tokenizer); /* NULL is fine */

/* One more than the greatest id. */
int64_t seq_tokenizer_size(const seq_tokenizer *tokenizer);

/* The id of the token of that text, -1 if there is none. */
int64_t seq_tokenizer_find(const seq_tokenizer *tokenizer, const char *text,
                           size_t bytes);

/* The text of a token as the file spells it (for byte-level models in their
 * alphabet); NULL for an id that no token has. */
const char *seq_tokenizer_token(const seq_tokenizer *tokenizer, int64_t id,
                                size_t *bytes);

/*===-----------------------------------------------------------------------===*
 * Text to ids
 *===----------------------------------------------------------------------===*/

/* Grows as needed. Starts as zeros; release with free(ids->data). */
typedef struct {
  int64_t *data;
  int64_t count, room;
} seq_token_ids;

/* Appends the ids of a text, which must be UTF-8. With `special`, those of the
 * post-processor ([CLS] and [SEP], say) are around them; special tokens that
 * the text itself spells out are recognised in any case. */
bool seq_tokenizer_encode(const seq_tokenizer *tokenizer, const char *text,
                          size_t bytes, bool special, seq_token_ids *ids,
                          seq_error *error);

/*===-----------------------------------------------------------------------===*
 * Ids to text
 *===----------------------------------------------------------------------===*/

/* A text that arrives token by token. */
typedef struct seq_detokenizer seq_detokenizer;

/* `special`: special tokens are part of the text; otherwise they are dropped.
 * The tokenizer must live as long. */
seq_detokenizer *seq_detokenizer_create(const seq_tokenizer *tokenizer,
                                        bool special, seq_error *error);
void seq_detokenizer_free(seq_detokenizer *detokenizer); /* NULL is fine */

/* What the next token adds to the text, maybe nothing: the beginning of a
 * character that its bytes do not complete is held back. Ids that no token has
 * add nothing. *text lives until the next call. Bytes that can be no part of a
 * character are passed on as they are. */
bool seq_detokenizer_next(seq_detokenizer *detokenizer, int64_t id,
                          const char **text, size_t *bytes, seq_error *error);

/* What is still held back. The next token begins a new text. */
void seq_detokenizer_end(seq_detokenizer *detokenizer, const char **text,
                         size_t *bytes);

#ifdef __cplusplus
}
#endif
#endif /* SEQ_RUNTIME_TOKENIZER_H */

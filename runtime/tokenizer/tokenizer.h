/*===- tokenizer.h - what a tokenizer.json becomes ------------------------===*/
#ifndef SEQ_RUNTIME_TOKENIZER_TOKENIZER_H
#define SEQ_RUNTIME_TOKENIZER_TOKENIZER_H

#include "seq/runtime/Tokenizer.h"
#include "tokenizer/pattern.h"
#include "tokenizer/text.h"
#include "tokenizer/vocabulary.h"

/* Of a sequence of normalizers, pre-tokenizers or post-processors. */
enum { STEP_LIMIT = 32 };

/*===-----------------------------------------------------------------------===*
 * Normalizers: text to text
 *===----------------------------------------------------------------------===*/

typedef enum {
  NORMALIZE_CLEAN,    /* BERT: drops controls, all spaces become ' ' */
  NORMALIZE_CHINESE,  /* BERT: spaces around each ideograph */
  NORMALIZE_UNACCENT, /* drops nonspacing marks */
  NORMALIZE_UNMARK,   /* drops all marks */
  NORMALIZE_LOWER,
  NORMALIZE_NFC,
  NORMALIZE_NFD,
  NORMALIZE_NFKC,
  NORMALIZE_NFKD
} normalizer_kind;

typedef struct {
  normalizer_kind steps[STEP_LIMIT];
  int count;
} normalizer;

/* Leaves the result in `out`; `spare` is overwritten. */
bool normalize(const normalizer *steps, const char *text, size_t bytes,
               text_buffer *out, text_buffer *spare, seq_error *error);

/*===-----------------------------------------------------------------------===*
 * Pre-tokenizers: text to words
 *===----------------------------------------------------------------------===*/

typedef enum {
  SPLIT_BERT,      /* at spaces, which are dropped, and around punctuation */
  SPLIT_PATTERN,   /* around what matches and what does not */
  SPLIT_BYTE_LEVEL /* the same where there is a pattern; then bytes become
                      characters */
} splitter_kind;

typedef struct {
  splitter_kind kind;
  bool drop_matches, drop_others;
  bool prefix_space; /* SPLIT_BYTE_LEVEL: before what has none */
  bool has_pattern;
  pattern pattern;
} splitter;

/* The alphabet of byte-level models: the character of a byte, and the byte of a
 * character, -1 if it is none of the alphabet. */
int32_t byte_char(uint8_t byte);
int char_byte(int32_t c);

/*===-----------------------------------------------------------------------===*
 * Models: words to ids
 *===----------------------------------------------------------------------===*/

typedef struct {
  uint64_t pair; /* ids: left << 32 | right; UINT64_MAX = free */
  int32_t rank, merged;
} merge;

typedef enum { MODEL_WORDPIECE, MODEL_BPE } model_kind;

/* Instead of an id: the model has no unknown token, or names one that is not in
 * its vocabulary, which is an error only where it is needed. */
enum { UNKNOWN_NONE = -1, UNKNOWN_MISSING = -2 };

typedef struct {
  model_kind kind;
  vocabulary vocabulary;
  int64_t unknown;

  /* WordPiece */
  char *prefix; /* of what continues a word */
  size_t prefix_bytes;
  int64_t longest_word; /* characters; longer words are unknown */

  /* BPE */
  bool fuse_unknown, ignore_merges;
  merge *merges; /* by the hash of the pair */
  uint64_t merge_mask;
} model;

bool merges_reserve(model *bpe, int64_t count, seq_error *error);
void merges_insert(model *bpe, int64_t left, int64_t right, int32_t rank,
                   int64_t merged);

/*===-----------------------------------------------------------------------===*
 * Added tokens: found in the text before all else
 *===----------------------------------------------------------------------===*/

typedef struct {
  const char *text, *pattern; /* pattern: the normalized text, where that is
                                 what is searched for */
  size_t bytes, pattern_bytes;
  int64_t id;
  bool single_word, lstrip, rstrip, normalized, special;
} added_token;

/* Patterns in the order of their bytes. */
typedef struct {
  const added_token **sorted;
  int64_t count;
} added_set;

typedef struct {
  added_token *tokens; /* by rising id */
  int64_t count;
  added_set raw, normalized;
} added_tokens;

/* Sorts the tokens, makes the two sets. */
bool added_prepare(added_tokens *added, seq_error *error);
void added_release(added_tokens *added);
const added_token *added_at(const added_tokens *added, int64_t id);

/* The leftmost of the longest at or after `from`, NULL if there is none. */
const added_token *added_find(const added_set *set, const char *text,
                              size_t bytes, size_t from, size_t *begin);

/*===-----------------------------------------------------------------------===*
 * The tokenizer
 *===----------------------------------------------------------------------===*/

typedef enum { DECODE_JOIN, DECODE_BYTE_LEVEL, DECODE_WORDPIECE } decoder_kind;

struct seq_tokenizer {
  added_tokens added;
  normalizer normalizer;
  splitter splitters[STEP_LIMIT];
  int n_splitters;
  model model;
  int64_t before[STEP_LIMIT], after[STEP_LIMIT]; /* special ids around a text */
  int n_before, n_after;
  decoder_kind decoder;
  char *decoder_prefix;
  size_t decoder_prefix_bytes;
  bool decoder_cleanup;
};

/* Buffers of one seq_tokenizer_encode. */
typedef struct {
  const seq_tokenizer *tokenizer;
  seq_token_ids *ids;
  text_buffer normalized, spare;
  text_buffer words[STEP_LIMIT]; /* what each pre-tokenizer writes */
  text_buffer piece;             /* of a word */
  struct symbol *symbols;        /* of a word */
  struct candidate *heap;
  int64_t symbol_room, heap_count, heap_room;
  uint64_t budget; /* for the patterns */
  seq_error *error;
} encoder;

/* An id, or one of UNKNOWN_… */
bool push_id(encoder *encode, int64_t id);

/* Splits by the pre-tokenizers from number `first` on and gives each word to
 * the model. */
bool encode_words(encoder *encode, int first, const char *text, size_t bytes);
bool encode_wordpiece(encoder *encode, const char *word, size_t bytes);
bool encode_bpe(encoder *encode, const char *word, size_t bytes);

#endif

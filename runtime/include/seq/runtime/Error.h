/*===- Error.h - One line that says what went wrong
 *-------------------------===*
 *
 * Functions that can fail take a `seq_error *` last (never NULL) and answer
 * false or NULL after having written it; they leave it alone when they succeed.
 * A message is one line without a newline: control characters (of a file name,
 * say) become '?'. It names the thing, what was found and what was expected.
 *
 *===----------------------------------------------------------------------===*/
#ifndef SEQ_RUNTIME_ERROR_H
#define SEQ_RUNTIME_ERROR_H

#include "seq/api.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Formats the message. Always returns false, so that `return seq_fail(…)`. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
bool seq_fail(seq_error *error, const char *format, ...);

#ifdef __cplusplus
}
#endif
#endif /* SEQ_RUNTIME_ERROR_H */

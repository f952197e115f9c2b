/*===- error.c - one line that says what went wrong
 * --------------------------===*/

#include "seq/runtime/Error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool seq_fail(seq_error *error, const char *format, ...) {
  /* The arguments may point into error->message itself (a prefix is added). */
  char text[sizeof error->message];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  for (char *at = text; *at; ++at)
    if ((unsigned char)*at < 0x20 || *at == 0x7f)
      *at = '?';
  memcpy(error->message, text, strlen(text) + 1);
  return false;
}

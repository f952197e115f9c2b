/*===- Fixture.h - what the tests know about Fixture.c
 * -----------------------===*/
#ifndef SEQ_TEST_UNIT_RUNTIME_FIXTURE_H
#define SEQ_TEST_UNIT_RUNTIME_FIXTURE_H

#include "seq/runtime/Program.h"

#define SEQ_FIXTURE_HASH UINT64_C(0x1234)
#define SEQ_FIXTURE_LAYOUT UINT64_C(0x5678)
#define SEQ_FIXTURE_PADDED(bytes) (((bytes) + 63) / 64 * 64)
/* E and W, 8 channels each. */
#define SEQ_FIXTURE_BYTES_OF(v) SEQ_FIXTURE_PADDED((v)*8 * 4)
#define SEQ_FIXTURE_W_OFFSET SEQ_FIXTURE_BYTES_OF(SEQ_FIXTURE_VOCABULARY)
#define SEQ_FIXTURE_WEIGHTS_BYTES(v) (2 * SEQ_FIXTURE_BYTES_OF(v))

#endif

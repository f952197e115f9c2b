//===- LibraryHeader.h - the C header of a shared library -------------------------===//

#ifndef SEQC_TARGET_LIBRARYHEADER_H
#define SEQC_TARGET_LIBRARYHEADER_H

#include "seqc/Target/Program.h"

namespace seqc {

/// libmodel.h for libmodel.so.
std::string libraryHeaderPath(llvm::StringRef library);

/// All that a C program needs to use the library at this path: the interface
/// (runtime/include/seq/api.h), what the model takes, gives and remembers, and
/// constants named after the library.
std::string makeLibraryHeader(const ProgramDescription &program,
                              llvm::StringRef library);

} // namespace seqc

#endif // SEQC_TARGET_LIBRARYHEADER_H

//===- Text.h - reading JSON and saying what is wrong --------------------===//

#ifndef SEQC_LIB_IMPORT_TEXT_H
#define SEQC_LIB_IMPORT_TEXT_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

namespace seqc {

inline llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

/// A name that comes from a file, in quotes: on one line and of bounded length.
std::string quote(llvm::StringRef name);

/// "[2, 3]"
std::string formatShape(llvm::ArrayRef<int64_t> shape);

/// The first names, quoted: "'a', 'b', …".
std::string listNames(llvm::ArrayRef<llvm::StringRef> names, size_t most = 5);

/// Parses a JSON object of the file `file`. Beyond the syntax, it is refused if
/// a key is there twice or if it is nested deeply.
llvm::Expected<llvm::json::Object> parseObject(llvm::StringRef text,
                                               llvm::StringRef file);

/// Reads and parses a file that holds one JSON object.
llvm::Expected<llvm::json::Object> readObject(llvm::StringRef file);

/// A number without a fraction that int64_t holds.
std::optional<int64_t> asInteger(const llvm::json::Value &value);

} // namespace seqc

#endif // SEQC_LIB_IMPORT_TEXT_H

//===- OutputFile.h - a file that appears whole or not at all ---------------------===//

#ifndef SEQC_TARGET_OUTPUTFILE_H
#define SEQC_TARGET_OUTPUTFILE_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace seqc {

/// A temporary file beside `path` that takes its name when it is kept. It is
/// removed when the object ends without that, and when the process is
/// interrupted. A path that exists and is no regular file is written to itself.
class OutputFile {
public:
  /// Fails, naming the folder, where no file can be made there.
  static llvm::Expected<OutputFile> create(llvm::StringRef path);
  OutputFile(OutputFile &&other);
  OutputFile &operator=(OutputFile &&) = delete;
  ~OutputFile();

  const std::string &temporary() const { return temporaryPath; }
  /// Writes all of it.
  llvm::Error write(llvm::function_ref<void(llvm::raw_ostream &)> print);
  /// Renames it; `executable` sets the permissions of programs.
  llvm::Error keep(bool executable = false);

private:
  OutputFile(std::string path, std::string temporaryPath)
      : path(std::move(path)), temporaryPath(std::move(temporaryPath)) {}
  std::string path, temporaryPath;
};

} // namespace seqc

#endif // SEQC_TARGET_OUTPUTFILE_H

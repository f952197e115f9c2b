//===- OutputFile.cpp - a file that appears whole or not at all ------------------------===//

#include "seqc/Target/OutputFile.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

using namespace seqc;
namespace fs = llvm::sys::fs;

llvm::Expected<OutputFile> OutputFile::create(llvm::StringRef path) {
  llvm::StringRef folder = llvm::sys::path::parent_path(path);
  if (!folder.empty() && !fs::is_directory(folder))
    return llvm::createStringError("cannot write " + path + ": there is no folder " +
                                   folder);
  if (fs::is_directory(path))
    return llvm::createStringError("cannot write " + path + ": it is a folder");
  // A device or a pipe is written to, never replaced.
  if (fs::exists(path) && !fs::is_regular_file(path))
    return OutputFile(path.str(), path.str());
  llvm::SmallString<256> temporary;
  if (std::error_code code =
          fs::createUniqueFile(path + ".tmp-%%%%%%%%", temporary))
    return llvm::createStringError("cannot write " + path + ": " +
                                   code.message());
  llvm::sys::RemoveFileOnSignal(temporary);
  return OutputFile(path.str(), std::string(temporary));
}

OutputFile::OutputFile(OutputFile &&other)
    : path(std::move(other.path)),
      temporaryPath(std::exchange(other.temporaryPath, {})) {}

OutputFile::~OutputFile() {
  if (temporaryPath.empty() || temporaryPath == path)
    return;
  fs::remove(temporaryPath);
  llvm::sys::DontRemoveFileOnSignal(temporaryPath);
}

llvm::Error
OutputFile::write(llvm::function_ref<void(llvm::raw_ostream &)> print) {
  std::error_code code;
  llvm::raw_fd_ostream stream(temporaryPath, code);
  if (!code) {
    print(stream);
    stream.close();
    code = stream.error();
    stream.clear_error();
  }
  if (code)
    return llvm::createStringError("cannot write " + path + ": " +
                                   code.message());
  return llvm::Error::success();
}

llvm::Error OutputFile::keep(bool executable) {
  if (temporaryPath == path)
    return llvm::Error::success();
  if (executable) {
    // As far as the user's mask allows.
    unsigned mask = fs::getUmask();
    if (std::error_code code = fs::setPermissions(
            temporaryPath, static_cast<fs::perms>(0777 & ~mask)))
      return llvm::createStringError("cannot write " + path + ": " +
                                     code.message());
  }
  if (std::error_code code = fs::rename(temporaryPath, path))
    return llvm::createStringError("cannot write " + path + ": " +
                                   code.message());
  llvm::sys::DontRemoveFileOnSignal(std::exchange(temporaryPath, {}));
  return llvm::Error::success();
}

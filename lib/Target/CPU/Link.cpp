//===- Link.cpp - objects to programs ---------------------------------------------------===//

#include "seqc/Target/CPU.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

using namespace seqc;

/// The last lines of a linker's messages: the first ones name the command.
static std::string lastLines(llvm::StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return "";
  llvm::StringRef text = (*buffer)->getBuffer().rtrim();
  constexpr size_t kKept = 600;
  return text.size() > kKept ? text.take_back(kKept).str() : text.str();
}

llvm::Error seqc::link(llvm::StringRef object, llvm::StringRef runtimeDirectory,
                       LinkKind kind, llvm::StringRef output) {
  std::string driver;
  for (llvm::StringRef name : {"clang-22", "clang", "cc"})
    if (auto found = llvm::sys::findProgramByName(name)) {
      driver = *found;
      break;
    }
  if (driver.empty())
    return llvm::createStringError(
        "no linker driver on PATH: install clang-22, clang or cc");
  auto inRuntime = [&](llvm::StringRef file) {
    llvm::SmallString<256> path(runtimeDirectory);
    llvm::sys::path::append(path, file);
    return std::string(path);
  };
  std::string program = inRuntime("libseq_program.a"),
              tokenizer = inRuntime("libseq_tokenizer.a"),
              runtime = inRuntime("libseq_runtime.a");
  for (const std::string &library : {program, tokenizer, runtime})
    if (!llvm::sys::fs::exists(library))
      return llvm::createStringError("the runtime library " + library +
                                     " is missing");
  std::vector<std::string> arguments{driver, object.str()};
  if (kind == LinkKind::Shared)
    arguments.insert(arguments.end(), {"-shared", "-Wl,--whole-archive", runtime,
                                       "-Wl,--no-whole-archive",
                      // Each library keeps to its own runtime.
                      "-Wl,-Bsymbolic"});
  else
    arguments.insert(arguments.end(), {program, tokenizer, runtime});
  bool hasLld = llvm::StringRef(driver).ends_with("clang-22") &&
                (llvm::sys::findProgramByName("ld.lld-22") ||
                 llvm::sys::findProgramByName("ld.lld"));
  if (hasLld)
    arguments.push_back("-fuse-ld=lld");
  arguments.insert(arguments.end(),
                   {"-Wl,--gc-sections", "-lm", "-lpthread", "-o", output.str()});

  llvm::SmallString<128> messages;
  if (std::error_code code = llvm::sys::fs::createTemporaryFile(
          "seq-link", "txt", messages))
    return llvm::createStringError(code, "cannot make a temporary file: " +
                                             code.message());
  llvm::FileRemover remover(messages);
  std::vector<llvm::StringRef> views(arguments.begin(), arguments.end());
  std::optional<llvm::StringRef> redirects[] = {
      llvm::StringRef(""), llvm::StringRef(messages), llvm::StringRef(messages)};
  std::string failure;
  int status = llvm::sys::ExecuteAndWait(driver, views, std::nullopt, redirects,
                                         0, 0, &failure);
  if (status != 0)
    return llvm::createStringError("linking " + output + " failed: " +
                                   (failure.empty() ? lastLines(messages)
                                                    : failure));
  return llvm::Error::success();
}

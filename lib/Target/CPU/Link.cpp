//===- Link.cpp - objects to programs ---------------------------------------------------===//

#include "seqc/Target/CPU.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Signals.h"

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

using namespace seqc;

//===----------------------------------------------------------------------===//
// The linker's process
//===----------------------------------------------------------------------===//

namespace {
/// A linker left alone would go on, and write its output after this process had
/// removed what it leaves behind. So it gets a group of its own, which ends
/// first when this process is told to end.
class LinkerProcess {
public:
  LinkerProcess();
  ~LinkerProcess();
  /// As ExecuteAndWait.
  int run(llvm::StringRef program, llvm::ArrayRef<llvm::StringRef> arguments,
          llvm::StringRef messages, std::string &failure);

private:
  static void onSignal(int number);
  static constexpr int kSignals[] = {SIGHUP, SIGINT, SIGTERM};
  static struct sigaction previous[3];
  static volatile sig_atomic_t group;   // 0: there is none yet
  static volatile sig_atomic_t pending; // the signal that came before it
};
struct sigaction LinkerProcess::previous[3];
volatile sig_atomic_t LinkerProcess::group, LinkerProcess::pending;
} // namespace

LinkerProcess::LinkerProcess() {
  group = 0;
  pending = 0;
  struct sigaction action = {};
  action.sa_handler = onSignal;
  for (auto [number, before] : llvm::zip(kSignals, previous))
    sigaction(number, &action, &before);
}

LinkerProcess::~LinkerProcess() {
  for (auto [number, before] : llvm::zip(kSignals, previous))
    sigaction(number, &before, nullptr);
  if (pending)
    raise(pending);
}

void LinkerProcess::onSignal(int number) {
  if (!group) {
    pending = number;
    return;
  }
  kill(-group, SIGTERM);
  // Until nobody is left; but a linker that does not listen is not waited for.
  for (int i = 0; i < 1000 && kill(-group, 0) == 0; ++i) {
    waitpid(group, nullptr, WNOHANG);
    usleep(1000);
  }
  kill(-group, SIGKILL);
  // What was to happen without a linker, once this handler returns.
  for (auto [signal, before] : llvm::zip(kSignals, previous))
    if (signal == number)
      sigaction(number, &before, nullptr);
  raise(number);
}

int LinkerProcess::run(llvm::StringRef program,
                       llvm::ArrayRef<llvm::StringRef> arguments,
                       llvm::StringRef messages, std::string &failure) {
  std::optional<llvm::StringRef> redirects[] = {llvm::StringRef(""), messages,
                                                messages};
  bool failed = false;
  llvm::sys::ProcessInfo process = llvm::sys::ExecuteNoWait(
      program, arguments, std::nullopt, redirects, 0, &failure, &failed,
      nullptr, /*DetachProcess=*/true);
  if (failed)
    return -1;
  group = process.Pid;
  if (pending)
    raise(pending);
  return llvm::sys::Wait(process, std::nullopt, &failure).ReturnCode;
}

//===----------------------------------------------------------------------===//
// Its command
//===----------------------------------------------------------------------===//

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
  llvm::sys::RemoveFileOnSignal(messages);
  std::vector<llvm::StringRef> views(arguments.begin(), arguments.end());
  std::string failure;
  int status = LinkerProcess().run(driver, views, messages, failure);
  if (status != 0)
    return llvm::createStringError("linking " + output + " failed: " +
                                   (failure.empty() ? lastLines(messages)
                                                    : failure));
  return llvm::Error::success();
}

//===- RunProgram.h - runs compiled programs as a user does -----------------------===//
#ifndef SEQ_TEST_UNIT_RUNTIME_RUNPROGRAM_H
#define SEQ_TEST_UNIT_RUNTIME_RUNPROGRAM_H

#include "Support.h"
#include "seq/runtime/Npy.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace seq_test {

struct Result {
  int status;
  std::string out, err;
};

/// A copy of a fixture program with its weights beside it.
struct Program {
  TempFolder folder;
  int64_t vocabulary;
  size_t files; // of the untouched folder

  /// A vocabulary of 0: it has no weights.
  explicit Program(const char *path = SEQ_WORDS_PROGRAM,
                   int64_t vocabulary = 11)
      : vocabulary(vocabulary) {
    std::filesystem::copy_file(path, folder / "program");
    if (vocabulary > 0)
      writeFixtureWeights(folder / "program.weights", vocabulary);
    files = folder.files();
  }

  /// Runs it in its folder, with standard output going to `out`.
  Result operator()(std::vector<std::string> arguments,
                    std::string out = "") const {
    TempFolder streams;
    std::string err = streams / "err";
    bool capture = out.empty();
    if (capture)
      out = streams / "out";
    arguments.insert(arguments.begin(), folder / "program");
    std::vector<char *> argv;
    for (std::string &argument : arguments)
      argv.push_back(argument.data());
    argv.push_back(nullptr);
    std::string home = folder / ".";
    pid_t child = fork();
    if (child == 0) {
      int outFile = open(out.c_str(), O_WRONLY | O_CREAT, 0600);
      int errFile = open(err.c_str(), O_WRONLY | O_CREAT, 0600);
      if (chdir(home.c_str()) != 0 || dup2(outFile, 1) < 0 ||
          dup2(errFile, 2) < 0)
        _exit(99);
      execv(argv[0], argv.data());
      _exit(98);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status),
            capture ? readFile(out) : "", readFile(err)};
  }

  /// Fails with one line, exit code 1 and no new files.
  void refuses(const std::vector<std::string> &arguments,
               const std::string &message) const {
    Result result = (*this)(arguments);
    CHECK(result.status == 1);
    CHECK(result.out == "");
    CHECK_THAT(result.err, Catch::Matchers::StartsWith("error: ") &&
                               Catch::Matchers::Contains(message));
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
    CHECK(folder.files() == files);
  }

  template <typename T>
  void write(const std::string &name, const std::vector<T> &values,
             std::vector<int64_t> shape) {
    seq_error error;
    seq_tensor array = view(values, shape);
    REQUIRE(seq_npy_write((folder / name).c_str(), &array, &error));
    files = folder.files();
  }

  std::vector<float> read(const std::string &name) const {
    seq_error error = {""};
    seq_tensor array;
    bool ok = seq_npy_read((folder / name).c_str(), SEQ_F32, &array, &error);
    INFO(error.message);
    REQUIRE(ok);
    const float *data = static_cast<const float *>(array.data);
    std::vector<float> values(data, data + seq_tensor_bytes(&array) / 4);
    std::free(array.data);
    return values;
  }

  /// Greedy continuation, computed here.
  std::vector<int64_t> greedy(std::vector<int64_t> ids, int count) const {
    size_t start = ids.size();
    for (int i = 0; i < count; ++i) {
      std::vector<float> logits = fixtureLogits(vocabulary, ids);
      auto last = logits.end() - vocabulary;
      ids.push_back(std::max_element(last, logits.end()) - last);
    }
    return {ids.begin() + start, ids.end()};
  }
};

} // namespace seq_test

#endif

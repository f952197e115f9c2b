//===- MachineTest.cpp - target files ------------------------------------===//

#include "seqc/Analysis/Machine.h"

#include "llvm/Support/raw_ostream.h"

#include <catch2/catch.hpp>

using namespace seqc;
using Catch::Matchers::Contains;

/// A file that is right.
static const std::string good = R"({
  "name": "small", "cores": 2, "lanes": 8,
  "fma_gflops": {"f32": 100, "f64": 50}, "exp_gops": 2,
  "latency_ns": 1.5, "barrier_us": 0.5, "dispatch_us": 3,
  "memory": [
    {"name": "L1", "kib": 32, "read_gbs": 200, "copy_gbs": 100},
    {"name": "memory", "shared": true, "read_gbs": 10, "copy_gbs": 5,
     "read_all_gbs": 15, "copy_all_gbs": 7}
  ]
})";

static std::string replaced(std::string from, const std::string &to) {
  std::string text = good;
  size_t place = text.find(from);
  REQUIRE(place != std::string::npos);
  return text.replace(place, from.size(), to);
}

static std::string errorOf(const std::string &text) {
  auto machine = parseMachine(text, "m.json");
  REQUIRE_FALSE(static_cast<bool>(machine));
  std::string message = llvm::toString(machine.takeError());
  CHECK(message.find('\n') == std::string::npos);
  CHECK_THAT(message, Contains("m.json: "));
  return message;
}

TEST_CASE("a target file is read in its units", "[machine]") {
  Machine machine = llvm::cantFail(parseMachine(good, "m.json"));
  CHECK(machine.name == "small");
  CHECK(machine.cores == 2);
  CHECK(machine.fma32 == 100e9);
  CHECK(machine.latency == Approx(1.5e-9));
  CHECK(machine.dispatch == Approx(3e-6));
  CHECK(!machine.matrix);
  REQUIRE(machine.memory.size() == 2);
  CHECK(machine.memory[0].bytes == 32 * 1024);
  // A core's own caches work side by side.
  CHECK(machine.memory[0].readAll == 400e9);
  CHECK(machine.memory[1].bytes == 0);
  CHECK(machine.memory[1].copyAll == 7e9);
}

TEST_CASE("what is written is read again", "[machine]") {
  for (std::string name : {"avx512", "avx2", "sse2"}) {
    Machine machine = getBuiltInMachine(name);
    std::string text, again;
    llvm::raw_string_ostream stream(text), second(again);
    printMachine(machine, stream);
    printMachine(llvm::cantFail(parseMachine(text, name)), second);
    CHECK(text == again);
  }
}

TEST_CASE("the files of the project are right", "[machine]") {
  for (std::string name : {"avx512", "avx2", "sse2", "h100"}) {
    Machine machine = llvm::cantFail(
        readMachine(std::string(SEQ_TARGETS) + "/" + name + ".json"));
    CHECK(machine.name == name);
    CHECK(machine.matrix.has_value() == (name == "h100"));
    // Nearer memory is faster.
    for (size_t i = 1; i < machine.memory.size(); ++i)
      CHECK(machine.memory[i].readAll < machine.memory[i - 1].readAll);
  }
}

TEST_CASE("errors say where and what was expected", "[machine]") {
  CHECK_THAT(errorOf("{ no"), Contains("is no JSON"));
  CHECK_THAT(errorOf("[]"), Contains("the file: expected an object"));
  CHECK_THAT(errorOf(replaced("\"cores\": 2", "\"cores\": 0")),
             Contains("cores: expected a whole number from 1"));
  CHECK_THAT(errorOf(replaced("\"f64\": 50", "\"f64\": -1")),
             Contains("fma_gflops.f64: expected a number above 0"));
  CHECK_THAT(errorOf(replaced(", \"f64\": 50", "")),
             Contains("fma_gflops.f64: expected a number above 0"));
  CHECK_THAT(errorOf(replaced("\"copy_gbs\": 5", "\"copy_gbs\": \"5\"")),
             Contains("memory[1].copy_gbs: expected a number above 0"));
  CHECK_THAT(errorOf(replaced("\"kib\": 32, ", "")),
             Contains("memory[0].kib: expected a number above 0"));
  CHECK_THAT(errorOf(replaced("\"read_gbs\": 200", "\"raed_gbs\": 200")),
             Contains("memory[0].read_gbs: expected"));
  CHECK_THAT(errorOf(replaced("\"shared\": true", "\"shared\": 1")),
             Contains("memory[1].shared: expected true or false"));
  CHECK_THAT(errorOf(replaced("\"lanes\": 8,", "\"lanes\": 8, \"size\": 1,")),
             Contains("size: there is no such key; known are name, cores"));
  CHECK_THAT(errorOf(replaced("\"small\"", "7")),
             Contains("name: expected a string"));
  auto missing = readMachine("no/such/file.json");
  REQUIRE_FALSE(static_cast<bool>(missing));
  CHECK_THAT(llvm::toString(missing.takeError()),
             Contains("no/such/file.json: "));
}

//===- ProgramTest.cpp - the command line of a compiled program
//--------------------===//

#include "RunProgram.h"

#include <sstream>

using namespace seq_test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {
std::string join(const std::vector<int64_t> &ids, const char *separator) {
  std::string text;
  for (int64_t id : ids)
    text += (text.empty() ? "" : separator) + std::to_string(id);
  return text;
}
} // namespace

TEST_CASE("run: inputs from files, outputs to files") {
  Program program;
  std::vector<int64_t> ids = {3, 1, 4};
  program.write("ids.npy", ids, {1, 3});
  Result result = program(
      {"run", "--input", "input_ids=ids.npy", "--output", "logits=logits.npy"});
  CHECK(result.err == "");
  CHECK(result.status == 0);
  CHECK(result.out == "logits: float32[1, 3, 11] -> logits.npy\n");
  CHECK(program.read("logits.npy") == fixtureLogits(11, ids));
  CHECK(program.folder.files() == program.files + 1);

  result = program({"run", "--json", "--function=last", "--threads=1",
                    "--input=input_ids=ids.npy"});
  CHECK(result.status == 0);
  CHECK_THAT(result.out,
             StartsWith("{\"function\": \"last\", \"threads\": 1,") &&
                 Contains("\"outputs\": [{\"name\": \"logits\", \"dtype\": "
                          "\"float32\", \"shape\": [1, 11], \"file\": null}]"));
}

TEST_CASE("run: several inputs and outputs, conversions, results in place") {
  Program program;
  program.write<double>("x.npy", {1, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 4});
  program.write<uint16_t>("g.npy", std::vector<uint16_t>(8, 0x3800), {1, 2, 4});
  Result result =
      program({"run", "--function", "mix", "--input", "g=g.npy", "--input",
               "x=x.npy", "--output", "sum=sum.npy", "--output", "y=x.npy"});
  CHECK(result.err == "");
  CHECK(program.read("x.npy") ==
        std::vector<float>{1, 2, 3, 4, 6, 7.5, 9, 8.5});
  CHECK(program.read("sum.npy") == std::vector<float>{41});
}

TEST_CASE("run: errors are one line and leave no files") {
  Program program;
  program.write<int64_t>("ids.npy", {3, 11}, {1, 2});
  program.write<float>("x.npy", {1, 2, 3, 4}, {1, 1, 4});
  program.write<float>("two.npy", {1, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 4});
  const std::string in = "--input";
  program.refuses({"run"}, "missing --input input_ids=FILE.npy (int64[1, d0])");
  program.refuses({"run", in}, "run: --input needs a value");
  program.refuses({"run", in, "--json"}, "run: --input needs a value");
  program.refuses({"run", in, "input_ids"}, "expected NAME=FILE");
  program.refuses({"run", in, "=a"}, "expected NAME=FILE");
  program.refuses({"run", in, "x=a"}, "no input x; there is input_ids");
  program.refuses({"run", in, "input_ids=a", in, "input_ids=b"},
                  "--input input_ids is given twice");
  program.refuses({"run", in, "input_ids=a", "--output", "x=b"},
                  "no output x; there is logits");
  program.refuses({"run", in, "input_ids=none.npy"},
                  "input input_ids: cannot read none.npy: No such file");
  program.refuses({"run", in, "input_ids=x.npy"},
                  "input input_ids: x.npy: dtype float32, expected int64");
  program.refuses({"run", in, "input_ids=program"}, "not an npy file");
  program.refuses({"run", in, "input_ids=ids.npy", "--output", "logits=l.npy"},
                  "input input_ids: value 11 at [0, 1], expected 0 to 10");
  program.refuses({"run", "--function", "mix", in, "x=x.npy", in, "g=two.npy",
                   "--output", "y=y.npy"},
                  "input g: dimension 1 is 2, expected 1 as dimension 1 of x");
  program.refuses({"run", "--function", "none"}, "no function none; there is");
  program.refuses({"run", "--nothing"}, "run: unknown option '--nothing'");
  program.refuses({"run", "file"}, "run: unexpected argument 'file'");
  program.refuses({"run", "--json=1"}, "--json takes no value");
  program.refuses({"run", "--json", "--json"}, "--json is given twice");
  program.refuses({"run", "--threads", "0", in, "input_ids=ids.npy"},
                  "--threads '0', expected an integer from 1 to 256");
  program.refuses({"run", "--threads", "2x", in, "input_ids=ids.npy"},
                  "--threads '2x'");
}

TEST_CASE("run: outputs that cannot be written leave everything as it was") {
  Program program;
  program.write<float>("x.npy", {1, 2, 3, 4}, {1, 1, 4});
  writeFile(program.folder / "old.npy", "older");
  program.files = program.folder.files();
  std::vector<std::string> base = {"run",     "--function", "mix",    "--input",
                                   "x=x.npy", "--input",    "g=x.npy"};
  auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return more;
  };
  program.refuses(with({"--output", "y=old.npy", "--output", "sum=/dev/full"}),
                  "cannot write /dev/full: No space left on device");
  program.refuses(
      with({"--output", "y=new.npy", "--output", "sum=none/sum.npy"}),
      "cannot write none/sum.npy: No such file or directory");
  program.refuses(with({"--output", "y=new.npy", "--output", "sum=."}),
                  "it is a directory");
  program.refuses(with({"--output", "y=new.npy", "--output", "sum=new.npy"}),
                  "two outputs name this file");
  CHECK(readFile(program.folder / "old.npy") == "older");
  program.refuses({"run", "--function", "misbehave", "--input", "how=x.npy",
                   "--output", "y=old.npy"},
                  "dtype float32, expected int32");
  program.write<int32_t>("how.npy", {1}, {});
  program.refuses({"run", "--function", "misbehave", "--input", "how=how.npy",
                   "--output", "y=old.npy"},
                  "the cache is full?at position 7");
  CHECK(readFile(program.folder / "old.npy") == "older");
  Result result = program(with({"--output", "y=/dev/null"}));
  CHECK(result.status == 0);
}

TEST_CASE("generate: greedy, as ids") {
  Program program;
  std::vector<int64_t> expected = program.greedy({1, 2, 3}, 12);
  for (const char *threads : {"1", "2", "3"}) {
    Result result = program({"generate", "--ids", "1,2,3", "--max-new", "12",
                             "--threads", threads});
    CHECK(result.status == 0);
    CHECK(result.out == join(expected, " ") + "\n");
    CHECK_THAT(result.err, StartsWith("prompt: 3 tokens, ") &&
                               Contains("generated: 12 tokens, ") &&
                               Contains("tokens/s\n"));
  }
  Result result =
      program({"generate", "--ids", "1,2,3", "--max-new", "12", "--json"});
  CHECK(result.err == "");
  CHECK_THAT(result.out,
             StartsWith("{\"prompt_ids\": [1, 2, 3], \"ids\": [" +
                        join(expected, ", ") +
                        "], \"stopped\": \"length\", \"seed\": 0, ") &&
                 Contains("\"new_tokens_per_second\": "));
  result = program({"generate", "--ids", "1", "--max-new", "1"});
  CHECK_THAT(result.err, Contains("generated: 1 token\n"));
}

TEST_CASE(
    "generate and bench: a model without states sees all of the sequence") {
  Program program(SEQ_STATELESS_PROGRAM);
  Result result = program({"generate", "--ids", "1,2,3", "--max-new", "12"});
  CHECK(result.status == 0);
  CHECK(result.out == join(program.greedy({1, 2, 3}, 12), " ") + "\n");
  result = program({"bench", "--prefill", "4", "--decode", "5"});
  CHECK(result.status == 0);
  CHECK_THAT(result.out, Contains("decode 5"));
}

TEST_CASE("generate: text of a byte-level model") {
  Program program(SEQ_BYTES_PROGRAM, 128);
  std::string prompt = "Hello";
  std::vector<int64_t> expected =
      program.greedy({prompt.begin(), prompt.end()}, 8);
  Result result = program({"generate", "--prompt", prompt, "--max-new=8"});
  CHECK(result.status == 0);
  CHECK(result.out == std::string(expected.begin(), expected.end()) + "\n");
  result = program(
      {"generate", "--ids", "72,101,108,108,111", "--max-new=8", "--json"});
  CHECK_THAT(result.out, Contains("\"ids\": [" + join(expected, ", ") + "]") &&
                             Contains("\"text\": \""));
  program.refuses({"generate", "--prompt", "caf\xc3\xa9"},
                  "the text: byte 195 at 3, expected less than 128");
}

TEST_CASE("generate: a seed gives the same tokens on any number of threads") {
  Program program;
  auto tokens = [&](const char *seed, const char *threads) {
    Result result = program({"generate", "--ids", "1", "--temperature", "1.5",
                             "--top-k", "8", "--top-p", "0.9", "--seed", seed,
                             "--threads", threads, "--max-new", "40"});
    CHECK(result.status == 0);
    return result.out;
  };
  CHECK(tokens("1", "1") == tokens("1", "3"));
  CHECK(tokens("1", "1") != tokens("2", "1"));
}

TEST_CASE("generate: errors") {
  Program program;
  program.refuses({"generate"}, "no beginning is given: expected one of");
  program.refuses({"generate", "--ids", "1", "--prompt", "x"},
                  "both --prompt and --ids are given");
  program.refuses(
      {"generate", "--prompt", "x"},
      "no tokenizer: there is no .tokenizer.json beside the program");
  program.refuses({"generate", "--ids", ""}, "--ids is empty");
  program.refuses({"generate", "--ids", "1,x"},
                  "--ids: 'x', expected integers");
  program.refuses({"generate", "--ids", "1,,2"}, "--ids: '', expected");
  program.refuses({"generate", "--ids", "1,"}, "ends with a comma");
  program.refuses({"generate", "--ids", "1,11"},
                  "--ids: token 11, expected 0 to 10");
  program.refuses({"generate", "--ids", "-1"}, "--ids: token -1, expected");
  program.refuses({"generate", "--ids", "99999999999999999999"}, "--ids: '999");
  program.refuses({"generate", "--ids", "1", "--max-new", "0"},
                  "--max-new '0'");
  program.refuses({"generate", "--ids", "1", "--temperature", "-1"},
                  "temperature -1, expected at least 0");
  program.refuses({"generate", "--ids", "1", "--temperature", "nan"},
                  "temperature nan, expected at least 0");
  program.refuses({"generate", "--ids", "1", "--temperature", "warm"},
                  "--temperature 'warm', expected a number");
  program.refuses({"generate", "--ids", "1", "--top-p", "2"}, "top-p 2");
  program.refuses({"generate", "--ids", "1", "--top-k", "-2"}, "--top-k '-2'");
  program.refuses({"generate", "--ids", "1", "--seed", "x"}, "--seed 'x'");
}

TEST_CASE("weights: another file, a missing one, a wrong one") {
  Program program;
  std::filesystem::rename(program.folder / "program.weights",
                          program.folder / "other");
  program.refuses({"generate", "--ids", "1"},
                  "cannot open weight file " +
                      program.folder / "program.weights");
  Result result = program(
      {"generate", "--ids", "1", "--max-new", "2", "--weights", "other"});
  CHECK(result.status == 0);
  writeFixtureWeights(program.folder / "other", 11, 77);
  program.refuses({"generate", "--ids", "1", "--weights", "other"},
                  "other: made for another model: source hash");
  result = program({"info"});
  CHECK(result.status == 0);
  CHECK_THAT(result.out, Contains("(unusable)") && Contains("cannot open"));
}

TEST_CASE("bench: table and JSON") {
  Program program;
  Result result =
      program({"bench", "--prefill", "16", "--decode", "8", "--repeat", "3"});
  CHECK(result.err == "");
  CHECK(result.status == 0);
  CHECK_THAT(result.out, StartsWith("fixture, any; 3 runs each\n") &&
                             Contains("| prefill 16") &&
                             Contains("| decode 8"));
  result = program({"bench", "--prefill", "16", "--decode", "0", "--repeat",
                    "2", "--json", "--threads", "1"});
  CHECK_THAT(
      result.out,
      StartsWith("{\"architecture\": \"fixture\", \"target\": \"any\", "
                 "\"function\": \"last\", \"threads\": 1, \"tests\": "
                 "[{\"test\": \"prefill\", \"tokens\": 16, \"median\": "));
  CHECK_THAT(result.out, !Contains("decode"));
  result = program({"bench", "--function", "mix", "--prefill", "9"});
  CHECK(result.status == 0);
  CHECK_THAT(result.out,
             Contains("| mix") && Contains("prefill 9") && !Contains("decode"));
  result = program({"bench", "--function", "static"});
  CHECK_THAT(result.out, Contains("| call 1"));
  result = program({"bench", "--function", "forward", "--decode", "4"});
  CHECK_THAT(result.out, Contains("prefill 512") && Contains("decode 4"));
  program.refuses({"bench", "--repeat", "0"}, "--repeat '0'");
  program.refuses({"bench", "--function", "none"}, "no function none");
}

TEST_CASE("info: text and JSON") {
  Program program;
  Result result = program({"info"});
  CHECK(result.err == "");
  CHECK_THAT(result.out,
             Contains("architecture: fixture\n") && Contains("target: any\n") &&
                 Contains("function mix\n") &&
                 Contains("  input   input_ids: int64[1, d0], 0 to 10\n") &&
                 Contains("  state   h: float32[1, 8]\n") &&
                 Contains("  output  logits: float32[1, d0, 11]\n") &&
                 Contains("1: 32, 128: 4096, 2048: 65536\n") &&
                 Contains("state bytes: 192\n") &&
                 Contains("program.weights (ok), 768 bytes\n") &&
                 Contains("layer 0: sequential\n"));
  result = program({"info", "--json"});
  CHECK_THAT(result.out,
             StartsWith("{\"architecture\": \"fixture\"") &&
                 Contains("\"scratch_bytes\": {\"1\": 32, \"128\": 4096") &&
                 Contains("\"state_bytes\": 192") &&
                 Contains("\"status\": \"ok\""));
  program.refuses({"info", "--threads", "x"}, "--threads 'x'");
}

TEST_CASE("help, and what is no command") {
  Program program;
  for (std::vector<std::string> arguments : {std::vector<std::string>{"--help"},
                                             {"run", "--help"},
                                             {"generate", "--help"},
                                             {"embed", "--help"},
                                             {"bench", "--nothing", "--help"},
                                             {"info", "--help"}}) {
    Result result = program(arguments);
    CHECK(result.status == 0);
    CHECK(result.err == "");
    CHECK_THAT(result.out, StartsWith("usage: program "));
  }
  CHECK_THAT(program({"run", "--help"}).out,
             Contains("--input NAME=FILE") && Contains("--threads N"));
  program.refuses({},
                  "no command: expected run, generate, embed, bench or info");
  program.refuses({"walk"}, "unknown command 'walk'");
}

TEST_CASE("a full standard output is an error") {
  Program program;
  for (std::vector<std::string> arguments :
       {std::vector<std::string>{"info"},
        {"info", "--json"},
        {"--help"},
        {"generate", "--ids", "1"},
        {"generate", "--ids", "1", "--json"},
        {"bench", "--prefill", "1", "--decode", "1"}}) {
    Result result = program(arguments, "/dev/full");
    CHECK(result.status == 1);
    CHECK_THAT(result.err, Contains("error: cannot write to standard output"));
  }
}

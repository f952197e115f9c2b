//===- TextTest.cpp - text in and out of compiled programs ------------------------===//

#include "RunProgram.h"

#include <cmath>

using namespace seq_test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {
/// Byte-level, with the 11 tokens that the fixture knows; 9 is special and
/// begins each text.
const std::string tokens = R"({
  "version": "1.0", "truncation": null, "padding": null,
  "added_tokens": [{"id": 9, "content": "<s>", "single_word": false,
    "lstrip": false, "rstrip": false, "normalized": false, "special": true}],
  "normalizer": null,
  "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false,
    "trim_offsets": true, "use_regex": true},
  "post_processor": {"type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
               {"Sequence": {"id": "A", "type_id": 0}}],
    "pair": [],
    "special_tokens": {"<s>": {"id": "<s>", "ids": [9], "tokens": ["<s>"]}}},
  "decoder": {"type": "ByteLevel", "add_prefix_space": true,
    "trim_offsets": true, "use_regex": true},
  "model": {"type": "BPE", "dropout": null, "unk_token": null,
    "continuing_subword_prefix": null, "end_of_word_suffix": null,
    "fuse_unk": false, "byte_fallback": false,
    "vocab": {"a": 0, "b": 1, "c": 2, "\u0120": 3, "ab": 4, "\u00c3": 5,
      "\u00a9": 6, "d": 7, "e": 8, "\u0120ab": 10},
    "merges": ["a b", "\u0120 ab"]}
})";
const char *const pieces[] = {"a",    "b", "c", " ", "ab", "\xc3",
                              "\xa9", "d", "e", "",  " ab"};

std::string spell(const std::vector<int64_t> &ids) {
  std::string text;
  for (int64_t id : ids)
    text += pieces[id];
  return text;
}

/// What follows `key` in `json`, a list of numbers.
std::vector<double> numbers(const std::string &json, const std::string &key,
                            size_t from = 0) {
  size_t at = json.find('[', json.find("\"" + key + "\": ", from));
  REQUIRE(at != std::string::npos);
  std::vector<double> values;
  while (json[at] != ']') {
    char *end;
    values.push_back(std::strtod(json.c_str() + at + 1, &end));
    at = end - json.c_str();
  }
  return values;
}
} // namespace

TEST_CASE("generate: text by the tokenizer beside the program") {
  Program program;
  writeFile(program.folder / "program.tokenizer.json", tokens);
  std::vector<int64_t> prompt = {9, 4, 10, 2};
  std::vector<int64_t> expected = program.greedy(prompt, 20);
  Result result =
      program({"generate", "--prompt", "ab abc", "--max-new", "20"});
  CHECK(result.status == 0);
  CHECK(result.out == spell(expected) + "\n");
  CHECK_THAT(result.err, StartsWith("prompt: 4 tokens, "));
  result = program({"generate", "--ids", "9,4,10,2", "--max-new", "20"});
  CHECK(result.out == spell(expected) + "\n");
  result = program({"generate", "--prompt=ab abc", "--max-new=20", "--json"});
  CHECK_THAT(result.out, StartsWith("{\"prompt_ids\": [9, 4, 10, 2], ") &&
                             Contains("\"text\": \""));
}

TEST_CASE("generate: a tokenizer by name") {
  Program program;
  writeFile(program.folder / "other.json", tokens);
  Result result = program({"generate", "--prompt", "<s>c", "--max-new", "9",
                           "--tokenizer", "other.json"});
  CHECK(result.status == 0);
  CHECK(result.out == spell(program.greedy({9, 9, 2}, 9)) + "\n");
  program.files = program.folder.files();
  program.refuses({"generate", "--prompt", "a", "--tokenizer", "none.json"},
                  "cannot read none.json: No such file or directory");
  program.refuses({"generate", "--ids", "1", "--tokenizer", "program.weights"},
                  "program.weights: line 1, column ");
  program.refuses({"generate", "--prompt", "a\xff", "--tokenizer", "other.json"},
                  "the text is not UTF-8 at byte 1");
}

TEST_CASE("generate: a tokenizer that is not the model's is refused") {
  Program program;
  std::string larger = tokens;
  size_t at = larger.find("\"d\": 7");
  writeFile(program.folder / "program.tokenizer.json",
            larger.replace(at, 6, "\"d\": 11"));
  program.files = program.folder.files();
  program.refuses({"generate", "--prompt", "ad"},
                  "the text: token 11 at 2, expected less than 11");
}

TEST_CASE("generate: from ids, a tokenizer that cannot be read is only noted") {
  Program program;
  writeFile(program.folder / "program.tokenizer.json", "{");
  program.files = program.folder.files();
  Result result = program({"generate", "--ids", "1,2", "--max-new", "1"});
  CHECK(result.status == 0);
  CHECK(result.out == std::to_string(program.greedy({1, 2}, 1)[0]) + "\n");
  CHECK_THAT(result.err, StartsWith("note: ids instead of text: ") &&
                             Contains("program.tokenizer.json: line 1"));
  program.refuses({"generate", "--prompt", "a"}, "program.tokenizer.json: ");
}

TEST_CASE("embed: the mean of the hidden states, of length 1") {
  Program program(SEQ_EMBED_PROGRAM, 0);
  writeFile(program.folder / "program.tokenizer.json", tokens);
  // With <s> in front, its id is too large: the fixture knows 9.
  program.files = program.folder.files();
  program.refuses({"embed", "ab"}, "input input_ids: value 9 at [0, 0]");
  std::string plain = tokens;
  size_t at = plain.find("{\"type\": \"TemplateProcessing\"");
  size_t end = plain.find("\"decoder\"");
  writeFile(program.folder / "program.tokenizer.json",
            plain.replace(at, end - at, "null,\n"));

  Result result = program({"embed", "--json", "cde", "--", "a a"});
  INFO(result.err);
  REQUIRE(result.status == 0);
  CHECK(numbers(result.out, "ids") == std::vector<double>{2, 7, 8});
  size_t second = result.out.find("\"a a\"");
  CHECK(numbers(result.out, "ids", second) == std::vector<double>{0, 3, 0});
  // [mean of ids, mask, 1 + type, tokens]
  std::vector<std::vector<double>> means = {{17.0 / 3, 1, 1, 3}, {1, 1, 1, 3}};
  std::vector<std::vector<double>> vectors = {
      numbers(result.out, "vector"), numbers(result.out, "vector", second)};
  double cosine = 0;
  for (int c = 0; c < 4; ++c) {
    for (int i = 0; i < 2; ++i) {
      double square = 0;
      for (double x : means[i])
        square += x * x;
      CHECK(vectors[i][c] == Approx(means[i][c] / std::sqrt(square)));
    }
    cosine += vectors[0][c] * vectors[1][c];
  }
  CHECK_THAT(result.out,
             Contains("\"cosines\": [{\"first\": 0, \"second\": 1, "));
  at = result.out.find("\"cosine\": ") + 10;
  CHECK(std::strtod(result.out.c_str() + at, nullptr) == Approx(cosine));
}

TEST_CASE("embed: as text, and errors") {
  Program program(SEQ_EMBED_PROGRAM, 0);
  std::string file = program.folder / "t.json";
  std::string plain = tokens;
  size_t at = plain.find("{\"type\": \"TemplateProcessing\"");
  size_t end = plain.find("\"decoder\"");
  writeFile(file, plain.replace(at, end - at, "null,\n"));
  program.files = program.folder.files();
  Result result = program({"embed", "--tokenizer", "t.json", "b"});
  CHECK(result.status == 0);
  CHECK(result.out == "0.5 0.5 0.5 0.5\n");
  result = program({"embed", "--tokenizer", "t.json", "--", "b", "b", "a\nb"});
  CHECK_THAT(result.out, StartsWith(" 1.0000  \"b\"  \"b\"\n") &&
                             Contains("  \"b\"  \"a\\nb\"\n"));
  program.refuses({"embed"}, "embed: no text is given");
  program.refuses({"embed", "a"}, "no tokenizer: there is no .tokenizer.json");
  program.refuses({"embed", "--tokenizer", "t.json", "a", ""},
                  "embed: text 2 has no tokens");
  program.refuses({"embed", "-x"}, "embed: unknown option '-x'");
  Program model;
  model.refuses({"embed", "a"},
                "function forward has no output last_hidden_state");
}

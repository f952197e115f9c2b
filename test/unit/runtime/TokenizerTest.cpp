//===- TokenizerTest.cpp - text to token ids and back -----------------------------===//
//
// The expected ids and texts are those of the Python package tokenizers 0.23;
// test/python/test_tokenizers.py compares on much more text.
//
//===------------------------------------------------------------------------------===//

#include "seq/runtime/Tokenizer.h"
#include "Support.h"

#include <catch2/catch.hpp>
#include <cctype>

using namespace seq_test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {
const std::string wordpiece = R"({
  "version": "1.0", "truncation": null, "padding": null,
  "added_tokens": [
    {"id": 0, "content": "[UNK]", "single_word": false, "lstrip": false,
     "rstrip": false, "normalized": false, "special": true},
    {"id": 3, "content": "[MASK]", "single_word": false, "lstrip": true,
     "rstrip": false, "normalized": false, "special": true}],
  "normalizer": {"type": "BertNormalizer", "clean_text": true,
    "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
  "pre_tokenizer": {"type": "BertPreTokenizer"},
  "post_processor": {"type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}},
               {"Sequence": {"id": "A", "type_id": 0}},
               {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
    "pair": [{"Sequence": {"id": "A", "type_id": 0}},
             {"Sequence": {"id": "B", "type_id": 1}}],
    "special_tokens": {
      "[CLS]": {"id": "[CLS]", "ids": [1], "tokens": ["[CLS]"]},
      "[SEP]": {"id": "[SEP]", "ids": [2], "tokens": ["[SEP]"]}}},
  "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
  "model": {"type": "WordPiece", "unk_token": "[UNK]",
    "continuing_subword_prefix": "##", "max_input_chars_per_word": 10,
    "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "[MASK]": 3, "un": 4,
      "##aff": 5, "##able": 6, "##a": 7, "hello": 8, ",": 9, "!": 10,
      "cafe": 11, "\u4e2d": 12, "x": 13, "##ble": 14}}
})";

const std::string bpe = R"({
  "version": "1.0", "truncation": null, "padding": null,
  "added_tokens": [
    {"id": 19, "content": "<end>", "single_word": false, "lstrip": false,
     "rstrip": true, "normalized": false, "special": true},
    {"id": 20, "content": "we", "single_word": true, "lstrip": false,
     "rstrip": false, "normalized": true, "special": false}],
  "normalizer": null,
  "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false,
    "trim_offsets": true, "use_regex": true},
  "post_processor": {"type": "ByteLevel", "add_prefix_space": true,
    "trim_offsets": false, "use_regex": true},
  "decoder": {"type": "ByteLevel", "add_prefix_space": true,
    "trim_offsets": true, "use_regex": true},
  "model": {"type": "BPE", "dropout": null, "unk_token": null,
    "continuing_subword_prefix": null, "end_of_word_suffix": null,
    "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
    "vocab": {"l": 0, "o": 1, "w": 2, "e": 3, "r": 4, "s": 5, "'": 6, "1": 7,
      "\u0120": 8, "\u010a": 9, "\u00c3": 10, "\u00a9": 11, "lo": 12,
      "low": 13, "er": 14, "\u0120l": 15, "ow": 16, "\u0120low": 17,
      "'s": 18},
    "merges": [["l", "o"], ["lo", "w"], ["e", "r"], ["\u0120", "l"],
      ["o", "w"], ["\u0120", "low"], ["'", "s"]]}
})";

using Ids = std::vector<int64_t>;

class Tokenizer {
public:
  explicit Tokenizer(const std::string &json) {
    seq_error error = {""};
    tokenizer = seq_tokenizer_parse("t.json", json.data(), json.size(), &error);
    INFO(error.message);
    REQUIRE(tokenizer);
  }
  ~Tokenizer() { seq_tokenizer_close(tokenizer); }
  Tokenizer(const Tokenizer &) = delete;

  Ids encode(const std::string &text, bool special = true) const {
    seq_error error = {""};
    Ids result;
    CHECK(encode(text, special, result, error));
    CHECK(std::string(error.message) == "");
    return result;
  }

  /// The error of encoding this.
  std::string refusal(const std::string &text) const {
    seq_error error = {"it was accepted"};
    Ids ignored;
    CHECK_FALSE(encode(text, true, ignored, error));
    return error.message;
  }

  /// Token by token, with a '|' after each.
  std::string stream(const Ids &ids, bool special = false) const {
    seq_error error = {""};
    seq_detokenizer *detokenizer =
        seq_detokenizer_create(tokenizer, special, &error);
    REQUIRE(detokenizer);
    std::string result;
    const char *text;
    size_t bytes;
    for (int64_t id : ids) {
      REQUIRE(seq_detokenizer_next(detokenizer, id, &text, &bytes, &error));
      result += std::string(text, bytes) + "|";
    }
    seq_detokenizer_end(detokenizer, &text, &bytes);
    result += std::string(text, bytes);
    seq_detokenizer_free(detokenizer);
    return result;
  }

  seq_tokenizer *tokenizer;

private:
  bool encode(const std::string &text, bool special, Ids &result,
              seq_error &error) const {
    seq_token_ids ids = {};
    bool ok = seq_tokenizer_encode(tokenizer, text.data(), text.size(), special,
                                   &ids, &error);
    result.assign(ids.data, ids.data + ids.count);
    std::free(ids.data);
    return ok;
  }
};

/// The error of reading this.
std::string refusal(const std::string &json) {
  seq_error error = {"it was accepted"};
  seq_tokenizer *tokenizer =
      seq_tokenizer_parse("t.json", json.data(), json.size(), &error);
  CHECK(tokenizer == nullptr);
  seq_tokenizer_close(tokenizer);
  return error.message;
}

void refuses(const std::string &json, const std::string &message) {
  CHECK_THAT(refusal(json), StartsWith("t.json: ") && Contains(message));
}

/// `text` with its only `from` replaced.
std::string with(std::string text, const std::string &from,
                 const std::string &to) {
  size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  REQUIRE(text.find(from, at + 1) == std::string::npos);
  return text.replace(at, from.size(), to);
}

/// The byte-level model with its text split by `pattern`, as JSON spells it.
std::string splitBy(const std::string &pattern) {
  return with(bpe,
              R"({"type": "ByteLevel", "add_prefix_space": false,
    "trim_offsets": true, "use_regex": true})",
              R"({"type": "Sequence", "pretokenizers": [{"type": "Split",
    "pattern": {"Regex": ")" + pattern + R"("}, "behavior": "Isolated",
    "invert": false}, {"type": "ByteLevel", "add_prefix_space": false,
    "trim_offsets": true, "use_regex": false}]})");
}
} // namespace

TEST_CASE("WordPiece: text to ids") {
  Tokenizer tokenizer(wordpiece);
  CHECK(tokenizer.encode("Hello, UNAFFABLE caf\u00e9!") ==
        Ids{1, 8, 9, 4, 5, 6, 11, 10, 2});
  CHECK(tokenizer.encode("unaffa \u4e2dx  [MASK]zz") ==
        Ids{1, 4, 5, 7, 12, 13, 3, 0, 2});
  CHECK(tokenizer.encode(std::string("hel\0lo\u200b\thello", 15)) ==
        Ids{1, 8, 8, 2});
  CHECK(tokenizer.encode("unaffaffaffx unaffaffa") == Ids{1, 0, 4, 5, 5, 7, 2});
  CHECK(tokenizer.encode("") == Ids{1, 2});
  CHECK(tokenizer.encode("", false).empty());
  CHECK(tokenizer.encode("hello", false) == Ids{8});
}

TEST_CASE("WordPiece: ids to text") {
  Tokenizer tokenizer(wordpiece);
  CHECK(tokenizer.stream({1, 8, 9, 4, 5, 6, 11, 10, 2}) ==
        "[CLS]| hello|,| un|aff|able| cafe|!| [SEP]|");
  CHECK(tokenizer.stream({8, 3, 8}) == "hello|| hello|");
  CHECK(tokenizer.stream({8, 3, 8}, true) == "hello| [MASK]| hello|");
}

TEST_CASE("BPE: text to ids") {
  Tokenizer tokenizer(bpe);
  CHECK(tokenizer.encode("low lower\n slow's  \u00e9") ==
        Ids{13, 17, 14, 9, 8, 5, 13, 18, 8, 8, 10, 11});
  CHECK(tokenizer.encode("lowlowow ow1s") == Ids{13, 13, 16, 8, 16, 7, 5});
  CHECK(tokenizer.encode("we were we <end>\n  <end> low") ==
        Ids{20, 8, 2, 14, 3, 8, 20, 8, 19, 19, 13});
  CHECK(tokenizer.encode(" \u4e2d") == Ids{8});
}

TEST_CASE("BPE: incomplete characters are held back") {
  Tokenizer tokenizer(bpe);
  CHECK(tokenizer.stream({13, 8, 10, 11, 19, 20}) == "low| ||\u00e9||we|");
  CHECK(tokenizer.stream({10, 18, 10}) == "|\xc3's||\xc3");
  CHECK(tokenizer.stream({13, 19}, true) == "low|<end>|");
  CHECK(tokenizer.stream({13, 99, -1}) == "low|||");
}

TEST_CASE("look-ups") {
  Tokenizer tokenizer(bpe);
  CHECK(seq_tokenizer_size(tokenizer.tokenizer) == 21);
  CHECK(seq_tokenizer_find(tokenizer.tokenizer, "low", 3) == 13);
  CHECK(seq_tokenizer_find(tokenizer.tokenizer, "<end>", 5) == 19);
  CHECK(seq_tokenizer_find(tokenizer.tokenizer, "lowe", 4) == -1);
  size_t bytes;
  const char *text = seq_tokenizer_token(tokenizer.tokenizer, 15, &bytes);
  CHECK(std::string(text, bytes) == "\u0120l");
  CHECK(seq_tokenizer_token(tokenizer.tokenizer, 21, &bytes) == nullptr);
}

TEST_CASE("text that is not UTF-8 is refused") {
  Tokenizer tokenizer(bpe);
  for (const char *text : {"low\xff", "low\xc3", "low\xed\xa0\x80"})
    CHECK(tokenizer.refusal(text) == "the text is not UTF-8 at byte 3");
}

TEST_CASE("a word without tokens needs an unknown token") {
  Tokenizer tokenizer(with(wordpiece, R"("unk_token": "[UNK]")",
                           R"("unk_token": "[NONE]")"));
  CHECK(tokenizer.encode("hello") == Ids{1, 8, 2});
  CHECK_THAT(tokenizer.refusal("zz"),
             Contains("the unk_token is not in the vocabulary"));
}

TEST_CASE("patterns cut where nothing merges any more") {
  CHECK(Tokenizer(splitBy("l")).encode("low") == Ids{0, 16});
  CHECK(Tokenizer(splitBy("o?w")).encode("low ow") == Ids{0, 16, 8, 16});
  CHECK(Tokenizer(splitBy("(?i:'S)")).encode("ow's") == Ids{16, 18});
  CHECK(Tokenizer(splitBy("\\\\s(?=l)")).encode("low low") == Ids{13, 8, 13});
  CHECK(Tokenizer(splitBy("\\\\s(?!l)")).encode("low low") == Ids{13, 17});
  CHECK(Tokenizer(splitBy("[^\\\\P{L}l]{1,2}")).encode("loow") ==
        Ids{0, 1, 1, 2});
  CHECK(Tokenizer(splitBy("e(?:x|l)?|\\\\x{6f}w")).encode("lower") ==
        Ids{0, 16, 3, 4});
}

TEST_CASE("patterns that take too long on a text are given up") {
  Tokenizer tokenizer(splitBy("l*l*l*l*l*l*l*r"));
  CHECK_THAT(tokenizer.refusal(std::string(2000, 'l')),
             Contains("takes too long"));
}

TEST_CASE("patterns that are not supported are named") {
  for (const char *pattern :
       {"a.b", "^a", "a$", "a*", "a|", "", "(a", "a)", "[a", "[]a]", "[a[b]]",
        "[a&&b]", "[b-a]", "a**", "a+?", "a{2,1}", "a{x}", "(a)+", "(?<a>b)",
        "(?<=a)b", "\\\\", "\\\\q", "\\\\1", "\\\\p{Han}", "\\\\pL", "\\\\p{L",
        "(?i:\\\\p{Lu})", "(?!a)", "\\\\xff", "\\\\x{110000}"})
    CHECK_THAT(refusal(splitBy(pattern)),
               StartsWith("t.json: pre_tokenizer.pretokenizers[0].pattern.Regex"
                          ": the pattern '") &&
                   Contains("' is not supported: ") && Contains(" at byte "));
  std::string opened(40, '('), closed(40, ')');
  CHECK_THAT(refusal(splitBy(opened + "a" + closed)), Contains("too deeply"));
  CHECK_THAT(refusal(splitBy(std::string(3000, 'a'))), Contains("too long"));
}

TEST_CASE("what changes results and is not supported is named") {
  refuses(with(bpe, R"("dropout": null)", R"("dropout": 0.1)"),
          "model.dropout: this is not supported");
  refuses(with(bpe, R"("byte_fallback": false)", R"("byte_fallback": true)"),
          "model.byte_fallback: this is not supported");
  refuses(with(bpe, R"("end_of_word_suffix": null)",
               R"("end_of_word_suffix": "</w>")"),
          "model.end_of_word_suffix: this is not supported");
  refuses(with(bpe, R"("fuse_unk": false)", R"("fuse": false)"),
          "model: the key fuse is not supported");
  refuses(with(bpe, R"("type": "BPE")", R"("type": "Unigram")"),
          "model: the type Unigram is not supported, only WordPiece and BPE");
  refuses(with(bpe, R"("normalizer": null)",
               R"("normalizer": {"type": "Precompiled"})"),
          "normalizer: the type Precompiled is not supported");
  refuses(with(bpe, R"("normalizer": null)",
               R"("normalizer": {"type": "Sequence", "normalizers":
               [{"type": "NFC"}, {"type": "Nmt"}]})"),
          "normalizer.normalizers[1]: the type Nmt is not supported");
  refuses(with(wordpiece, R"({"type": "BertPreTokenizer"})",
               R"({"type": "Metaspace"})"),
          "pre_tokenizer: the type Metaspace is not supported");
  refuses(with(wordpiece, R"("type": "TemplateProcessing")",
               R"("type": "Other")"),
          "post_processor: the type Other is not supported");
  refuses(with(wordpiece, R"("type": "WordPiece", "prefix")",
               R"("type": "CTC", "prefix")"),
          "decoder: the type CTC is not supported");
  refuses(with(bpe, R"("version": "1.0")", R"("version": "2.0")"),
          "version: it is 2.0, expected 1.0");
  refuses(with(bpe, R"("truncation")", R"("shortening")"),
          "the key shortening is not supported");
}

TEST_CASE("files that contradict themselves are refused") {
  refuses(with(bpe, R"("low": 13)", R"("low": 12)"), "have the same id 12");
  refuses(with(bpe, R"("low": 13)", R"("low": -1)"),
          "model.vocab: it is -1, expected 0 to");
  refuses(with(bpe, R"("low": 13)", R"("low": 99999999999)"),
          "model.vocab: it is 99999999999, expected 0 to");
  refuses(with(bpe, R"("low": 13)", R"("low": "13")"),
          "model.vocab: it is a string, expected an integer");
  refuses(with(bpe, R"(["e", "r"])", R"(["e", "x"])"),
          "model.merges[2]: 'x' is not in the vocabulary");
  refuses(with(bpe, R"(["e", "r"])", R"(["e", "o"])"),
          "model.merges[2]: 'eo' is not in the vocabulary");
  refuses(with(bpe, R"(["e", "r"])", R"("e r x")"),
          "model.merges[2]: 'e r x', expected two tokens");
  refuses(with(bpe, R"(["e", "r"])", R"(["e"])"),
          "model.merges[2]: expected two tokens");
  refuses(with(bpe, R"("id": 19)", R"("id": 20)"),
          "added_tokens: two tokens have the id 20");
  refuses(with(bpe, R"("id": 19)", R"("id": 3)"),
          "added_tokens[0].id: '<end>' has the id 3, which the vocabulary");
  refuses(with(bpe, R"("rstrip": true)", R"("rstrip": 1)"),
          "added_tokens[0].rstrip: it is an integer, expected true or false");
  refuses(with(wordpiece, R"("ids": [2])", R"("ids": 2)"),
          "post_processor.special_tokens.[SEP].ids: it is an integer, expected "
          "an array");
  refuses(with(wordpiece, R"("max_input_chars_per_word": 10,)", ""),
          "model.max_input_chars_per_word: it is missing, expected an integer");
}

TEST_CASE("what is no JSON is refused with its place") {
  refuses("", "line 1, column 0: ");
  refuses("{}", "model: it is missing, expected an object");
  refuses("[]", "it is an array, expected an object");
  refuses(with(bpe, "\"version\"", "\"version"), "line 2, column ");
  refuses(with(bpe, "\"1.0\"", "\"\xff\""), "line 2, column ");
  refuses(bpe + "x", "end of file expected");
  refuses(std::string(5000, '['), "maximum parsing depth reached");
  std::string deep = R"({"type": "NFC"})";
  for (int i = 0; i < 40; ++i)
    deep = R"({"type": "Sequence", "normalizers": [)" + deep + "]}";
  refuses(with(bpe, R"("normalizer": null)", R"("normalizer": )" + deep),
          "nested too deeply");
}

TEST_CASE("from a file") {
  TempFolder folder;
  seq_error error = {""};
  std::string path = folder / "t.json";
  CHECK(seq_tokenizer_open(path.c_str(), &error) == nullptr);
  CHECK_THAT(error.message, StartsWith("cannot read ") &&
                                Contains("t.json: No such file or directory"));
  CHECK(seq_tokenizer_open((folder / ".").c_str(), &error) == nullptr);
  CHECK_THAT(error.message, Contains("Is a directory"));
  writeFile(path, bpe);
  seq_tokenizer *tokenizer = seq_tokenizer_open(path.c_str(), &error);
  REQUIRE(tokenizer);
  CHECK(seq_tokenizer_size(tokenizer) == 21);
  seq_tokenizer_close(tokenizer);
}

// The sanitizers watch.
TEST_CASE("damaged files are refused by a message, or read and usable") {
  uint32_t seed = 1;
  auto random = [&] { return (seed = seed * 1664525 + 1013904223) >> 8; };
  const std::string text = "Hello, low we <end> 11\u00e9\u4e2d [MASK]";
  int refused = 0, read = 0;
  for (int i = 0; i < 6000; ++i) {
    std::string json = i % 2 ? wordpiece : bpe;
    if (i % 3 == 0)
      json.resize(random() % json.size());
    else if (i % 3 == 1)
      json[random() % json.size()] = static_cast<char>(random());
    else { // often still JSON
      size_t at = random() % json.size();
      while (!std::isalnum(static_cast<unsigned char>(json[at])))
        at = random() % json.size();
      json[at] = "0123456789,]}-\\ \""[random() % 17];
    }
    seq_error error = {""};
    seq_tokenizer *tokenizer =
        seq_tokenizer_parse("t.json", json.data(), json.size(), &error);
    if (!tokenizer) {
      CHECK_THAT(error.message, StartsWith("t.json: "));
      ++refused;
      continue;
    }
    ++read;
    seq_token_ids ids = {};
    if (!seq_tokenizer_encode(tokenizer, text.data(), text.size(), true, &ids,
                              &error))
      CHECK(std::string(error.message) != "");
    std::free(ids.data);
    seq_tokenizer_close(tokenizer);
  }
  CHECK(refused > 1000);
  CHECK(read > 100);
}

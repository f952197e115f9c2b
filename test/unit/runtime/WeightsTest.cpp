//===- WeightsTest.cpp - the weight file
//------------------------------------------===//

#include "Support.h"

#include <catch2/catch.hpp>

using namespace seq_test;
using Catch::Matchers::Contains;

namespace {
seq_weights_entry entry(const char *name, int dtype,
                        std::vector<int64_t> shape) {
  seq_weights_entry result = {};
  result.name = name;
  result.dtype = dtype;
  result.rank = static_cast<int32_t>(shape.size());
  std::copy(shape.begin(), shape.end(), result.shape);
  return result;
}

/// A file with two entries, of 12 and 3 bytes.
std::string small(const std::string &path) {
  seq_error error;
  seq_weights_entry entries[] = {entry("a", SEQ_F32, {3}),
                                 entry("b.c", SEQ_I8, {1, 3})};
  seq_weights_writer *writer =
      seq_weights_writer_create(path.c_str(), 1, 2, entries, 2, &error);
  REQUIRE(writer);
  std::memcpy(seq_weights_writer_payload(writer), "abcdefghijkl", 12);
  std::memcpy(seq_weights_writer_payload(writer) + entries[1].offset, "xyz", 3);
  REQUIRE(seq_weights_writer_finish(writer, &error));
  return readFile(path);
}

std::string refusal(const std::string &path, const std::string &contents) {
  writeFile(path, contents);
  seq_error error = {"it was accepted"};
  seq_weights *weights = seq_weights_open(path.c_str(), &error);
  CHECK(weights == nullptr);
  seq_weights_close(weights);
  return error.message;
}

template <typename T>
std::string patched(std::string file, size_t offset, T value) {
  std::memcpy(&file[offset], &value, sizeof value);
  return file;
}
} // namespace

TEST_CASE("a weight file survives a round trip") {
  TempFolder folder;
  std::string path = folder / "p.weights";
  small(path);
  CHECK(folder.files() == 1);
  seq_error error;
  seq_weights *weights = seq_weights_open(path.c_str(), &error);
  REQUIRE(weights);
  CHECK(seq_weights_source_hash(weights) == 1);
  CHECK(seq_weights_layout_id(weights) == 2);
  CHECK(seq_weights_payload_bytes(weights) == 128);
  REQUIRE(seq_weights_count(weights) == 2);
  const seq_weights_entry *b = seq_weights_find(weights, "b.c");
  REQUIRE(b == seq_weights_at(weights, 1));
  CHECK(b->dtype == SEQ_I8);
  CHECK(b->rank == 2);
  CHECK(b->shape[1] == 3);
  CHECK(b->offset == 64);
  CHECK(b->bytes == 3);
  const uint8_t *payload = seq_weights_payload(weights);
  CHECK(reinterpret_cast<uintptr_t>(payload) % 4096 == 0);
  CHECK(std::memcmp(payload, "abcdefghijkl\0\0", 14) == 0);
  CHECK(std::memcmp(payload + 64, "xyz\0", 4) == 0);
  CHECK(seq_weights_find(weights, "b") == nullptr);

  seq_program program = {};
  program.source_hash = 1;
  program.layout_id = 2;
  program.weights_bytes = 128;
  CHECK(seq_weights_check(weights, &program, &error));
  program.weights_bytes = 64;
  CHECK_FALSE(seq_weights_check(weights, &program, &error));
  CHECK_THAT(error.message, Contains("payload of 128 bytes, expected 64"));
  program.layout_id = 3;
  CHECK_FALSE(seq_weights_check(weights, &program, &error));
  CHECK_THAT(error.message, Contains("layout id"));
  program.source_hash = 3;
  CHECK_FALSE(seq_weights_check(weights, &program, &error));
  CHECK_THAT(error.message, Contains("source hash 0000000000000001, expected "
                                     "0000000000000003"));
  seq_weights_close(weights);
}

TEST_CASE("a file without entries is valid") {
  TempFolder folder;
  std::string path = folder / "p.weights";
  seq_error error;
  seq_weights_writer *writer =
      seq_weights_writer_create(path.c_str(), 1, 2, nullptr, 0, &error);
  REQUIRE(writer);
  REQUIRE(seq_weights_writer_finish(writer, &error));
  seq_weights *weights = seq_weights_open(path.c_str(), &error);
  REQUIRE(weights);
  CHECK(seq_weights_payload_bytes(weights) == 0);
  seq_weights_close(weights);
}

TEST_CASE("a file cut at any length, or longer, is refused") {
  TempFolder folder;
  std::string whole = small(folder / "p.weights");
  for (size_t length = whole.size(); length-- > 0;) {
    std::filesystem::resize_file(folder / "p.weights", length);
    seq_error error = {"it was accepted"};
    seq_weights *weights =
        seq_weights_open((folder / "p.weights").c_str(), &error);
    if (weights || !std::strstr(error.message, "truncated"))
      FAIL("cut at " << length << ": " << error.message);
  }
  CHECK_THAT(refusal(folder / "p.weights", whole + "x"),
             Contains("bytes after its end"));
}

TEST_CASE("damaged fields are refused by name") {
  TempFolder folder;
  std::string path = folder / "p.weights", whole = small(path);
  const size_t a = 64, b = 192;
  auto check = [&](const std::string &file, const char *message) {
    CHECK_THAT(refusal(path, file), Contains(message) && Contains(path));
  };
  check(patched(whole, 0, 'X'), "wrong magic");
  check(patched<uint32_t>(whole, 8, 1), "ABI version 1, expected 3");
  check(patched<uint32_t>(whole, 12, 0xffffffff), "damaged header");
  check(patched<uint32_t>(whole, 12, 3), "valid name");
  check(patched<uint64_t>(whole, 32, 4097), "damaged header");
  check(patched<uint64_t>(whole, 32, 0), "damaged header");
  check(patched<uint64_t>(whole, 32, uint64_t(-4096)), "damaged header");
  check(patched<uint64_t>(whole, 40, 1), "damaged header");
  check(patched<uint64_t>(whole, 40, uint64_t(-64)), "damaged header");
  check(patched<uint64_t>(whole, 48, uint64_t(-1)), "damaged header");
  check(patched<uint64_t>(whole, 56, 1), "reserved");
  check(patched<uint64_t>(whole, a, 100), "entry 0 has no valid name");
  check(patched<uint64_t>(whole, a, uint64_t(-1)), "entry 0 has no valid name");
  check(patched<uint32_t>(whole, a + 8, 0), "entry 0 has no valid name");
  check(patched<uint32_t>(whole, a + 8, 3), "entry 0 has no valid name");
  check(patched<uint32_t>(whole, b + 8, 100), "entry 1 has no valid name");
  check(patched<int32_t>(whole, a + 12, 9), "weight a: unknown dtype 9");
  check(patched<int32_t>(whole, a + 12, -1), "weight a: unknown dtype");
  check(patched<int32_t>(whole, a + 16, 9), "weight a: rank 9");
  check(patched<int32_t>(whole, a + 16, -1), "weight a: rank -1");
  check(patched<int64_t>(whole, a + 24, -3), "weight a: its sizes");
  check(patched<int64_t>(whole, a + 24, INT64_MAX), "weight a: its sizes");
  check(patched<int64_t>(whole, a + 24, 4), "weight a: 12 bytes, expected 16");
  check(patched<uint64_t>(whole, b + 88, 8), "not a multiple of 64");
  check(patched<uint64_t>(whole, b + 88, 0), "weight b.c: at 0 it overlaps");
  check(patched<uint64_t>(whole, b + 88, 128), "exceed the payload");
  check(patched<uint64_t>(whole, b + 88, uint64_t(-64)), "exceed the payload");
  check(patched<uint64_t>(whole, a + 88, 64), "weight b.c: at 64 it overlaps");
  std::string twice = patched<uint64_t>(whole, b, 0);
  check(patched<uint32_t>(twice, b + 8, 1), "weight a: there are two");
}

TEST_CASE("what is not a file is refused") {
  seq_error error;
  CHECK(seq_weights_open("/nonexistent", &error) == nullptr);
  CHECK_THAT(error.message, Contains("cannot open weight file /nonexistent"));
  CHECK(seq_weights_open("/dev/null", &error) == nullptr);
  CHECK_THAT(error.message, Contains("no regular file"));
}

TEST_CASE("the layout aligns entries and refuses bad ones") {
  seq_error error;
  uint64_t bytes;
  seq_weights_entry good[] = {entry("a", SEQ_BF16, {33}),
                              entry("b", SEQ_F32, {0}),
                              entry("c", SEQ_F64, {})};
  REQUIRE(seq_weights_layout(good, 3, &bytes, &error));
  CHECK(good[0].bytes == 66);
  CHECK(good[1].offset == 128);
  CHECK(good[2].offset == 128);
  CHECK(bytes == 192);
  auto refused = [&](seq_weights_entry bad, const char *message) {
    seq_weights_entry list[] = {entry("a", SEQ_F32, {1}), bad};
    CHECK_FALSE(seq_weights_layout(list, 2, &bytes, &error));
    CHECK_THAT(error.message, Contains(message));
  };
  refused(entry("a", SEQ_F32, {1}), "two of this name");
  refused(entry("", SEQ_F32, {1}), "no name");
  refused(entry("b", 9, {1}), "unknown dtype");
  refused(entry("b", SEQ_F32, {-1}), "negative");
  refused(entry("b", SEQ_F32, {int64_t(1) << 40, int64_t(1) << 40}), "large");
}

TEST_CASE("what was flushed is in the file") {
  TempFolder folder;
  std::string path = folder / "p.weights";
  seq_error error;
  const size_t count = 100000;
  seq_weights_entry entries[] = {entry("a", SEQ_U8, {count}),
                                 entry("b", SEQ_U8, {count})};
  seq_weights_writer *writer =
      seq_weights_writer_create(path.c_str(), 1, 2, entries, 2, &error);
  REQUIRE(writer);
  uint8_t *payload = seq_weights_writer_payload(writer);
  // The page that both share is flushed after the first and written again.
  std::memset(payload, 'a', count);
  std::memset(payload + entries[1].offset, 'x', count);
  seq_weights_writer_flush(writer, 0, count);
  std::memset(payload + entries[1].offset, 'b', count);
  seq_weights_writer_flush(writer, entries[1].offset, count);
  CHECK(payload[count - 1] == 'a');
  seq_weights_writer_flush(writer, 0, 0);
  seq_weights_writer_flush(writer, 0, UINT64_MAX);
  REQUIRE(seq_weights_writer_finish(writer, &error));
  std::string file = readFile(path);
  CHECK(file.substr(file.size() - entries[1].offset - count - 32,
                    count) == std::string(count, 'a'));
  CHECK(file.substr(file.size() - count - 32, count) ==
        std::string(count, 'b'));
}

TEST_CASE("the writer leaves nothing behind when it stops") {
  TempFolder folder;
  std::string path = folder / "p.weights";
  writeFile(path, "older");
  seq_error error;
  seq_weights_entry entries[] = {entry("a", SEQ_F32, {3})};
  seq_weights_writer *writer =
      seq_weights_writer_create(path.c_str(), 1, 2, entries, 1, &error);
  REQUIRE(writer);
  CHECK(folder.files() == 2);
  CHECK(readFile(path) == "older");
  seq_weights_writer_abort(writer);
  CHECK(folder.files() == 1);
  CHECK(readFile(path) == "older");
}

TEST_CASE("too little room is an error of create") {
  TempFolder folder;
  std::string path = folder / "p.weights";
  seq_error error;
  seq_weights_entry entries[] = {entry("a", SEQ_F32, {int64_t(1) << 50})};
  CHECK(seq_weights_writer_create(path.c_str(), 1, 2, entries, 1, &error) ==
        nullptr);
  CHECK_THAT(error.message, Contains("cannot write " + path));
  CHECK(folder.files() == 0);
  CHECK(seq_weights_writer_create("/dev/full", 1, 2, entries, 1, &error) ==
        nullptr);
  CHECK(seq_weights_writer_create((folder / "none/p").c_str(), 1, 2, entries, 1,
                                  &error) == nullptr);
  CHECK_THAT(error.message, Contains("No such file"));
}

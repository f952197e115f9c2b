//===- NpyTest.cpp - reading and writing .npy files
//-------------------------------===//

#include "seq/runtime/Npy.h"
#include "Support.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include <sys/stat.h>
#include <unistd.h>

using namespace seq_test;
using Catch::Matchers::Contains;

namespace {
/// A version 1 file with this description and data.
std::string npy(const std::string &description, const std::string &data,
                char version = 1) {
  std::string text = description + "\n";
  std::string file = "\x93NUMPY";
  file += version;
  file += '\0';
  size_t width = version == 1 ? 2 : 4;
  for (size_t i = 0; i < width; ++i)
    file += static_cast<char>(text.size() >> (8 * i));
  return file + text + data;
}

std::string describe(const std::string &dtype, const std::string &shape) {
  return "{'descr': '" + dtype +
         "', 'fortran_order': False, 'shape': " + shape + ", }";
}

template <typename T>
std::string bytes(const std::vector<T> &values) {
  return {reinterpret_cast<const char *>(values.data()),
          values.size() * sizeof(T)};
}

/// The error of reading this as a file.
std::string refusal(const std::string &contents, int dtype = SEQ_NPY_ANY) {
  TempFolder folder;
  writeFile(folder / "a.npy", contents);
  seq_tensor array;
  seq_error error = {"it was accepted"};
  CHECK_FALSE(seq_npy_read((folder / "a.npy").c_str(), dtype, &array, &error));
  CHECK(array.data == nullptr);
  CHECK(std::string(error.message).find('\n') == std::string::npos);
  return error.message;
}

/// Reads, and checks that it succeeds.
struct Read {
  seq_tensor array = {};
  Read(const std::string &path, int dtype = SEQ_NPY_ANY) {
    seq_error error = {""};
    bool ok = seq_npy_read(path.c_str(), dtype, &array, &error);
    INFO(error.message);
    REQUIRE(ok);
    CHECK(reinterpret_cast<uintptr_t>(array.data) % SEQ_ALIGNMENT == 0);
  }
  ~Read() { std::free(array.data); }
  template <typename T>
  std::vector<T> values() const {
    const T *data = static_cast<const T *>(array.data);
    return {data, data + seq_tensor_bytes(&array) / sizeof(T)};
  }
};

template <typename T>
void roundTrip(const std::vector<T> &values, std::vector<int64_t> shape) {
  TempFolder folder;
  seq_tensor array = view(values, shape);
  seq_error error = {""};
  REQUIRE(seq_npy_write((folder / "a.npy").c_str(), &array, &error));
  Read back(folder / "a.npy");
  CHECK(back.array.dtype == array.dtype);
  REQUIRE(back.array.rank == array.rank);
  for (size_t i = 0; i < shape.size(); ++i)
    CHECK(back.array.shape[i] == shape[i]);
  CHECK(back.values<T>() == values);
  CHECK(folder.files() == 1);
}
} // namespace

TEST_CASE("every dtype survives a round trip") {
  roundTrip<float>({1, -2.5f, 0, 1e-40f, INFINITY, 3}, {2, 3});
  roundTrip<double>({1, -2.5, 1e300}, {3});
  roundTrip<uint16_t>({0x3c00, 0xffff}, {2, 1});
  roundTrip<int8_t>({-128, 127}, {1, 2});
  roundTrip<uint8_t>({0, 255}, {2});
  roundTrip<int32_t>({INT32_MIN, INT32_MAX}, {2});
  roundTrip<int64_t>({INT64_MIN, INT64_MAX}, {1, 1, 1, 1, 1, 1, 1, 2});
  roundTrip<float>({4}, {});
  roundTrip<float>({}, {3, 0, 2});
}

TEST_CASE("the header is what NumPy writes") {
  TempFolder folder;
  std::vector<float> values = {1, 2, 3};
  seq_tensor array = view(values, {3});
  seq_error error;
  REQUIRE(seq_npy_write((folder / "a.npy").c_str(), &array, &error));
  std::string file = readFile(folder / "a.npy");
  CHECK(file.substr(0, 10) == std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  CHECK_THAT(file.substr(10),
             Catch::Matchers::StartsWith(
                 "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }"));
  CHECK(file[127] == '\n');
  CHECK(file.size() == 128 + 12);
}

TEST_CASE("bfloat16 is written as float32") {
  TempFolder folder;
  std::vector<uint16_t> values(3000, 0x3fc0);
  seq_tensor array = view(values, {3000});
  array.dtype = SEQ_BF16;
  seq_error error;
  REQUIRE(seq_npy_write((folder / "a.npy").c_str(), &array, &error));
  Read back(folder / "a.npy");
  CHECK(back.array.dtype == SEQ_F32);
  CHECK(back.values<float>() == std::vector<float>(3000, 1.5f));
  Read same(folder / "a.npy", SEQ_BF16);
  CHECK(same.values<uint16_t>() == values);
}

TEST_CASE("versions 2 and 3, other spacing, order and quotes are read") {
  TempFolder folder;
  std::string data = bytes<int32_t>({1, 2});
  for (char version : {2, 3}) {
    writeFile(folder / "a.npy", npy(describe("<i4", "(2,)"), data, version));
    CHECK(Read(folder / "a.npy").values<int32_t>() ==
          std::vector<int32_t>{1, 2});
  }
  writeFile(folder / "a.npy",
            npy("{ \"shape\" :( 1 ,2L ) , 'fortran_order':False,'descr':'=i4'}",
                data));
  CHECK(Read(folder / "a.npy").array.rank == 2);
}

TEST_CASE("what cannot be represented is refused in one line") {
  CHECK_THAT(refusal(""), Contains("not an npy file"));
  CHECK_THAT(refusal("PK\x03\x04 a zip archive"), Contains("not an npy file"));
  CHECK_THAT(refusal(npy(describe("<f4", "(1,)"), "1234", 4)),
             Contains("npy version 4.0"));
  CHECK_THAT(refusal(npy(describe(">f4", "(1,)"), "1234")),
             Contains("big-endian"));
  CHECK_THAT(refusal(npy(describe("|O", "(1,)"), "1234")),
             Contains("Python objects"));
  CHECK_THAT(refusal(npy("{'descr': [('x', '<f4')], 'fortran_order': False, "
                         "'shape': (1,), }",
                         "1234")),
             Contains("structured"));
  CHECK_THAT(refusal(npy(describe("<c8", "(1,)"), "12345678")),
             Contains("dtype '<c8'; expected one of"));
  CHECK_THAT(refusal(npy(describe("<U1", "(1,)"), "1234")), Contains("<U1"));
  CHECK_THAT(refusal(npy("{'descr': '<f4', 'fortran_order': True, 'shape': "
                         "(1, 1), }",
                         "1234")),
             Contains("fortran_order"));
  CHECK_THAT(refusal(npy(describe("<f4", "(1,1,1,1,1,1,1,1,1)"), "1234")),
             Contains("rank above 8"));
  CHECK_THAT(refusal(npy(describe("<f4", "(2,)"), "1234")),
             Contains("truncated: 4 bytes of data, expected 8"));
  CHECK_THAT(refusal(npy(describe("<f4", "(2,)"), "123456789")),
             Contains("9 bytes of data, expected 8"));
  CHECK_THAT(refusal(npy(describe("<f4", "(4000000000, 4000000000)"), "")),
             Contains("too large"));
  CHECK_THAT(refusal(npy(describe("<f4", "(99999999999999999999,)"), "")),
             Contains("malformed"));
}

TEST_CASE("malformed headers are refused") {
  for (const char *text :
       {"", "{", "{}", "x", "{'descr' '<f4'}", "{'descr': '<f4', }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } x",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}",
        "{'descr': '<f4', 'descr': '<f4', 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': None, 'shape': (1,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 1, }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1", "{'descr",
        "{'descr': '<f4', 'fortran_order': Fal"}) {
    INFO(text);
    CHECK_THAT(refusal(npy(text, "1234")), Contains("malformed npy header"));
  }
}

TEST_CASE("a file cut at any length is refused") {
  std::string whole =
      npy(describe("<f4", "(2, 2)"), bytes<float>({1, 2, 3, 4}));
  for (size_t length = 0; length < whole.size(); ++length) {
    INFO(length);
    CHECK(refusal(whole.substr(0, length)) != "it was accepted");
  }
}

TEST_CASE("conversions within a kind") {
  TempFolder folder;
  std::string path = folder / "a.npy";
  writeFile(path,
            npy(describe("<f8", "(3,)"), bytes<double>({0.1, -2, INFINITY})));
  CHECK(Read(path, SEQ_F32).values<float>() ==
        std::vector<float>{0.1f, -2, INFINITY});
  writeFile(path, npy(describe("<f2", "(2,)"), bytes<uint16_t>({0x3c00, 1})));
  CHECK(Read(path, SEQ_F32).values<float>() ==
        std::vector<float>{1, std::ldexp(1.0f, -24)});
  writeFile(path, npy(describe("<i4", "(2,)"), bytes<int32_t>({-1, 7})));
  CHECK(Read(path, SEQ_I64).values<int64_t>() == std::vector<int64_t>{-1, 7});
  writeFile(path, npy(describe("<i8", "(2,)"), bytes<int64_t>({-1, 7})));
  CHECK(Read(path, SEQ_I32).values<int32_t>() == std::vector<int32_t>{-1, 7});
  CHECK(Read(path, SEQ_I8).values<int8_t>() == std::vector<int8_t>{-1, 7});
  /* Twice rounded, 1 + 2^-11 + 2^-40 would become 1. */
  writeFile(path,
            npy(describe("<f8", "(1,)"),
                bytes<double>({1 + std::ldexp(1, -11) + std::ldexp(1, -40)})));
  CHECK(Read(path, SEQ_F16).values<uint16_t>() ==
        std::vector<uint16_t>{0x3c01});
}

TEST_CASE("values that do not fit are refused, and so are other kinds") {
  std::string big =
      npy(describe("<i8", "(2,)"), bytes<int64_t>({1, int64_t(1) << 31}));
  CHECK_THAT(refusal(big, SEQ_I32),
             Contains("dtype int64, expected int32") && Contains("index 1"));
  CHECK_THAT(
      refusal(npy(describe("<i4", "(1,)"), bytes<int32_t>({-1})), SEQ_U8),
      Contains("does not fit"));
  CHECK_THAT(
      refusal(npy(describe("<f8", "(1,)"), bytes<double>({1e300})), SEQ_F32),
      Contains("does not fit"));
  CHECK_THAT(refusal(npy(describe("<f4", "(1,)"), "1234"), SEQ_I64),
             Contains("dtype float32, expected int64"));
  CHECK_THAT(refusal(npy(describe("<i4", "(1,)"), "1234"), SEQ_F32),
             Contains("dtype int32, expected float32"));
  CHECK_THAT(refusal(npy(describe("|b1", "(1,)"), "\1"), SEQ_I64),
             Contains("dtype bool, expected int64"));
}

TEST_CASE("files that cannot be opened are named") {
  seq_tensor array;
  seq_error error;
  CHECK_FALSE(seq_npy_read("/nonexistent/a.npy", SEQ_NPY_ANY, &array, &error));
  CHECK(
      error.message ==
      std::string("cannot read /nonexistent/a.npy: No such file or directory"));
  CHECK_FALSE(seq_npy_read("/tmp", SEQ_NPY_ANY, &array, &error));
  CHECK_THAT(error.message, Contains("directory"));
}

TEST_CASE("writing many is all or nothing") {
  TempFolder folder;
  std::vector<float> values = {1, 2};
  seq_tensor arrays[2] = {view(values, {2}), view(values, {2})};
  std::string first = folder / "first.npy";
  seq_error error;

  SECTION("a folder that does not exist") {
    std::string second = folder / "none/second.npy";
    const char *paths[] = {first.c_str(), second.c_str()};
    CHECK_FALSE(seq_npy_write_all(paths, arrays, 2, &error));
    CHECK_THAT(error.message, Contains(second));
    CHECK(folder.files() == 0);
  }
  SECTION("a full device, and an older file in the other place") {
    writeFile(first, "older");
    const char *paths[] = {first.c_str(), "/dev/full"};
    CHECK_FALSE(seq_npy_write_all(paths, arrays, 2, &error));
    CHECK_THAT(error.message, Contains("/dev/full: No space left on device"));
    CHECK(readFile(first) == "older");
    CHECK(folder.files() == 1);
    struct stat status;
    REQUIRE(stat("/dev/full", &status) == 0);
    CHECK(S_ISCHR(status.st_mode));
  }
  SECTION("a directory in the way") {
    std::filesystem::create_directory(folder / "second.npy");
    std::string second = folder / "second.npy";
    const char *paths[] = {first.c_str(), second.c_str()};
    CHECK_FALSE(seq_npy_write_all(paths, arrays, 2, &error));
    CHECK_THAT(error.message, Contains("directory"));
    CHECK(folder.files() == 1);
  }
  SECTION("one file under two names") {
    std::string second = folder / "./first.npy";
    const char *paths[] = {first.c_str(), second.c_str()};
    CHECK_FALSE(seq_npy_write_all(paths, arrays, 2, &error));
    CHECK_THAT(error.message, Contains("two outputs"));
    CHECK(folder.files() == 0);
  }
  SECTION("success replaces both, through links as well") {
    std::string second = folder / "link.npy";
    writeFile(folder / "real.npy", "older");
    REQUIRE(symlink("real.npy", second.c_str()) == 0);
    const char *paths[] = {first.c_str(), second.c_str()};
    REQUIRE(seq_npy_write_all(paths, arrays, 2, &error));
    CHECK(std::filesystem::is_symlink(second));
    CHECK(Read(folder / "real.npy").values<float>() == values);
    CHECK(folder.files() == 3);
  }
}

TEST_CASE("a disk that fills up leaves the older file alone") {
  TempFolder folder;
  std::string path = folder / "a.npy";
  writeFile(path, "older");
  std::vector<float> values = {1};
  seq_tensor array = view(values, {1});
  seq_error error;
  CHECK_FALSE(seq_npy_write("/dev/full", &array, &error));
  CHECK_THAT(error.message, Contains("No space left"));
  CHECK(readFile(path) == "older");
}

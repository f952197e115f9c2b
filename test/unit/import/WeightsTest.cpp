// Weights of model directories: what is read, and what is refused.

#include "seqc/Import/Weights.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <unistd.h>

using seqc::DType;
using seqc::SourceWeights;
namespace fs = std::filesystem;

namespace {
/// A directory that is removed with the object.
class Folder {
public:
  Folder() {
    std::string name =
        (fs::temp_directory_path() / "seq-weights-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()));
    path = name;
  }
  ~Folder() { fs::remove_all(path); }

  std::string write(const std::string &name, const std::string &bytes) const {
    std::ofstream(path / name, std::ios::binary) << bytes;
    return (path / name).string();
  }

  fs::path path;
};

std::string length(uint64_t value) {
  std::string bytes(8, 0);
  for (int i = 0; i < 8; ++i)
    bytes[i] = char(value >> 8 * i);
  return bytes;
}

std::string safetensors(const std::string &header, const std::string &data) {
  return length(header.size()) + header + data;
}

template <typename T>
std::string bytesOf(std::initializer_list<T> values) {
  std::string bytes(values.size() * sizeof(T), 0);
  std::memcpy(bytes.data(), values.begin(), bytes.size());
  return bytes;
}

/// "a": f32 [2, 2]; "b": bf16 [3]; "c": i16 [1]; "empty": f32 [0, 7].
const std::string kHeader =
    R"({"__metadata__":{"format":"pt"},)"
    R"("b":{"dtype":"BF16","shape":[3],"data_offsets":[16,22]},)"
    R"("a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
    R"("c":{"dtype":"I16","shape":[1],"data_offsets":[22,24]},)"
    R"("empty":{"dtype":"F32","shape":[0,7],"data_offsets":[22,22]}})";
const std::string kData = bytesOf<float>({1.5f, -2, 3, 4}) +
                          bytesOf<uint16_t>({0x3f80, 0xc000, 0x7f80}) +
                          bytesOf<int16_t>({-5});

std::unique_ptr<SourceWeights> open(const std::string &path) {
  auto weights = SourceWeights::open(path);
  if (!weights)
    FAIL(llvm::toString(weights.takeError()));
  return std::move(*weights);
}

/// The message with which `path` is refused.
std::string refusal(const std::string &path) {
  auto weights = SourceWeights::open(path);
  if (weights)
    return "not refused";
  std::string message = llvm::toString(weights.takeError());
  CHECK(message.find('\n') == std::string::npos);
  return message;
}

std::string refusal(const Folder &folder, const std::string &header,
                    const std::string &data) {
  return refusal(folder.write("model.safetensors", safetensors(header, data)));
}

/// The header entry of one tensor.
std::string entry(const std::string &dtype, const std::string &shape,
                  const std::string &offsets) {
  return R"({"x":{"dtype":")" + dtype + R"(","shape":)" + shape +
         R"(,"data_offsets":)" + offsets + "}}";
}

using Catch::Matchers::Contains;
} // namespace

TEST_CASE("a file's tensors are found with their values") {
  Folder folder;
  std::string file =
      folder.write("model.safetensors", safetensors(kHeader, kData));
  for (const std::string &path : {file, folder.path.string()}) {
    auto weights = open(path);
    CHECK(weights->getPath() == file);
    REQUIRE(weights->getTensors().size() == 4);
    CHECK(weights->getTensors()[0].name == "a");
    CHECK(weights->find("d") == nullptr);
    CHECK(weights->find("__metadata__") == nullptr);

    const SourceWeights::Tensor *a = weights->find("a");
    REQUIRE(a);
    CHECK(a->dtype == DType::F32);
    CHECK(a->shape == std::vector<int64_t>{2, 2});
    CHECK(a->bytes == 16);
    CHECK(a->getReal(1) == -2.0);
    CHECK_FALSE(a->getInteger(1));

    const SourceWeights::Tensor *b = weights->find("b");
    REQUIRE(b);
    CHECK(b->getReal(0) == 1.0);
    CHECK(b->getReal(1) == -2.0);
    CHECK(b->getReal(2) == std::numeric_limits<double>::infinity());

    CHECK(weights->find("c")->getInteger(0) == -5);
    CHECK_FALSE(weights->find("c")->getReal(0));
    CHECK(weights->find("empty")->getNumElements() == 0);
  }
}

TEST_CASE("every dtype is read as its value") {
  Folder folder;
  auto first = [&](const char *dtype, const std::string &data) {
    std::string header =
        entry(dtype, "[1]", "[0," + std::to_string(data.size()) + "]");
    folder.write("model.safetensors", safetensors(header, data));
    auto weights = open(folder.path.string());
    const SourceWeights::Tensor *x = weights->find("x");
    return x->isFloat() ? *x->getReal(0) : double(*x->getInteger(0));
  };
  CHECK(first("F64", bytesOf<double>({0.1})) == 0.1);
  CHECK(first("F32", bytesOf<float>({0.1f})) == 0.1f);
  CHECK(first("F16", bytesOf<uint16_t>({0xc500})) == -5);
  CHECK(first("F16", bytesOf<uint16_t>({0x0001})) == std::ldexp(1, -24));
  CHECK(first("BF16", bytesOf<uint16_t>({0xc0a0})) == -5);
  CHECK(first("I64", bytesOf<int64_t>({-5})) == -5);
  CHECK(first("I32", bytesOf<int32_t>({-5})) == -5);
  CHECK(first("I16", bytesOf<int16_t>({-5})) == -5);
  CHECK(first("I8", bytesOf<int8_t>({-5})) == -5);
  CHECK(first("U8", bytesOf<uint8_t>({250})) == 250);
  CHECK(first("BOOL", bytesOf<uint8_t>({1})) == 1);
}

TEST_CASE("released tensors can be read again") {
  Folder folder;
  std::string data(1 << 20, 'x');
  folder.write("model.safetensors",
               safetensors(entry("U8", "[1048576]", "[0,1048576]"), data));
  auto weights = open(folder.path.string());
  const SourceWeights::Tensor *x = weights->find("x");
  weights->release(*x);
  CHECK(std::string(x->data, x->data + x->bytes) == data);
}

TEST_CASE("the hash follows names, types, shapes and values, not the files") {
  Folder folder;
  auto hash = [&](const std::string &header, const std::string &data) {
    folder.write("model.safetensors", safetensors(header, data));
    return open(folder.path.string())->hash();
  };
  std::string data = bytesOf<float>({1, 2, 3, 4});
  uint64_t one = hash(entry("F32", "[2,2]", "[0,16]"), data);
  CHECK(hash(entry("F32", "[2, 2]", "[0, 16]") + "   ", data) == one);
  CHECK(hash(entry("F32", "[4]", "[0,16]"), data) != one);
  CHECK(hash(entry("I32", "[2,2]", "[0,16]"), data) != one);
  std::string renamed = entry("F32", "[2,2]", "[0,16]");
  renamed[2] = 'y';
  CHECK(hash(renamed, data) != one);
  CHECK(hash(entry("F32", "[2,2]", "[0,16]"), bytesOf<float>({1, 2, 3, 5})) !=
        one);

  Folder shards;
  uint64_t whole =
      hash(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
           R"("b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
           "pq");
  std::string a = entry("U8", "[1]", "[0,1]"), b = a;
  a[2] = 'a', b[2] = 'b';
  shards.write("1.safetensors", safetensors(a, "p"));
  shards.write("2.safetensors", safetensors(b, "q"));
  shards.write("model.safetensors.index.json",
               R"({"weight_map":{"a":"1.safetensors","b":"2.safetensors"}})");
  CHECK(open(shards.path.string())->hash() == whole);
}

TEST_CASE("files that are no safetensors files are refused") {
  Folder folder;
  CHECK_THAT(refusal((folder.path / "none").string()),
             Contains("no such file"));
  CHECK_THAT(refusal(folder.path.string()), Contains("found neither"));
  std::string file = folder.write("model.safetensors", "");
  CHECK_THAT(refusal(file), Contains("is empty"));
  folder.write("model.safetensors", "1234567");
  CHECK_THAT(refusal(file), Contains("7 bytes"));
  folder.write("model.safetensors", length(3) + "{}");
  CHECK_THAT(refusal(file), Contains("said to have 3 bytes"));
  folder.write("model.safetensors", length(~uint64_t(0)) + "{}");
  CHECK_THAT(refusal(file), Contains("18446744073709551615"));
  CHECK_THAT(refusal(folder, "{\"x\":", ""), Contains("invalid JSON"));
  CHECK_THAT(refusal(folder, "\xff\xfe", ""), Contains("invalid JSON"));
  CHECK_THAT(refusal(folder, "[]", ""), Contains("expected a JSON object"));
  CHECK_THAT(refusal(folder, std::string(1 << 20, '['), ""),
             Contains("nested deeper"));
  CHECK_THAT(refusal(folder, R"({"x":1,"x":2})", ""),
             Contains("'x' is there twice"));
  CHECK_THAT(refusal(folder, R"({"x":1,"\u0078":2})", ""),
             Contains("is there twice"));
}

TEST_CASE("headers that lie about a tensor are refused with its name") {
  Folder folder;
  auto of = [&](const std::string &dtype, const std::string &shape,
                const std::string &offsets) {
    std::string message =
        refusal(folder, entry(dtype, shape, offsets), "12345678");
    CHECK_THAT(message, Contains("model.safetensors") && Contains("'x'"));
    return message;
  };
  CHECK_THAT(refusal(folder, R"({"x":[]})", ""),
             Contains("expected an object"));
  CHECK_THAT(of("F7", "[2]", "[0,8]"), Contains("unknown dtype 'F7'"));
  CHECK_THAT(of("F32", "[3]", "[0,8]"), Contains("12 bytes"));
  CHECK_THAT(of("F32", "2", "[0,8]"), Contains("an array as shape"));
  CHECK_THAT(of("F32", "[-2]", "[0,8]"), Contains("no integer from 0"));
  CHECK_THAT(of("F32", "[2.5]", "[0,8]"), Contains("no integer from 0"));
  CHECK_THAT(of("F32", "[\"2\"]", "[0,8]"), Contains("no integer from 0"));
  CHECK_THAT(of("F32", "[9223372036854775807]", "[0,8]"),
             Contains("no integer from 0"));
  CHECK_THAT(of("F32", "[4294967296,4294967296]", "[0,8]"),
             Contains("more bytes"));
  CHECK_THAT(of("F32", "[2]", "[8,0]"), Contains("0 <= begin <= end"));
  CHECK_THAT(of("F32", "[2]", "[-8,0]"), Contains("0 <= begin <= end"));
  CHECK_THAT(of("F32", "[2]", "[0]"), Contains("0 <= begin <= end"));
  CHECK_THAT(of("F32", "[2]", "[0,1e400]"), Contains("'x'"));
  CHECK_THAT(of("F32", "[4]", "[0,16]"), Contains("truncated"));
  CHECK_THAT(refusal(folder, entry("F32", "[1]", "[0,4]"), "12345678"),
             Contains("the last 4 bytes"));
  CHECK_THAT(refusal(folder, entry("F32", "[1]", "[4,8]"), "12345678"),
             Contains("bytes 0 to 4"));
  CHECK_THAT(refusal(folder,
                     R"({"x":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
                     R"("y":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})",
                     "1234"),
             Contains("'y' overlaps 'x'"));
}

TEST_CASE("names from files are shown on one line") {
  Folder folder;
  std::string message = refusal(folder, R"({"a\nb\u0007":{}})", "");
  CHECK_THAT(message, Contains(R"(a\0Ab\07)"));
  message = refusal(folder, "{\"" + std::string(100000, 'n') + "\":{}}", "");
  CHECK(message.size() < 1000);
}

TEST_CASE("an index that does not fit its shards is refused") {
  Folder folder;
  std::string shard = entry("U8", "[1]", "[0,1]");
  folder.write("1.safetensors", safetensors(shard, "p"));
  auto of = [&](const std::string &index) {
    folder.write("model.safetensors.index.json", index);
    return refusal(folder.path.string());
  };
  CHECK(of(R"({"weight_map":{"x":"1.safetensors"}})") == "not refused");
  CHECK_THAT(of("{}"), Contains("weight_map"));
  CHECK_THAT(of(R"({"weight_map":[]})"), Contains("weight_map"));
  CHECK_THAT(of(R"({"weight_map":{"x":1}})"), Contains("'x'"));
  CHECK_THAT(of(R"({"weight_map":{"x":"2.safetensors"}})"),
             Contains("is missing"));
  CHECK_THAT(of(R"({"weight_map":{"y":"1.safetensors"}})"),
             Contains("1.safetensors") && Contains("'y' is missing"));
  for (const char *path : {"../1.safetensors", "/etc/passwd", "..", ".", "",
                           "a/b", "a\\\\b", "1.safetensors\\u0000x"}) {
    INFO(path);
    CHECK_THAT(of(R"({"weight_map":{"x":")" + std::string(path) + "\"}}"),
               Contains("expected the name of a file"));
  }
}

TEST_CASE(
    "whatever the bytes are, a file is refused or its tensors lie in it") {
  Folder folder;
  auto tryFile = [&](const std::string &bytes) {
    auto weights =
        SourceWeights::open(folder.write("model.safetensors", bytes));
    if (!weights) {
      CHECK_FALSE(llvm::toString(weights.takeError()).empty());
      return false;
    }
    uint64_t total = 0;
    for (const SourceWeights::Tensor &tensor : (*weights)->getTensors()) {
      total += tensor.bytes;
      // Reads every byte; a sanitizer sees what lies outside.
      CHECK(std::string(tensor.data, tensor.data + tensor.bytes).size() ==
            tensor.bytes);
    }
    CHECK(total == kData.size());
    return true;
  };
  std::string whole = safetensors(kHeader, kData);
  CHECK(tryFile(whole));
  for (size_t size = 0; size < whole.size(); ++size)
    CHECK_FALSE(tryFile(whole.substr(0, size)));
  for (size_t at = 0; at < whole.size() - kData.size(); ++at)
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string flipped = whole;
      flipped[at] ^= char(1 << bit);
      tryFile(flipped);
    }
}

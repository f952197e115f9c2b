//===- Support.h - temporary folders, files and weights for the tests
//-----------===//
#ifndef SEQ_TEST_UNIT_RUNTIME_SUPPORT_H
#define SEQ_TEST_UNIT_RUNTIME_SUPPORT_H

#include "Fixture.h"
#include "seq/runtime/Tensor.h"
#include "seq/runtime/Weights.h"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace seq_test {

/// A folder that disappears with its contents.
class TempFolder {
public:
  TempFolder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "seq-test.XXXXXX").string();
    if (!mkdtemp(pattern.data()))
      throw std::runtime_error("mkdtemp failed");
    path = pattern;
  }
  ~TempFolder() { std::filesystem::remove_all(path); }
  TempFolder(const TempFolder &) = delete;

  std::string operator/(const std::string &name) const {
    return (path / name).string();
  }
  /// How many files there are: nothing temporary must be left behind.
  size_t files() const {
    return std::distance(std::filesystem::directory_iterator(path), {});
  }

private:
  std::filesystem::path path;
};

inline std::string readFile(const std::string &path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

inline void writeFile(const std::string &path, const std::string &bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

template <typename T>
struct DtypeOf;
template <>
struct DtypeOf<float> {
  static constexpr int value = SEQ_F32;
};
template <>
struct DtypeOf<double> {
  static constexpr int value = SEQ_F64;
};
template <>
struct DtypeOf<uint16_t> {
  static constexpr int value = SEQ_F16;
};
template <>
struct DtypeOf<int8_t> {
  static constexpr int value = SEQ_I8;
};
template <>
struct DtypeOf<uint8_t> {
  static constexpr int value = SEQ_U8;
};
template <>
struct DtypeOf<int32_t> {
  static constexpr int value = SEQ_I32;
};
template <>
struct DtypeOf<int64_t> {
  static constexpr int value = SEQ_I64;
};

/// A view of `values`.
template <typename T>
seq_tensor view(const std::vector<T> &values, std::vector<int64_t> shape) {
  seq_tensor tensor = {};
  tensor.dtype = DtypeOf<T>::value;
  tensor.rank = static_cast<int32_t>(shape.size());
  std::copy(shape.begin(), shape.end(), tensor.shape);
  tensor.data = const_cast<T *>(values.data());
  return tensor;
}

/// E and W of Fixture.c: distinct small numbers.
inline std::vector<float> fixtureWeights(int64_t vocabulary) {
  std::vector<float> values(2 * vocabulary * 8);
  uint32_t seed = 1;
  for (float &value : values) {
    seed = seed * 1664525 + 1013904223;
    value = static_cast<float>(static_cast<int32_t>(seed >> 16 & 1023) - 512) /
            512.0f;
  }
  return values;
}

inline void writeFixtureWeights(const std::string &path, int64_t vocabulary,
                                uint64_t hash = SEQ_FIXTURE_HASH) {
  seq_error error;
  seq_weights_entry entries[2] = {};
  entries[0] = {"embedding", SEQ_F32, 2, {vocabulary, 8}, 0, 0};
  entries[1] = {"readout", SEQ_F32, 2, {8, vocabulary}, 0, 0};
  seq_weights_writer *writer = seq_weights_writer_create(
      path.c_str(), hash, SEQ_FIXTURE_LAYOUT, entries, 2, &error);
  if (!writer)
    throw std::runtime_error(error.message);
  std::vector<float> values = fixtureWeights(vocabulary);
  for (int i = 0; i < 2; ++i)
    std::memcpy(seq_weights_writer_payload(writer) + entries[i].offset,
                values.data() + i * vocabulary * 8, entries[i].bytes);
  if (!seq_weights_writer_finish(writer, &error))
    throw std::runtime_error(error.message);
}

/// What Fixture.c computes: the logits after each of `ids`.
inline std::vector<float> fixtureLogits(int64_t vocabulary,
                                        const std::vector<int64_t> &ids) {
  std::vector<float> values = fixtureWeights(vocabulary), logits;
  float h[8] = {};
  for (int64_t id : ids) {
    for (int c = 0; c < 8; ++c)
      h[c] = h[c] / 2 + values[id * 8 + c];
    for (int64_t v = 0; v < vocabulary; ++v) {
      float sum = 0;
      for (int c = 0; c < 8; ++c)
        sum += h[c] * values[vocabulary * 8 + c * vocabulary + v];
      logits.push_back(sum);
    }
  }
  return logits;
}

} // namespace seq_test

#endif

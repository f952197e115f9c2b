// A directory that is removed with the object, and what model files are made
// of.

#ifndef SEQ_TEST_IMPORT_FOLDER_H
#define SEQ_TEST_IMPORT_FOLDER_H

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

class Folder {
public:
  Folder() {
    auto pattern = std::filesystem::temp_directory_path() / "seq-import-XXXXXX";
    std::string name = pattern.string();
    REQUIRE(mkdtemp(name.data()));
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }

  /// Returns the path of the file.
  std::string write(const std::string &name, const std::string &bytes) const {
    std::ofstream(path / name, std::ios::binary) << bytes;
    return (path / name).string();
  }

  std::filesystem::path path;
};

/// The eight bytes in front of a header.
inline std::string headerLength(uint64_t value) {
  std::string bytes(8, 0);
  for (int i = 0; i < 8; ++i)
    bytes[i] = char(value >> 8 * i);
  return bytes;
}

inline std::string safetensors(const std::string &header,
                               const std::string &data) {
  return headerLength(header.size()) + header + data;
}

#endif // SEQ_TEST_IMPORT_FOLDER_H

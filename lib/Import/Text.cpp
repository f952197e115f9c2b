//===- Text.cpp - reading JSON and saying what is wrong ------------------===//

#include "Text.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace llvm;
using namespace seqc;

/// Deeper than any file of a model, and shallow for a recursive parser.
static constexpr int kDeepest = 64;
/// Larger than any config or index.
static constexpr uint64_t kLargestFile = uint64_t(64) << 20;

std::string seqc::quote(StringRef name) {
  constexpr size_t kLongest = 120;
  std::string text;
  raw_string_ostream os(text);
  os << '\'';
  printEscapedString(name.take_front(kLongest), os);
  os << (name.size() > kLongest ? "…'" : "'");
  return text;
}

std::string seqc::formatShape(ArrayRef<int64_t> shape) {
  std::string text;
  raw_string_ostream os(text);
  os << '[';
  interleaveComma(shape, os);
  os << ']';
  return text;
}

std::string seqc::listNames(ArrayRef<StringRef> names, size_t most) {
  std::string text;
  raw_string_ostream os(text);
  interleaveComma(names.take_front(most), os,
                  [&](StringRef name) { os << quote(name); });
  if (names.size() > most)
    os << ", …";
  return text;
}

/// What llvm::json does not say: nesting that would exhaust its stack, and keys
/// of the outermost object that it would silently replace. Needs no valid
/// syntax; `members` counts what follows a colon in the outermost object.
static Error scan(StringRef text, StringRef file, size_t &members) {
  StringSet<> keys;
  StringRef last;
  int depth = 0;
  members = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    char c = text[at];
    if (c == '"') {
      size_t begin = ++at;
      while (at < text.size() && text[at] != '"')
        at += text[at] == '\\' ? 2 : 1;
      last = text.slice(begin, std::min(at, text.size()));
    } else if (c == '{' || c == '[') {
      if (++depth > kDeepest)
        return makeError(file + ": JSON nested deeper than " + Twine(kDeepest));
    } else if (c == '}' || c == ']') {
      --depth;
    } else if (c == ':' && depth == 1) {
      ++members;
      if (!keys.insert(last).second)
        return makeError(file + ": the key " + quote(last) + " is there twice");
    }
  }
  return Error::success();
}

Expected<json::Object> seqc::parseObject(StringRef text, StringRef file) {
  size_t members;
  if (Error error = scan(text, file, members))
    return error;
  Expected<json::Value> value = json::parse(text);
  if (!value)
    return makeError(file + ": invalid JSON: " + toString(value.takeError()));
  json::Object *object = value->getAsObject();
  if (!object)
    return makeError(file + ": expected a JSON object");
  // Equal keys may be written differently, with escapes.
  if (object->size() != members)
    return makeError(file + ": a key is there twice");
  return std::move(*object);
}

Expected<json::Object> seqc::readObject(StringRef file) {
  sys::fs::file_status status;
  if (std::error_code code = sys::fs::status(file, status))
    return makeError(file + ": " + code.message());
  if (!sys::fs::is_regular_file(status))
    return makeError(file + ": is no regular file");
  if (status.getSize() > kLargestFile)
    return makeError(file + ": expected a JSON file of at most " +
                     Twine(kLargestFile) + " bytes, found " +
                     Twine(status.getSize()));
  auto buffer = MemoryBuffer::getFile(file);
  if (!buffer)
    return makeError(file + ": " + buffer.getError().message());
  return parseObject((*buffer)->getBuffer(), file);
}

std::optional<int64_t> seqc::asInteger(const json::Value &value) {
  std::optional<double> number = value.getAsNumber();
  if (!number || std::abs(*number) >= 0x1p62)
    return std::nullopt;
  return value.getAsInteger();
}

//===- Config.cpp - config.json, read strictly ---------------------------===//

#include "Config.h"
#include "Text.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CheckedArithmetic.h"

#include <limits>

using namespace llvm;
using namespace seqc;

static constexpr int64_t kLargestSize = (int64_t(1) << 31) - 1;
static constexpr int64_t kLargestProduct = int64_t(1) << 40;

Expected<Config> Config::read(StringRef file) {
  Expected<json::Object> object = readObject(file);
  if (!object)
    return object.takeError();
  Config config;
  config.file = file.str();
  config.values = std::move(*object);
  return config;
}

const json::Value *Config::find(StringRef key) {
  auto [outer, inner] = key.split('.');
  known.insert(outer);
  const json::Value *value = values.get(outer);
  if (!inner.empty() && value && value->kind() != json::Value::Null) {
    const json::Object *object = value->getAsObject();
    if (!object)
      fail(outer, "an object");
    value = object ? object->get(inner) : nullptr;
  }
  return value && value->kind() != json::Value::Null ? value : nullptr;
}

bool Config::has(StringRef key) { return find(key) != nullptr; }

/// The value as a message shows it.
static std::string show(const json::Value *value) {
  if (!value)
    return "nothing";
  std::string text;
  raw_string_ostream(text) << *value;
  constexpr size_t kLongest = 40;
  if (text.size() <= kLongest)
    return text;
  return value->getAsString()  ? "a long string"
         : value->getAsArray() ? "an array"
                               : "an object";
}

void Config::fail(StringRef key, const Twine &expected) {
  if (error.empty())
    error = (file + ": " + key + ": expected " + expected + ", found " +
             show(find(key)))
                .str();
}

Error Config::takeError() {
  if (error.empty())
    return Error::success();
  return makeError(std::exchange(error, ""));
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

int64_t Config::size(StringRef key) {
  const json::Value *value = find(key);
  std::optional<int64_t> number = value ? asInteger(*value) : std::nullopt;
  if (number && *number >= 1 && *number <= kLargestSize)
    return *number;
  fail(key, "an integer from 1 to " + Twine(kLargestSize));
  return 1;
}

int64_t Config::size(StringRef key, int64_t byDefault) {
  return has(key) ? size(key) : byDefault;
}

int64_t Config::sizeOrNone(StringRef key) {
  const json::Value *value = find(key);
  if (!value || asInteger(*value) == 0)
    return 0;
  return size(key);
}

bool Config::flag(StringRef key, bool byDefault) {
  const json::Value *value = find(key);
  if (!value)
    return byDefault;
  if (std::optional<bool> flag = value->getAsBoolean())
    return *flag;
  fail(key, "true or false");
  return byDefault;
}

double Config::fraction(StringRef key, double byDefault) {
  const json::Value *value = find(key);
  if (!value)
    return byDefault;
  std::optional<double> number = value->getAsNumber();
  if (number && *number > 0 && *number <= 1)
    return *number;
  fail(key, "a number above 0 and up to 1");
  return byDefault;
}

double Config::atLeastOne(StringRef key, double byDefault) {
  const json::Value *value = find(key);
  if (!value)
    return byDefault;
  std::optional<double> number = value->getAsNumber();
  if (number && *number >= 1)
    return *number;
  fail(key, "a number of at least 1");
  return byDefault;
}

/// A number; infinity as transformers writes it, {"__float__": "Infinity"}.
static std::optional<double> asNumber(const json::Value &value) {
  const json::Object *object = value.getAsObject();
  if (object && object->getString("__float__") == "Infinity")
    return std::numeric_limits<double>::infinity();
  return value.getAsNumber();
}

std::pair<double, double> Config::interval(StringRef key) {
  std::pair<double, double> all(0, std::numeric_limits<double>::infinity());
  const json::Value *value = find(key);
  if (!value)
    return all;
  const json::Array *array = value->getAsArray();
  if (array && array->size() == 2) {
    std::optional<double> from = asNumber((*array)[0]),
                          to = asNumber((*array)[1]);
    if (from && to && *from >= 0 && *from <= *to)
      return {*from, *to};
  }
  fail(key, "two numbers of at least 0, in order");
  return all;
}

std::vector<int64_t> Config::integers(StringRef key) {
  const json::Value *value = find(key);
  std::vector<int64_t> numbers;
  auto add = [&](const json::Value &value) {
    if (std::optional<int64_t> number = asInteger(value))
      numbers.push_back(*number);
    else
      fail(key, "an integer or a list of integers");
  };
  if (const json::Array *array = value ? value->getAsArray() : nullptr)
    for (const json::Value &element : *array)
      add(element);
  else if (value)
    add(*value);
  return numbers;
}

std::string Config::text(StringRef key) {
  const json::Value *value = find(key);
  if (std::optional<StringRef> text =
          value ? value->getAsString() : std::nullopt)
    return text->str();
  fail(key, "a string");
  return "";
}

bool Config::isText(StringRef key, StringRef text) {
  const json::Value *value = find(key);
  return value && value->getAsString() == text;
}

bool Config::lists(StringRef key, StringRef text) {
  const json::Value *value = find(key);
  const json::Array *array = value ? value->getAsArray() : nullptr;
  return array && llvm::any_of(*array, [&](const json::Value &element) {
           return element.getAsString() == text;
         });
}

std::string Config::choice(StringRef key, ArrayRef<StringRef> words) {
  const json::Value *value = find(key);
  if (!value)
    return words.front().str();
  std::optional<StringRef> text = value->getAsString();
  if (text && is_contained(words, *text))
    return text->str();
  std::vector<std::string> quoted;
  for (StringRef word : words)
    quoted.push_back("\"" + word.str() + "\"");
  fail(key, join(quoted, " or "));
  return words.front().str();
}

void Config::ignore(ArrayRef<StringRef> keys) {
  for (StringRef key : keys)
    known.insert(key);
}

void Config::checkProduct(StringRef what, ArrayRef<int64_t> sizes) {
  int64_t product = 1;
  for (int64_t size : sizes) {
    // Two sizes of 31 bits and a product of 40 do not fit; one more does not.
    std::optional<int64_t> next = checkedMul(product, size);
    if (!next || *next > kLargestProduct) {
      if (error.empty())
        error =
            (file + ": " + what +
             ": expected a product of at most 2^40, found " +
             join(map_range(sizes, [](int64_t s) { return std::to_string(s); }),
                  " · "))
                .str();
      return;
    }
    product = *next;
  }
}

std::vector<StringRef> Config::getUnknownKeys() const {
  std::vector<StringRef> unknown;
  for (const auto &[key, value] : values)
    if (!known.contains(StringRef(key)))
      unknown.push_back(key);
  llvm::sort(unknown);
  return unknown;
}

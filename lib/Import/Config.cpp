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
  known.insert(key);
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

bool Config::isNull(StringRef key) {
  known.insert(key);
  const json::Value *value = values.get(key);
  return value && value->kind() == json::Value::Null;
}

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

void Config::warn(StringRef key, const Twine &message) {
  warnings.push_back(
      (file + ": " + key + ": " + message + ", found " + show(find(key)))
          .str());
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

double Config::positive(StringRef key, double byDefault) {
  const json::Value *value = find(key);
  if (!value)
    return byDefault;
  std::optional<double> number = value->getAsNumber();
  if (number && *number > 0)
    return *number;
  fail(key, "a number above 0");
  return byDefault;
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

/// "one" or "other"
static std::string listWords(ArrayRef<StringRef> words) {
  std::vector<std::string> quoted;
  for (StringRef word : words)
    quoted.push_back("\"" + word.str() + "\"");
  return join(quoted, " or ");
}

std::string Config::choice(StringRef key, ArrayRef<StringRef> words) {
  const json::Value *value = find(key);
  if (!value)
    return words.front().str();
  std::optional<StringRef> text = value->getAsString();
  if (text && is_contained(words, *text))
    return text->str();
  fail(key, listWords(words));
  return words.front().str();
}

std::vector<std::string> Config::choices(StringRef key,
                                         ArrayRef<StringRef> words) {
  const json::Value *value = find(key);
  std::vector<std::string> texts;
  if (!value)
    return texts;
  const json::Array *array = value->getAsArray();
  auto known = [&](const json::Value &element) {
    std::optional<StringRef> text = element.getAsString();
    return text && is_contained(words, *text);
  };
  if (array && all_of(*array, known))
    for (const json::Value &element : *array)
      texts.push_back(element.getAsString()->str());
  else
    fail(key, "a list of " + listWords(words));
  return texts;
}

std::optional<StringRef> Config::architecture(ArrayRef<StringRef> names) {
  StringRef key = "architectures";
  const json::Value *value = find(key);
  if (!value)
    return "";
  for (StringRef name : names)
    if (lists(key, name))
      return name;
  const json::Array *array = value->getAsArray();
  if (array && array->empty())
    return "";
  return std::nullopt;
}

int64_t Config::labels() {
  const json::Value *value = find("id2label");
  if (!value)
    return size("num_labels", 2);
  const json::Object *object = value->getAsObject();
  if (object && !object->empty())
    return object->size();
  fail("id2label", "an object of labels");
  return 1;
}

std::vector<Config> Config::objects(StringRef key) {
  const json::Value *value = find(key);
  std::vector<Config> configs;
  const json::Array *array = value ? value->getAsArray() : nullptr;
  for (size_t number = 0; array && number < array->size(); ++number) {
    const json::Object *object = (*array)[number].getAsObject();
    if (!object)
      break;
    Config config;
    config.place = (key + "[" + Twine(number) + "].").str();
    config.file = file + ": " + StringRef(config.place).drop_back().str();
    config.values = values;
    config.values.erase(key);
    for (const auto &[inner, element] : *object) {
      config.values[inner] = element;
      config.own.push_back(inner.str());
    }
    configs.push_back(std::move(config));
  }
  if (!array || array->empty() || configs.size() != array->size())
    fail(key, "a list of objects");
  return configs;
}

void Config::absorb(Config object) {
  for (StringRef key : object.known.keys())
    known.insert(key);
  for (const std::string &key : object.own)
    if (!object.known.contains(key))
      unknownInside.push_back(object.place + key);
  if (error.empty())
    error = object.error;
}

std::string Config::print() const {
  std::string text;
  raw_string_ostream(text) << json::Value(json::Object(values));
  return text;
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

std::vector<std::string> Config::getUnknownKeys() const {
  std::vector<std::string> unknown = unknownInside;
  for (const auto &[key, value] : values) {
    if (!known.contains(StringRef(key))) {
      unknown.push_back(key.str());
      continue;
    }
    std::string prefix = key.str() + ".";
    bool byParts = any_of(
        known.keys(), [&](StringRef name) { return name.starts_with(prefix); });
    if (const json::Object *object = byParts ? value.getAsObject() : nullptr)
      for (const auto &[inner, ignored] : *object)
        if (!known.contains(prefix + inner.str()))
          unknown.push_back(prefix + inner.str());
  }
  llvm::sort(unknown);
  return unknown;
}

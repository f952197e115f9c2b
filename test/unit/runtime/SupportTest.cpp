//===- SupportTest.cpp - JSON, errors, element types
//--------------------------------===//

#include "Support.h"
#include "seq/runtime/Json.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace seq_test;

namespace {
template <typename F>
std::string json(F write) {
  char *text = nullptr;
  size_t size = 0;
  FILE *stream = open_memstream(&text, &size);
  seq_json writer;
  seq_json_begin(&writer, stream);
  write(&writer);
  seq_json_finish(&writer);
  std::fclose(stream);
  std::string result(text, size);
  std::free(text);
  return result;
}
} // namespace

TEST_CASE("JSON nests, separates and escapes") {
  CHECK(json([](seq_json *j) {
          seq_json_object(j, nullptr);
          seq_json_array(j, "a");
          seq_json_integer(j, nullptr, -1);
          seq_json_object(j, nullptr);
          seq_json_object_end(j);
          seq_json_array(j, nullptr);
          seq_json_array_end(j);
          seq_json_array_end(j);
          seq_json_boolean(j, "b\"", true);
          seq_json_string(j, "n", nullptr);
          seq_json_object_end(j);
        }) == "{\"a\": [-1, {}, []], \"b\\\"\": true, \"n\": null}\n");
  CHECK(json([](seq_json *j) {
          seq_json_bytes(j, nullptr, "\0\n\t\\\xc3\xa9\xff\xed\xa0\x80z", 11);
        }) ==
        "\"\\u0000\\n\\u0009\\\\\xc3\xa9\\ufffd\\ufffd\\ufffd\\ufffdz\"\n");
}

TEST_CASE("JSON numbers read back as the same double") {
  CHECK(json([](seq_json *j) { seq_json_number(j, nullptr, 0.1); }) == "0.1\n");
  CHECK(json([](seq_json *j) { seq_json_number(j, nullptr, 3); }) == "3\n");
  CHECK(json([](seq_json *j) { seq_json_number(j, nullptr, NAN); }) ==
        "null\n");
  double third = 1.0 / 3;
  std::string text =
      json([&](seq_json *j) { seq_json_number(j, nullptr, third); });
  CHECK(std::stod(text) == third);
}

TEST_CASE("errors are one line and fit") {
  seq_error error;
  CHECK_FALSE(seq_fail(&error, "a\nb%s", "\t\x7f"));
  CHECK(std::string(error.message) == "a?b??");
  seq_fail(&error, "x: %s", error.message);
  CHECK(std::string(error.message) == "x: a?b??");
  seq_fail(&error, "%s", std::string(5000, 'y').c_str());
  CHECK(std::strlen(error.message) == sizeof error.message - 1);
}

TEST_CASE("half precision agrees with the definition for all bit patterns") {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    float value = seq_f16_to_f32(static_cast<uint16_t>(bits));
    int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    if (exponent == 31 && mantissa) {
      CHECK(std::isnan(value));
      CHECK((seq_f32_to_f16(value) & 0x7c00) == 0x7c00);
      continue;
    }
    double expected = exponent == 31 ? INFINITY
                      : exponent ? std::ldexp(1024 + mantissa, exponent - 25)
                                 : std::ldexp(mantissa, -24);
    if (std::copysign(expected, bits & 0x8000 ? -1.0 : 1.0) !=
            static_cast<double>(value) ||
        seq_f32_to_f16(value) != bits)
      FAIL(bits);
    // The middle between two neighbours goes to the even one.
    if (exponent < 31 && bits < 0x8000) {
      float next = seq_f16_to_f32(static_cast<uint16_t>(bits + 1));
      if (std::isinf(next))
        next = 65536;
      float middle = (value + next) / 2;
      if (seq_f32_to_f16(middle) != bits + (bits & 1) ||
          seq_f32_to_f16(std::nextafter(middle, 0.0f)) != bits ||
          seq_f32_to_f16(std::nextafter(middle, 1e9f)) != bits + 1)
        FAIL("above " << bits);
    }
  }
}

TEST_CASE("bfloat16 rounds to nearest even") {
  CHECK(seq_f32_to_bf16(1.0f) == 0x3f80);
  CHECK(seq_f32_to_bf16(1.0f + std::ldexp(1.0f, -8)) == 0x3f80);
  CHECK(seq_f32_to_bf16(1.0f + std::ldexp(3.0f, -8)) == 0x3f82);
  CHECK(std::isnan(seq_bf16_to_f32(seq_f32_to_bf16(NAN))));
  CHECK(seq_f32_to_bf16(-INFINITY) == 0xff80);
  for (uint32_t bits = 0; bits < 0x7f80; ++bits)
    if (seq_f32_to_bf16(seq_bf16_to_f32(static_cast<uint16_t>(bits))) != bits)
      FAIL(bits);
}

TEST_CASE("sizes that overflow are noticed, also beside a zero") {
  int64_t elements;
  int64_t fine[] = {3, 0, 5};
  CHECK(seq_elements(3, fine, 4, &elements));
  CHECK(elements == 0);
  CHECK(seq_elements(0, nullptr, 8, &elements));
  CHECK(elements == 1);
  int64_t huge[] = {0, int64_t(1) << 40, int64_t(1) << 40};
  CHECK_FALSE(seq_elements(3, huge, 4, &elements));
  int64_t negative[] = {-1};
  CHECK_FALSE(seq_elements(1, negative, 4, &elements));
}

TEST_CASE("texts of types") {
  char text[64];
  int64_t shape[] = {1, -1, -1, 5};
  int32_t symbols[] = {-1, 0, -1, -1};
  seq_tensor_type type = {"x", SEQ_BF16, 4, shape, symbols, 0};
  CHECK(std::string(seq_tensor_type_text(&type, text, sizeof text)) ==
        "bfloat16[1, d0, ?, 5]");
  CHECK(std::string(seq_tensor_type_text(&type, text, 10)) == "bfloat16[");
  CHECK(std::string(seq_dtype_name(9)) == "unknown");
  CHECK(seq_dtype_bytes(-1) == 0);
}

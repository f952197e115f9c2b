//===- SamplingTest.cpp - from logits to the next token
//----------------------------===//

#include "seq/runtime/Sampling.h"
#include "Support.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <map>

using namespace seq_test;
using Catch::Matchers::Contains;

namespace {
const float infinity = std::numeric_limits<float>::infinity();

std::vector<int64_t> sample(const std::vector<float> &values,
                            seq_sampling sampling, int count) {
  seq_error error = {""};
  seq_sampler *sampler = seq_sampler_create(
      &sampling, static_cast<int64_t>(values.size()), &error);
  INFO(error.message);
  REQUIRE(sampler);
  seq_tensor logits = view(values, {1, static_cast<int64_t>(values.size())});
  std::vector<int64_t> tokens(count);
  for (int64_t &token : tokens)
    REQUIRE(seq_sampler_next(sampler, &logits, &token, &error));
  seq_sampler_free(sampler);
  return tokens;
}

/// Relative frequencies of 40000 draws; their standard error is below 0.0025.
std::vector<double> frequencies(const std::vector<float> &values,
                                seq_sampling sampling) {
  std::vector<double> result(values.size());
  for (int64_t token : sample(values, sampling, 40000))
    result[token] += 1.0 / 40000;
  return result;
}

void checkClose(const std::vector<double> &found,
                const std::vector<double> &expected) {
  for (size_t i = 0; i < expected.size(); ++i) {
    INFO(i);
    CHECK(found[i] == Approx(expected[i]).margin(0.012));
    if (expected[i] == 0)
      CHECK(found[i] == 0);
  }
}

std::vector<float> logs(std::vector<double> probabilities) {
  std::vector<float> result;
  for (double p : probabilities)
    result.push_back(static_cast<float>(std::log(p) + 3));
  return result;
}
} // namespace

TEST_CASE("xoshiro256** and splitmix64 give their published numbers") {
  // splitmix64 of seed 0 begins e220a8397b1dcdaf (Vigna's reference code).
  seq_random random;
  seq_random_seed(&random, 0);
  CHECK(random.s[0] == UINT64_C(0xe220a8397b1dcdaf));
  CHECK(random.s[1] == UINT64_C(0x6e789e6aa1b965f4));
  // The reference implementation from the state 1, 2, 3, 4.
  random = {{1, 2, 3, 4}};
  for (uint64_t expected :
       {UINT64_C(11520), UINT64_C(0), UINT64_C(1509978240),
        UINT64_C(1215971899390074240), UINT64_C(1216172134540287360)})
    CHECK(seq_random_next(&random) == expected);
  for (int i = 0; i < 1000; ++i) {
    double unit = seq_random_unit(&random);
    CHECK((unit >= 0 && unit < 1));
  }
}

TEST_CASE("temperature 0 takes the largest logit, the first of equals") {
  CHECK(sample({1, 3, 2, 3}, {0, 0, 1, 0}, 2) == std::vector<int64_t>{1, 1});
  CHECK(sample({-infinity, -5}, {0, 0, 1, 0}, 1) == std::vector<int64_t>{1});
  CHECK(sample({1, 3, 2}, {5, 1, 1, 0}, 1) == std::vector<int64_t>{1});
}

TEST_CASE("draws follow the softmax") {
  std::vector<double> p = {0.5, 0.25, 0.15, 0.1};
  checkClose(frequencies(logs(p), {1, 0, 1, 1}), p);
}

TEST_CASE("temperature sharpens") {
  // T = 1/2 squares the probabilities.
  checkClose(frequencies(logs({0.6, 0.3, 0.1}), {0.5, 0, 1, 2}),
             {0.36 / 0.46, 0.09 / 0.46, 0.01 / 0.46});
}

TEST_CASE("top-k keeps the k largest") {
  checkClose(frequencies(logs({0.1, 0.5, 0.1, 0.3}), {1, 2, 1, 3}),
             {0, 0.625, 0, 0.375});
  // Of equal logits the earlier one is kept.
  checkClose(frequencies({1, 1, 1}, {1, 2, 1, 3}), {0.5, 0.5, 0});
  checkClose(frequencies(logs({0.5, 0.5}), {1, 10, 1, 3}), {0.5, 0.5});
}

TEST_CASE("top-p keeps the shortest prefix that reaches p") {
  std::vector<float> values = logs({0.1, 0.5, 0.15, 0.25});
  checkClose(frequencies(values, {1, 0, 0.7, 4}),
             {0, 0.5 / 0.75, 0, 0.25 / 0.75});
  checkClose(frequencies(values, {1, 0, 0.4, 4}), {0, 1, 0, 0});
  checkClose(frequencies(values, {1, 0, 0.001, 4}), {0, 1, 0, 0});
  checkClose(frequencies(values, {1, 0, 0.8, 4}),
             {0, 0.5 / 0.9, 0.15 / 0.9, 0.25 / 0.9});
}

TEST_CASE("top-k, then top-p of what is left") {
  // After top-k 3: 5/9, 2.5/9, 1.5/9; p = 0.6 needs the first two.
  checkClose(frequencies(logs({0.1, 0.5, 0.15, 0.25}), {1, 3, 0.6, 5}),
             {0, 0.5 / 0.75, 0, 0.25 / 0.75});
}

TEST_CASE("the same seed gives the same tokens, another one others") {
  std::vector<float> values(1000);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(i * 37 % 101) / 50;
  CHECK(sample(values, {1, 0, 1, 7}, 100) == sample(values, {1, 0, 1, 7}, 100));
  CHECK(sample(values, {1, 0, 1, 7}, 100) != sample(values, {1, 0, 1, 8}, 100));
}

TEST_CASE("16-bit and 64-bit logits") {
  seq_error error;
  seq_sampling sampling = {0, 0, 1, 0};
  seq_sampler *sampler = seq_sampler_create(&sampling, 3, &error);
  int64_t token;
  std::vector<uint16_t> half = {0x3c00, 0x4000, 0xc000};
  seq_tensor logits = view(half, {3});
  REQUIRE(seq_sampler_next(sampler, &logits, &token, &error));
  CHECK(token == 1);
  logits.dtype = SEQ_BF16;
  REQUIRE(seq_sampler_next(sampler, &logits, &token, &error));
  CHECK(token == 1);
  std::vector<double> wide = {1, 2, 3};
  logits = view(wide, {3});
  REQUIRE(seq_sampler_next(sampler, &logits, &token, &error));
  CHECK(token == 2);
  seq_sampler_free(sampler);
}

TEST_CASE("logits and settings that make no sense are refused") {
  seq_error error;
  seq_sampling sampling = {1, 0, 1, 0};
  seq_sampler *sampler = seq_sampler_create(&sampling, 2, &error);
  int64_t token;
  auto refused = [&](std::vector<float> values, const char *message) {
    seq_tensor logits = view(values, {2});
    CHECK_FALSE(seq_sampler_next(sampler, &logits, &token, &error));
    CHECK_THAT(error.message, Contains(message));
  };
  refused({0, NAN}, "token 1 is not a number");
  refused({infinity, 0}, "token 0 is infinite");
  refused({-infinity, -infinity}, "all tokens");
  seq_sampler_free(sampler);
  for (seq_sampling bad : {seq_sampling{-1, 0, 1, 0},
                           {NAN, 0, 1, 0},
                           {1, -1, 1, 0},
                           {1, 0, 0, 0},
                           {1, 0, 1.5, 0}})
    CHECK(seq_sampler_create(&bad, 2, &error) == nullptr);
}

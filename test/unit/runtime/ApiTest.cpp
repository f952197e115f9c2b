//===- ApiTest.cpp - the interface of shared libraries (seq/api.h) --------===//

#include "seq/api.h"
#include "Support.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace seq_test;

namespace {
constexpr int64_t V = SEQ_FIXTURE_VOCABULARY;

/// The model of Fixture.c, with weights in a file.
class Model {
public:
  explicit Model(int32_t threads = 1) : path(folder / "w") {
    writeFixtureWeights(path, V);
    handle = open(threads);
    REQUIRE(handle);
  }
  ~Model() { seq_close(handle); }

  seq_model *open(int32_t threads = 1) {
    seq_options options = {};
    options.weights = path.c_str();
    options.threads = threads;
    return seq_open(SEQ_API_VERSION, &options, &error);
  }
  std::string message() const { return error.message; }

  TempFolder folder;
  std::string path;
  seq_model *handle;
  seq_error error = {};
};

/// A stream, with the calls as C++ wants them.
class Stream {
public:
  explicit Stream(Model &model, int64_t capacity = 64)
      : Stream(seq_create(model.handle, capacity, &model.error)) {}
  explicit Stream(seq_stream *handle) : handle(handle) { REQUIRE(handle); }
  ~Stream() { seq_free(handle); }
  Stream(const Stream &) = delete;

  std::vector<float> prefill(const std::vector<int64_t> &tokens,
                             seq_which_logits which = SEQ_LOGITS_LAST) {
    seq_tensor logits;
    seq_error error;
    bool ok = seq_prefill(handle, tokens.data(), tokens.size(), which, &logits,
                          &error);
    INFO(error.message);
    REQUIRE(ok);
    if (which == SEQ_LOGITS_NONE)
      return {};
    const float *values = static_cast<const float *>(logits.data);
    return {values, values + seq_tensor_bytes(&logits) / sizeof(float)};
  }

  seq_stream *handle;
};

using Logits = std::vector<float>;

Logits lastOf(const Logits &all) { return {all.end() - V, all.end()}; }
} // namespace

TEST_CASE("prefill and step are one sequence") {
  Model model;
  Stream whole(model), pieces(model), steps(model);
  Logits all = whole.prefill({1, 2, 3, 4, 5}, SEQ_LOGITS_ALL);
  REQUIRE(all.size() == 5 * V);
  CHECK(pieces.prefill({1, 2}, SEQ_LOGITS_NONE).empty());
  CHECK(pieces.prefill({3, 4, 5}) == lastOf(all));
  for (int64_t t = 0; t < 5; ++t) {
    int64_t token = t + 1;
    seq_tensor logits;
    REQUIRE(seq_step(steps.handle, &token, &logits, nullptr));
    CHECK(std::memcmp(logits.data, &all[t * V], V * sizeof(float)) == 0);
    CHECK(seq_position(steps.handle) == t + 1);
  }
  seq_reset(steps.handle);
  CHECK(seq_position(steps.handle) == 0);
  CHECK(steps.prefill({1, 2, 3, 4, 5}) == lastOf(all));
}

TEST_CASE("a clone goes its own way") {
  Model model;
  Stream first(model);
  first.prefill({1, 2, 3});
  Stream second(seq_clone(first.handle, nullptr)), third(model);
  CHECK(seq_position(second.handle) == 3);
  Logits a = first.prefill({4}), b = second.prefill({5});
  CHECK(a != b);
  CHECK(third.prefill({1, 2, 3, 5}) == b);
}

TEST_CASE("rollback") {
  Model model;
  Stream stream(model), other(model);
  stream.prefill({1, 2});
  seq_snapshot *early = seq_take_snapshot(stream.handle, nullptr);
  Logits expected = stream.prefill({3, 4, 5, 6, 7});
  seq_snapshot *late = seq_take_snapshot(stream.handle, nullptr);
  REQUIRE(early);
  REQUIRE(late);
  stream.prefill({1, 1, 1});
  seq_error error;

  SECTION("as often as one likes") {
    for (int i = 0; i < 2; ++i) {
      REQUIRE(seq_rollback(stream.handle, early, &error));
      CHECK(seq_position(stream.handle) == 2);
      CHECK(stream.prefill({3, 4, 5, 6, 7}) == expected);
    }
  }
  SECTION("to the later, then to the earlier one") {
    REQUIRE(seq_rollback(stream.handle, late, &error));
    Logits further = stream.prefill({8});
    REQUIRE(seq_rollback(stream.handle, early, &error));
    CHECK(stream.prefill({3, 4, 5, 6, 7, 8}) == further);
  }
  SECTION("the later one is no more after the earlier one") {
    REQUIRE(seq_rollback(stream.handle, early, &error));
    CHECK(!seq_rollback(stream.handle, late, &error));
    CHECK(std::string(error.message).find("went back") != std::string::npos);
    CHECK(seq_position(stream.handle) == 2);
  }
  SECTION("nor is any after a reset") {
    seq_reset(stream.handle);
    CHECK(!seq_rollback(stream.handle, early, &error));
    CHECK(!seq_rollback(stream.handle, late, &error));
  }
  SECTION("only its own stream") {
    CHECK(!seq_rollback(other.handle, early, &error));
    CHECK(std::string(error.message).find("another stream") !=
          std::string::npos);
  }
  SECTION("one from the middle may go") {
    seq_snapshot *latest = seq_take_snapshot(stream.handle, nullptr);
    Logits after = stream.prefill({9});
    seq_free_snapshot(late);
    late = nullptr;
    REQUIRE(seq_rollback(stream.handle, latest, &error));
    CHECK(stream.prefill({9}) == after);
    REQUIRE(seq_rollback(stream.handle, early, &error));
    CHECK(!seq_rollback(stream.handle, latest, &error));
    seq_free_snapshot(latest);
  }
  seq_free_snapshot(late);
  seq_free_snapshot(early);
}

TEST_CASE("snapshots and streams may outlive what they came from") {
  Model model;
  seq_model *second = model.open();
  seq_stream *stream = seq_create(second, 8, nullptr);
  seq_close(second);
  int64_t token = 1;
  CHECK(seq_step(stream, &token, nullptr, nullptr));
  seq_snapshot *snapshot = seq_take_snapshot(stream, nullptr);
  seq_free(stream);
  seq_free_snapshot(snapshot);
}

TEST_CASE("save and restore") {
  Model model;
  Stream stream(model), other(model);
  std::string file = model.folder / "state";
  stream.prefill({1, 2, 3});
  REQUIRE(seq_save(stream.handle, file.c_str(), nullptr));
  Logits expected = stream.prefill({4});
  other.prefill({7, 7});
  seq_snapshot *snapshot = seq_take_snapshot(other.handle, nullptr);

  SECTION("goes on") {
    REQUIRE(seq_restore(other.handle, file.c_str(), nullptr));
    CHECK(seq_position(other.handle) == 3);
    CHECK(!seq_rollback(other.handle, snapshot, nullptr));
    CHECK(other.prefill({4}) == expected);
  }
  SECTION("what is damaged is refused, and nothing changes") {
    std::string bytes = readFile(file);
    size_t at = GENERATE(0, 8, 12, 16, 24, 32, 40, 48, 56, 64, 96);
    bytes[at] ^= 1;
    writeFile(file, bytes);
    CAPTURE(at);
    CHECK(!seq_restore(other.handle, file.c_str(), &model.error));
    CHECK(model.message().find(file) != std::string::npos);
    CHECK(seq_position(other.handle) == 2);
    CHECK(seq_rollback(other.handle, snapshot, nullptr));
  }
  SECTION("so is a missing file") {
    CHECK(!seq_restore(other.handle, (file + "x").c_str(), &model.error));
    CHECK(model.message().find("No such file") != std::string::npos);
  }
  seq_free_snapshot(snapshot);
}

TEST_CASE("any function runs, and its outputs stay with the stream") {
  Model model;
  Stream first(model), second(model);
  uint8_t mask[6] = {0, 1, 1, 0, 0, 1}, zeros[6] = {};
  seq_tensor a = {SEQ_BOOL, 2, {2, 3}, mask}, b = {SEQ_BOOL, 2, {2, 3}, zeros};
  REQUIRE(seq_run(first.handle, "static", &a, 1, nullptr));
  REQUIRE(seq_run(second.handle, "static", &b, 1, nullptr));
  const seq_tensor *result = seq_result(first.handle, 0);
  REQUIRE(result);
  const uint8_t *values = static_cast<const uint8_t *>(result->data);
  CHECK(std::vector<uint8_t>(values, values + 6) ==
        std::vector<uint8_t>{1, 0, 0, 1, 1, 0});
  CHECK(!seq_result(first.handle, 1));
  CHECK(!seq_result(first.handle, -1));
}

TEST_CASE("a run that fails leaves a stream that can be put right") {
  Model model;
  Stream stream(model);
  stream.prefill({1, 2});
  seq_snapshot *snapshot = seq_take_snapshot(stream.handle, nullptr);
  Logits expected = stream.prefill({3});
  int32_t how = 1; // the cache is full
  seq_tensor input = {SEQ_I32, 0, {}, &how};
  CHECK(!seq_run(stream.handle, "misbehave", &input, 1, &model.error));
  CHECK(model.message() == "the cache is full?at position 7");
  if (!SEQ_FIXTURE_STATELESS) {
    int64_t token = 3;
    CHECK(!seq_step(stream.handle, &token, nullptr, &model.error));
    CHECK(model.message().find("undefined") != std::string::npos);
  }
  CHECK(!seq_clone(stream.handle, nullptr));
  CHECK(!seq_save(stream.handle, (model.folder / "s").c_str(), nullptr));
  CHECK(!seq_take_snapshot(stream.handle, nullptr));
  REQUIRE(seq_rollback(stream.handle, snapshot, nullptr));
  CHECK(stream.prefill({3}) == expected);
  seq_free_snapshot(snapshot);
}

TEST_CASE("a run that is refused leaves the stream as it was") {
  Model model;
  Stream stream(model), other(model);
  stream.prefill({1, 2});
  other.prefill({1, 2});
  int32_t how = 8;
  seq_tensor input = {SEQ_I32, 0, {}, &how};
  CHECK(!seq_run(stream.handle, "misbehave", &input, 1, &model.error));
  CHECK(model.message() == "expected at least one token");
  CHECK(seq_position(stream.handle) == 2);
  CHECK(stream.prefill({3}) == other.prefill({3}));
  // A refusal is forgotten by the next run.
  how = 1;
  CHECK(!seq_run(stream.handle, "misbehave", &input, 1, &model.error));
  CHECK(!seq_save(stream.handle, (model.folder / "s").c_str(), nullptr));
}

TEST_CASE("what a model says of itself") {
  Model model(2);
  const seq_info *info = seq_model_info(model.handle);
  CHECK(info->vocabulary == V);
  CHECK(info->source == SEQ_FIXTURE_HASH);
  CHECK(info->batch == 1);
  CHECK(info->threads == 2);
  CHECK(std::string(seq_function_name(model.handle, 0)) == "forward");
  CHECK(!seq_function_name(model.handle, 7));
  CHECK(std::string(seq_input(model.handle, nullptr, 0)->name) == "input_ids");
  CHECK(std::string(seq_output(model.handle, "mix", 1)->name) == "sum");
  CHECK(!seq_output(model.handle, "mix", 2));
  CHECK(!seq_input(model.handle, "nothing", 0));
}

TEST_CASE("a model that keeps its tokens has room for as many as was said") {
  Model model;
  Stream stream(model, 3);
  stream.prefill({1, 2});
  int64_t tokens[] = {3, 4};
  bool fits = seq_prefill(stream.handle, tokens, 2, SEQ_LOGITS_LAST, nullptr,
                          &model.error);
  CHECK(fits == !SEQ_FIXTURE_STATELESS);
  if (SEQ_FIXTURE_STATELESS) {
    CHECK(model.message() == "2 tokens after 2, expected at most 3 in all, the "
                             "capacity that seq_create was called with");
    CHECK(stream.prefill({3}, SEQ_LOGITS_ALL).size() == V);
  }
}

TEST_CASE("bad calls are answered with one line") {
  Model model;
  seq_error &error = model.error;
  seq_options options = {};
  options.weights = model.path.c_str();
  auto refuses = [&](uint32_t version, const std::string &word) {
    CHECK(!seq_open(version, &options, &error));
    CHECK(model.message().find(word) != std::string::npos);
    CHECK(!seq_open(version, &options, nullptr));
  };

  SECTION("versions") {
    refuses(SEQ_API_VERSION + 1, "built for API version 1.1");
    refuses(SEQ_API_VERSION + 0x10000, "built for API version 2.0");
    refuses(0, "API version 0.0");
  }
  SECTION("another model than expected") {
    options.source = SEQ_FIXTURE_HASH + 1;
    refuses(SEQ_API_VERSION, "another model");
  }
  SECTION("threads") {
    options.threads = GENERATE(-1, 1000);
    refuses(SEQ_API_VERSION, "threads, expected");
  }
  SECTION("reserved fields") {
    options.reserved[4] = 1;
    refuses(SEQ_API_VERSION, "reserved");
  }
  SECTION("a wrong weight file") {
    std::string bytes = readFile(model.path);
    bytes[16] ^= 1; // the source hash
    std::string other = model.folder / "other";
    writeFile(other, bytes);
    options.weights = other.c_str();
    refuses(SEQ_API_VERSION, "made for another model");
  }
  SECTION("no weight file") {
    options.weights = "/nowhere/w";
    refuses(SEQ_API_VERSION, "/nowhere/w");
  }
  SECTION("tokens") {
    Stream stream(model);
    int64_t bad = GENERATE(as<int64_t>{}, -1, V, INT64_MAX, INT64_C(1) << 32);
    CHECK(!seq_step(stream.handle, &bad, nullptr, &error));
    CHECK(model.message().find("expected 0 to") != std::string::npos);
    CHECK(
        !seq_prefill(stream.handle, &bad, 0, SEQ_LOGITS_LAST, nullptr, &error));
    CHECK(!seq_prefill(stream.handle, &bad, INT64_MIN, SEQ_LOGITS_LAST, nullptr,
                       nullptr));
    CHECK(!seq_step(stream.handle, nullptr, nullptr, &error));
    int64_t good = 1;
    CHECK(!seq_prefill(stream.handle, &good, INT64_MAX, SEQ_LOGITS_NONE,
                       nullptr, &error));
    CHECK(model.message().find("expected at most") != std::string::npos);
    CHECK(seq_position(stream.handle) == 0);
  }
  SECTION("tensors") {
    Stream stream(model);
    uint8_t mask[6] = {};
    seq_tensor good = {SEQ_BOOL, 2, {2, 3}, mask}, bad = good;
    CHECK(!seq_run(stream.handle, "static", nullptr, 1, &error));
    CHECK(!seq_run(stream.handle, "static", &good, 2, &error));
    CHECK(!seq_run(stream.handle, "nothing", &good, 1, &error));
    SECTION("without data") { bad.data = nullptr; }
    SECTION("of another size") { bad.shape[1] = 4; }
    SECTION("of another rank") { bad.rank = 3; }
    SECTION("of no rank") { bad.rank = -1; }
    SECTION("of another dtype") { bad.dtype = SEQ_U8; }
    SECTION("of no dtype") { bad.dtype = 99; }
    SECTION("of no size") { bad.shape[0] = INT64_MIN; }
    error.message[0] = 0;
    CHECK(!seq_run(stream.handle, "static", &bad, 1, &error));
    CHECK(model.message().find("mask") != std::string::npos);
    CHECK(seq_run(stream.handle, "static", &good, 1, &error));
  }
  SECTION("streams") {
    CHECK(!seq_create(nullptr, 1, &error));
    CHECK(!seq_create(model.handle, -1, &error));
    CHECK(!seq_clone(nullptr, &error));
    CHECK(!seq_save(nullptr, "x", &error));
    CHECK(!seq_restore(nullptr, "x", &error));
    CHECK(!seq_take_snapshot(nullptr, &error));
    CHECK(!seq_rollback(nullptr, nullptr, &error));
    seq_free(nullptr);
    seq_reset(nullptr);
    seq_close(nullptr);
    seq_free_snapshot(nullptr);
  }
}

TEST_CASE("streams in threads of their own give what they give alone",
          "[threads]") {
  Model model(GENERATE(1, 2));
  constexpr int kStreams = 4, kSteps = 50;
  std::atomic<int> missing{0};
  auto generate = [&](int64_t seed, std::vector<Logits> &all) {
    seq_stream *stream = seq_create(model.handle, 64, nullptr);
    // All at once, and taking turns also where there are few cores.
    for (--missing; missing > 0;)
      std::this_thread::yield();
    for (int i = 0; i < kSteps; ++i) {
      std::this_thread::yield();
      int64_t token = (seed * 7 + i * i) % V;
      seq_tensor logits;
      if (!seq_step(stream, &token, &logits, nullptr))
        break;
      const float *values = static_cast<const float *>(logits.data);
      all.emplace_back(values, values + V);
    }
    seq_free(stream);
  };
  std::vector<Logits> alone[kStreams], together[kStreams];
  for (int i = 0; i < kStreams; ++i)
    generate(i, alone[i]);
  missing = kStreams;
  std::vector<std::thread> threads;
  for (int i = 0; i < kStreams; ++i)
    threads.emplace_back([&, i] { generate(i, together[i]); });
  for (std::thread &thread : threads)
    thread.join();
  for (int i = 0; i < kStreams; ++i) {
    REQUIRE(alone[i].size() == kSteps);
    CHECK(together[i] == alone[i]);
  }
}

TEST_CASE("a forked child is told, and can open a model of its own") {
  Model model(2);
  Stream stream(model);
  stream.prefill({1});
  pid_t child = fork();
  if (child == 0) {
    int64_t token = 2;
    seq_error error = {};
    bool refused = !seq_step(stream.handle, &token, nullptr, &error) &&
                   std::strstr(error.message, "fork");
    seq_model *own = model.open();
    seq_stream *new_stream = seq_create(own, 1, nullptr);
    bool works = seq_step(new_stream, &token, nullptr, nullptr);
    seq_free(new_stream);
    seq_close(own);
    _exit(refused && works ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(status == 0);
  CHECK(stream.prefill({2}).size() == V);
}

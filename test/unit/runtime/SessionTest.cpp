//===- SessionTest.cpp - running the functions of a program
//------------------------===//

#include "seq/runtime/Session.h"
#include "Support.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <memory>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

using namespace seq_test;
using Catch::Matchers::Contains;

namespace {
constexpr int64_t vocabulary = 11;
const seq_program *const program = &seq_program_descriptor;

/// An open session of the fixture, with its weights.
struct Session {
  TempFolder folder;
  seq_session *session = nullptr;
  seq_error error = {""};

  explicit Session(int threads = 2) {
    std::string path = folder / "fixture.weights";
    writeFixtureWeights(path, vocabulary);
    seq_session_options options = {path.c_str(), threads};
    session = seq_session_open(program, &options, &error);
    INFO(error.message);
    REQUIRE(session);
  }
  ~Session() { seq_session_close(session); }

  const seq_function *find(const char *name) {
    const seq_function *function = seq_find_function(program, name, &error);
    REQUIRE(function);
    return function;
  }
  bool run(const char *name, const std::vector<seq_tensor> &inputs,
           seq_state *state = nullptr) {
    return seq_session_run(session, state, find(name), inputs.data(), &error);
  }
  std::vector<float> output(int index = 0) const {
    const seq_tensor &tensor = seq_session_outputs(session)[index];
    const float *data = static_cast<const float *>(tensor.data);
    return {data, data + seq_tensor_bytes(&tensor) / sizeof(float)};
  }
};

struct FreeState {
  void operator()(seq_state *state) const { seq_state_free(state); }
};
using State = std::unique_ptr<seq_state, FreeState>;

State makeState(const seq_program *of = program, int64_t capacity = 0) {
  seq_error error = {""};
  State state(seq_state_create(of, capacity, &error));
  INFO(error.message);
  REQUIRE(state);
  return state;
}

seq_tensor ids(const std::vector<int64_t> &values) {
  return view(values, {1, static_cast<int64_t>(values.size())});
}
} // namespace

TEST_CASE("the whole sequence, its pieces and single tokens agree") {
  for (int threads : {1, 2, 5}) {
    Session s(threads);
    CHECK(seq_session_threads(s.session) == threads);
    std::vector<int64_t> tokens = {3, 1, 4, 1, 5, 9, 2, 6};
    std::vector<float> expected = fixtureLogits(vocabulary, tokens);
    State state = makeState();
    REQUIRE(s.run("forward", {ids(tokens)}, state.get()));
    CHECK(s.output() == expected);
    CHECK(*static_cast<int64_t *>(
              seq_state_find(state.get(), "position")->data) == 8);

    seq_state_reset(state.get());
    for (size_t t = 0; t < tokens.size(); ++t) {
      std::vector<int64_t> one = {tokens[t]};
      REQUIRE(s.run(t == 3 ? "forward" : "last", {ids(one)}, state.get()));
      CHECK(s.output() ==
            std::vector<float>(expected.begin() + t * vocabulary,
                               expected.begin() + (t + 1) * vocabulary));
    }
  }
}

TEST_CASE("an empty sequence leaves the states") {
  Session s;
  State state = makeState();
  std::vector<int64_t> none;
  REQUIRE(s.run("forward", {ids(none)}, state.get()));
  CHECK(s.output().empty());
  CHECK(seq_session_outputs(s.session)[0].shape[1] == 0);
}

TEST_CASE("inputs at any address") {
  Session s;
  State state = makeState();
  std::vector<int64_t> padded = {0, 3, 1};
  std::vector<int64_t> tokens = {3, 1};
  seq_tensor input = ids(tokens);
  input.data = padded.data() + 1;
  REQUIRE(s.run("forward", {input}, state.get()));
  CHECK(s.output() == fixtureLogits(vocabulary, tokens));

  // Not even where its elements may lie: a copy.
  std::vector<char> bytes(1 + sizeof(int64_t) * tokens.size());
  memcpy(bytes.data() + 1, tokens.data(), bytes.size() - 1);
  input.data = bytes.data() + 1;
  seq_state_reset(state.get());
  REQUIRE(s.run("forward", {input}, state.get()));
  CHECK(s.output() == fixtureLogits(vocabulary, tokens));
}

TEST_CASE("team and barrier from a program") {
  for (int threads : {1, 2, 3, 9}) {
    Session s(threads);
    std::vector<float> x, g, expected;
    for (int i = 0; i < 4 * 33; ++i) {
      x.push_back(static_cast<float>(i % 7) - 3);
      g.push_back(0.25f * static_cast<float>(i % 5));
    }
    for (int i = 0; i < 4 * 33; ++i)
      expected.push_back(
          g[i] * (i < 4 ? 0 : expected[i - i % 4 - 4 + (i % 4 + 1) % 4]) +
          x[i]);
    REQUIRE(s.run("mix", {view(x, {1, 33, 4}), view(g, {1, 33, 4})}));
    CHECK(s.output() == expected);
    double sum = 0;
    for (float value : expected)
      sum += value;
    CHECK(*static_cast<double *>(seq_session_outputs(s.session)[1].data) ==
          sum);
  }
}

TEST_CASE("inputs are checked before anything runs, in one line each") {
  Session s;
  State state = makeState();
  auto refused = [&](const char *function, std::vector<seq_tensor> inputs,
                     const char *message) {
    CHECK_FALSE(s.run(function, inputs, state.get()));
    CHECK(std::string(s.error.message) == message);
    CHECK(seq_state_is_defined(state.get()));
  };
  std::vector<int64_t> tokens = {3, 1, 11, 2};
  std::vector<float> x(12);
  refused("forward", {ids(tokens)},
          "input input_ids: value 11 at [0, 2], expected 0 to 10");
  tokens[2] = -1;
  refused("forward", {ids(tokens)},
          "input input_ids: value -1 at [0, 2], expected 0 to 10");
  refused("forward", {view(x, {1, 12})},
          "input input_ids: dtype float32, expected int64");
  refused("forward", {view(tokens, {4})},
          "input input_ids: rank 1 (int64[4]), expected 2 (int64[1, d0])");
  refused("forward", {view(tokens, {2, 2})},
          "input input_ids: dimension 0 is 2 (int64[2, 2]), expected 1 "
          "(int64[1, d0])");
  refused("mix", {view(x, {1, 3, 4}), view(x, {1, 2, 4})},
          "input g: dimension 1 is 2, expected 3 as dimension 1 of x");
  std::vector<uint8_t> mask = {0, 1, 2, 0, 0, 0};
  seq_tensor masks = view(mask, {2, 3});
  masks.dtype = SEQ_BOOL;
  refused("static", {masks}, "input mask: value 2 at [0, 2], expected 0 to 1");
  CHECK(static_cast<float *>(seq_state_data(state.get()))[0] == 0);
}

TEST_CASE("static sizes and booleans") {
  Session s;
  std::vector<uint8_t> mask = {0, 1, 1, 0, 0, 1};
  seq_tensor masks = view(mask, {2, 3});
  masks.dtype = SEQ_BOOL;
  REQUIRE(s.run("static", {masks}));
  const seq_tensor &output = seq_session_outputs(s.session)[0];
  CHECK(std::memcmp(output.data, "\1\0\0\1\1\0", 6) == 0);
}

TEST_CASE("what goes wrong inside a program is an error, not an end") {
  Session s;
  State state = makeState();
  auto misbehave = [&](int32_t how) {
    std::vector<int32_t> value = {how};
    return s.run("misbehave", {view(value, {})}, state.get());
  };
  REQUIRE(misbehave(0));
  CHECK(s.output() == std::vector<float>(4, 1));
  const char *messages[] = {"",
                            "the cache is full?at position 7",
                            "no memory for output y",
                            "bytes of scratch",
                            "did not make output y",
                            "has no output 1",
                            "asks for 1000000 bytes",
                            "output y of function misbehave has no valid size"};
#if defined(__x86_64__)
  unsigned mode = _mm_getcsr();
#endif
  for (int how = 1; how < 8; ++how) {
    INFO(how);
    CHECK_FALSE(misbehave(how));
    CHECK_THAT(s.error.message, Contains(messages[how]));
    CHECK_FALSE(seq_state_is_defined(state.get()));
    CHECK_FALSE(misbehave(0));
    CHECK_THAT(s.error.message, Contains("undefined since a run that failed"));
    CHECK_FALSE(seq_state_save(state.get(), "/tmp/never", &s.error));
    seq_state_reset(state.get());
    REQUIRE(misbehave(0));
    CHECK(s.output() == std::vector<float>(4, 1));
  }
#if defined(__x86_64__)
  CHECK(_mm_getcsr() == mode);
#endif
}

TEST_CASE("scratch that cannot be had is refused before the run") {
  Session s;
  CHECK_FALSE(s.run("huge", {}));
  CHECK_THAT(s.error.message, Contains("no memory for 1125899906842624 bytes "
                                       "of scratch of function huge"));
}

#if defined(__x86_64__)
TEST_CASE("programs flush subnormals, their callers do not") {
  Session s;
  std::vector<float> tiny = {1.2e-38f};
  unsigned mode = _mm_getcsr();
  REQUIRE(s.run("denormal", {view(tiny, {})}));
  CHECK(s.output() == std::vector<float>{0});
  CHECK(_mm_getcsr() == mode);
}
#endif

TEST_CASE("states: snapshot, rollback, save, load") {
  Session s;
  State state = makeState();
  std::vector<int64_t> first = {1, 2, 3}, second = {4};
  REQUIRE(s.run("last", {ids(first)}, state.get()));
  seq_error error;
  State snapshot(seq_state_clone(state.get(), &error));
  REQUIRE(snapshot);
  std::string file = s.folder / "state";
  REQUIRE(seq_state_save(state.get(), file.c_str(), &error));
  REQUIRE(s.run("last", {ids(second)}, state.get()));
  std::vector<float> expected = s.output();

  for (bool fromFile : {false, true}) {
    State other = makeState();
    if (fromFile)
      REQUIRE(seq_state_load(other.get(), file.c_str(), &error));
    else
      REQUIRE(seq_state_copy(other.get(), snapshot.get(), &error));
    REQUIRE(s.run("last", {ids(second)}, other.get()));
    CHECK(s.output() == expected);
  }
  CHECK(seq_state_count(state.get()) == 3);
  CHECK(std::string(seq_state_name(state.get(), 0)) == "h");
  CHECK(seq_state_bytes(state.get()) == 3 * 64);
  CHECK(seq_state_find(state.get(), "x") == nullptr);
  CHECK_FALSE(seq_program_has_capacity(program));

  std::string whole = readFile(file);
  State unchanged = makeState();
  auto refused = [&](std::string contents, const char *message) {
    writeFile(file, contents);
    CHECK_FALSE(seq_state_load(unchanged.get(), file.c_str(), &error));
    CHECK_THAT(error.message, Contains(message) && Contains(file));
    CHECK(*static_cast<float *>(seq_state_data(unchanged.get())) == 0);
  };
  refused(whole + "x", "bytes after its end");
  for (size_t length = 64; length < whole.size(); ++length)
    refused(whole.substr(0, length), "truncated");
  refused("SEQ", "not a state file");
  std::string wrong = whole;
  wrong[16] = 'x';
  refused(wrong, "another model");
  wrong = whole;
  wrong[24] = 1;
  refused(wrong, "capacity 1, expected 0");
  wrong = whole;
  wrong[12] = 4;
  refused(wrong, "4 states of 192 bytes, expected 3 of 192");
  CHECK_FALSE(seq_state_save(state.get(), "/dev/full", &error));
  CHECK_THAT(error.message, Contains("No space left"));
}

TEST_CASE("states with a capacity") {
  int64_t shape[] = {1, -1, 4};
  int32_t symbols[] = {-1, 3, -1};
  seq_tensor_type cache = {"cache", SEQ_F32, 3, shape, symbols, 0};
  seq_tensor_type input = {"x", SEQ_F32, 3, shape, symbols, 0};
  seq_function function = {};
  function.name = "f";
  function.n_inputs = function.n_states = 1;
  function.inputs = &input;
  function.states = &cache;
  static int64_t seen[3];
  function.run = [](seq_frame *frame) {
    seen[0] = frame->dims[0];
    seen[1] = frame->dims[1];
    seen[2] = frame->weights == nullptr;
  };
  seq_program own = {};
  own.abi_version = SEQ_ABI_VERSION;
  own.n_functions = 1;
  own.functions = &function;
  CHECK(seq_program_has_capacity(&own));
  State state = makeState(&own, 5);
  CHECK(seq_state_bytes(state.get()) == 128);
  CHECK(seq_state_at(state.get(), 0)->shape[1] == 5);

  seq_error error;
  seq_session *session = seq_session_open(&own, nullptr, &error);
  REQUIRE(session);
  std::vector<float> x(20);
  seq_tensor good = view(x, {1, 5, 4}), bad = view(x, {1, 4, 4});
  REQUIRE(seq_session_run(session, state.get(), &function, &good, &error));
  CHECK((seen[0] == 5 && seen[1] == 5 && seen[2] == 1));
  CHECK_FALSE(seq_session_run(session, state.get(), &function, &bad, &error));
  CHECK_THAT(error.message,
             Contains("state cache: dimension 1 is 5, expected 4 "
                      "as dimension 1 of x"));
  CHECK_FALSE(seq_session_run(session, nullptr, &function, &good, &error));
  CHECK_THAT(error.message, Contains("needs states"));
  State foreign = makeState();
  CHECK_FALSE(
      seq_session_run(session, foreign.get(), &function, &good, &error));
  CHECK_THAT(error.message, Contains("another program"));
  State larger = makeState(&own, 6);
  CHECK_FALSE(seq_state_copy(larger.get(), state.get(), &error));
  CHECK_THAT(error.message, Contains("capacity 5, expected 6"));
  seq_session_close(session);

  CHECK(seq_state_create(&own, INT64_MAX / 4, &error) == nullptr);
  CHECK(seq_state_create(&own, int64_t(1) << 50, &error) == nullptr);
  CHECK(seq_state_create(&own, -1, &error) == nullptr);
}

TEST_CASE("of a cache what is used is copied and saved") {
  int64_t shape[] = {2, -1, 4}, one[] = {2};
  seq_tensor_type states[] = {{"keys", SEQ_F32, 3, shape, nullptr, 0},
                              {"position", SEQ_I64, 1, one, nullptr, 0}};
  seq_cache caches[] = {{0, 1, 0}, {0, -1, 0}};
  seq_function function = {};
  function.name = "f";
  function.n_states = 2;
  function.states = states;
  function.caches = caches;
  function.run = [](seq_frame *) {};
  seq_program own = {};
  own.abi_version = SEQ_ABI_VERSION;
  own.n_functions = 1;
  own.functions = &function;

  State state = makeState(&own, 1000);
  float *keys = static_cast<float *>(seq_state_at(state.get(), 0)->data);
  auto *positions = static_cast<int64_t *>(seq_state_at(state.get(), 1)->data);
  positions[0] = 2;
  positions[1] = 3; // the largest counts
  for (int i : {0, 11, 4000, 4011, 12, 4012})
    keys[i] = 1;
  seq_error error;
  State copy(seq_state_clone(state.get(), &error));
  REQUIRE(copy);
  TempFolder folder;
  std::string file = folder / "state";
  REQUIRE(seq_state_save(state.get(), file.c_str(), &error));
  CHECK(readFile(file).size() == 64 + 64 + 2 * 12 * 4 + 32);
  State loaded = makeState(&own, 1000);
  REQUIRE(seq_state_load(loaded.get(), file.c_str(), &error));
  for (seq_state *other : {copy.get(), loaded.get()}) {
    auto *values = static_cast<float *>(seq_state_at(other, 0)->data);
    for (int i : {0, 11, 4000, 4011})
      CHECK(values[i] == 1);
    CHECK((values[12] == 0 && values[4012] == 0));
  }

  // A position that is none counts as the nearest, in memory.
  positions[1] = 1001;
  REQUIRE(seq_state_copy(copy.get(), state.get(), &error));
  REQUIRE(seq_state_save(state.get(), file.c_str(), &error));
  CHECK_FALSE(seq_state_load(loaded.get(), file.c_str(), &error));
  CHECK_THAT(error.message,
             Contains("state position is 1001, expected 0 to 1000"));
  CHECK(static_cast<int64_t *>(seq_state_at(loaded.get(), 1)->data)[1] == 3);

  // A ring has a size of its own, and any position.
  caches[0].most = 10;
  State ring = makeState(&own, 1000);
  CHECK(seq_state_at(ring.get(), 0)->shape[1] == 10);
  CHECK(seq_state_bytes(ring.get()) == 320 + 64);
  static_cast<int64_t *>(seq_state_at(ring.get(), 1)->data)[0] = 12345;
  REQUIRE(seq_state_save(ring.get(), file.c_str(), &error));
  State other = makeState(&own, 10);
  REQUIRE(seq_state_load(other.get(), file.c_str(), &error));
  CHECK(seq_state_at(makeState(&own, 7).get(), 0)->shape[1] == 7);

  caches[0].position = 2;
  CHECK_FALSE(seq_program_check(&own, &error));
  CHECK_THAT(error.message, Contains("state keys is no cache"));
}

TEST_CASE("weights: named, default, embedded") {
  TempFolder folder;
  std::string path = folder / "w";
  seq_error error;
  seq_session_options options = {path.c_str(), 1};
  CHECK(seq_session_open(program, &options, &error) == nullptr);
  CHECK_THAT(error.message, Contains("cannot open weight file " + path));
  writeFixtureWeights(path, vocabulary, 99);
  CHECK(seq_session_open(program, &options, &error) == nullptr);
  CHECK_THAT(error.message, Contains("made for another model"));
  options.weights = nullptr;
  CHECK(seq_session_open(program, &options, &error) == nullptr);
  CHECK_THAT(error.message, Contains("runtime-SessionTest.weights"));

  alignas(64) static uint8_t embedded[2 * 384];
  std::vector<float> values = fixtureWeights(vocabulary);
  std::memcpy(embedded, values.data(), 352);
  std::memcpy(embedded + 384, values.data() + 88, 352);
  seq_program own = *program;
  own.embedded_weights = embedded;
  seq_session *session = seq_session_open(&own, &options, &error);
  REQUIRE(session);
  State state = makeState(&own);
  std::vector<int64_t> tokens = {5};
  seq_tensor input = ids(tokens);
  REQUIRE(seq_session_run(session, state.get(),
                          seq_find_function(&own, "last", &error), &input,
                          &error));
  CHECK(std::memcmp(seq_session_outputs(session)[0].data,
                    fixtureLogits(vocabulary, tokens).data(), 44) == 0);
  seq_session_close(session);
  own.embedded_weights = embedded + 1;
  CHECK(seq_session_open(&own, &options, &error) == nullptr);
  options.threads = 1000;
  CHECK(seq_session_open(program, &options, &error) == nullptr);
}

TEST_CASE("damaged descriptors are refused") {
  seq_error error;
  auto refused = [&](const seq_program &bad, const char *message) {
    CHECK_FALSE(seq_program_check(&bad, &error));
    CHECK_THAT(error.message, Contains(message));
  };
  seq_program own = *program;
  own.abi_version = 1;
  refused(own, "ABI version 1, this runtime expects 3");
  own = *program;
  own.n_functions = 0;
  refused(own, "no functions");
  int64_t shape[] = {-2};
  seq_tensor_type types[2] = {{"a", SEQ_F32, 1, shape, nullptr, 0},
                              {"a", SEQ_F32, 0, nullptr, nullptr, 0}};
  seq_function functions[2] = {};
  functions[0].name = "f";
  functions[0].run = [](seq_frame *) {};
  functions[0].n_inputs = 1;
  own.n_functions = 1;
  own.functions = functions;
  refused(own, "no list of inputs");
  functions[0].inputs = types;
  refused(own, "dimension 0 is -2");
  shape[0] = 1;
  functions[0].n_inputs = 2;
  refused(own, "two inputs are called a");
  types[1].name = "b";
  CHECK(seq_program_check(&own, &error));
  types[1].rank = 9;
  refused(own, "input 1 has no valid type");
  types[1].rank = 0;
  types[1].dtype = 9;
  refused(own, "input 1 has no valid type");
  types[1].dtype = SEQ_F32;
  functions[1] = functions[0];
  functions[1].name = "g";
  functions[0].n_inputs = functions[1].n_inputs = 0;
  functions[0].states = &types[0];
  functions[1].states = &types[1];
  functions[0].n_states = functions[1].n_states = 1;
  types[1].name = "a";
  own.n_functions = 2;
  refused(own, "state a differs between functions f and g");
  CHECK(seq_find_function(program, "nothing", &error) == nullptr);
  CHECK_THAT(error.message, Contains("there is forward, last, mix"));
}

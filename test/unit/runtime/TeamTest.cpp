//===- TeamTest.cpp - the threads of a session
//------------------------------------===//

#include "seq/runtime/Team.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include <sched.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace {
struct FreeTeam {
  void operator()(seq_team *team) const { seq_team_destroy(team); }
};
using Team = std::unique_ptr<seq_team, FreeTeam>;

Team makeTeam(int threads) {
  seq_error error = {""};
  Team team(seq_team_create(threads, &error));
  INFO(error.message);
  REQUIRE(team);
  return team;
}

/// Calls a C++ function object where a body is expected.
template <typename F>
void parallel(const Team &team, F f, int64_t n, int64_t grain) {
  seq_team_parallel(
      team.get(),
      [](void *ctx, int64_t lo, int64_t hi) {
        (*static_cast<F *>(ctx))(lo, hi);
      },
      &f, n, grain);
}
template <typename F>
void everyone(const Team &team, F f) {
  seq_team_run(
      team.get(),
      [](void *ctx, int64_t thread, int64_t threads) {
        (*static_cast<F *>(ctx))(thread, threads);
      },
      &f);
}
} // namespace

TEST_CASE("every index is handed out once, in ranges of at most the grain") {
  for (int threads : {1, 2, 3, 5, 16, 64}) {
    Team team = makeTeam(threads);
    CHECK(seq_team_threads(team.get()) == threads);
    for (int64_t n : {0, 1, 2, 3, 7, 64, 1000, 4097})
      for (int64_t grain : {0, 1, 2, 7, 100, 5000}) {
        std::vector<int> counts(n); // plain: disjoint ranges do not race
        std::atomic<int64_t> calls{0};
        std::atomic<bool> small{true};
        parallel(
            team,
            [&](int64_t lo, int64_t hi) {
              ++calls;
              if (threads > 1 && hi - lo > std::max<int64_t>(grain, 1))
                small = false;
              if (lo >= hi)
                small = false;
              for (int64_t i = lo; i < hi; ++i)
                ++counts[i];
            },
            n, grain);
        CHECK(std::count(counts.begin(), counts.end(), 1) == n);
        CHECK(small);
        if (n == 0)
          CHECK(calls == 0);
        else if (threads == 1)
          CHECK(calls == 1);
      }
  }
}

TEST_CASE("negative and enormous n") {
  Team team = makeTeam(3);
  int calls = 0;
  parallel(
      team, [&](int64_t, int64_t) { ++calls; }, -5, 1);
  CHECK(calls == 0);
  std::atomic<int64_t> sum{0};
  parallel(
      team, [&](int64_t lo, int64_t hi) { sum += hi - lo; }, INT64_MAX,
      INT64_MAX / 3);
  CHECK(sum == INT64_MAX);
}

TEST_CASE("many dispatches in a row, with and without pauses") {
  for (int threads : {2, 4}) {
    Team team = makeTeam(threads);
    int64_t total = 0;
    for (int round = 0; round < 2000; ++round) {
      std::vector<int64_t> parts(50);
      if (round % 3 == 2) {
        everyone(team, [&](int64_t thread, int64_t) { parts[thread] = 1; });
        for (int i = 0; i < threads; ++i)
          total += parts[i] == 1;
      } else {
        parallel(
            team, [&](int64_t lo, int64_t) { parts[lo] = 1; }, 50, 1);
        for (int64_t part : parts)
          total += part;
      }
      if (round % 400 == 0) // long enough for the workers to fall asleep
        std::this_thread::sleep_for(std::chrono::milliseconds(3));
    }
    int64_t teams = 2000 / 3;
    CHECK(total == (2000 - teams) * 50 + teams * threads);
  }
}

TEST_CASE("a team body runs once on every thread, with constant numbers") {
  for (int threads : {1, 2, 7, 64}) {
    Team team = makeTeam(threads);
    std::vector<std::thread::id> first(threads), second(threads);
    everyone(team, [&](int64_t thread, int64_t count) {
      if (count == threads) // CHECK is for one thread
        first[thread] = std::this_thread::get_id();
    });
    everyone(team, [&](int64_t thread, int64_t) {
      second[thread] = std::this_thread::get_id();
    });
    CHECK(first == second);
    CHECK(first[0] == std::this_thread::get_id());
    CHECK(std::set<std::thread::id>(first.begin(), first.end()).size() ==
          static_cast<size_t>(threads));
  }
}

TEST_CASE("the barrier orders plain memory") {
  // More threads than cores as well: whoever waits must give way.
  for (int threads : {1, 2, 3, 8, 24}) {
    Team team = makeTeam(threads);
    const int steps = threads > 8 ? 50 : 500;
    std::vector<int64_t> values(threads, 1), next(threads);
    everyone(team, [&](int64_t thread, int64_t count) {
      for (int step = 0; step < steps; ++step) {
        next[thread] = values[thread] + values[(thread + 1) % count];
        next[thread] %= 1000003;
        seq_team_barrier(team.get());
        values[thread] = next[thread];
        seq_team_barrier(team.get());
      }
    });
    int64_t expected = 1;
    for (int step = 0; step < steps; ++step)
      expected = 2 * expected % 1000003;
    for (int64_t value : values)
      CHECK(value == expected);
  }
}

TEST_CASE("a barrier waits for threads that are asleep") {
  Team team = makeTeam(4);
  std::atomic<int> arrived{0};
  std::atomic<bool> early{false};
  everyone(team, [&](int64_t thread, int64_t threads) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5 * thread));
    ++arrived;
    seq_team_barrier(team.get());
    if (arrived != threads)
      early = true;
  });
  CHECK_FALSE(early);
}

TEST_CASE("a barrier outside of a team body does nothing") {
  Team team = makeTeam(3);
  seq_team_barrier(team.get());
  parallel(
      team, [&](int64_t, int64_t) { seq_team_barrier(team.get()); }, 10, 1);
}

TEST_CASE("nested bodies run on their own thread") {
  Team team = makeTeam(3);
  std::vector<std::atomic<int>> counts(100);
  std::atomic<int> wrong{0};
  auto nested = [&](int64_t lo, int64_t hi) {
    auto self = std::this_thread::get_id();
    int calls = 0;
    parallel(
        team,
        [&](int64_t from, int64_t to) {
          ++calls;
          if (std::this_thread::get_id() != self)
            ++wrong;
          for (int64_t i = from; i < to; ++i)
            ++counts[lo * 10 + i];
        },
        (hi - lo) * 10, 3);
    if (calls != 1)
      ++wrong;
    everyone(team, [&](int64_t thread, int64_t threads) {
      seq_team_barrier(team.get());
      if (thread != 0 || threads != 1 || std::this_thread::get_id() != self)
        ++wrong;
    });
  };
  parallel(team, nested, 10, 1);
  for (auto &count : counts)
    CHECK(count == 1);
  everyone(team, [&](int64_t thread, int64_t) {
    nested(thread, thread + 1);
    seq_team_barrier(team.get()); // still the outer one
  });
  CHECK(wrong == 0);
}

TEST_CASE("several teams at once") {
  std::vector<std::thread> users;
  std::atomic<int64_t> sum{0};
  for (int i = 0; i < 3; ++i)
    users.emplace_back([&] {
      seq_error error;
      Team team(seq_team_create(3, &error));
      for (int round = 0; round < 200; ++round)
        parallel(
            team, [&](int64_t lo, int64_t hi) { sum += hi - lo; }, 100, 9);
    });
  for (std::thread &user : users)
    user.join();
  CHECK(sum == 3 * 200 * 100);
}

TEST_CASE("teams come and go") {
  for (int i = 0; i < 50; ++i) {
    Team team = makeTeam(1 + i % 8);
    if (i % 2)
      everyone(team, [](int64_t, int64_t) {});
  }
}

TEST_CASE("a number of threads that makes no sense is refused") {
  seq_error error;
  CHECK(seq_team_create(0, &error) == nullptr);
  CHECK(std::string(error.message) == "0 threads, expected 1 to 256");
  CHECK(seq_team_create(257, &error) == nullptr);
  CHECK(seq_default_threads() >= 1);
}

TEST_CASE("the affinity masks of the workers return to what they were") {
  cpu_set_t before;
  REQUIRE(sched_getaffinity(0, sizeof before, &before) == 0);
  Team team = makeTeam(2);
  for (int round = 0; round < 3; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5)); // asleep
    everyone(team, [](int64_t, int64_t) {});
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  // The first dispatch after the pause wakes them with a narrow mask, which
  // they put back before they next wait.
  everyone(team, [](int64_t, int64_t) {});
  bool restored = false;
  for (int attempt = 0; attempt < 100 && !restored; ++attempt) {
    restored = true;
    everyone(team, [&](int64_t thread, int64_t) {
      cpu_set_t now;
      sched_getaffinity(0, sizeof now, &now);
      if (thread == 1 && !CPU_EQUAL(&now, &before))
        restored = false;
    });
  }
  CHECK(restored);
}

#if defined(__x86_64__)
TEST_CASE("subnormals are flushed in bodies and the caller's mode returns") {
  for (int threads : {1, 3}) {
    Team team = makeTeam(threads);
    unsigned before = _mm_getcsr();
    unsigned odd = 0x1f80 | 0x6000; // rounds toward zero, no flushing
    _mm_setcsr(odd);
    std::atomic<int> wrong{0};
    auto check = [&] {
      volatile float tiny = 1.2e-38f;
      volatile float half = tiny * 0.5f;
      if (half != 0.0f || (_mm_getcsr() & 0xffc0) != 0x9fc0)
        ++wrong;
    };
    parallel(
        team, [&](int64_t, int64_t) { check(); }, 100, 1);
    CHECK(_mm_getcsr() == odd);
    everyone(team, [&](int64_t, int64_t) { check(); });
    CHECK(_mm_getcsr() == odd);
    _mm_setcsr(before);
    CHECK(wrong == 0);
  }
}
#endif

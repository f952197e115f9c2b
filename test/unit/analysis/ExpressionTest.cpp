//===- ExpressionTest.cpp - closed functions and where they cross --------===//

#include "seqc/Analysis/Cost.h"

#include <catch2/catch.hpp>

using namespace seqc;

static const Expression n = Expression::n();

static Cost costOf(Expression fixed, Expression arithmetic,
                   Expression memory = 0) {
  Cost cost;
  cost.fixed = std::move(fixed);
  cost.bounds = {{"arithmetic", std::move(arithmetic)},
                 {"memory", std::move(memory)}};
  return cost;
}

TEST_CASE("expressions compute", "[expression]") {
  Expression sum = Expression(2) * n * n + Expression(3) * n + Expression(5);
  CHECK(sum.evaluate(1) == 10);
  CHECK(sum.evaluate(7) == 2 * 49 + 21 + 5);
  CHECK(sum.over(4).evaluate(7) == Approx((2 * 49 + 21 + 5) / 4.0));
  Expression product = (n + Expression(2)) * (n + Expression(-3));
  CHECK(product.evaluate(10) == 12 * 7);
  CHECK((n * Expression::log2()).evaluate(8) == Approx(24));
  // So that one time costs something.
  CHECK(Expression::log2().evaluate(1) == Approx(1));
  CHECK(Expression().evaluate(100) == 0);
}

TEST_CASE("expressions know their shape", "[expression]") {
  CHECK(Expression().isZero());
  CHECK((n * Expression(0)).isZero());
  CHECK(Expression(7).isConstant());
  CHECK(!n.isConstant());
  CHECK(!Expression::log2().isConstant());
  CHECK((n * n + n).getDegree() == 2);
  CHECK((n + Expression(-1) * n).folded().isZero());
}

TEST_CASE("expressions are read by people", "[expression]") {
  CHECK(Expression().str() == "0");
  CHECK(Expression(1).str() == "1");
  CHECK(n.str() == "n");
  CHECK((Expression(2) * Expression(64) * Expression(64) * n).str() ==
        "2·64·64·n");
  CHECK((Expression(2) * Expression(64) * n).folded().str() == "128·n");
  CHECK((Expression(3) * n * n + Expression(-5) * n).str() == "3·n² - 5·n");
  CHECK(n.over(64).str() == "n/64");
  CHECK((n + n).str() == "2·n");
  CHECK((n + n + n).folded().evaluate(1) == 3);
  CHECK((Expression(64) * Expression::log2()).str() == "64·log2(n)");
  CHECK((n * n * n).str() == "n^3");
  CHECK(Expression(1.5e-9).str() == "1.5e-09");
}

TEST_CASE("times are the longest part", "[cost]") {
  Cost cost = costOf(1, Expression(2) * n, n + Expression(10));
  CHECK(cost.seconds(1) == 12);
  CHECK(cost.bottleneck(1) == "memory");
  CHECK(cost.seconds(100) == 201);
  CHECK(cost.bottleneck(100) == "arithmetic");
  CHECK(cost.timeText() == "1e+06 + max(2e+06·n, 1e+06·n + 1e+07)");
  Cost twice = cost;
  twice.add(cost);
  CHECK(twice.seconds(100) == 402);
}

TEST_CASE("costs cross where they cross", "[cost]") {
  // 100 + n against 2 n: equal at 100, less from 101 on.
  Cost line = costOf(100, n), steep = costOf(0, Expression(2) * n);
  CHECK(getCrossovers(steep, line) == std::vector<int64_t>{101});
  CHECK(getCrossovers(line, line).empty());
  // A parabola is faster than 100 + n below its root, slower above it.
  Cost square = costOf(0, n * n);
  std::vector<int64_t> lengths = getCrossovers(line, square);
  REQUIRE(lengths.size() == 1);
  CHECK(square.seconds(lengths[0] - 1) < line.seconds(lengths[0] - 1));
  CHECK(square.seconds(lengths[0]) >= line.seconds(lengths[0]));
}

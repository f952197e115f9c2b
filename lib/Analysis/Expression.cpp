//===- Expression.cpp - closed functions of the number of times ----------===//

#include "seqc/Analysis/Expression.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace seqc;

double Expression::Monomial::getCoefficient() const {
  double value = 1;
  for (double factor : factors)
    value *= factor;
  for (double divisor : divisors)
    value /= divisor;
  return value;
}

bool Expression::Monomial::isAlike(const Monomial &other) const {
  return power == other.power && logs == other.logs;
}

Expression::Expression(double constant) {
  if (constant == 0)
    return;
  monomials.emplace_back();
  if (constant != 1)
    monomials.back().factors.push_back(constant);
}

Expression Expression::n() {
  Expression result(1);
  result.monomials.front().power = 1;
  return result;
}

Expression Expression::log2() {
  Expression result(1);
  result.monomials.front().logs = 1;
  return result;
}

Expression Expression::operator+(const Expression &other) const {
  Expression result = *this;
  for (const Monomial &added : other.monomials) {
    auto *same = llvm::find_if(result.monomials, [&](const Monomial &mine) {
      return mine.isAlike(added) && mine.factors == added.factors &&
             mine.divisors == added.divisors;
    });
    // The same twice is 2 times it, and so on.
    if (same == result.monomials.end())
      result.monomials.push_back(added);
    else
      same->factors.insert(same->factors.begin(), 2);
  }
  return result;
}

Expression Expression::operator*(const Expression &other) const {
  Expression result;
  for (const Monomial &a : monomials)
    for (const Monomial &b : other.monomials) {
      Expression product;
      product.monomials.push_back(a);
      Monomial &monomial = product.monomials.front();
      monomial.factors.append(b.factors);
      monomial.divisors.append(b.divisors);
      monomial.power += b.power;
      monomial.logs += b.logs;
      result += product;
    }
  return result;
}

Expression Expression::over(double divisor) const {
  Expression result = *this;
  if (divisor != 1)
    for (Monomial &monomial : result.monomials)
      monomial.divisors.push_back(divisor);
  return result;
}

double Expression::evaluate(double n) const {
  double sum = 0;
  for (const Monomial &monomial : monomials)
    sum += monomial.getCoefficient() * std::pow(n, monomial.power) *
           std::pow(std::log2(std::max(n, 2.0)), monomial.logs);
  return sum;
}

unsigned Expression::getDegree() const {
  unsigned degree = 0;
  for (const Monomial &monomial : monomials)
    degree = std::max(degree, monomial.power);
  return degree;
}

bool Expression::isConstant() const {
  return llvm::all_of(monomials, [](const Monomial &monomial) {
    return monomial.power == 0 && monomial.logs == 0;
  });
}

Expression Expression::folded() const {
  Expression result;
  for (const Monomial &monomial : monomials) {
    double coefficient = monomial.getCoefficient();
    auto *same = llvm::find_if(result.monomials, [&](const Monomial &mine) {
      return mine.isAlike(monomial);
    });
    if (same == result.monomials.end()) {
      result.monomials.emplace_back();
      same = &result.monomials.back();
      same->power = monomial.power;
      same->logs = monomial.logs;
    } else {
      coefficient += same->getCoefficient();
    }
    same->factors = {coefficient};
  }
  llvm::erase_if(result.monomials, [](const Monomial &monomial) {
    return monomial.getCoefficient() == 0;
  });
  // The largest first.
  llvm::stable_sort(result.monomials, [](const Monomial &a, const Monomial &b) {
    return std::pair(a.power, a.logs) > std::pair(b.power, b.logs);
  });
  for (Monomial &monomial : result.monomials)
    if (monomial.factors.front() == 1)
      monomial.factors.clear();
  return result;
}

/// Whole numbers up to a million as they are, others with three digits.
static void printNumber(llvm::raw_ostream &out, double value) {
  if (value == std::floor(value) && std::fabs(value) < 1e6)
    out << int64_t(value);
  else
    out << llvm::format("%.3g", value);
}

std::string Expression::str() const {
  if (monomials.empty())
    return "0";
  std::string text;
  llvm::raw_string_ostream out(text);
  for (const Monomial &monomial : monomials) {
    bool isNegative = monomial.getCoefficient() < 0;
    if (&monomial != monomials.begin())
      out << (isNegative ? " - " : " + ");
    else if (isNegative)
      out << "-";
    bool first = true;
    auto factor = [&] {
      if (!first)
        out << "·";
      first = false;
    };
    for (double value : monomial.factors) {
      if (std::fabs(value) == 1)
        continue;
      factor();
      printNumber(out, std::fabs(value));
    }
    if (monomial.power > 0) {
      factor();
      out << "n";
      if (monomial.power == 2)
        out << "²";
      else if (monomial.power > 2)
        out << "^" << monomial.power;
    }
    for (unsigned i = 0; i < monomial.logs; ++i) {
      factor();
      out << "log2(n)";
    }
    if (first)
      out << "1";
    for (double value : monomial.divisors) {
      out << "/";
      printNumber(out, std::fabs(value));
    }
  }
  return text;
}

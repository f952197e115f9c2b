//===- Expression.h - closed functions of the number of times ------------===//

#ifndef SEQC_ANALYSIS_EXPRESSION_H
#define SEQC_ANALYSIS_EXPRESSION_H

#include "llvm/ADT/SmallVector.h"

#include <string>

namespace seqc {

/// A sum of monomials in n, the number of times, and log2 n:
///
///   2·64·64·n + 64·n/16 + 3·n²
///
/// The numbers that a coefficient is the product of are kept, so that a reader
/// sees where they come from. log2 stands for log2(max(n, 2)).
class Expression {
public:
  /*implicit*/ Expression(double constant = 0);
  static Expression n();
  static Expression log2();

  Expression operator+(const Expression &other) const;
  Expression operator*(const Expression &other) const;
  Expression &operator+=(const Expression &other) {
    return *this = *this + other;
  }
  Expression &operator*=(const Expression &other) {
    return *this = *this * other;
  }
  /// The quotient by a number above 0.
  Expression over(double divisor) const;

  double evaluate(double n) const;
  bool isZero() const { return monomials.empty(); }
  /// The power of n in the largest monomial, for n large; 0 for constants.
  unsigned getDegree() const;
  /// Whether it is a number, the same for all n.
  bool isConstant() const;

  /// Numbers multiplied out, one monomial for each power.
  Expression folded() const;
  /// "0" where it is zero. Numbers have three digits.
  std::string str() const;

private:
  struct Monomial {
    llvm::SmallVector<double, 4> factors, divisors; // none is 1
    unsigned power = 0, logs = 0;
    double getCoefficient() const;
    bool isAlike(const Monomial &other) const;
  };
  llvm::SmallVector<Monomial, 2> monomials;
};

} // namespace seqc

#endif // SEQC_ANALYSIS_EXPRESSION_H

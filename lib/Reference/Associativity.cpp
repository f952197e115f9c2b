//===- Associativity.cpp - tries that a scan's combiner is associative ------===//

#include "Associativity.h"

#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

using namespace mlir;
using namespace seqc::reference;

namespace {
/// Trials are as many as make a hundred thousand elements, but at least 8.
constexpr int64_t kElements = 100000, kLeastTrials = 8, kMostTrials = 200;

/// Two orders of rounding in f64 differ by far less than this, relative to the
/// larger of 1 and the values; a combiner that is not associative by far more.
constexpr double kTolerance = 1e-9;

using Tuple = SmallVector<Datum>;

/// Numbers of both signs around zero.
Tensor drawLike(const Tensor &slice, std::mt19937_64 &random) {
  Tensor drawn =
      Tensor::uninitialized(slice.getShape(), slice.getElementType());
  std::normal_distribution<double> normal;
  std::uniform_int_distribution<int64_t> integer(-8, 8);
  for (Element &element : drawn.getMutableElements())
    element =
        slice.isFloat()
            ? Element::ofReal(normal(random))
            : Element::ofInteger(wrap(integer(random), slice.getElementType()));
  return drawn;
}

FailureOr<Tuple> combine(Interpreter &interpreter, mlir::seq::ScanOp op,
                         const Tuple &earlier, const Tuple &later) {
  Tuple arguments(earlier), combined;
  arguments.append(later);
  if (failed(interpreter.run(op.getCombiner(), arguments, combined)))
    return failure();
  return combined;
}

/// How far apart two values are, relative to the larger of 1 and them. What is
/// not a number in both agrees.
double differenceOf(Element a, Element b, bool isFloat) {
  if (!isFloat)
    return a.integer == b.integer ? 0 : 1;
  if (a.real == b.real || (std::isnan(a.real) && std::isnan(b.real)))
    return 0;
  if (!std::isfinite(a.real) || !std::isfinite(b.real))
    return std::numeric_limits<double>::infinity();
  return std::abs(a.real - b.real) /
         std::max({1.0, std::abs(a.real), std::abs(b.real)});
}
} // namespace

LogicalResult seqc::reference::checkAssociative(Interpreter &interpreter,
                                                mlir::seq::ScanOp op,
                                                ArrayRef<Tensor> slices) {
  int64_t elements = 1;
  for (const Tensor &slice : slices)
    elements += slice.getNumElements();
  int64_t trials = std::clamp(kElements / elements, kLeastTrials, kMostTrials);
  std::mt19937_64 random(0);
  for (int64_t trial = 0; trial < trials; ++trial) {
    Tuple drawn[3];
    for (Tuple &tuple : drawn)
      for (const Tensor &slice : slices)
        tuple.push_back(drawLike(slice, random));
    auto &[a, b, c] = drawn;
    FailureOr<Tuple> ab = combine(interpreter, op, a, b);
    FailureOr<Tuple> bc = combine(interpreter, op, b, c);
    if (failed(ab) || failed(bc))
      return failure();
    FailureOr<Tuple> left = combine(interpreter, op, *ab, c);
    FailureOr<Tuple> right = combine(interpreter, op, a, *bc);
    if (failed(left) || failed(right))
      return failure();
    for (size_t member = 0; member < slices.size(); ++member) {
      const Tensor &first = std::get<Tensor>((*left)[member]);
      const Tensor &second = std::get<Tensor>((*right)[member]);
      for (auto [x, y] : llvm::zip(first.getElements(), second.getElements())) {
        double difference = differenceOf(x, y, first.isFloat());
        if (difference <= kTolerance)
          continue;
        InFlightDiagnostic diagnostic =
            op.emitOpError("is declared associative, but for random tuples (a "
                           "∘ b) ∘ c and a ∘ (b ∘ c) differ: member ")
            << member << " is ";
        if (first.isFloat())
          diagnostic
              << llvm::formatv("{0:E4} and {1:E4}", x.real, y.real).str();
        else
          diagnostic << x.integer << " and " << y.integer;
        return diagnostic << " (trial " << trial + 1 << " of " << trials << ")";
      }
    }
  }
  return success();
}

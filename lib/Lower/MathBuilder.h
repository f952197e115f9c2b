//===- MathBuilder.h - arithmetic that functions are written in
//----------------------===//

#ifndef SEQC_LIB_LOWER_MATHBUILDER_H
#define SEQC_LIB_LOWER_MATHBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace seqc {
/// `type`, a scalar or vector, with elements of another type.
mlir::Type withElements(mlir::Type type, mlir::Type element);

/// Short names for arithmetic on one type, f32 or f64, scalar or vector. No
/// operation carries fast-math flags: what is written is what is computed.
class MathBuilder {
public:
  using Value = mlir::Value;

  MathBuilder(mlir::ImplicitLocOpBuilder &builder, mlir::Type type);

  mlir::ImplicitLocOpBuilder &getBuilder() { return builder; }
  mlir::Type getType() const { return type; }

  Value real(double value);
  /// Of the integer type of as many bits.
  Value integer(int64_t value);

  Value add(Value a, Value b) { return make<mlir::arith::AddFOp>(a, b); }
  Value sub(Value a, Value b) { return make<mlir::arith::SubFOp>(a, b); }
  Value mul(Value a, Value b) { return make<mlir::arith::MulFOp>(a, b); }
  Value div(Value a, Value b) { return make<mlir::arith::DivFOp>(a, b); }
  Value neg(Value a) { return make<mlir::arith::NegFOp>(a); }
  Value abs(Value a) { return make<mlir::math::AbsFOp>(a); }
  /// a · b + c, rounded once.
  Value fma(Value a, Value b, Value c) {
    return make<mlir::math::FmaOp>(a, b, c);
  }
  /// `factor` · Σ coefficients[i] · x^i by Horner's rule; a factor that is a
  /// power of two costs no accuracy.
  Value polynomial(Value x, llvm::ArrayRef<double> coefficients,
                   double factor = 1);

  Value bits(Value a);
  Value fromBits(Value a);
  Value addInt(Value a, Value b) { return make<mlir::arith::AddIOp>(a, b); }
  Value subInt(Value a, Value b) { return make<mlir::arith::SubIOp>(a, b); }
  Value andInt(Value a, Value b) { return make<mlir::arith::AndIOp>(a, b); }
  Value xorInt(Value a, Value b) { return make<mlir::arith::XOrIOp>(a, b); }
  Value shiftLeft(Value a, int64_t by);

  Value compare(mlir::arith::CmpFPredicate predicate, Value a, Value b);
  Value select(Value condition, Value a, Value b) {
    return make<mlir::arith::SelectOp>(condition, a, b);
  }
  /// Bounds that keep NaN, in the form that is one instruction.
  Value atLeast(Value a, double bound);
  Value atMost(Value a, double bound);

private:
  template <typename Op, typename... Args>
  Value make(Args... args) {
    return Op::create(builder, args...);
  }

  mlir::ImplicitLocOpBuilder &builder;
  mlir::Type type, integerType;
};
} // namespace seqc

#endif // SEQC_LIB_LOWER_MATHBUILDER_H

//===- Sizes.cpp - sizes of tensors as functions of the number of times --===//

#include "Sizes.h"

#include "kernel/Kernel.h"
#include "seq/Seq.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace seqc;

/// Chains of sizes in real code are short.
static constexpr int kDeepest = 64;

double seqc::bytesOfElement(Type type) {
  type = getElementTypeOrSelf(type);
  return type.isIntOrFloat() ? std::max(1.0, type.getIntOrFloatBitWidth() / 8.0)
                             : 4.0;
}

/// A number to divide by, where it is one.
static std::optional<double> getDivisor(const Expression &expression) {
  double value = expression.evaluate(1);
  if (!expression.isConstant() || !(value > 0))
    return std::nullopt;
  return value;
}

Expression Sizes::ofFold(OpFoldResult size, int depth) {
  if (std::optional<int64_t> known = getConstantIntValue(size))
    return double(*known);
  return ofIndex(cast<Value>(size), depth);
}

Expression Sizes::ofAffine(AffineExpr expression, ArrayRef<Expression> dims,
                           ArrayRef<Expression> symbols) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expression))
    return double(constant.getValue());
  if (auto dim = dyn_cast<AffineDimExpr>(expression))
    return dims[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expression))
    return symbols[symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expression);
  Expression lhs = ofAffine(binary.getLHS(), dims, symbols);
  Expression rhs = ofAffine(binary.getRHS(), dims, symbols);
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return lhs + rhs;
  case AffineExprKind::Mul:
    return lhs * rhs;
  case AffineExprKind::FloorDiv:
  case AffineExprKind::CeilDiv:
    if (std::optional<double> divisor = getDivisor(rhs))
      return lhs.over(*divisor);
    return lhs;
  default:
    // A rest is half of the divisor on average.
    return rhs.over(2);
  }
}

Expression Sizes::ofIndex(Value index, int depth) {
  Operation *op = index.getDefiningOp();
  if (!op || depth > kDeepest)
    return Expression::n();
  APInt constant;
  if (matchPattern(index, m_ConstantInt(&constant)))
    return double(constant.getSExtValue());
  auto operand = [&](unsigned i) {
    return ofIndex(op->getOperand(i), depth + 1);
  };
  return llvm::TypeSwitch<Operation *, Expression>(op)
      .Case([&](tensor::DimOp dim) {
        std::optional<int64_t> position = dim.getConstantIndex();
        return position ? ofDimension(dim.getSource(), *position, depth + 1)
                        : Expression::n();
      })
      .Case([&](arith::AddIOp) { return operand(0) + operand(1); })
      .Case([&](arith::SubIOp) {
        return operand(0) + Expression(-1) * operand(1);
      })
      .Case([&](arith::MulIOp) { return operand(0) * operand(1); })
      .Case<arith::DivSIOp, arith::DivUIOp, arith::CeilDivSIOp,
            arith::CeilDivUIOp, arith::FloorDivSIOp>([&](Operation *) {
        std::optional<double> divisor = getDivisor(operand(1));
        return divisor ? operand(0).over(*divisor) : operand(0);
      })
      .Case<arith::RemSIOp, arith::RemUIOp>(
          [&](Operation *) { return operand(1).over(2); })
      // The smaller one for many times.
      .Case<arith::MinSIOp, arith::MinUIOp>([&](Operation *) {
        Expression a = operand(0), b = operand(1);
        return a.getDegree() <= b.getDegree() ? a : b;
      })
      .Case<arith::MaxSIOp, arith::MaxUIOp>([&](Operation *) {
        Expression a = operand(0), b = operand(1);
        return a.getDegree() >= b.getDegree() ? a : b;
      })
      .Case([&](arith::SelectOp) { return operand(1); })
      .Case<arith::IndexCastOp, arith::IndexCastUIOp>(
          [&](Operation *) { return operand(0); })
      .Case([&](affine::AffineApplyOp apply) {
        SmallVector<Expression> values;
        for (Value value : apply.getMapOperands())
          values.push_back(ofIndex(value, depth + 1));
        AffineMap map = apply.getAffineMap();
        ArrayRef<Expression> all(values);
        return ofAffine(map.getResult(0), all.take_front(map.getNumDims()),
                        all.drop_front(map.getNumDims()));
      })
      .Default([](Operation *) { return Expression::n(); });
}

Expression Sizes::ofDimension(Value tensor, int64_t dim) {
  return ofDimension(tensor, dim, 0);
}

Expression Sizes::ofDimension(Value tensor, int64_t dim, int depth) {
  auto type = cast<ShapedType>(tensor.getType());
  if (!type.isDynamicDim(dim))
    return double(type.getDimSize(dim));
  Operation *op = tensor.getDefiningOp();
  if (!op || depth > kDeepest)
    return Expression::n();
  auto same = [&](Value other) { return ofDimension(other, dim, depth + 1); };
  unsigned number = cast<OpResult>(tensor).getResultNumber();
  return llvm::TypeSwitch<Operation *, Expression>(op)
      .Case([&](tensor::EmptyOp empty) {
        return ofFold(empty.getMixedSizes()[dim], depth + 1);
      })
      .Case([&](tensor::ExtractSliceOp slice) {
        llvm::SmallBitVector dropped = slice.getDroppedDims();
        int64_t position = 0;
        for (int64_t kept = -1;; ++position)
          if (!dropped.test(position) && ++kept == dim)
            break;
        return ofFold(slice.getMixedSizes()[position], depth + 1);
      })
      .Case([&](tensor::InsertSliceOp slice) { return same(slice.getDest()); })
      .Case([&](tensor::CastOp cast) { return same(cast.getSource()); })
      .Case([&](tensor::PadOp pad) {
        return same(pad.getSource()) +
               ofFold(pad.getMixedLowPad()[dim], depth + 1) +
               ofFold(pad.getMixedHighPad()[dim], depth + 1);
      })
      .Case([&](tensor::ConcatOp concat) {
        Expression sum;
        for (Value part : concat.getInputs()) {
          sum += same(part);
          if (int64_t(concat.getDim()) != dim)
            break;
        }
        return sum;
      })
      .Case([&](tensor::ExpandShapeOp expand) {
        return ofFold(expand.getMixedOutputShape()[dim], depth + 1);
      })
      .Case([&](tensor::CollapseShapeOp collapse) {
        Expression product(1);
        SmallVector<ReassociationIndices> groups =
            collapse.getReassociationIndices();
        for (int64_t source : groups[dim])
          product *= ofDimension(collapse.getSrc(), source, depth + 1);
        return product;
      })
      .Case([&](tensor::GenerateOp generate) {
        return ofIndex(
            generate.getDynamicExtents()[type.getDynamicDimIndex(dim)],
            depth + 1);
      })
      .Case([&](scf::IfOp branch) {
        return same(branch.thenYield()->getOperand(number));
      })
      .Case([&](scf::ForOp loop) { return same(loop.getInitArgs()[number]); })
      .Case([&](seq::ScanOp scan) { return same(scan.getInputs()[number]); })
      .Case([&](DestinationStyleOpInterface destination) {
        return same(
            destination.getTiedOpOperand(cast<OpResult>(tensor))->get());
      })
      .Default([&](Operation *) {
        return op->hasTrait<OpTrait::Elementwise>() && op->getNumOperands()
                   ? same(op->getOperand(op->getNumOperands() - 1))
                   : Expression::n();
      });
}

Expression Sizes::ofElements(Value tensor) {
  Expression product(1);
  if (auto type = dyn_cast<RankedTensorType>(tensor.getType()))
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      product *= ofDimension(tensor, dim);
  return product;
}

Expression Sizes::ofBytes(Value tensor) {
  return Expression(bytesOfElement(tensor.getType())) * ofElements(tensor);
}

SmallVector<Expression> Sizes::ofLoops(linalg::LinalgOp op) {
  SmallVector<Expression> sizes(op.getNumLoops(), Expression::n());
  llvm::SmallBitVector known(op.getNumLoops());
  for (OpOperand &operand : op->getOpOperands()) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    for (auto [dim, result] : llvm::enumerate(map.getResults()))
      if (auto loop = dyn_cast<AffineDimExpr>(result);
          loop && !known.test(loop.getPosition())) {
        sizes[loop.getPosition()] = ofDimension(operand.get(), dim);
        known.set(loop.getPosition());
      }
  }
  return sizes;
}

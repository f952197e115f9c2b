//===- Affine.cpp - affine expressions and operations
//----------------------------===//

#include "Interpreter.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace seqc::reference;

std::optional<int64_t>
seqc::reference::evaluateAffine(AffineExpr expression, ArrayRef<int64_t> dims,
                                ArrayRef<int64_t> symbols) {
  if (auto dim = dyn_cast<AffineDimExpr>(expression))
    return dims[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expression))
    return symbols[symbol.getPosition()];
  if (auto constant = dyn_cast<AffineConstantExpr>(expression))
    return constant.getValue();
  auto binary = cast<AffineBinaryOpExpr>(expression);
  std::optional<int64_t> lhs = evaluateAffine(binary.getLHS(), dims, symbols);
  std::optional<int64_t> rhs = evaluateAffine(binary.getRHS(), dims, symbols);
  if (!lhs || !rhs)
    return std::nullopt;
  int64_t result;
  switch (expression.getKind()) {
  case AffineExprKind::Add:
    if (llvm::AddOverflow(*lhs, *rhs, result))
      return std::nullopt;
    return result;
  case AffineExprKind::Mul:
    if (llvm::MulOverflow(*lhs, *rhs, result))
      return std::nullopt;
    return result;
  case AffineExprKind::Mod:
    return *rhs <= 0 ? std::optional<int64_t>() : llvm::mod(*lhs, *rhs);
  case AffineExprKind::FloorDiv:
    return *rhs <= 0 ? std::optional<int64_t>()
                     : llvm::divideFloorSigned(*lhs, *rhs);
  case AffineExprKind::CeilDiv:
    return *rhs <= 0 ? std::optional<int64_t>()
                     : llvm::divideCeilSigned(*lhs, *rhs);
  default:
    return std::nullopt;
  }
}

/// Values of all results of an operation's map.
template <typename Op>
static FailureOr<SmallVector<int64_t>> evaluateMap(Interpreter &interpreter,
                                                   Op op) {
  AffineMap map = op.getMap();
  SmallVector<int64_t> operands = interpreter.getIntegers(op->getOperands());
  ArrayRef<int64_t> dims = ArrayRef(operands).take_front(map.getNumDims());
  ArrayRef<int64_t> symbols = ArrayRef(operands).drop_front(map.getNumDims());
  SmallVector<int64_t> values;
  for (AffineExpr expression : map.getResults()) {
    std::optional<int64_t> value = evaluateAffine(expression, dims, symbols);
    if (!value)
      return op.emitOpError("has no value at ") << toString(operands);
    values.push_back(*value);
  }
  return values;
}

template <typename Op, typename Choose>
static void addAffine(Registry &registry, Choose choose) {
  registry.add<Op>([choose](Interpreter &interpreter, Op op) -> LogicalResult {
    FailureOr<SmallVector<int64_t>> values = evaluateMap(interpreter, op);
    if (failed(values))
      return failure();
    interpreter.set(op->getResult(0), Element::ofInteger(choose(*values)));
    return success();
  });
}

void seqc::reference::registerAffine(Registry &registry) {
  using Values = ArrayRef<int64_t>;
  addAffine<affine::AffineApplyOp>(
      registry, [](Values values) { return values.front(); });
  addAffine<affine::AffineMinOp>(
      registry, [](Values values) { return *llvm::min_element(values); });
  addAffine<affine::AffineMaxOp>(
      registry, [](Values values) { return *llvm::max_element(values); });
}

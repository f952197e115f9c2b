//===- StepStates.cpp - the states of a function's recurrences ------------===//

#include "StepStates.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace seqc;

/// Whether constant offsets show that the two slices share no element.
static bool areDisjoint(OffsetSizeAndStrideOpInterface a,
                        OffsetSizeAndStrideOpInterface b) {
  for (auto [offset, size, stride, otherOffset, otherSize, otherStride] :
       llvm::zip(a.getMixedOffsets(), a.getMixedSizes(), a.getMixedStrides(),
                 b.getMixedOffsets(), b.getMixedSizes(), b.getMixedStrides())) {
    std::optional<int64_t> o = getConstantIntValue(offset),
                           s = getConstantIntValue(size),
                           p = getConstantIntValue(otherOffset),
                           q = getConstantIntValue(otherSize);
    if (o && s && p && q && isConstantIntValue(stride, 1) &&
        isConstantIntValue(otherStride, 1) && (*o + *s <= *p || *p + *q <= *o))
      return true;
  }
  return false;
}

static bool areSame(OffsetSizeAndStrideOpInterface a,
                    OffsetSizeAndStrideOpInterface b) {
  return isEqualConstantIntOrValueArray(a.getMixedOffsets(),
                                        b.getMixedOffsets()) &&
         isEqualConstantIntOrValueArray(a.getMixedSizes(), b.getMixedSizes()) &&
         isEqualConstantIntOrValueArray(a.getMixedStrides(),
                                        b.getMixedStrides());
}

static bool isMovement(Operation *op) {
  return isa_and_nonnull<tensor::CastOp, tensor::ExtractSliceOp,
                         tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op);
}

/// What `op` would give if it were applied to `value`, where that undoes the
/// operation that made it; null otherwise.
static Value applyInverse(Operation *op, Value value) {
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    while (auto insert = value.getDefiningOp<tensor::InsertSliceOp>()) {
      if (areSame(insert, slice) &&
          insert.getSource().getType() == slice.getType())
        return insert.getSource();
      if (!areDisjoint(insert, slice))
        return {};
      value = insert.getDest();
    }
    return {};
  }
  Operation *def = value.getDefiningOp();
  bool undoes =
      def && def->getOperand(0).getType() == op->getResult(0).getType() &&
      ((isa<tensor::CastOp>(op) && isa<tensor::CastOp>(def)) ||
       (isa<tensor::ExpandShapeOp>(op) && isa<tensor::CollapseShapeOp>(def) &&
        op->getAttr("reassociation") == def->getAttr("reassociation")) ||
       (isa<tensor::CollapseShapeOp>(op) && isa<tensor::ExpandShapeOp>(def) &&
        op->getAttr("reassociation") == def->getAttr("reassociation")));
  return undoes ? def->getOperand(0) : Value();
}

/// Whether the operations `path`, first to last, take `last` out of `whole`.
static bool leadsTo(ArrayRef<Operation *> path, Value whole, Value last) {
  for (Operation *op : path) {
    whole = applyInverse(op, whole);
    if (!whole)
      return false;
  }
  return whole == last;
}

/// Whether an index differs in all iterations: the induction variable, or it
/// counted from another number, or the number of the iteration.
static bool isOwnIndex(Value index, scf::ForOp loop) {
  if (index == loop.getInductionVar())
    return true;
  Operation *op = index.getDefiningOp();
  if (isa_and_nonnull<arith::IndexCastOp>(op))
    return isOwnIndex(op->getOperand(0), loop);
  if (isa_and_nonnull<arith::AddIOp, arith::SubIOp>(op))
    return loop.isDefinedOutsideOfLoop(op->getOperand(1)) &&
           isOwnIndex(op->getOperand(0), loop);
  if (auto divide = dyn_cast_or_null<arith::DivUIOp>(op)) {
    auto first = divide.getLhs().getDefiningOp<arith::SubIOp>();
    return divide.getRhs() == loop.getStep() &&
           (divide.getLhs() == loop.getInductionVar()
                ? isConstantIntValue(loop.getLowerBound(), 0)
                : first && first.getLhs() == loop.getInductionVar() &&
                      first.getRhs() == loop.getLowerBound());
  }
  return false;
}

/// Whether each iteration takes a part of its own: one of `parts` is a slice of
/// one element at an index that no other iteration has.
static bool isOwnPart(ArrayRef<Operation *> parts, scf::ForOp loop) {
  return llvm::any_of(parts, [&](Operation *op) {
    auto slice = dyn_cast<tensor::ExtractSliceOp>(op);
    return slice &&
           llvm::any_of(
               llvm::zip(slice.getMixedOffsets(), slice.getMixedSizes()),
               [&](auto pair) {
                 auto [offset, size] = pair;
                 auto index = dyn_cast<Value>(offset);
                 return index && isOwnIndex(index, loop) &&
                        isConstantIntValue(size, 1);
               });
  });
}

TypedAttr seqc::getSplatConstant(Value value) {
  if (auto fill = value.getDefiningOp<linalg::FillOp>())
    value = fill.getInputs().front();
  else if (auto splat = value.getDefiningOp<tensor::SplatOp>())
    value = splat.getInput();
  Attribute constant;
  if (!matchPattern(value, m_Constant(&constant)))
    return {};
  if (auto elements = dyn_cast<SplatElementsAttr>(constant))
    return elements.getSplatValue<TypedAttr>();
  return isa<ShapedType>(cast<TypedAttr>(constant).getType())
             ? TypedAttr()
             : cast<TypedAttr>(constant);
}

FailureOr<StateOrigin> seqc::findStateOrigin(Value init, Value last,
                                             Operation *op, Refuse refuse) {
  auto function = op->getParentOfType<func::FuncOp>();
  // From the state outwards, one loop at a time.
  SmallVector<Operation *> parts;
  while (true) {
    Value root = init;
    SmallVector<Operation *> path;
    while (isMovement(root.getDefiningOp())) {
      path.insert(path.begin(), root.getDefiningOp());
      root = root.getDefiningOp()->getOperand(0);
    }
    llvm::append_range(parts, path);
    if (TypedAttr initial = getSplatConstant(root)) {
      StateOrigin origin;
      origin.initial = initial;
      return origin;
    }

    auto loop = dyn_cast<scf::ForOp>(last.getDefiningOp()->getParentOp());
    auto argument = dyn_cast<BlockArgument>(root);
    if (loop) {
      // Carried by the loop, or taken from outside and collected by the loop.
      std::optional<unsigned> carried;
      for (auto [i, iterArg, yielded] :
           llvm::enumerate(loop.getRegionIterArgs(), loop.getYieldedValues()))
        if ((root == iterArg ||
             (!loop->isAncestor(root.getParentBlock()->getParentOp()) &&
              root.getType() == yielded.getType())) &&
            leadsTo(path, yielded, last))
          carried = i;
      if (!carried)
        return refuse(op) << "the loop does not hand on the last state where "
                             "it takes the initial one, a "
                          << init.getType();
      if (!isOwnPart(parts, loop))
        return refuse(op) << "the iterations of the loop share the state, a "
                          << init.getType();
      init = root == loop.getRegionIterArg(*carried)
                 ? loop.getInitArgs()[*carried]
                 : root;
      last = loop.getResult(*carried);
      continue;
    }
    if (!argument || argument.getOwner() != &function.getBody().front())
      return refuse(op) << "the initial state, a " << init.getType()
                        << ", is computed; expected a constant or an argument";
    StateOrigin origin;
    origin.argument = argument.getArgNumber();
    Operation *end = function.getBody().front().getTerminator();
    for (auto [i, returned] : llvm::enumerate(end->getOperands()))
      if (returned.getType() == argument.getType() &&
          leadsTo(path, returned, last))
        origin.result = i;
    if (!origin.result && !path.empty())
      return refuse(op)
             << "argument #" << *origin.argument
             << " holds the initial state, a " << init.getType()
             << ", but no result holds the last one at the same place";
    return origin;
  }
}

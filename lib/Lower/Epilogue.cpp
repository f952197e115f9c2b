//===- Epilogue.cpp - elementwise operations that follow a product -----------------===//

#include "Epilogue.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace seqc;

namespace {
/// How an operand of an elementwise operation meets the columns of the product.
enum class Access { Full, Column, Scalar };

struct Operand {
  Value value;
  Access access;
};

bool isLoadable(Type type) {
  return type.isIntOrFloat() && type.getIntOrFloatBitWidth() >= 8;
}

/// The access of a map from the product's dimensions, if it is one of those
/// above. A dimension of size 1 may be read at 0 instead of at its index.
std::optional<Access> classify(AffineMap map, ArrayRef<int64_t> shape) {
  unsigned rank = map.getNumDims();
  if (map.isIdentity())
    return Access::Full;
  bool column = false;
  for (auto [position, expr] : llvm::enumerate(map.getResults())) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (dim && dim.getPosition() == rank - 1 && !column &&
        position + 1 == map.getNumResults())
      column = true;
    else if (shape[position] != 1)
      return std::nullopt;
  }
  return column ? Access::Column : Access::Scalar;
}

/// The operands that an elementwise operation on the product's shape reads, in
/// the order of its scalar form's arguments; none if it is no such operation.
std::optional<SmallVector<Operand>> readOperands(Operation *op,
                                                 ShapedType product) {
  if (op->getNumResults() != 1)
    return std::nullopt;
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!type || type.getShape() != product.getShape())
    return std::nullopt;

  SmallVector<Operand> operands;
  if (OpTrait::hasElementwiseMappableTraits(op)) {
    for (Value operand : op->getOperands()) {
      bool tensor = isa<RankedTensorType>(operand.getType());
      operands.push_back({operand, tensor ? Access::Full : Access::Scalar});
    }
    return operands;
  }

  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp || linalgOp.getNumLoops() != linalgOp.getNumParallelLoops() ||
      linalgOp.hasIndexSemantics() || linalgOp.getNumLoops() != type.getRank() ||
      !linalgOp.getIndexingMapsArray().back().isIdentity())
    return std::nullopt;
  for (Operation &nested : *linalgOp.getBlock()) {
    if (!nested.hasTrait<OpTrait::IsTerminator>() &&
        !OpTrait::hasElementwiseMappableTraits(&nested) &&
        !nested.hasTrait<OpTrait::ConstantLike>())
      return std::nullopt;
    for (Value value : nested.getOperands())
      if (value.getParentBlock() != linalgOp.getBlock() &&
          !matchPattern(value, m_Constant()))
        return std::nullopt;
  }
  for (OpOperand &operand : op->getOpOperands()) {
    bool read = linalgOp.payloadUsesValueFromOperand(&operand);
    ArrayRef<int64_t> shape;
    if (auto shaped = dyn_cast<ShapedType>(operand.get().getType()))
      shape = shaped.getShape();
    auto access =
        classify(linalgOp.getMatchingIndexingMap(&operand), shape);
    // What is not read may be anything.
    if (!read)
      operands.push_back({Value(), Access::Scalar});
    else if (!access)
      return std::nullopt;
    else
      operands.push_back({operand.get(), *access});
  }
  return operands;
}

/// The source of a tensor whose rows are all equal, or of which all elements
/// are: extras are small where the value is.
Operand lookThroughBroadcast(Operand operand) {
  Operation *op = operand.value.getDefiningOp();
  if (operand.access != Access::Full || !op)
    return operand;
  if (auto fill = dyn_cast<linalg::FillOp>(op))
    return {fill.getInputs()[0], Access::Scalar};
  if (auto splat = dyn_cast<tensor::SplatOp>(op))
    return {splat.getInput(), Access::Scalar};
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp || linalgOp.getNumDpsInputs() != 1 ||
      linalgOp.getNumDpsInits() != 1 ||
      linalgOp.getNumLoops() != linalgOp.getNumParallelLoops() ||
      !linalgOp.getIndexingMapsArray().back().isIdentity())
    return operand;
  Block *block = linalgOp.getBlock();
  if (block->getTerminator()->getOperand(0) != block->getArgument(0))
    return operand;
  OpOperand *input = linalgOp.getDpsInputOperand(0);
  auto shaped = dyn_cast<ShapedType>(input->get().getType());
  if (!shaped)
    return operand;
  auto access = classify(linalgOp.getMatchingIndexingMap(input), shaped.getShape());
  if (!access || *access == Access::Full)
    return operand;
  return {input->get(), *access};
}

/// The scalar constant that `operand` is everywhere, if it is one.
TypedAttr constantOf(Operand operand) {
  Attribute attribute;
  if (!matchPattern(operand.value, m_Constant(&attribute)))
    return {};
  if (auto splat = dyn_cast<SplatElementsAttr>(attribute))
    return dyn_cast<TypedAttr>(splat.getSplatValue<Attribute>());
  if (isa<ShapedType>(operand.value.getType()))
    return {};
  return dyn_cast<TypedAttr>(attribute);
}

/// The operand as an extra: rank 0, `[N]` or the product's shape.
Value materialize(ImplicitLocOpBuilder &b, Operand operand) {
  auto type = dyn_cast<RankedTensorType>(operand.value.getType());
  if (!type)
    return tensor::FromElementsOp::create(
        b, RankedTensorType::get({}, operand.value.getType()), operand.value);
  int64_t rank = operand.access == Access::Scalar ? 0 : 1;
  if (operand.access == Access::Full || type.getRank() == rank)
    return operand.value;
  SmallVector<ReassociationIndices> groups;
  if (rank)
    groups.push_back(
        llvm::to_vector(llvm::seq<int64_t>(0, type.getRank())));
  return tensor::CollapseShapeOp::create(b, operand.value, groups);
}
} // namespace

Epilogue::Epilogue(Value product) : product(product), result(product) {
  auto type = cast<RankedTensorType>(product.getType());
  Block *block = product.getDefiningOp()->getBlock();

  // Everything elementwise that rests on the product, in the order of the
  // block: an operation's operands are known when it is met.
  llvm::SetVector<Value> values;
  values.insert(product);
  for (Operation &op : llvm::make_range(
           std::next(product.getDefiningOp()->getIterator()), block->end())) {
    if (llvm::none_of(op.getOperands(),
                      [&](Value v) { return values.contains(v); }))
      continue;
    auto operands = readOperands(&op, type);
    bool usable = operands && llvm::all_of(*operands, [&](Operand operand) {
      if (!operand.value)
        return true;
      if (values.contains(operand.value))
        return operand.access == Access::Full;
      Operand source = lookThroughBroadcast(operand);
      return constantOf(source) ||
             isLoadable(getElementTypeOrSelf(source.value.getType()));
    });
    // A destination that is only written must not be the product either.
    if (usable)
      values.insert(op.getResult(0));
  }

  // The last value whose operations are used by nothing else.
  for (Value last : llvm::reverse(values)) {
    if (cast<RankedTensorType>(last.getType()) != type)
      continue;
    llvm::SetVector<Operation *> needed;
    SmallVector<Value> worklist{last};
    while (!worklist.empty()) {
      Value value = worklist.pop_back_val();
      if (value == product || !needed.insert(value.getDefiningOp()))
        continue;
      for (Value operand : value.getDefiningOp()->getOperands())
        if (values.contains(operand))
          worklist.push_back(operand);
    }
    auto closed = [&](Value value) {
      return value == last ||
             llvm::all_of(value.getUsers(), [&](Operation *user) {
               return needed.contains(user);
             });
    };
    if (!closed(product) || !llvm::all_of(needed, [&](Operation *op) {
          return closed(op->getResult(0));
        }))
      continue;
    result = last;
    ops = needed.takeVector();
    break;
  }
  llvm::sort(ops, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  if (ops.empty())
    return;

  ImplicitLocOpBuilder b(result.getLoc(), result.getDefiningOp());
  llvm::DenseSet<Value> inside{product};
  DenseMap<Value, unsigned> numberOf;
  for (Operation *op : ops) {
    SmallVector<Operand> operands = *readOperands(op, type);
    for (Operand operand : operands) {
      if (!operand.value || inside.contains(operand.value) ||
          extraOf.contains(operand.value))
        continue;
      Operand source = lookThroughBroadcast(operand);
      if (constantOf(source))
        continue;
      auto [known, isNew] = numberOf.try_emplace(source.value, extras.size());
      if (isNew)
        extras.push_back(materialize(b, source));
      extraOf[operand.value] = known->second;
    }
    inside.insert(op->getResult(0));
  }
}

Value Epilogue::clone(ImplicitLocOpBuilder &b, ValueRange elements) const {
  auto type = cast<RankedTensorType>(product.getType());
  DenseMap<Value, Value> scalars;
  scalars[product] = elements[0];
  for (Operation *op : ops) {
    SmallVector<Value> arguments;
    SmallVector<Operand> operands = *readOperands(op, type);
    for (Operand operand : operands) {
      if (!operand.value) {
        arguments.push_back(elements[0]);
      } else if (Value inside = scalars.lookup(operand.value)) {
        arguments.push_back(inside);
      } else if (TypedAttr constant =
                     constantOf(lookThroughBroadcast(operand))) {
        arguments.push_back(arith::ConstantOp::create(b, constant));
      } else {
        arguments.push_back(elements[1 + extraOf.lookup(operand.value)]);
      }
    }
    Value &scalar = scalars[op->getResult(0)];
    if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
      Block *block = linalgOp.getBlock();
      IRMapping map;
      map.map(block->getArguments(), arguments);
      for (Operation &nested : *block)
        for (Value value : nested.getOperands())
          if (value.getParentBlock() != block && !map.contains(value))
            map.map(value, b.clone(*value.getDefiningOp())->getResult(0));
      for (Operation &nested : block->without_terminator())
        b.clone(nested, map);
      scalar = map.lookupOrDefault(block->getTerminator()->getOperand(0));
    } else {
      OperationState state(op->getLoc(), op->getName(), arguments,
                           getElementTypeOrSelf(op->getResult(0)),
                           op->getAttrs());
      scalar = b.create(state)->getResult(0);
    }
  }
  return scalars[result];
}

void Epilogue::erase() {
  for (Operation *op : llvm::reverse(ops))
    op->erase();
  ops.clear();
}

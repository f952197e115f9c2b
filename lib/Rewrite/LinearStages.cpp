//===- LinearStages.cpp - elementwise operations that scale or hide -------===//

#include "LinearStages.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <cmath>
#include <map>
#include <set>
#include <tuple>
#include <vector>

using namespace mlir;
using namespace seqc;

//===----------------------------------------------------------------------===//
// Elementwise operations
//===----------------------------------------------------------------------===//

/// Whether each iteration writes its own element, from inputs alone.
static bool isElementwiseLinalg(linalg::LinalgOp op) {
  return op.hasPureTensorSemantics() && op.getNumDpsInits() == 1 &&
         op.getNumReductionLoops() == 0 &&
         !op.payloadUsesValueFromOperand(op.getDpsInitOperand(0)) &&
         op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isPermutation();
}

std::optional<unsigned> seqc::getElementwiseLoops(Operation *op) {
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
    if (!isElementwiseLinalg(linalgOp))
      return std::nullopt;
    return linalgOp.getNumLoops();
  }
  if (op->getNumResults() != 1 || !OpTrait::hasElementwiseMappableTraits(op))
    return std::nullopt;
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!type)
    return std::nullopt;
  return type.getRank();
}

static Value getYielded(linalg::LinalgOp op) {
  return op.getBlock()->getTerminator()->getOperand(0);
}

/// The input of `op` whose element the block argument is.
static OpOperand *getInput(linalg::LinalgOp op, Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || argument.getOwner() != op.getBlock())
    return nullptr;
  return &op->getOpOperand(argument.getArgNumber());
}

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

std::optional<std::pair<Value, AffineMap>> Scalar::getElement() const {
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
    if (OpOperand *input = getInput(linalgOp, value))
      return std::pair(input->get(), linalgOp.getMatchingIndexingMap(input));
    return std::nullopt;
  }
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return std::nullopt;
  return std::pair(value, AffineMap::getMultiDimIdentityMap(type.getRank(),
                                                            op->getContext()));
}

/// The scalar that `element`, of the result of `source`, is in its body.
static Scalar intoBody(const Scalar &element, AffineMap map,
                       linalg::LinalgOp source) {
  // Loops of the source, by the dimensions of its result.
  SmallVector<unsigned> inner(source.getNumLoops());
  AffineMap out = source.getMatchingIndexingMap(source.getDpsInitOperand(0));
  for (unsigned dim = 0; dim < out.getNumResults(); ++dim)
    inner[out.getDimPosition(dim)] = element.loops[map.getDimPosition(dim)];
  return Scalar{getYielded(source), source, inner};
}

Scalar Scalar::resolve() const {
  std::optional<std::pair<Value, AffineMap>> element = getElement();
  if (!element)
    return *this;
  auto [tensor, map] = *element;
  if (auto fill = tensor.getDefiningOp<linalg::FillOp>())
    return {fill.getInputs()[0], op, loops};
  if (auto splat = tensor.getDefiningOp<tensor::SplatOp>())
    return {splat.getInput(), op, loops};
  auto source = tensor.getDefiningOp<linalg::LinalgOp>();
  if (!source || !isElementwiseLinalg(source) || !map.isProjectedPermutation())
    return *this;
  Value yielded = getYielded(source);
  if (!getInput(source, yielded) && source.getNumDpsInputs() != 0)
    return *this;
  return intoBody(*this, map, source).resolve();
}

Scalar Scalar::open() const {
  Scalar source = resolve();
  std::optional<std::pair<Value, AffineMap>> element = source.getElement();
  if (!element || !element->second.isProjectedPermutation())
    return source;
  auto [tensor, map] = *element;
  Operation *def = tensor.getDefiningOp();
  if (!def || !getElementwiseLoops(def))
    return source;
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(def))
    return intoBody(source, map, linalgOp).open();
  SmallVector<unsigned> inner;
  for (unsigned dim = 0; dim < map.getNumResults(); ++dim)
    inner.push_back(source.loops[map.getDimPosition(dim)]);
  return {tensor, def, inner};
}

Operation *Scalar::getOperation() const {
  Operation *def = value.getDefiningOp();
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  bool isHere =
      def && (linalgOp ? def->getBlock() == linalgOp.getBlock() : def == op);
  return isHere ? def : nullptr;
}

/// The value of all elements of a constant.
static TypedAttr getSplat(Value value) {
  DenseElementsAttr constant;
  if (!matchPattern(value, m_Constant(&constant)) || !constant.isSplat())
    return {};
  return cast<TypedAttr>(constant.getSplatValue<Attribute>());
}

/// A scalar as a key. Bodies are graphs: each value is visited once.
using Place = std::tuple<void *, Operation *, std::vector<unsigned>>;
static Place placeOf(const Scalar &scalar) {
  return {scalar.value.getAsOpaquePointer(), scalar.op,
          std::vector<unsigned>(scalar.loops.begin(), scalar.loops.end())};
}

static bool collect(const Scalar &scalar, SetVector<unsigned> &found,
                    std::set<Place> &seen) {
  Scalar source = scalar.resolve();
  if (!seen.insert(placeOf(source)).second)
    return true;
  if (std::optional<std::pair<Value, AffineMap>> element =
          source.getElement()) {
    if (getSplat(element->first))
      return true;
    for (unsigned loop = 0; loop < source.loops.size(); ++loop)
      if (element->second.isFunctionOfDim(loop))
        found.insert(source.loops[loop]);
    return true;
  }
  Operation *def = source.value.getDefiningOp();
  auto linalgOp = dyn_cast<linalg::LinalgOp>(source.op);
  if (!linalgOp || !def || def->getBlock() != linalgOp.getBlock())
    return true;
  if (auto index = dyn_cast<linalg::IndexOp>(def)) {
    found.insert(source.loops[index.getDim()]);
    return true;
  }
  if (def->getNumRegions() || !isPure(def))
    return false;
  return llvm::all_of(def->getOperands(), [&](Value operand) {
    return collect({operand, source.op, source.loops}, found, seen);
  });
}

bool Scalar::collectLoops(SetVector<unsigned> &found) const {
  std::set<Place> seen;
  return collect(*this, found, seen);
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

static bool isZero(const Scalar &scalar) {
  return matchPattern(scalar.resolve().value, m_AnyZeroFloat());
}

/// Whether `value` is computed from x, in a body where x is its argument.
static bool isReached(Value value, Value x) {
  auto argument = dyn_cast<BlockArgument>(x);
  SetVector<Value> from;
  from.insert(value);
  for (size_t next = 0; next < from.size(); ++next) {
    if (from[next] == x)
      return true;
    Operation *def = from[next].getDefiningOp();
    if (def && argument && def->getBlock() == argument.getOwner())
      from.insert_range(def->getOperands());
  }
  return false;
}

/// Both conditions of a conjunction, one after the other.
static void addSelect(const Scalar &condition, bool keepsTrue,
                      SmallVectorImpl<LinearStage> &stages) {
  Scalar source = condition.resolve();
  auto both = source.value.getDefiningOp<arith::AndIOp>();
  if (!keepsTrue || !both || source.getElement()) {
    stages.push_back({LinearStage::select, condition, keepsTrue});
    return;
  }
  for (Value side : both->getOperands())
    addSelect({side, source.op, source.loops}, true, stages);
}

/// The step that `def` is, in which `next` is what x has become before it.
static bool readStage(Operation *def, Operation *op, Value x,
                      ArrayRef<unsigned> loops, Value &next,
                      SmallVectorImpl<LinearStage> &stages) {
  auto scalar = [&](Value value) {
    return Scalar{value, op, SmallVector<unsigned>(loops)};
  };
  SmallVector<bool> reached;
  for (Value operand : def->getOperands())
    reached.push_back(isReached(operand, x));
  if (llvm::count(reached, true) != 1)
    return false;
  if (isa<arith::MulFOp>(def)) {
    next = def->getOperand(reached[0] ? 0 : 1);
    stages.push_back(
        {LinearStage::multiply, scalar(def->getOperand(reached[0] ? 1 : 0))});
    return true;
  }
  if (isa<arith::DivFOp>(def) && reached[0]) {
    next = def->getOperand(0);
    stages.push_back({LinearStage::divide, scalar(def->getOperand(1))});
    return true;
  }
  if (isa<arith::NegFOp>(def)) {
    next = def->getOperand(0);
    stages.push_back({LinearStage::negate, scalar(next)});
    return true;
  }
  if (auto select = dyn_cast<arith::SelectOp>(def)) {
    if (reached[0] || !isZero(scalar(def->getOperand(reached[1] ? 2 : 1))))
      return false;
    next = def->getOperand(reached[1] ? 1 : 2);
    SmallVector<LinearStage> conditions;
    addSelect(scalar(select.getCondition()), reached[1], conditions);
    stages.append(conditions.rbegin(), conditions.rend());
    return true;
  }
  return false;
}

bool seqc::readLinearStages(Operation *op, OpOperand &x,
                            ArrayRef<unsigned> loops,
                            SmallVectorImpl<LinearStage> &stages) {
  SmallVector<LinearStage> backwards;
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp) {
    Value next;
    if (!readStage(op, op, x.get(), loops, next, backwards) || next != x.get())
      return false;
  } else {
    Value argument = linalgOp.getMatchingBlockArgument(&x);
    for (Value value = getYielded(linalgOp); value != argument;) {
      Operation *def = value.getDefiningOp();
      if (!def || def->getBlock() != linalgOp.getBlock() ||
          !readStage(def, op, argument, loops, value, backwards))
        return false;
    }
  }
  stages.append(backwards.rbegin(), backwards.rend());
  return true;
}

static bool isHiddenByExp(const Scalar &scalar) {
  FloatAttr number;
  DenseElementsAttr splat;
  Value value = scalar.resolve().value;
  if (matchPattern(value, m_Constant(&splat)) && splat.isSplat() &&
      isa<FloatType>(splat.getElementType()))
    return std::exp(splat.getSplatValue<APFloat>().convertToDouble()) == 0;
  return matchPattern(value, m_Constant(&number)) &&
         std::exp(number.getValueAsDouble()) == 0;
}

void seqc::splitFactor(const Scalar &factor,
                       SmallVectorImpl<LinearStage> &stages,
                       SmallVectorImpl<Scalar> &exponents) {
  Scalar source = factor.open();
  Operation *def = source.getOperation();
  // Bodies are graphs: a product of few factors may have many paths.
  constexpr size_t most = 16;
  bool isFew = stages.size() + exponents.size() < most;
  if (isFew && isa_and_nonnull<arith::MulFOp>(def)) {
    splitFactor(source.getOperand(0), stages, exponents);
    splitFactor(source.getOperand(1), stages, exponents);
    return;
  }
  if (isa_and_nonnull<arith::SelectOp>(def))
    for (bool keepsTrue : {true, false})
      if (isZero(source.getOperand(keepsTrue ? 2 : 1))) {
        addSelect(source.getOperand(0), keepsTrue, stages);
        return splitFactor(source.getOperand(keepsTrue ? 1 : 2), stages,
                           exponents);
      }
  if (isa_and_nonnull<math::ExpOp>(def)) {
    Scalar exponent = source.getOperand(0).open();
    if (isa_and_nonnull<arith::SelectOp>(exponent.getOperation()))
      for (bool keepsTrue : {true, false})
        if (isHiddenByExp(exponent.getOperand(keepsTrue ? 2 : 1))) {
          addSelect(exponent.getOperand(0), keepsTrue, stages);
          exponents.push_back(exponent.getOperand(keepsTrue ? 1 : 2));
          return;
        }
  }
  stages.push_back({LinearStage::multiply, source});
}

//===----------------------------------------------------------------------===//
// The steps elsewhere
//===----------------------------------------------------------------------===//

namespace {
/// Inputs of the new operation, and its body.
class StageWriter {
public:
  StageWriter(ArrayRef<unsigned> result, MLIRContext *context)
      : result(result), context(context) {}

  /// Finds the tensors that the scalar reads.
  void addInputs(const Scalar &scalar) {
    Scalar source = scalar.resolve();
    if (!asked.insert(placeOf(source)).second)
      return;
    if (std::optional<std::pair<Value, AffineMap>> element =
            source.getElement()) {
      if (getSplat(element->first))
        return;
      std::pair<Value, AffineMap> input(element->first,
                                        moved(element->second, source.loops));
      if (!llvm::is_contained(inputs, input))
        inputs.push_back(input);
      return;
    }
    if (Operation *def = definedInside(source))
      for (Value operand : def->getOperands())
        addInputs({operand, source.op, source.loops});
  }

  Value write(ImplicitLocOpBuilder &b, const Scalar &scalar, ValueRange args) {
    Scalar source = scalar.resolve();
    if (std::optional<std::pair<Value, AffineMap>> element =
            source.getElement()) {
      if (TypedAttr splat = getSplat(element->first))
        return arith::ConstantOp::create(b, splat);
      std::pair<Value, AffineMap> input(element->first,
                                        moved(element->second, source.loops));
      return args[std::distance(inputs.begin(), llvm::find(inputs, input))];
    }
    Operation *def = definedInside(source);
    if (!def)
      return source.value;
    if (auto index = dyn_cast<linalg::IndexOp>(def))
      return linalg::IndexOp::create(b, numberOf(source.loops[index.getDim()]));
    if (auto known = written.find(placeOf(source)); known != written.end())
      return known->second;
    IRMapping mapping;
    for (Value operand : def->getOperands())
      mapping.map(operand, write(b, {operand, source.op, source.loops}, args));
    unsigned number = cast<OpResult>(source.value).getResultNumber();
    Value copy = b.clone(*def, mapping)->getResult(number);
    written.emplace(placeOf(source), copy);
    return copy;
  }

  SmallVector<std::pair<Value, AffineMap>> inputs;

private:
  static Operation *definedInside(const Scalar &scalar) {
    auto linalgOp = dyn_cast<linalg::LinalgOp>(scalar.op);
    Operation *def = scalar.value.getDefiningOp();
    return linalgOp && def && def->getBlock() == linalgOp.getBlock() ? def
                                                                     : nullptr;
  }
  unsigned numberOf(unsigned loop) {
    return std::distance(result.begin(), llvm::find(result, loop));
  }
  AffineMap moved(AffineMap map, ArrayRef<unsigned> loops) {
    SmallVector<AffineExpr> dims;
    for (unsigned loop : loops)
      dims.push_back(llvm::is_contained(result, loop)
                         ? getAffineDimExpr(numberOf(loop), context)
                         : getAffineConstantExpr(0, context));
    return map.replaceDimsAndSymbols(dims, {}, result.size(), 0);
  }

  ArrayRef<unsigned> result;
  MLIRContext *context;
  std::set<Place> asked;
  std::map<Place, Value> written;
};
} // namespace

Factor seqc::applyStages(ImplicitLocOpBuilder &b, Factor x,
                         ArrayRef<LinearStage> stages,
                         ArrayRef<unsigned> result,
                         ArrayRef<OpFoldResult> sizes) {
  if (stages.empty() && ArrayRef(x.loops) == result)
    return x;
  StageWriter writer(result, b.getContext());
  for (const LinearStage &stage : stages)
    if (stage.kind != LinearStage::negate)
      writer.addInputs(stage.operand);
  SmallVector<Value> values{x.value};
  SmallVector<AffineExpr> at;
  for (unsigned loop : x.loops)
    at.push_back(b.getAffineDimExpr(
        std::distance(result.begin(), llvm::find(result, loop))));
  SmallVector<AffineMap> maps{
      AffineMap::get(result.size(), 0, at, b.getContext())};
  for (auto &[value, map] : writer.inputs) {
    values.push_back(value);
    maps.push_back(map);
  }
  maps.push_back(b.getMultiDimIdentityMap(result.size()));
  Type element = getElementTypeOrSelf(x.value.getType());
  Value init = tensor::EmptyOp::create(b, sizes, element);
  SmallVector<utils::IteratorType> kinds(result.size(),
                                         utils::IteratorType::parallel);
  Value y = linalg::GenericOp::create(
                b, init.getType(), values, init, maps, kinds,
                [&](OpBuilder &builder, Location loc, ValueRange args) {
                  ImplicitLocOpBuilder nested(loc, builder);
                  Value value = args[0];
                  ValueRange inputs = args.drop_front().drop_back();
                  for (const LinearStage &stage : stages) {
                    if (stage.kind == LinearStage::negate) {
                      value = arith::NegFOp::create(nested, value);
                      continue;
                    }
                    Value operand = writer.write(nested, stage.operand, inputs);
                    if (stage.kind == LinearStage::multiply) {
                      value = arith::MulFOp::create(nested, value, operand);
                    } else if (stage.kind == LinearStage::divide) {
                      value = arith::DivFOp::create(nested, value, operand);
                    } else {
                      Value zero = arith::ConstantOp::create(
                          nested, nested.getFloatAttr(element, 0.0));
                      value = arith::SelectOp::create(
                          nested, operand, stage.keepsTrue ? value : zero,
                          stage.keepsTrue ? zero : value);
                    }
                  }
                  linalg::YieldOp::create(nested, value);
                })
                .getResult(0);
  return {y, SmallVector<unsigned>(result)};
}

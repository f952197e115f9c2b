//===- WrittenScores.cpp - products of products in linalg -----------------===//

#include "WrittenScores.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace seqc;

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

/// The result is out + a, or out + a · b, from zeros, with each operand indexed
/// by loops.
static bool isSumInto(linalg::LinalgOp op, unsigned numFactors) {
  if (!op.hasPureTensorSemantics() || op.getNumDpsInits() != 1 ||
      op.getNumDpsInputs() != numFactors || op.getNumReductionLoops() == 0 ||
      !llvm::all_of(op.getIndexingMapsArray(),
                    [](AffineMap map) { return map.isProjectedPermutation(); }))
    return false;
  Type element = getElementTypeOrSelf(op->getResult(0));
  if (!isa<FloatType>(element) ||
      !llvm::all_of(op->getOperandTypes(), [&](Type type) {
        return isa<RankedTensorType>(type) &&
               getElementTypeOrSelf(type) == element;
      }))
    return false;
  Value init = op.getDpsInits()[0];
  if (auto fill = init.getDefiningOp<linalg::FillOp>())
    init = fill.getInputs()[0];
  if (!matchPattern(init, m_AnyZeroFloat()))
    return false;

  Block *block = op.getBlock();
  auto add =
      block->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  if (!add || block->getOperations().size() != numFactors + 1)
    return false;
  Value out = block->getArgument(numFactors);
  if (add.getLhs() != out && add.getRhs() != out)
    return false;
  Value term = add.getLhs() == out ? add.getRhs() : add.getLhs();
  if (numFactors == 1)
    return term == block->getArgument(0);
  auto mul = term.getDefiningOp<arith::MulFOp>();
  Value a = block->getArgument(0), b = block->getArgument(1);
  return mul && ((mul.getLhs() == a && mul.getRhs() == b) ||
                 (mul.getLhs() == b && mul.getRhs() == a));
}

bool seqc::isContraction(linalg::LinalgOp op) { return isSumInto(op, 2); }

static bool isSum(linalg::LinalgOp op) {
  return isSumInto(op, 1) || isSumInto(op, 2);
}

/// The input of an elementwise operation that `value` is, if it is just one.
static OpOperand *findOnlyInput(Operation *op, Value value) {
  OpOperand *found = nullptr;
  for (OpOperand &operand : op->getOpOperands()) {
    auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
    if (operand.get() != value || (linalgOp && linalgOp.isDpsInit(&operand)))
      continue;
    if (found)
      return nullptr;
    found = &operand;
  }
  return found;
}

/// What is computed from `product` element by element.
static SetVector<Value> findDerived(linalg::LinalgOp product) {
  SetVector<Value> derived;
  derived.insert(product->getResult(0));
  for (size_t next = 0; next < derived.size(); ++next)
    for (Operation *user : derived[next].getUsers())
      if (user->getBlock() == product->getBlock() &&
          getElementwiseLoops(user) && findOnlyInput(user, derived[next]))
        derived.insert(user->getResult(0));
  return derived;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

namespace {
/// Reads one sum of scores.
class SumReader {
public:
  SumReader(linalg::LinalgOp product, const SetVector<Value> &derived)
      : product(product), derived(derived) {}

  std::optional<ScoreSum> read(linalg::LinalgOp root);

  Operation *obstacle = nullptr;
  StringRef reason;
  bool underMask = false;

private:
  bool fail(Operation *op, StringRef why) {
    obstacle = op;
    reason = why;
    return false;
  }
  static Factor factorOf(linalg::LinalgOp op, OpOperand *operand,
                         ArrayRef<unsigned> loops) {
    Factor factor{operand->get(), {}};
    AffineMap map = op.getMatchingIndexingMap(operand);
    for (unsigned dim = 0; dim < map.getNumResults(); ++dim)
      factor.loops.push_back(loops[map.getDimPosition(dim)]);
    return factor;
  }
  bool readRoot(linalg::LinalgOp root, ScoreSum &sum, Factor &scores);
  bool readSteps(Factor scores, SmallVectorImpl<LinearStage> &stages);
  bool readProduct(ScoreSum &sum);
  static bool sortStep(const LinearStage &stage, ScoreSum &sum);
  static bool fitsState(const TimeDecay &decay, ScoreSum &sum);
  bool sortSteps(ArrayRef<LinearStage> stages, ScoreSum &sum);

  linalg::LinalgOp product;
  const SetVector<Value> &derived;
  unsigned numLoops = 0;
  SmallVector<unsigned> productLoops; // of the product's dimensions
};
} // namespace

/// Numbers the loops of the root, and those of the product after them.
bool SumReader::readRoot(linalg::LinalgOp root, ScoreSum &sum, Factor &scores) {
  numLoops = root.getNumLoops();
  auto loops = llvm::to_vector(llvm::seq<unsigned>(numLoops));
  for (OpOperand *input : root.getDpsInputOperands()) {
    Factor factor = factorOf(root, input, loops);
    if (!derived.contains(input->get()))
      sum.chain.value = factor;
    else if (!scores)
      scores = factor;
    else
      return fail(root, "scores meet themselves");
  }
  sum.root = root;
  sum.chain.result = factorOf(root, root.getDpsInitOperand(0), loops).loops;
  sum.chain.type = cast<RankedTensorType>(root->getResult(0).getType());
  SmallVector<unsigned> reduced;
  root.getReductionDims(reduced);
  sum.chain.summed.assign(reduced.begin(), reduced.end());
  return true;
}

/// From the sum's operand back to the product.
bool SumReader::readSteps(Factor scores, SmallVectorImpl<LinearStage> &stages) {
  SmallVector<SmallVector<LinearStage>> backwards;
  while (scores.value != product->getResult(0)) {
    Operation *op = scores.value.getDefiningOp();
    std::optional<unsigned> count = getElementwiseLoops(op);
    if (!count)
      return fail(op, "is no step of each score by itself");
    SmallVector<unsigned> loops(scores.loops);
    auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
    if (linalgOp) {
      AffineMap out =
          linalgOp.getMatchingIndexingMap(linalgOp.getDpsInitOperand(0));
      for (unsigned dim = 0; dim < *count; ++dim)
        loops[out.getDimPosition(dim)] = scores.loops[dim];
    }
    OpOperand *from = nullptr;
    for (OpOperand &operand : op->getOpOperands()) {
      if (!derived.contains(operand.get()) ||
          (linalgOp && linalgOp.isDpsInit(&operand)))
        continue;
      if (from)
        return fail(op, "combines scores with scores");
      from = &operand;
    }
    if (linalgOp) {
      AffineMap map = linalgOp.getMatchingIndexingMap(from);
      if (!map.isPermutation())
        return fail(op, "spreads the scores");
      scores = factorOf(linalgOp, from, loops);
    } else {
      scores = {from->get(), loops};
    }
    backwards.emplace_back();
    if (!readLinearStages(op, *from, loops, backwards.back()))
      return fail(op, "is not linear in the scores");
  }
  for (ArrayRef<LinearStage> some : llvm::reverse(backwards))
    stages.append(some.begin(), some.end());
  productLoops = scores.loops;
  return true;
}

/// Tells the query from the key: the sum is over loops of the key alone.
bool SumReader::readProduct(ScoreSum &sum) {
  SmallVector<unsigned> loops(product.getNumLoops());
  for (unsigned &loop : loops)
    loop = numLoops++;
  AffineMap out = product.getMatchingIndexingMap(product.getDpsInitOperand(0));
  for (unsigned dim = 0; dim < out.getNumResults(); ++dim)
    loops[out.getDimPosition(dim)] = productLoops[dim];
  SmallVector<unsigned> reduced;
  product.getReductionDims(reduced);
  Factor a = factorOf(product, product.getDpsInputOperand(0), loops),
         b = factorOf(product, product.getDpsInputOperand(1), loops);
  for (unsigned loop : reduced)
    if (!a.has(loops[loop]) || !b.has(loops[loop]))
      return fail(product, "sums over one of its factors alone");
  auto isSummedIn = [&](const Factor &factor) {
    return llvm::all_of(sum.chain.summed,
                        [&](unsigned loop) { return factor.has(loop); });
  };
  auto isFreeOfSum = [&](const Factor &factor) {
    return llvm::none_of(sum.chain.summed,
                         [&](unsigned loop) { return factor.has(loop); });
  };
  if (isSummedIn(a) && isFreeOfSum(b))
    std::swap(a, b);
  else if (!isSummedIn(b) || !isFreeOfSum(a))
    return fail(sum.root, "sums over more than one factor of the scores");
  sum.chain.query = a;
  sum.chain.key = b;
  return true;
}

/// Sorts a step, if it depends on the times of query and key no more than a mask
/// does.
bool SumReader::sortStep(const LinearStage &stage, ScoreSum &sum) {
  const ProductChain &chain = sum.chain;
  auto isSummed = [&](unsigned loop) {
    return llvm::is_contained(chain.summed, loop);
  };
  SetVector<unsigned> loops;
  if (stage.kind != LinearStage::negate && !stage.operand.collectLoops(loops))
    return false;
  if (llvm::none_of(loops, isSummed)) {
    sum.afterSum.push_back(stage);
    return true;
  }
  if (llvm::all_of(loops, [&](unsigned loop) {
        return chain.key.has(loop) || chain.value.has(loop);
      })) {
    sum.ofKeys.push_back(stage);
    return true;
  }
  std::optional<Causality> found = findCausality(stage, isSummed);
  if (!found || chain.summed.size() != 1 ||
      !chain.query.has(found->queryTime) || chain.key.has(found->queryTime) ||
      chain.value.has(found->queryTime) ||
      !llvm::is_contained(chain.result, found->queryTime))
    return false;
  // The narrower of two masks.
  if (!sum.causality || found->last < sum.causality->last)
    sum.causality = found;
  return true;
}

bool SumReader::sortSteps(ArrayRef<LinearStage> stages, ScoreSum &sum) {
  SmallVector<Scalar> exponents;
  SmallVector<LinearStage> factors;
  for (const LinearStage &stage : stages) {
    if (sortStep(stage, sum))
      continue;
    SmallVector<LinearStage> parts{stage};
    if (stage.kind == LinearStage::multiply) {
      parts.clear();
      splitFactor(stage.operand, parts, exponents);
    }
    for (const LinearStage &part : parts)
      if (!sortStep(part, sum))
        factors.push_back(part);
  }
  auto refuse = [&](const Scalar &scalar) {
    underMask = sum.causality.has_value();
    return fail(scalar.op,
                sum.causality
                    ? "depends on query and key, and is not known to be a "
                      "causal mask or a decay"
                    : "depends on query and key, and no causal mask is known "
                      "of");
  };
  for (const LinearStage &factor : factors)
    if (!sum.causality || factor.kind != LinearStage::multiply ||
        !readDecays(factor.operand, *sum.causality, sum.decays))
      return refuse(factor.operand);
  for (const Scalar &exponent : exponents)
    if (!sum.causality ||
        !readLogDecays(exponent, *sum.causality, sum.decays))
      return refuse(exponent);
  for (const TimeDecay &decay : sum.decays)
    if (!fitsState(decay, sum))
      return fail(decay.base.op, "decays by a dimension that neither keys nor "
                                 "values have");
  return true;
}

/// For other loops the state would have to be wider.
bool SumReader::fitsState(const TimeDecay &decay, ScoreSum &sum) {
  SetVector<unsigned> loops;
  unsigned time = sum.causality->queryTime;
  sum.causality->sameTimes |= decay.sharesTimes;
  return decay.collectLoops(time, loops) &&
         llvm::all_of(loops, [&](unsigned loop) {
           return loop == time ||
                  ((sum.chain.key.has(loop) || sum.chain.value.has(loop)) &&
                   !llvm::is_contained(sum.chain.summed, loop));
         });
}

std::optional<ScoreSum> SumReader::read(linalg::LinalgOp root) {
  ScoreSum sum;
  Factor scores;
  SmallVector<LinearStage> stages;
  if (!readRoot(root, sum, scores) || !readSteps(scores, stages) ||
      !readProduct(sum) || !sortSteps(stages, sum))
    return std::nullopt;
  return sum;
}

std::optional<ScoreSum> seqc::readSum(linalg::LinalgOp product,
                                      linalg::LinalgOp root) {
  SetVector<Value> derived = findDerived(product);
  return SumReader(product, derived).read(root);
}

WrittenScores seqc::readScores(linalg::LinalgOp product) {
  WrittenScores result;
  SetVector<Value> derived = findDerived(product);
  SetVector<Operation *> roots;
  for (Value value : derived)
    for (OpOperand &use : value.getUses()) {
      Operation *user = use.getOwner();
      if (isa<tensor::DimOp>(user) ||
          (user->getNumResults() == 1 && derived.contains(user->getResult(0))))
        continue;
      auto root = dyn_cast<linalg::LinalgOp>(user);
      bool isInput = root && root.isDpsInput(&use) && isSum(root) &&
                     root->getBlock() == product->getBlock();
      if (isInput)
        roots.insert(root);
      else if (!result.obstacle) {
        result.obstacle = user;
        result.reason = "needs the scores themselves";
      }
    }
  if (roots.empty())
    return {};
  SumReader reader(product, derived);
  SmallVector<Operation *> ordered(roots.begin(), roots.end());
  llvm::sort(ordered,
             [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  for (Operation *root : ordered) {
    std::optional<ScoreSum> sum = reader.read(cast<linalg::LinalgOp>(root));
    if (!sum) {
      result.obstacle = reader.obstacle;
      result.reason = reader.reason;
      result.underMask = reader.underMask;
      break;
    }
    result.sums.push_back(std::move(*sum));
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

/// The sizes of loops, from tensors that have them.
static SmallVector<OpFoldResult> sizesOf(ImplicitLocOpBuilder &b,
                                         ArrayRef<unsigned> loops,
                                         ArrayRef<Factor> factors) {
  SmallVector<OpFoldResult> sizes;
  for (unsigned loop : loops) {
    OpFoldResult size;
    for (const Factor &factor : factors)
      for (auto [dim, other] : llvm::enumerate(factor.loops))
        if (other == loop && !size)
          size = tensor::getMixedSize(b, b.getLoc(), factor.value, dim);
    sizes.push_back(size);
  }
  return sizes;
}

Value ScoreSum::build(ImplicitLocOpBuilder &b) const {
  ProductChain reordered = chain;
  if (!ofKeys.empty()) {
    // Keys may get loops that only the values had, such as heads.
    SetVector<unsigned> loops(chain.key.loops.begin(), chain.key.loops.end());
    for (const LinearStage &stage : ofKeys)
      if (stage.kind != LinearStage::negate)
        stage.operand.collectLoops(loops);
    reordered.key =
        applyStages(b, chain.key, ofKeys, loops.getArrayRef(),
                    sizesOf(b, loops.getArrayRef(), {chain.key, chain.value}));
  }
  SmallVector<StepDecay> steps;
  for (const TimeDecay &decay : decays) {
    SetVector<unsigned> loops;
    decay.collectLoops(causality->queryTime, loops);
    SmallVector<unsigned> order(loops.getArrayRef());
    llvm::sort(order);
    if (loops.contains(causality->queryTime)) {
      order.erase(llvm::find(order, causality->queryTime));
      order.insert(order.begin(), causality->queryTime);
    }
    steps.push_back(decay.build(
        b, order, sizesOf(b, order, {chain.query, chain.key, chain.value})));
  }
  Value y = causality ? reordered.buildCausal(b, *causality, steps)
                      : reordered.buildReordered(b);
  if (afterSum.empty())
    return y;
  Factor sum{y, chain.result};
  y = applyStages(b, sum, afterSum, chain.result,
                  tensor::getMixedSizes(b, b.getLoc(), y))
          .value;
  if (y.getType() != chain.type)
    y = tensor::CastOp::create(b, chain.type, y);
  return y;
}

//===- RunningDecay.cpp - recurrences that add up decays of pairs ---------===//

#include "TimeDecay.h"

#include "seq/Seq.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace seqc;

/// The loops of an element's tensor, by its dimensions.
static std::optional<SmallVector<unsigned>>
loopsOf(const Scalar &scalar, const std::pair<Value, AffineMap> &element) {
  AffineMap map = element.second;
  if (!map.isProjectedPermutation())
    return std::nullopt;
  SmallVector<unsigned> loops;
  for (unsigned dim = 0; dim < map.getNumResults(); ++dim)
    loops.push_back(scalar.loops[map.getDimPosition(dim)]);
  return loops;
}

static bool isNumber(const Scalar &scalar, double expected) {
  Value value = scalar.resolve().value;
  return expected == 0 ? matchPattern(value, m_AnyZeroFloat())
                       : matchPattern(value, m_OneFloat());
}

namespace {
/// Reads the body of a recurrence over t.
class RunningReader {
public:
  RunningReader(seq::RecurrenceOp op, const Causality &causality)
      : op(op), causality(causality) {}

  std::optional<Scalar> read(unsigned output, ArrayRef<unsigned> slice,
                             bool isLog);

private:
  std::optional<Scalar> atTime(const Scalar &scalar);
  bool isState(const Scalar &scalar, unsigned state,
               ArrayRef<unsigned> slice);
  bool isEarlier(const Scalar &scalar);

  seq::RecurrenceOp op;
  const Causality &causality;
};
} // namespace

/// The element of a sequence whose slice at the time t `scalar` reads.
std::optional<Scalar> RunningReader::atTime(const Scalar &scalar) {
  Scalar source = scalar.resolve();
  auto element = source.getElement();
  auto argument =
      element ? dyn_cast<BlockArgument>(element->first) : BlockArgument();
  if (!argument || argument.getOwner() != &op.getBody().front() ||
      argument.getArgNumber() >= op.getSequences().size())
    return std::nullopt;
  auto loops = loopsOf(source, *element);
  if (!loops)
    return std::nullopt;
  loops->insert(loops->begin() + op.getDim(), causality.queryTime);
  return Scalar{op.getSequences()[argument.getArgNumber()], op, *loops};
}

bool RunningReader::isState(const Scalar &scalar, unsigned state,
                            ArrayRef<unsigned> slice) {
  Scalar source = scalar.resolve();
  auto element = source.getElement();
  Block &body = op.getBody().front();
  unsigned first = body.getNumArguments() - op.getStates().size();
  if (!element || element->first != body.getArgument(first + state))
    return false;
  auto loops = loopsOf(source, *element);
  return loops && ArrayRef(*loops) == slice;
}

/// Whether it is more than 0 for s < t, and not otherwise.
bool RunningReader::isEarlier(const Scalar &scalar) {
  auto compare = dyn_cast_or_null<arith::CmpFOp>(scalar.getOperation());
  if (!compare || compare.getPredicate() != arith::CmpFPredicate::OGT ||
      !isNumber(scalar.getOperand(1), 0))
    return false;
  std::optional<Scalar> indicator = atTime(scalar.getOperand(0));
  if (!indicator)
    return false;
  auto isKey = [&](unsigned loop) { return loop == causality.keyTime; };
  std::optional<Causality> found =
      findCausality({LinearStage::multiply, *indicator}, isKey);
  return found && found->queryTime == causality.queryTime && found->last == -1;
}

/// From next[…,s] = s < t ? state[…,s] + g : 0, state of zeros.
std::optional<Scalar> RunningReader::read(unsigned output,
                                          ArrayRef<unsigned> slice,
                                          bool isLog) {
  Operation *yield = op.getBody().front().getTerminator();
  Value next = op.getYieldedOutputs()[output];
  ValueRange states = yield->getOperands().take_back(op.getStates().size());
  auto found = llvm::find(states, next);
  if (found == states.end())
    return std::nullopt;
  unsigned state = std::distance(states.begin(), found);
  double unit = isLog ? 0 : 1;
  auto numbered = llvm::to_vector(slice);
  if (!isNumber({op.getStates()[state], op, numbered}, unit))
    return std::nullopt;
  Scalar value = Scalar{next, yield, numbered}.open();
  if (!isa_and_nonnull<arith::SelectOp>(value.getOperation()) ||
      !isEarlier(value.getOperand(0).open()) ||
      !isNumber(value.getOperand(2), unit))
    return std::nullopt;
  Scalar longer = value.getOperand(1).open();
  Operation *def = longer.getOperation();
  if (!def || !(isLog ? isa<arith::AddFOp>(def) : isa<arith::MulFOp>(def)))
    return std::nullopt;
  for (unsigned number : {0, 1}) {
    if (!isState(longer.getOperand(number), state, slice))
      continue;
    std::optional<Scalar> step = atTime(longer.getOperand(1 - number));
    if (step && !llvm::is_contained(step->loops, causality.keyTime))
      return step;
  }
  return std::nullopt;
}

std::optional<Scalar> seqc::readRunningDecay(const Scalar &scalar,
                                             const Causality &causality,
                                             bool isLog) {
  Scalar source = scalar.resolve();
  auto element = source.getElement();
  auto op = element ? element->first.getDefiningOp<seq::RecurrenceOp>()
                    : seq::RecurrenceOp();
  if (!op || op.getReverse())
    return std::nullopt;
  unsigned output = cast<OpResult>(element->first).getResultNumber();
  auto loops = loopsOf(source, *element);
  if (output >= op.getOutputs().size() || !loops ||
      (*loops)[op.getDim()] != causality.queryTime ||
      !llvm::is_contained(*loops, causality.keyTime))
    return std::nullopt;
  loops->erase(loops->begin() + op.getDim());
  return RunningReader(op, causality).read(output, *loops, isLog);
}

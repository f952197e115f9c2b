//===- TestMutate.cpp - makes one mistake in a form ---------------------------------===//

#include "TestPasses.h"

#include "seq/Seq.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;

static arith::CmpIPredicate other(arith::CmpIPredicate predicate) {
  using P = arith::CmpIPredicate;
  static constexpr std::pair<P, P> pairs[] = {{P::slt, P::sle},
                                              {P::sgt, P::sge},
                                              {P::ult, P::ule},
                                              {P::ugt, P::uge}};
  for (auto [strict, loose] : pairs)
    if (predicate == strict || predicate == loose)
      return predicate == strict ? loose : strict;
  return predicate;
}

static bool isZero(Value value) {
  if (auto fill = value.getDefiningOp<linalg::FillOp>())
    value = fill.getInputs().front();
  return matchPattern(value, m_AnyZeroFloat()) || matchPattern(value, m_Zero());
}

/// Zeros of the type and size of `like`, a number or a tensor.
static Value zero(OpBuilder &builder, Value like) {
  Location loc = like.getLoc();
  auto type = dyn_cast<RankedTensorType>(like.getType());
  Value number = arith::ConstantOp::create(
      builder, loc, builder.getZeroAttr(getElementTypeOrSelf(like.getType())));
  if (!type)
    return number;
  Value empty = tensor::EmptyOp::create(
      builder, loc, tensor::getMixedSizes(builder, loc, like),
      type.getElementType());
  return linalg::FillOp::create(builder, loc, number, empty).getResult(0);
}

namespace {
/// Makes one mistake, at the place with the number `site` among all places where
/// it can be made. Without such a place nothing is changed. The suites of forms
/// must see each mistake; see test/python/test_mutations.py.
struct TestMutate : PassWrapper<TestMutate, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TestMutate)
  TestMutate() = default;
  TestMutate(const TestMutate &other) : PassWrapper(other) {}
  StringRef getArgument() const override { return "test-mutate"; }
  StringRef getDescription() const override {
    return "makes one mistake in a form";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, linalg::LinalgDialect,
                    tensor::TensorDialect>();
  }

  Option<std::string> kind{
      *this, "kind",
      llvm::cl::desc("sign: a - b for a + b; combiner: the same in a scan; "
                     "compare: s < t for s <= t, or the reverse; initial: zeros "
                     "for an initial state; anchor: a decay left out; offset: "
                     "the state after the step for the one before it"),
      llvm::cl::init("sign")};
  Option<unsigned> site{*this, "site", llvm::cl::init(0)};

  void runOnOperation() override {
    unsigned next = 0;
    WalkResult walk = getOperation()->walk([&](Operation *op) {
      for (unsigned place = 0, count = countPlaces(op); place < count; ++place)
        if (next++ == site) {
          mutate(op, place);
          return WalkResult::interrupt();
        }
      return WalkResult::advance();
    });
    if (!walk.wasInterrupted())
      getOperation()->emitRemark("there is no such place");
  }

  unsigned countPlaces(Operation *op) {
    if (kind == "sign")
      return isa<arith::AddFOp>(op);
    if (kind == "combiner")
      return isa<arith::AddFOp>(op) && op->getParentOfType<seq::ScanOp>();
    if (kind == "compare") {
      auto compare = dyn_cast<arith::CmpIOp>(op);
      return compare && other(compare.getPredicate()) != compare.getPredicate();
    }
    if (kind == "anchor")
      return isa<math::ExpOp>(op);
    return getPlaces(op).size();
  }

  /// Operands that hold an initial state that is not zeros, or outputs that are
  /// a state before the step.
  SmallVector<OpOperand *> getPlaces(Operation *op) {
    SmallVector<OpOperand *> places;
    auto recurrence = dyn_cast<seq::RecurrenceOp>(op);
    if (kind == "initial") {
      size_t count = 0;
      if (recurrence)
        count = recurrence.getStates().size();
      else if (auto scan = dyn_cast<seq::ScanOp>(op))
        count = scan.getODSOperands(1).size();
      for (OpOperand &operand : op->getOpOperands().take_back(count))
        if (!isZero(operand.get()))
          places.push_back(&operand);
    } else if (kind == "offset" && recurrence) {
      for (OpOperand &yielded :
           recurrence.getBody().front().getTerminator()->getOpOperands())
        if (yielded.getOperandNumber() < recurrence.getOutputs().size() &&
            llvm::is_contained(recurrence.getStateArguments(), yielded.get()))
          places.push_back(&yielded);
    }
    return places;
  }

  void mutate(Operation *op, unsigned place) {
    OpBuilder builder(op);
    if (auto add = dyn_cast<arith::AddFOp>(op)) {
      Value difference = arith::SubFOp::create(builder, op->getLoc(),
                                               add.getLhs(), add.getRhs());
      op->replaceAllUsesWith(ValueRange(difference));
      op->erase();
    } else if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
      compare.setPredicate(other(compare.getPredicate()));
    } else if (isa<math::ExpOp>(op)) {
      op->setOperand(0, zero(builder, op->getOperand(0)));
    } else if (kind == "initial") {
      OpOperand *state = getPlaces(op)[place];
      state->set(zero(builder, state->get()));
    } else {
      auto recurrence = cast<seq::RecurrenceOp>(op);
      OpOperand *output = getPlaces(op)[place];
      for (auto [argument, yielded] : llvm::zip(
               recurrence.getStateArguments(), recurrence.getYieldedStates()))
        if (argument == output->get()) {
          output->set(yielded);
          break;
        }
    }
  }
};
} // namespace

void seqc::test::registerTestMutate() { PassRegistration<TestMutate>(); }

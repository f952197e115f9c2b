//===- TestStepTerms.cpp - writes steps anew from their terms -------------===//

#include "TestPasses.h"

#include "TermBuilder.h"

#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/Pass.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace seqc;

namespace {
/// Replaces, in each recurrence, the next states and the readouts by what their
/// terms say, where need be for given other states: if the analysis is right,
/// the meaning stays. With `lifted`, the products of the factors are computed
/// outside, for all times.
struct TestStepTerms : PassWrapper<TestStepTerms, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TestStepTerms)
  TestStepTerms() = default;
  TestStepTerms(const TestStepTerms &other) : PassWrapper(other) {}
  StringRef getArgument() const override { return "test-step-terms"; }
  StringRef getDescription() const override {
    return "writes steps anew from their terms";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, linalg::LinalgDialect,
                    tensor::TensorDialect>();
  }
  Option<bool> lifted{*this, "lifted",
                      llvm::cl::desc("compute factors for all times")};

  void runOnOperation() override {
    SmallVector<seq::RecurrenceOp> recurrences;
    getOperation()->walk(
        [&](seq::RecurrenceOp op) { recurrences.push_back(op); });
    for (seq::RecurrenceOp recurrence : recurrences)
      rewrite(recurrence);
  }

  void rewrite(seq::RecurrenceOp recurrence) {
    normalizeStep(recurrence);
    StepAnalysis analysis(recurrence);
    Block &body = recurrence.getBody().front();
    Operation *yield = body.getTerminator();
    unsigned outputs = recurrence.getOutputs().size();

    SmallVector<AffineValue> nexts;
    SmallVector<Readout> readouts(analysis.getReadouts());
    for (const StateInfo &info : analysis.getStates())
      nexts.push_back(info.whenGiven && !lifted ? info.whenGiven->next
                                                : info.next);
    if (lifted) {
      lift(recurrence, analysis, nexts);
      for (Readout &readout : readouts) {
        SmallVector<AffineValue> one{readout.terms};
        lift(recurrence, analysis, one);
        readout.terms = one.front();
      }
    }

    OpBuilder builder(yield);
    TermBuilder terms(recurrence, analysis.getDimensions(), builder);
    auto build = [&](const AffineValue &value, Value like) -> Value {
      auto type = cast<RankedTensorType>(like.getType());
      SmallVector<unsigned> dims =
          llvm::to_vector(llvm::seq<unsigned>(type.getRank()));
      SmallVector<TermProduct> products;
      for (const Term &term : value.terms) {
        TermProduct product = TermProduct::all(term);
        if (term.state)
          product.state = term.after
                              ? recurrence.getYieldedStates()[*term.state]
                              : recurrence.getStateArguments()[*term.state];
        if (!terms.canBuild(product, dims)) {
          recurrence.emitRemark("a term cannot be built");
          return {};
        }
        products.push_back(product);
      }
      if (products.empty())
        return {};
      Value built = terms.build(products, dims, type.getElementType());
      return built.getType() == type
                 ? built
                 : tensor::CastOp::create(builder, like.getLoc(), type, built)
                       .getResult();
    };
    SmallVector<Value> before(recurrence.getYieldedStates());
    SmallVector<Value> rebuilt;
    for (auto [next, value] : llvm::zip(nexts, before))
      rebuilt.push_back(build(next, value));
    for (auto [number, value] : llvm::enumerate(rebuilt))
      if (value)
        yield->setOperand(outputs + number, value);
    for (Readout &readout : readouts) {
      if (llvm::is_contained(before, readout.value))
        continue;
      Value built = build(readout.terms, readout.value);
      if (built)
        readout.value.replaceAllUsesExcept(built, built.getDefiningOp());
    }
    sortTopologically(&body);
  }

  /// Each term becomes one factor, a slice of a sequence, times the state.
  void lift(seq::RecurrenceOp recurrence, const StepAnalysis &analysis,
            MutableArrayRef<AffineValue> values) {
    OpBuilder builder(recurrence);
    TimeLifter lifter(recurrence, analysis.getDimensions(), builder);
    TermBuilder terms(recurrence, analysis.getDimensions(), builder, &lifter);
    MLIRContext *context = recurrence.getContext();
    Block &body = recurrence.getBody().front();
    for (AffineValue &value : values)
      for (Term &term : value.terms) {
        if (term.factors.empty() || !term.ranges.empty())
          continue;
        SmallVector<unsigned> dims;
        for (unsigned dim = 0; dim < term.sizes.size(); ++dim)
          if (llvm::any_of(term.factors, [&](const Factor &factor) {
                return factor.map.isFunctionOfDim(dim);
              }))
            dims.push_back(dim);
        AffineMap map = AffineMap::getMultiDimMapWithTargets(term.sizes.size(),
                                                             dims, context);
        if (dims.size() < recurrence.getDim())
          continue;
        dims.insert(dims.begin() + recurrence.getDim(), TermBuilder::kTime);
        TermProduct product = TermProduct::all(term);
        if (!terms.canBuild(product, dims)) {
          recurrence.emitRemark("a term cannot be lifted");
          continue;
        }
        Value sequence = terms.build(
            product, dims,
            getElementTypeOrSelf(recurrence.getStates().front().getType()));
        Value slice = body.insertArgument(
            recurrence.getInputs().size(),
            recurrence.getSliceType(cast<RankedTensorType>(sequence.getType())),
            recurrence.getLoc());
        recurrence.getInputsMutable().append(sequence);
        term.factors.assign({Factor{Factor::Times, slice, map}});
        term.scale = 1.0;
      }
  }
};

struct TestNormalizeStep : PassWrapper<TestNormalizeStep, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TestNormalizeStep)
  StringRef getArgument() const override { return "test-normalize-step"; }
  StringRef getDescription() const override {
    return "writes steps in single operations";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, linalg::LinalgDialect,
                    tensor::TensorDialect>();
  }
  void runOnOperation() override {
    getOperation()->walk([](seq::RecurrenceOp op) { normalizeStep(op); });
  }
};

/// Remarks at a function's return: the bounds of what it returns.
struct TestRanges : PassWrapper<TestRanges, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TestRanges)
  StringRef getArgument() const override { return "test-ranges"; }
  StringRef getDescription() const override {
    return "prints the bounds of what functions return";
  }
  void runOnOperation() override {
    getOperation()->walk([](func::ReturnOp op) {
      RangeAnalysis ranges;
      InFlightDiagnostic remark = op.emitRemark();
      for (Value value : op.getOperands()) {
        Interval range = ranges.get(value);
        std::string text;
        llvm::raw_string_ostream(text)
            << llvm::format("[%g, %g]", range.low, range.high);
        remark << text;
      }
    });
  }
};
} // namespace

void seqc::test::registerTestStepTerms() {
  PassRegistration<TestNormalizeStep>();
  PassRegistration<TestRanges>();
  PassRegistration<TestStepTerms>();
}

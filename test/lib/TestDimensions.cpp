//===- TestDimensions.cpp - prints the dimensions of recurrences -------------------===//

#include "TestPasses.h"

#include "seqc/Analysis/Dimensions.h"

#include "mlir/Pass/Pass.h"

using namespace mlir;
using namespace seqc;

namespace {
/// One remark a class, at the recurrence: its kind, size and where it occurs in
/// the region arguments and captures; one remark at each body operation that is
/// free of the state.
struct TestDimensions : PassWrapper<TestDimensions, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TestDimensions)
  StringRef getArgument() const override { return "test-dimensions"; }
  StringRef getDescription() const override {
    return "prints the dimensions of recurrences";
  }

  void runOnOperation() override {
    getOperation()->walk([](seq::RecurrenceOp op) { print(op); });
  }

  static void print(seq::RecurrenceOp op) {
    DimensionAnalysis analysis(op);
    for (auto [index, cls] : llvm::enumerate(analysis.getClasses())) {
      std::string text;
      llvm::raw_string_ostream out(text);
      auto list = [&out, &members = cls.members](StringRef name, auto values) {
        for (auto [number, value] : llvm::enumerate(values))
          for (auto [member, dim] : members)
            if (member == value)
              out << " " << name << number << "#" << dim;
      };
      list("state", op.getStateArguments());
      list("out", op.getOutputSlices());
      list("in", op.getInputSlices());
      list("capture", analysis.getCaptures());
      // Each operand's view must be its region argument's.
      for (OpOperand &operand : op->getOpOperands())
        if (std::optional<unsigned> dim = analysis.dimOf(operand, index);
            dim.has_value() !=
            analysis
                .dimOf(op.getBody().getArgument(operand.getOperandNumber()),
                       index)
                .has_value())
          out << " operand" << operand.getOperandNumber() << " differs";
      InFlightDiagnostic remark = op.emitRemark() << "dimension " << index;
      if (!ShapedType::isDynamic(cls.size))
        remark << " of " << cls.size;
      if (cls.separable)
        remark << " is separable:";
      else if (cls.reductionOnly)
        remark << " is a reduction:";
      else
        remark << " " << cls.reason << ":";
      remark << text;
    }
    for (Operation &body : op.getBody().front().without_terminator())
      if (body.getNumResults() && !analysis.dependsOnState(body.getResult(0)))
        body.emitRemark("free of the state");
  }
};
} // namespace

void seqc::test::registerTestDimensions() {
  PassRegistration<TestDimensions>();
}

//===- TestSerialTeam.cpp - runs a team's region on one thread ----------------------===//

#include "TestPasses.h"

#include "kernel/Kernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace {
/// Replaces `kernel.team` by its region as thread 0 of 1, so that lowered code
/// can be executed without the runtime.
struct TestSerialTeam : PassWrapper<TestSerialTeam, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TestSerialTeam)
  StringRef getArgument() const override { return "test-serial-team"; }
  StringRef getDescription() const override {
    return "replaces kernel.team by its region on one thread";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect>();
  }

  void runOnOperation() override {
    getOperation()->walk([](kernel::TeamOp team) {
      IRRewriter rewriter(team);
      Value zero = arith::ConstantIndexOp::create(rewriter, team.getLoc(), 0);
      Value one = arith::ConstantIndexOp::create(rewriter, team.getLoc(), 1);
      Block &body = team.getBody().front();
      team->walk([](kernel::BarrierOp barrier) { barrier->erase(); });
      body.getTerminator()->erase();
      rewriter.inlineBlockBefore(&body, team, {zero, one});
      rewriter.eraseOp(team);
    });
  }
};
} // namespace

void seqc::test::registerTestSerialTeam() {
  PassRegistration<TestSerialTeam>();
}

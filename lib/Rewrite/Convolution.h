//===- Convolution.h - a time-invariant recurrence as a long convolution ----===//

#ifndef SEQC_LIB_REWRITE_CONVOLUTION_H
#define SEQC_LIB_REWRITE_CONVOLUTION_H

#include "AffineScan.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace seqc {

/// A factor of a product over loops.
struct LoopOperand {
  mlir::Value value;
  llvm::SmallVector<mlir::AffineExpr> index;
  Factor::Kind kind = Factor::Times;
};

/// Where the parts of a recurrence's term are: its states' powers.
struct Powers {
  StateGroup group;
  /// For the kernel and the last state; for what is left of the initial state,
  /// after the update and before it.
  std::unique_ptr<AffineScan> kernel, initial[2];
};

/// Works on a normalized copy, which goes away again.
class Convolution {
public:
  explicit Convolution(mlir::seq::RecurrenceOp copy)
      : copy(copy), analysis(copy), builder(copy), loc(copy.getLoc()),
        context(copy.getContext()), time(copy.getDim()) {}

  /// The results in other words; nothing, with the reason as the end of "the
  /// recurrence …", if it is no convolution.
  std::optional<llvm::SmallVector<mlir::Value>> run(std::string &reason);

private:
  bool check(std::string &reason);
  bool checkTerm(const Term &term, bool isReadout, std::string &reason);
  bool varies(const Factor &factor) const {
    return analysis.getDimensions().dependsOnTime(factor.value);
  }
  mlir::AffineExpr d(unsigned loop) {
    return mlir::getAffineDimExpr(loop, context);
  }
  LoopOperand ofFactor(const Factor &factor,
                       llvm::ArrayRef<mlir::AffineExpr> dims,
                       mlir::AffineExpr now);
  LoopOperand ofPower(mlir::Value power, const StateGroup &group,
                      llvm::ArrayRef<mlir::AffineExpr> state,
                      mlir::AffineExpr now);
  mlir::Value contract(llvm::ArrayRef<LoopOperand> operands, double scale,
                       llvm::ArrayRef<mlir::OpFoldResult> sizes, unsigned loops,
                       mlir::Value init, mlir::Type element);
  mlir::Value zeros(llvm::ArrayRef<mlir::OpFoldResult> sizes,
                    mlir::Type element);
  mlir::Value convolve(const Term &readout, const Powers &powers, unsigned g,
                       unsigned k, const Term &added, mlir::Value init);
  mlir::Value addInitial(const Term &readout, const Powers &powers, unsigned g,
                         mlir::Value init);
  mlir::Value computeReadout(const Readout &readout);
  mlir::Value computeLast(const Powers &powers, unsigned g);
  llvm::SmallVector<mlir::OpFoldResult> sizesOf(const Term &term, bool hasTime);
  mlir::OpFoldResult times();
  bool isZero(unsigned state);
  std::pair<Powers *, unsigned> find(unsigned state);

  mlir::seq::RecurrenceOp copy;
  StepAnalysis analysis;
  mlir::OpBuilder builder;
  mlir::Location loc;
  mlir::MLIRContext *context;
  unsigned time;
  std::unique_ptr<TimeLifter> lifter;
  std::vector<Powers> all;
};

} // namespace seqc

#endif // SEQC_LIB_REWRITE_CONVOLUTION_H

//===- FunctionRelation.h - which dimensions of a function are one --------===//

#ifndef SEQC_LIB_REWRITE_FUNCTIONRELATION_H
#define SEQC_LIB_REWRITE_FUNCTIONRELATION_H

#include "seqc/Analysis/DimensionRelation.h"

#include "seq/Seq.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/DenseSet.h"

namespace seqc {

/// The function that `call` calls, if it is in the module and has a body.
mlir::func::FuncOp getCallee(mlir::func::CallOp call,
                             mlir::SymbolTableCollection &symbols);

/// DimensionRelation in a function, and, in addition to what it says,
///
///   scf.for         initial value, argument, yielded value and result agree
///   func.call       as the callee relates its arguments and results
///   seq.recurrence, named layers: sequences have one time; slices, states and
///                   outputs agree inside and outside, before and after
///   seq.attention   queries and output, keys and values have one time each
///   seq.scan        a sequence agrees with its result; all have one time
///
/// For time, any other use by a recurrence is an obstacle.
class FunctionRelation : public DimensionRelation {
public:
  FunctionRelation(mlir::func::FuncOp function,
                   mlir::SymbolTableCollection &symbols,
                   const FunctionRelation *caller = nullptr);

  /// Says that the dimension is time, along which something runs.
  void addTime(mlir::Value value, unsigned dim);
  /// After finish.
  llvm::DenseSet<unsigned> getTimeClasses() const;

private:
  void relateBlock(mlir::Block &block);
  bool relateOther(mlir::Operation &op) override;
  bool relateTemporal(mlir::seq::TemporalOpInterface op);
  void relateBody(mlir::seq::RecurrenceOp op);
  bool relateAttention(mlir::seq::AttentionOp op);
  bool relateScan(mlir::seq::ScanOp op);
  bool relateLoop(mlir::scf::ForOp op);
  bool relateCall(mlir::func::CallOp call);

  mlir::func::FuncOp function;
  mlir::SymbolTableCollection &symbols;
  const FunctionRelation *caller;
  llvm::SmallVector<unsigned> times;
};

} // namespace seqc

#endif // SEQC_LIB_REWRITE_FUNCTIONRELATION_H

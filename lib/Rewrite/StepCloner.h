//===- StepCloner.h - one time of a function ------------------------------------------===//

#ifndef SEQC_LIB_REWRITE_STEPCLONER_H
#define SEQC_LIB_REWRITE_STEPCLONER_H

#include "AfterAll.h"
#include "StepStates.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"

namespace seqc {

/// A state of a step function that the whole function does not have: a further
/// argument and a further result, after all others.
struct AddedState {
  mlir::RankedTensorType type;
  mlir::TypedAttr initial;
  mlir::Location loc;
};

/// The step of a function: the arguments and results of the function without
/// their time, then the added states.
struct StepFunction {
  mlir::func::FuncOp step;
  TimeDims argumentTimes;
  TimeDims resultTimes;
  llvm::SmallVector<AddedState> added;
  /// States that were arguments: argument and result.
  llvm::SmallVector<std::pair<unsigned, unsigned>> kept;
  /// Results that are computed from last states.
  llvm::SmallVector<bool> resultAfterAll;
};

/// Derives the steps of a module's functions.
class StepDeriver {
public:
  explicit StepDeriver(mlir::ModuleOp module) : module(module) {}

  /// Whether there is a recurrence, scan or cached attention in the function or
  /// in one that it calls. Fails with an error at a named layer.
  mlir::FailureOr<bool> runsThroughTime(mlir::func::FuncOp function);

  /// The step of `function`; the times that its callers know may be empty.
  mlir::FailureOr<const StepFunction *>
  derive(mlir::func::FuncOp function,
         llvm::ArrayRef<std::optional<unsigned>> arguments,
         llvm::ArrayRef<std::optional<unsigned>> results);

  mlir::SymbolTableCollection &getSymbols() { return symbols; }

private:
  mlir::ModuleOp module;
  mlir::SymbolTableCollection symbols;
  llvm::DenseMap<mlir::Operation *, std::unique_ptr<StepFunction>> steps;
};

/// Starts the error at the operation because of which there is no step.
mlir::InFlightDiagnostic refuseStep(mlir::Operation *op);

/// Clones one function for one time.
class StepCloner {
public:
  StepCloner(StepDeriver &deriver, mlir::func::FuncOp function,
             TimeDimensions times)
      : deriver(deriver), function(function), times(std::move(times)) {}

  mlir::LogicalResult run(StepFunction &result);

private:
  /// How the states of a recurrence or of a call's step are handed on.
  struct OperationStates {
    /// For each state, whether it is one of the added ones.
    llvm::SmallVector<bool> isAdded;
    const StepFunction *callee = nullptr;
  };

  // What is there: states, and values that need all times.
  mlir::LogicalResult collect(mlir::Block &block,
                              llvm::SmallVectorImpl<AddedState> &added);
  mlir::FailureOr<bool> collectState(mlir::OpOperand &init, mlir::Value last,
                                     llvm::SmallVectorImpl<AddedState> &added);
  llvm::SmallVector<mlir::Value> getLastStates(mlir::Operation *op);

  // Cloning.
  mlir::RankedTensorType withoutTime(mlir::Value value);
  bool hasOperands(mlir::Operation *op);
  mlir::LogicalResult cloneBlock(mlir::Block &block, mlir::OpBuilder &builder,
                                 llvm::MutableArrayRef<mlir::Value> states);
  mlir::LogicalResult cloneRecurrence(mlir::seq::RecurrenceOp op,
                                      mlir::OpBuilder &builder,
                                      llvm::MutableArrayRef<mlir::Value> &states);
  void cloneAttention(mlir::seq::CachedAttentionOp op, mlir::OpBuilder &builder,
                      llvm::MutableArrayRef<mlir::Value> &states);
  void cloneCall(mlir::func::CallOp op, mlir::OpBuilder &builder,
                 llvm::MutableArrayRef<mlir::Value> &states);
  mlir::LogicalResult cloneLoop(mlir::Operation *op, mlir::OpBuilder &builder,
                                llvm::MutableArrayRef<mlir::Value> &states);
  void cloneLinalg(mlir::Operation *op, mlir::OpBuilder &builder);
  mlir::LogicalResult cloneLastTime(mlir::Operation *op,
                                    mlir::OpBuilder &builder);
  mlir::LogicalResult cloneWithTime(mlir::Operation *op,
                                    mlir::OpBuilder &builder);

  StepDeriver &deriver;
  mlir::func::FuncOp function;
  TimeDimensions times;
  mlir::IRMapping mapping;
  llvm::DenseMap<mlir::Operation *, OperationStates> statesOf;
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<AddedState>> addedInLoop;
  /// Operands that hold an initial state taken from where the last one goes.
  llvm::DenseSet<mlir::OpOperand *> handedOn;
  llvm::SmallVector<std::pair<unsigned, unsigned>> kept;
  /// Arguments that are states without a result, and the last state.
  llvm::SmallVector<std::pair<unsigned, mlir::Value>> unreturned;
};

} // namespace seqc

#endif // SEQC_LIB_REWRITE_STEPCLONER_H

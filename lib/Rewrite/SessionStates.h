//===- SessionStates.h - the states inside of functions -------------------===//

#ifndef SEQC_LIB_REWRITE_SESSIONSTATES_H
#define SEQC_LIB_REWRITE_SESSIONSTATES_H

#include "FunctionRelation.h"
#include "Refuse.h"

#include "mlir/IR/BuiltinOps.h"

namespace seqc {

/// A state that begins as zeros inside of a function. The dynamic size of a
/// cache is its capacity.
struct HiddenState {
  mlir::RankedTensorType type;
  llvm::StringRef name;
  /// The operation of the function's own block that has it, and its number
  /// among the hidden states there.
  mlir::Operation *anchor = nullptr;
  unsigned number = 0;
  /// How far behind it the state lies that says how much of it is used; 0:
  /// none does.
  unsigned toPosition = 0;
  /// A bound of the dynamic size, that of a ring; 0: there is none.
  int64_t most = 0;
};

/// The states of a function, in the order of its operations.
struct FunctionStates {
  llvm::SmallVector<HiddenState> hidden;
  /// States that are arguments and results of the function, with their names.
  struct Carried {
    unsigned argument, result;
    llvm::StringRef name;
  };
  llvm::SmallVector<Carried> carried;
  bool runsThroughTime = false;
};

/// The states of a module's functions, as seq-expose-states sees them.
class SessionStates {
public:
  explicit SessionStates(mlir::ModuleOp module);

  /// The states of a function and of those that it calls. Refuses what runs
  /// backwards, states of unknown size, and states that begin neither as zeros
  /// nor as an argument.
  mlir::FailureOr<const FunctionStates *> collect(mlir::func::FuncOp function,
                                                  Refuse refuse);

  /// The states of a function for which `collect` has succeeded.
  const FunctionStates &get(mlir::func::FuncOp function) const {
    return *known.at(function);
  }

  /// Refuses where sequences in pieces would give other results than the whole.
  mlir::LogicalResult checkCausal(mlir::func::FuncOp function, Refuse refuse);

  /// After collect, for the states of a recurrence or layer, or those that a
  /// call's callee carries: which of them are hidden.
  llvm::ArrayRef<bool> isHidden(mlir::Operation *op) const {
    auto it = hiddenAt.find(op);
    return it == hiddenAt.end() ? llvm::ArrayRef<bool>() : it->second;
  }
  /// After collect, for a loop: the hidden states of one iteration.
  llvm::ArrayRef<HiddenState> getInLoop(mlir::Operation *op) const {
    auto it = hiddenInLoop.find(op);
    return it == hiddenInLoop.end() ? llvm::ArrayRef<HiddenState>()
                                    : it->second;
  }

  mlir::SymbolTableCollection &getSymbols() { return symbols; }

private:
  mlir::LogicalResult collect(mlir::Block &block, FunctionStates &states,
                              Refuse refuse);
  mlir::LogicalResult addState(mlir::OpOperand &initial, mlir::Value last,
                               llvm::StringRef name, FunctionStates &states,
                               Refuse refuse);
  void addCache(mlir::seq::AttentionOp op, FunctionStates &states);
  mlir::LogicalResult collectCall(mlir::func::CallOp call,
                                  FunctionStates &states, Refuse refuse);
  mlir::LogicalResult collectLoop(mlir::scf::ForOp loop, FunctionStates &states,
                                  Refuse refuse);
  mlir::LogicalResult checkOther(mlir::Operation &op, Refuse refuse);

  mlir::SymbolTableCollection symbols;
  mlir::SymbolUserMap users;
  llvm::DenseMap<mlir::Operation *, std::unique_ptr<FunctionStates>> known;
  llvm::DenseSet<mlir::Operation *> open;
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<bool>> hiddenAt;
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<HiddenState>>
      hiddenInLoop;
  llvm::DenseSet<mlir::OpOperand *> handedOn;
};

/// Whether a program can hand tensors of this element type to its caller.
bool isProgramElement(mlir::Type type);

} // namespace seqc

#endif // SEQC_LIB_REWRITE_SESSIONSTATES_H

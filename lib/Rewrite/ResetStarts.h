//===- ResetStarts.h - what states begin with -----------------------------===//

#ifndef SEQC_LIB_REWRITE_RESETSTARTS_H
#define SEQC_LIB_REWRITE_RESETSTARTS_H

#include "FunctionRelation.h"
#include "Refuse.h"

#include "mlir/IR/BuiltinOps.h"

namespace seqc {

/// What a state is before the first time: every element is `constant`, or it is
/// `value`, the initial state itself.
struct ResetStart {
  mlir::TypedAttr constant;
  mlir::Value value;
};

/// The states of a module's recurrences and what they begin with. One that a
/// public function takes and returns is handed on from run to run: it begins as
/// zeros, or as `seq.initial` of the argument says. One that is only taken, or
/// constant, is the start.
class ResetStarts {
public:
  explicit ResetStarts(mlir::ModuleOp module) : users(symbols, module) {}

  /// Whether a recurrence, layer, scan or attention is in the function or in one
  /// that it calls.
  bool runsThroughTime(mlir::func::FuncOp function);

  /// Finds the starts of the function's recurrences; layers must be general.
  /// Refuses scans and initial states that are computed.
  mlir::LogicalResult collect(mlir::func::FuncOp function, Refuse refuse);
  /// In the order of the recurrence's states, after `collect`.
  llvm::ArrayRef<ResetStart> of(mlir::seq::RecurrenceOp op) const {
    return starts.at(op);
  }

  /// After collect of all functions: refuses where times are mixed in other
  /// ways than by recurrences, and more than one time.
  mlir::LogicalResult checkCausal(mlir::func::FuncOp function, Refuse refuse);
  /// After checkCausal: the dimension of a function's argument that is time.
  std::optional<unsigned> getTime(mlir::Value argument) const {
    auto it = times.find(argument);
    return it == times.end() ? std::nullopt : std::optional(it->second);
  }

  mlir::SymbolTableCollection &getSymbols() { return symbols; }

private:
  mlir::FailureOr<ResetStart> find(mlir::OpOperand &init, mlir::Value last,
                                   Refuse refuse);

  mlir::SymbolTableCollection symbols;
  mlir::SymbolUserMap users;
  llvm::DenseMap<mlir::Operation *, bool> runs;
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<ResetStart>> starts;
  llvm::DenseMap<mlir::Value, unsigned> times;
  llvm::DenseSet<mlir::OpOperand *> handedOn;
};

} // namespace seqc

#endif // SEQC_LIB_REWRITE_RESETSTARTS_H

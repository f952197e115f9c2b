//===- CostCounter.h - counts what operations do -------------------------===//

#ifndef SEQC_LIB_ANALYSIS_COSTCOUNTER_H
#define SEQC_LIB_ANALYSIS_COSTCOUNTER_H

#include "Sizes.h"

#include "kernel/Kernel.h"
#include "seq/Seq.h"
#include "seqc/Analysis/Cost.h"

#include "mlir/IR/Block.h"
#include "llvm/ADT/SetVector.h"

namespace seqc {

/// Parts of the peak that generated code reaches, as measured
/// (docs/Targets.md).
constexpr double kPackedProduct = 0.85; ///< products with packed weights
constexpr double kLoops = 0.4;          ///< other loops over tensors
constexpr double kAttention = 0.7;
constexpr double kStep = 0.5; ///< the body of a recurrence

/// What one element, or one step, takes.
struct Tally {
  Expression work; ///< operations
  /// Instruction slots of a multiply-add, in operations: an addition that is no
  /// part of a multiply-add takes as long as one.
  Expression slots;
  Expression exponentials;
  Tally operator*(const Expression &times) const {
    return {work * times, slots * times, exponentials * times};
  }
  Tally &operator+=(const Tally &other) {
    work += other.work;
    slots += other.slots;
    exponentials += other.exponentials;
    return *this;
  }
  bool isNothing() const { return slots.isZero() && exponentials.isZero(); }
};

/// One operation on scalars, or on each element of tensors.
Tally getScalarTally(mlir::Operation *op);
/// All operations of a payload.
Tally getPayloadTally(mlir::Block &payload);
/// An operation of a recurrence's body or of a block of tensors; nothing for
/// data movement.
Tally getTally(mlir::Operation *op, Sizes &sizes);

/// Whether the operation computes each element of its result from elements of
/// its operands, none twice.
bool isElementwise(mlir::Operation *op);
/// Whether the operation only names elements: views, sizes, constants.
bool isView(mlir::Operation *op);

class CostCounter {
public:
  explicit CostCounter(const Machine &machine) : machine(machine) {}

  void count(mlir::Operation *op);
  Cost finish();

private:
  void countLoops(mlir::Operation *op);
  void countMovement(mlir::Operation *op);
  void countRecurrence(mlir::seq::RecurrenceOp op);
  void countScan(mlir::seq::ScanOp op);
  void countAttention(mlir::Value query, mlir::Value key, mlir::Value value,
                      mlir::Value result, mlir::seq::MaskAttr mask);

  /// All cores do it, with `efficiency` of their peak.
  void compute(const Tally &tally, double efficiency, double rate);
  void read(mlir::Value value);
  void write(mlir::Value value);
  void touch(mlir::Value value);
  void dispatch() {
    if (machine.cores > 1)
      cost.fixed += machine.dispatch;
  }
  void bound(llvm::StringRef part, const Expression &seconds);
  /// The nearest level that holds so many bytes of each core's own.
  const MemoryLevel &levelOf(double bytes) const;
  /// How much of full vectors a dimension of this size fills.
  double laneFill(double size) const;

  const Machine &machine;
  Sizes sizes;
  Cost cost;
  Expression reads, writes, footprint;
  llvm::DenseSet<mlir::Value> touched;
};

} // namespace seqc

#endif // SEQC_LIB_ANALYSIS_COSTCOUNTER_H

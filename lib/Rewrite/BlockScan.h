//===- BlockScan.h - a scan as recurrences, by blocks of time ---------------===//

#ifndef SEQC_LIB_REWRITE_BLOCKSCAN_H
#define SEQC_LIB_REWRITE_BLOCKSCAN_H

#include "TimeLifter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

#include <vector>

namespace seqc {

/// Numbers of times, known or not.
class TimeCount {
public:
  TimeCount(mlir::OpBuilder &builder, mlir::Location loc,
            mlir::OpFoldResult value)
      : builder(&builder), loc(loc), value(value) {}
  operator mlir::OpFoldResult() const { return value; }
  int64_t known() const {
    return mlir::getConstantIntValue(value).value_or(
        mlir::ShapedType::kDynamic);
  }

  template <typename Op>
  TimeCount apply(TimeCount other) const {
    mlir::Value a = asValue(), b = other.asValue();
    return {*builder, loc,
            mlir::getAsOpFoldResult(builder->createOrFold<Op>(loc, a, b))};
  }
  TimeCount operator+(TimeCount other) const {
    return apply<mlir::arith::AddIOp>(other);
  }
  TimeCount operator-(TimeCount other) const {
    return apply<mlir::arith::SubIOp>(other);
  }
  TimeCount operator*(TimeCount other) const {
    return apply<mlir::arith::MulIOp>(other);
  }
  TimeCount operator/(TimeCount other) const {
    return apply<mlir::arith::DivUIOp>(other);
  }
  TimeCount min(TimeCount other) const {
    return apply<mlir::arith::MinUIOp>(other);
  }
  TimeCount max(TimeCount other) const {
    return apply<mlir::arith::MaxUIOp>(other);
  }
  /// `yes` where this is at least `bound`, else `no`.
  TimeCount atLeast(TimeCount bound, TimeCount yes, TimeCount no) const {
    mlir::Value condition = builder->createOrFold<mlir::arith::CmpIOp>(
        loc, mlir::arith::CmpIPredicate::uge, asValue(), bound.asValue());
    return {
        *builder, loc,
        mlir::getAsOpFoldResult(builder->createOrFold<mlir::arith::SelectOp>(
            loc, condition, yes.asValue(), no.asValue()))};
  }

private:
  mlir::Value asValue() const {
    return mlir::getValueOrCreateConstantIndexOp(*builder, loc, value);
  }
  mlir::OpBuilder *builder;
  mlir::Location loc;
  mlir::OpFoldResult value;
};

/// A range of a dimension, in the order of memory.
struct TimeSpan {
  int64_t dim;
  TimeCount begin, size;
};

/// Writes a scan as recurrences; see SeqBlockScan.cpp for the two forms.
class BlockScan {
public:
  BlockScan(mlir::seq::ScanOp op, int64_t blocks)
      : op(op), builder(op), loc(op.getLoc()), dim(op.getDim()),
        reverse(op.getReverse()), numBlocks(blocks) {}

  /// Whether the combiner can combine all blocks at once.
  bool canLift();
  /// Blocks side by side, or one time after the other. The scan goes away.
  void runBlocks();
  void runSequential();

private:
  using Values = llvm::SmallVector<mlir::Value>;
  /// Builds outputs and next states from slices of inputs and states.
  using Body = llvm::function_ref<Values(mlir::OpBuilder &, mlir::ValueRange,
                                         mlir::ValueRange)>;

  TimeCount constant(int64_t value) {
    return {builder, loc, builder.getIndexAttr(value)};
  }
  bool isWhole(llvm::ArrayRef<TimeSpan> ranges);
  mlir::Value slice(mlir::Value tensor, llvm::ArrayRef<TimeSpan> ranges,
                    llvm::ArrayRef<int64_t> dropped = {});
  mlir::Value insert(mlir::Value part, mlir::Value tensor,
                     llvm::ArrayRef<TimeSpan> ranges);
  llvm::SmallVector<mlir::ReassociationIndices> groupsAround(int64_t rank);
  mlir::Value splitBlocks(mlir::Value sequence, TimeCount length);
  mlir::Value joinBlocks(mlir::Value blocks);
  mlir::Value emptyLike(mlir::Value like,
                        llvm::ArrayRef<std::pair<int64_t, TimeCount>> inserted);
  mlir::seq::RecurrenceOp recur(int64_t along, mlir::ValueRange ins,
                                mlir::ValueRange outs, mlir::ValueRange inits,
                                Body body);
  Values combine(mlir::OpBuilder &inner, mlir::ValueRange earlier,
                 mlir::ValueRange later);
  Values combineBlocks(mlir::OpBuilder &inner, mlir::ValueRange earlier,
                       mlir::ValueRange later, llvm::ArrayRef<unsigned> wanted);
  std::vector<llvm::SmallVector<unsigned>> findComponents();
  Values reduceBlocks(mlir::ValueRange parts, TimeCount length);
  /// The range of a dimension of `total` that is `size` from `begin` on in the
  /// order of the scan.
  TimeSpan inOrder(int64_t along, TimeCount total, TimeCount begin,
                   TimeCount size) {
    return {along, reverse ? total - begin - size : begin, size};
  }
  Values readOnes(mlir::ValueRange members) {
    return llvm::map_to_vector(read, [&](unsigned i) { return members[i]; });
  }
  void begin();
  void replace(mlir::ValueRange outputs, mlir::ValueRange totals);
  Values runFront(TimeCount times, TimeCount front,
                  llvm::ArrayRef<TimeSpan> to);
  mlir::seq::RecurrenceOp runRest(TimeCount times, TimeCount begin,
                                  TimeCount rest, llvm::ArrayRef<TimeSpan> to,
                                  mlir::ValueRange states);
  void write(mlir::seq::RecurrenceOp part, llvm::ArrayRef<TimeSpan> ranges);
  Values slices(mlir::ValueRange tensors, llvm::ArrayRef<TimeSpan> ranges,
                llvm::ArrayRef<int64_t> dropped = {});
  Values outputsOf(mlir::ValueRange states, mlir::ValueRange next);
  TimeCount countTimes() { return {builder, loc, times}; }
  void findInvariants();
  Values repeatInvariants(int64_t count);
  Values laterOf(mlir::ValueRange slices, mlir::ValueRange invariants);

  mlir::seq::ScanOp op;
  mlir::OpBuilder builder;
  mlir::Location loc;
  int64_t dim;
  bool reverse;
  int64_t numBlocks;
  /// Numbers of the sequences among the results that are read.
  llvm::SmallVector<unsigned> read;
  /// Inputs that differ from time to time, and for each input its slice if it
  /// is the same at all times.
  Values varying, invariant;
  /// The tensors that the results which are read are written to.
  Values written;
  /// The number of times.
  mlir::OpFoldResult times;
  bool isSequential = false;
};

} // namespace seqc

#endif // SEQC_LIB_REWRITE_BLOCKSCAN_H

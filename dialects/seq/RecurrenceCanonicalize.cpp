//===- RecurrenceCanonicalize.cpp - canonicalizations of seq.recurrence -----------===//

#include "seq/Seq.h"

using namespace mlir;
using namespace mlir::seq;

namespace {
/// Drops inputs that appear twice and inputs that the region does not read. The
/// last sequence of a recurrence stays: it tells the number of times.
struct SimplifyInputs : OpRewritePattern<RecurrenceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(RecurrenceOp op,
                                PatternRewriter &rewriter) const override {
    auto slices = op.getInputSlices();
    auto firstOf = [&](Value input) {
      return static_cast<size_t>(std::distance(
          op.getInputs().begin(), llvm::find(op.getInputs(), input)));
    };
    llvm::BitVector dropped(op.getBody().getNumArguments());
    SmallVector<Value> kept;
    for (auto [index, input] : llvm::enumerate(op.getInputs())) {
      bool isRead = llvm::any_of(
          llvm::enumerate(op.getInputs()), [&, input = input](auto other) {
            return other.value() == input && !slices[other.index()].use_empty();
          });
      if (isRead && firstOf(input) == index)
        kept.push_back(input);
      else
        dropped.set(index);
    }
    if (kept.empty() && op.getOutputs().empty()) {
      kept.push_back(op.getInputs().front());
      dropped.reset(0);
    }
    if (dropped.none())
      return failure();

    rewriter.modifyOpInPlace(op, [&] {
      for (auto [index, input] : llvm::enumerate(op.getInputs()))
        if (size_t first = firstOf(input); first != index)
          slices[index].replaceAllUsesWith(slices[first]);
      op.getBody().front().eraseArguments(dropped);
      op.getInputsMutable().assign(kept);
    });
    return success();
  }
};

/// Drops outputs and states that nobody reads: neither the result nor the
/// region's argument is used, but to be yielded as it came. Replaces a state that never changes by its
/// initial value, which the region then captures.
struct SimplifyResults : OpRewritePattern<RecurrenceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(RecurrenceOp op,
                                PatternRewriter &rewriter) const override {
    Block &body = op.getBody().front();
    Operation *yield = body.getTerminator();
    size_t numInputs = op.getInputs().size(),
           numOutputs = op.getOutputs().size();
    auto argumentOf = [&](size_t result) {
      return body.getArgument(numInputs + result);
    };
    auto isRead = [&](size_t result) {
      return llvm::any_of(argumentOf(result).getUses(), [&](OpOperand &use) {
        return use.getOwner() != yield || use.getOperandNumber() != result;
      });
    };
    auto isInvariant = [&](size_t result) {
      return result >= numOutputs &&
             yield->getOperand(result) == argumentOf(result);
    };

    llvm::BitVector dropped(op.getNumResults());
    for (size_t index = 0; index < op.getNumResults(); ++index)
      if (isInvariant(index) ||
          (op.getResult(index).use_empty() && !isRead(index)))
        dropped.set(index);
    // An output stays where it alone tells the number of times.
    if (op.getInputs().empty() &&
        dropped.find_first_unset_in(0, numOutputs) < 0)
      dropped.reset(0);
    if (dropped.none())
      return failure();

    llvm::BitVector droppedArguments(body.getNumArguments());
    SmallVector<Value> outputs, states, yielded;
    for (size_t index = 0; index < op.getNumResults(); ++index) {
      Value init = op.getDpsInits()[index];
      if (dropped.test(index)) {
        droppedArguments.set(numInputs + index);
        if (isInvariant(index)) {
          rewriter.replaceAllUsesWith(argumentOf(index), init);
          rewriter.replaceAllUsesWith(op.getResult(index), init);
        }
        continue;
      }
      (index < numOutputs ? outputs : states).push_back(init);
    }
    for (size_t index = 0; index < op.getNumResults(); ++index)
      if (!dropped.test(index))
        yielded.push_back(yield->getOperand(index));

    auto simpler =
        RecurrenceOp::create(rewriter, op.getLoc(), op.getDim(),
                             op.getReverse(), op.getInputs(), outputs, states);
    rewriter.modifyOpInPlace(yield, [&] { yield->setOperands(yielded); });
    body.eraseArguments(droppedArguments);
    rewriter.inlineRegionBefore(op.getBody(), simpler.getBody(),
                                simpler.getBody().end());
    simpler->setDiscardableAttrs(op->getDiscardableAttrDictionary());
    SmallVector<Value> results;
    auto next = simpler.getResults().begin();
    for (size_t index = 0; index < op.getNumResults(); ++index)
      results.push_back(dropped.test(index) ? op.getDpsInits()[index]
                                            : *next++);
    rewriter.replaceOp(op, results);
    return success();
  }
};
/// Yields states and outputs that nothing but themselves needs as they came,
/// so that SimplifyResults drops them.
struct CutDeadCycles : OpRewritePattern<RecurrenceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(RecurrenceOp op,
                                PatternRewriter &rewriter) const override {
    Block &body = op.getBody().front();
    Operation *yield = body.getTerminator();
    size_t numInputs = op.getInputs().size();
    llvm::BitVector live(op.getNumResults());
    SmallVector<Value> needed;
    auto need = [&](size_t result) {
      if (live.test(result))
        return;
      live.set(result);
      needed.push_back(yield->getOperand(result));
    };
    for (size_t index = 0; index < op.getNumResults(); ++index)
      if (!op.getResult(index).use_empty())
        need(index);
    // Operations that stay whoever reads them.
    for (Operation &inner : body.without_terminator())
      if (!isMemoryEffectFree(&inner))
        llvm::append_range(needed, inner.getOperands());
    DenseSet<Value> seen;
    while (!needed.empty()) {
      Value value = needed.pop_back_val();
      if (!seen.insert(value).second)
        continue;
      auto argument = dyn_cast<BlockArgument>(value);
      if (argument && argument.getOwner() == &body &&
          argument.getArgNumber() >= numInputs)
        need(argument.getArgNumber() - numInputs);
      Operation *definition =
          value.getDefiningOp() ? body.findAncestorOpInBlock(*value.getDefiningOp())
                                : nullptr;
      if (definition)
        definition->walk([&](Operation *nested) {
          llvm::append_range(needed, nested->getOperands());
        });
    }
    bool changed = false;
    for (size_t index = 0; index < op.getNumResults(); ++index) {
      Value argument = body.getArgument(numInputs + index);
      if (live.test(index) || yield->getOperand(index) == argument)
        continue;
      rewriter.modifyOpInPlace(yield,
                               [&] { yield->setOperand(index, argument); });
      changed = true;
    }
    return success(changed);
  }
};
} // namespace

void RecurrenceOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                               MLIRContext *context) {
  patterns.add<CutDeadCycles, SimplifyInputs, SimplifyResults>(context);
}

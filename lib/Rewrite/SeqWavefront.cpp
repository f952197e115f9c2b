//===- SeqWavefront.cpp - recurrences that run side by side ---------------===//

#include "FunctionRelation.h"
#include "StackedRecurrences.h"

#include "seqc/Rewrite/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

namespace seqc {
#define GEN_PASS_DEF_SEQWAVEFRONT
#include "seqc/Rewrite/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;

//===----------------------------------------------------------------------===//
// Beside each other
//===----------------------------------------------------------------------===//

/// The sequence from its last time to its first.
static Value flip(OpBuilder &b, Value sequence, int64_t dim) {
  Location loc = sequence.getLoc();
  auto type = cast<RankedTensorType>(sequence.getType());
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, sequence);
  Value times = getValueOrCreateConstantIndexOp(b, loc, sizes[dim]);
  Value empty = tensor::EmptyOp::create(b, loc, sizes, type.getElementType());
  SmallVector<utils::IteratorType> kinds(type.getRank(),
                                         utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             b, loc, type, ValueRange(), empty,
             b.getMultiDimIdentityMap(type.getRank()), kinds,
             [&](OpBuilder &b, Location loc, ValueRange) {
               SmallVector<Value> at;
               for (int64_t i = 0; i < type.getRank(); ++i)
                 at.push_back(linalg::IndexOp::create(b, loc, i));
               Value one = arith::ConstantIndexOp::create(b, loc, 1);
               Value last = arith::SubIOp::create(b, loc, times, one);
               at[dim] = arith::SubIOp::create(b, loc, last, at[dim]);
               Value element = tensor::ExtractOp::create(b, loc, sequence, at);
               linalg::YieldOp::create(b, loc, element);
             })
      .getResult(0);
}

/// One recurrence with the outputs of both, then the states of both. Where one
/// of them runs backwards it is the flipped one.
static seq::RecurrenceOp mergeBeside(seq::RecurrenceOp first,
                                     seq::RecurrenceOp second) {
  Readers(first).moveBehind(second);
  OpBuilder b(second);
  Location loc = second.getLoc();
  int64_t dim = first.getDim();
  bool reverse = first.getReverse() && second.getReverse();
  auto inOrder = [&](seq::RecurrenceOp op, ValueRange sequences) {
    return llvm::map_to_vector(sequences, [&](Value sequence) {
      return op.getReverse() != reverse ? flip(b, sequence, dim) : sequence;
    });
  };
  SmallVector<Value> inputs, outputs, states;
  for (seq::RecurrenceOp op : {first, second}) {
    llvm::append_range(inputs, inOrder(op, op.getInputs()));
    // What nobody reads has no order.
    for (auto [output, slice] :
         llvm::zip(op.getOutputs(), op.getOutputSlices()))
      outputs.push_back(slice.use_empty() ? output
                                          : inOrder(op, output).front());
    llvm::append_range(states, op.getStates());
  }
  auto both = createRecurrence(b, loc, dim, reverse, inputs, outputs, states);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&both.getBody().front());
    SmallVector<Value> yieldedOutputs, yieldedStates;
    unsigned input = 0, output = 0, state = 0;
    for (seq::RecurrenceOp op : {first, second}) {
      SmallVector<Value> arguments(
          both.getInputSlices().slice(input, op.getInputs().size()));
      llvm::append_range(arguments, both.getOutputSlices().slice(
                                        output, op.getOutputs().size()));
      llvm::append_range(arguments, both.getStateArguments().slice(
                                        state, op.getStates().size()));
      input += op.getInputs().size();
      output += op.getOutputs().size();
      state += op.getStates().size();
      SmallVector<Value> yielded = cloneStep(b, op, arguments);
      auto middle = yielded.begin() + op.getOutputs().size();
      yieldedOutputs.append(yielded.begin(), middle);
      yieldedStates.append(middle, yielded.end());
    }
    yieldedOutputs.append(yieldedStates);
    seq::YieldOp::create(b, loc, yieldedOutputs);
  }
  unsigned output = 0, state = 0;
  for (seq::RecurrenceOp op : {first, second}) {
    SmallVector<Value> results = inOrder(
        op, both.getOutputResults().slice(output, op.getOutputs().size()));
    llvm::append_range(
        results, both.getStateResults().slice(state, op.getStates().size()));
    output += op.getOutputs().size();
    state += op.getStates().size();
    op->replaceAllUsesWith(results);
  }
  first.erase();
  second.erase();
  return both;
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// Asks for the sizes of a result what it is computed from, so that the number
/// of times of one recurrence is not read off another one's output.
static void askSourcesForSizes(func::FuncOp function) {
  function.walk([](tensor::DimOp dim) {
    while (auto result = dyn_cast<OpResult>(dim.getSource())) {
      Operation *op = result.getOwner();
      if (auto styled = dyn_cast<DestinationStyleOpInterface>(op))
        dim.getSourceMutable().assign(styled.getTiedOpOperand(result)->get());
      else if (OpTrait::hasElementwiseMappableTraits(op) &&
               isa<RankedTensorType>(op->getOperand(0).getType()))
        dim.getSourceMutable().assign(op->getOperand(0));
      else
        return;
    }
  });
}

namespace {
struct SeqWavefront : seqc::impl::SeqWavefrontBase<SeqWavefront> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      askSourcesForSizes(function);
      SmallVector<Block *> blocks;
      function.walk([&](Block *block) { blocks.push_back(block); });
      for (Block *block : blocks) {
        // Those that need no ends of their own first.
        mergeBesideEachOther(function, *block);
        mergeStacked(*block);
      }
    }
  }

private:
  /// Each recurrence and the next one that reads it, two by two.
  static void mergeStacked(Block &block) {
    SmallVector<seq::RecurrenceOp> recurrences(
        block.getOps<seq::RecurrenceOp>());
    for (size_t i = 0; i < recurrences.size(); ++i)
      for (size_t j = i + 1; recurrences[i] && j < recurrences.size(); ++j) {
        if (!recurrences[j])
          continue;
        StackedRecurrences stacked(recurrences[i], recurrences[j]);
        if (!stacked.match())
          continue;
        recurrences[j].emitRemark("runs one step behind the recurrence that it "
                                  "reads");
        stacked.merge();
        recurrences[i] = recurrences[j] = {};
      }
  }

  static bool haveSameTimes(func::FuncOp function, seq::RecurrenceOp a,
                            seq::RecurrenceOp b) {
    int64_t dim = a.getDim();
    Value x = a.getTimeSource(), y = b.getTimeSource();
    int64_t times = cast<RankedTensorType>(x.getType()).getDimSize(dim);
    if (!ShapedType::isDynamic(times))
      return times == cast<RankedTensorType>(y.getType()).getDimSize(dim);
    SymbolTableCollection symbols;
    FunctionRelation relation(function, symbols);
    unsigned i = relation.pairsOf(x)[dim], j = relation.pairsOf(y)[dim];
    relation.finish();
    return relation.classOf(i) == relation.classOf(j);
  }

  static void mergeBesideEachOther(func::FuncOp function, Block &block) {
    SmallVector<seq::RecurrenceOp> recurrences(
        block.getOps<seq::RecurrenceOp>());
    for (size_t i = 0; i < recurrences.size(); ++i)
      for (size_t j = i + 1; recurrences[i] && j < recurrences.size(); ++j) {
        seq::RecurrenceOp first = recurrences[i], second = recurrences[j];
        if (!second || first.getDim() != second.getDim() ||
            Readers(first).has(second) ||
            !haveSameTimes(function, first, second))
          continue;
        second.emitRemark("runs beside another recurrence");
        mergeBeside(first, second);
        recurrences[i] = recurrences[j] = {};
      }
  }
};
} // namespace

//===- SinkSlices.cpp - parts of stacks are taken by the callee -----------===//

#include "seqc/Lower/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/SymbolTable.h"

namespace seqc {
#define GEN_PASS_DEF_SINKSLICES
#include "seqc/Lower/Passes.h.inc"
} // namespace seqc

using namespace mlir;

namespace {
/// One call that takes a part out of a stack and has it put back.
struct Site {
  func::CallOp call;
  tensor::ExtractSliceOp taken;
  tensor::InsertSliceOp back;
};

/// Whether the slice is element `index` of the first dimension, whole in the
/// others.
bool isElement(OffsetSizeAndStrideOpInterface slice, Value stack) {
  if (slice.getMixedOffsets().empty() ||
      !isConstantIntValue(slice.getMixedSizes()[0], 1) ||
      !llvm::all_of(slice.getMixedStrides(),
                    [](OpFoldResult s) { return isConstantIntValue(s, 1); }))
    return false;
  auto type = cast<RankedTensorType>(stack.getType());
  for (int64_t dim = 1; dim < type.getRank(); ++dim) {
    if (!isConstantIntValue(slice.getMixedOffsets()[dim], 0))
      return false;
    OpFoldResult size = slice.getMixedSizes()[dim];
    if (!type.isDynamicDim(dim)) {
      if (!isConstantIntValue(size, type.getDimSize(dim)))
        return false;
      continue;
    }
    auto value = dyn_cast<Value>(size);
    auto of = value ? value.getDefiningOp<tensor::DimOp>() : tensor::DimOp();
    if (!of || of.getSource() != stack || of.getConstantIndex() != dim)
      return false;
  }
  return true;
}

/// The slice that `call` takes as argument `argument` and whose successor it
/// hands back as result `result`.
std::optional<Site> matchSite(func::CallOp call, unsigned argument,
                              unsigned result) {
  auto taken =
      call.getOperand(argument).getDefiningOp<tensor::ExtractSliceOp>();
  Value last = call.getResult(result);
  if (!taken || !last.hasOneUse() || !isElement(taken, taken.getSource()))
    return std::nullopt;
  auto back = dyn_cast<tensor::InsertSliceOp>(*last.getUsers().begin());
  if (!back || back.getSource() != last ||
      back.getDest() != taken.getSource() ||
      back.getSourceType() != taken.getType() ||
      !isEqualConstantIntOrValueArray(back.getMixedOffsets(),
                                      taken.getMixedOffsets()) ||
      !isElement(back, back.getDest()))
    return std::nullopt;
  return Site{call, taken, back};
}

/// The place of element `index` of `stack`.
void placeOf(ImplicitLocOpBuilder &b, Value stack, Value index,
             SmallVector<OpFoldResult> &offsets,
             SmallVector<OpFoldResult> &sizes,
             SmallVector<OpFoldResult> &strides) {
  sizes = tensor::getMixedSizes(b, b.getLoc(), stack);
  sizes[0] = b.getIndexAttr(1);
  offsets.assign(sizes.size(), b.getIndexAttr(0));
  offsets[0] = index;
  strides.assign(sizes.size(), b.getIndexAttr(1));
}

void sink(func::FuncOp function, unsigned argument, unsigned result,
          MutableArrayRef<Site> sites) {
  RankedTensorType stackType = sites.front().taken.getSourceType();
  RankedTensorType partType = sites.front().taken.getType();
  Block &body = function.getBody().front();
  auto end = cast<func::ReturnOp>(body.getTerminator());
  ImplicitLocOpBuilder b(function.getLoc(), function.getContext());

  // The function: the stack and a number instead of the part.
  unsigned number = function.getNumArguments();
  (void)function.insertArgument(number, b.getIndexType(), {}, b.getLoc());
  SmallVector<Type> inputs(function.getArgumentTypes()),
      outputs(function.getResultTypes());
  inputs[argument] = stackType;
  outputs[result] = stackType;
  function.setType(b.getFunctionType(inputs, outputs));
  Value stack = body.getArgument(argument), index = body.getArgument(number);
  stack.setType(stackType);
  b.setInsertionPointToStart(&body);
  SmallVector<OpFoldResult> offsets, sizes, strides;
  placeOf(b, stack, index, offsets, sizes, strides);
  auto part = tensor::ExtractSliceOp::create(b, partType, stack, offsets, sizes,
                                             strides);
  stack.replaceUsesWithIf(part, [&](OpOperand &use) {
    return use.getOwner() != part && !isa<tensor::DimOp>(use.getOwner());
  });
  // Sizes of the part that the function asked for itself.
  for (OpOperand &use : llvm::make_early_inc_range(stack.getUses()))
    if (auto dim = dyn_cast<tensor::DimOp>(use.getOwner()))
      if (!llvm::is_contained(sizes, OpFoldResult(dim.getResult())))
        use.set(part);
  b.setInsertionPoint(end);
  end.setOperand(result,
                 tensor::InsertSliceOp::create(b, end.getOperand(result), stack,
                                               offsets, sizes, strides));

  // The calls.
  for (Site &site : sites) {
    ImplicitLocOpBuilder b(site.call.getLoc(), site.call);
    SmallVector<Value> operands(site.call.getOperands());
    operands[argument] = site.taken.getSource();
    operands.push_back(getValueOrCreateConstantIndexOp(
        b, b.getLoc(), site.taken.getMixedOffsets()[0]));
    auto call = func::CallOp::create(b, function, operands);
    call->setDiscardableAttrs(site.call->getDiscardableAttrDictionary());
    site.back.getResult().replaceAllUsesWith(call.getResult(result));
    site.back.erase();
    site.call.replaceAllUsesWith(call.getResults());
    site.call.erase();
    if (site.taken.use_empty())
      site.taken.erase();
    site.call = call;
  }
}

struct SinkSlices : seqc::impl::SinkSlicesBase<SinkSlices> {
  void runOnOperation() override {
    SymbolTableCollection symbols;
    SymbolUserMap users(symbols, getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (!function.isPrivate() || function.isExternal() ||
          !function.getBody().hasOneBlock())
        continue;
      SmallVector<func::CallOp> calls;
      bool onlyCalled = true;
      for (Operation *user : users.getUsers(function)) {
        if (auto call = dyn_cast<func::CallOp>(user))
          calls.push_back(call);
        else
          onlyCalled = false;
      }
      if (onlyCalled && !calls.empty())
        sinkAll(function, calls);
    }
  }

  /// Pairs arguments with results, as often as there are any.
  static void sinkAll(func::FuncOp function, SmallVector<func::CallOp> &calls) {
    for (unsigned argument = 0, count = function.getNumArguments();
         argument < count; ++argument)
      for (unsigned result = 0; result < function.getNumResults(); ++result) {
        SmallVector<Site> sites;
        for (func::CallOp call : calls)
          if (std::optional<Site> site = matchSite(call, argument, result))
            sites.push_back(*site);
        if (sites.size() != calls.size() ||
            !llvm::all_equal(llvm::map_range(
                sites, [](Site site) { return site.taken.getSourceType(); })))
          continue;
        sink(function, argument, result, sites);
        for (auto [call, site] : llvm::zip(calls, sites))
          call = site.call;
        break;
      }
  }
};
} // namespace

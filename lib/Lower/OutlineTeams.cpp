//===- OutlineTeams.cpp - parallel loops become functions for the team ----------------===//

#include "seqc/Lower/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Transforms/RegionUtils.h"

namespace seqc {
#define GEN_PASS_DEF_OUTLINETEAMS
#include "seqc/Lower/Passes.h.inc"
} // namespace seqc

using namespace mlir;

namespace {
/// Values that are cheaper to make again than to hand over.
bool isRemade(Operation *op) {
  return op && (op->hasTrait<OpTrait::ConstantLike>() ||
                isa<memref::GetGlobalOp>(op));
}

/// A function per parallel region. One that lies in another one is serial: the
/// team is taken.
class Outliner {
public:
  explicit Outliner(func::FuncOp function)
      : function(function), symbols(function->getParentOp()) {}

  void outline(scf::ForallOp loop);
  void outline(kernel::TeamOp team);

private:
  /// Moves `region` into a new function behind `function`; the captures become
  /// its first arguments, the region's arguments its last ones.
  func::FuncOp take(Region &region, StringRef kind, TypeRange extra,
                    SmallVectorImpl<Value> &captures);

  func::FuncOp function;
  SymbolTable symbols;
};

func::FuncOp Outliner::take(Region &region, StringRef kind, TypeRange extra,
                            SmallVectorImpl<Value> &captures) {
  Location loc = region.getLoc();
  OpBuilder builder(region.getContext());
  SetVector<Value> used;
  getUsedValuesDefinedAbove(region, used);
  SmallVector<Operation *> remade;
  for (Value value : used) {
    if (isRemade(value.getDefiningOp()))
      remade.push_back(value.getDefiningOp());
    else
      captures.push_back(value);
  }
  SmallVector<Type> types;
  for (Value value : captures)
    types.push_back(value.getType());
  types.append(extra.begin(), extra.end());
  auto body = func::FuncOp::create(builder, loc,
                                   (function.getName() + "." + kind).str(),
                                   builder.getFunctionType(types, {}));
  body.setPrivate();
  symbols.insert(body, std::next(Block::iterator(function)));
  Block *block = body.addEntryBlock();
  IRMapping map;
  builder.setInsertionPointToStart(block);
  for (Operation *op : remade)
    map.map(op->getResults(), builder.clone(*op)->getResults());
  for (auto [capture, argument] : llvm::zip(captures, block->getArguments()))
    map.map(capture, argument);
  for (Value value : used)
    replaceAllUsesInRegionWith(value, map.lookup(value), region);
  return body;
}

/// Buffers of a body's own lie in its frame, whatever loop they are used in.
void hoistAllocas(func::FuncOp body) {
  SmallVector<memref::AllocaOp> allocas;
  body.walk([&](memref::AllocaOp op) {
    if (op.getDynamicSizes().empty())
      allocas.push_back(op);
  });
  for (memref::AllocaOp op : llvm::reverse(allocas))
    op->moveBefore(&body.front(), body.front().begin());
}

void Outliner::outline(scf::ForallOp loop) {
  OpBuilder builder(loop);
  Location loc = loop.getLoc();
  Type index = builder.getIndexType();
  Value units = getValueOrCreateConstantIndexOp(
      builder, loc, loop.getMixedUpperBound().front());
  int64_t grain = 1;
  if (auto attribute = loop->getAttrOfType<IntegerAttr>(kernel::kGrain))
    grain = attribute.getInt();
  SmallVector<Value> captures;
  func::FuncOp body =
      take(loop.getRegion(), "parallel", {index, index}, captures);
  kernel::ParallelOp::create(builder, loc, body.getName(), captures, units,
                             grain);

  builder.setInsertionPointToEnd(&body.front());
  auto bounds = body.getArguments().take_back(2);
  Value one = arith::ConstantIndexOp::create(builder, loc, 1);
  auto each = scf::ForOp::create(builder, loc, bounds[0], bounds[1], one);
  func::ReturnOp::create(builder, loc);
  IRRewriter rewriter(builder);
  Block *inner = loop.getBody();
  rewriter.eraseOp(inner->getTerminator());
  rewriter.inlineBlockBefore(inner, each.getBody()->getTerminator(),
                             each.getInductionVar());
  rewriter.eraseOp(loop);
  hoistAllocas(body);
}

void Outliner::outline(kernel::TeamOp team) {
  OpBuilder builder(team);
  Location loc = team.getLoc();
  Type index = builder.getIndexType();
  SmallVector<Value> captures;
  func::FuncOp body = take(team.getBody(), "team", {index, index}, captures);
  kernel::RunTeamOp::create(builder, loc, body.getName(), captures);

  builder.setInsertionPointToEnd(&body.front());
  auto end = func::ReturnOp::create(builder, loc);
  IRRewriter rewriter(builder);
  Block *inner = &team.getBody().front();
  rewriter.eraseOp(inner->getTerminator());
  rewriter.inlineBlockBefore(inner, end, body.getArguments().take_back(2));
  rewriter.eraseOp(team);
  hoistAllocas(body);
}

/// Inside another parallel region the team is taken: units follow each other.
void makeSerial(scf::ForallOp loop) {
  IRRewriter rewriter(loop);
  Location loc = loop.getLoc();
  Value zero = arith::ConstantIndexOp::create(rewriter, loc, 0);
  Value one = arith::ConstantIndexOp::create(rewriter, loc, 1);
  Value units = getValueOrCreateConstantIndexOp(
      rewriter, loc, loop.getMixedUpperBound().front());
  auto each = scf::ForOp::create(rewriter, loc, zero, units, one);
  Block *inner = loop.getBody();
  rewriter.eraseOp(inner->getTerminator());
  rewriter.inlineBlockBefore(inner, each.getBody()->getTerminator(),
                             each.getInductionVar());
  rewriter.eraseOp(loop);
}

struct OutlineTeams : seqc::impl::OutlineTeamsBase<OutlineTeams> {
  void runOnOperation() override {
    auto isParallel = [](Operation *op) {
      return isa<scf::ForallOp, kernel::TeamOp>(op);
    };
    bool failed = false;
    for (auto function : llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      SmallVector<Operation *> outer;
      SmallVector<scf::ForallOp> inner;
      function.walk<WalkOrder::PreOrder>([&](Operation *op) {
        if (!isParallel(op))
          return;
        auto loop = dyn_cast<scf::ForallOp>(op);
        bool nested = op->getParentOfType<scf::ForallOp>() ||
                      op->getParentOfType<kernel::TeamOp>();
        if (loop && (loop.getRank() != 1 || !loop.getOutputs().empty() ||
                     !loop.isNormalized())) {
          loop.emitOpError("must have one dimension of step 1 and no outputs");
          failed = true;
        } else if (!nested) {
          outer.push_back(op);
        } else if (loop) {
          inner.push_back(loop);
        } else {
          op->emitOpError("inside another parallel region");
          failed = true;
        }
      });
      if (failed)
        return signalPassFailure();
      for (scf::ForallOp loop : llvm::reverse(inner))
        makeSerial(loop);
      Outliner outliner(function);
      for (Operation *op : outer) {
        if (auto loop = dyn_cast<scf::ForallOp>(op))
          outliner.outline(loop);
        else
          outliner.outline(cast<kernel::TeamOp>(op));
      }
    }
  }
};
} // namespace

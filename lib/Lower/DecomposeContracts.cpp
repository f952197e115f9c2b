//===- DecomposeContracts.cpp - kernel.contract as linalg ---------------------------===//

#include "seqc/Lower/Passes.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace seqc {
#define GEN_PASS_DEF_DECOMPOSECONTRACTS
#include "seqc/Lower/Passes.h.inc"
} // namespace seqc

using namespace mlir;

namespace {
/// [panels, K, P] to [K, N].
Value unpack(ImplicitLocOpBuilder &b, kernel::ContractOp op) {
  auto packed = cast<RankedTensorType>(op.getWeight().getType());
  int64_t panels = packed.getDimSize(0), K = op.getDepth(), P = op.getPanel();
  Value empty = tensor::EmptyOp::create(b, ArrayRef<int64_t>{K, panels, P},
                                        packed.getElementType());
  Value turned = linalg::TransposeOp::create(b, op.getWeight(), empty,
                                             ArrayRef<int64_t>{1, 0, 2})
                     ->getResult(0);
  Value flat = tensor::CollapseShapeOp::create(
      b, turned, SmallVector<ReassociationIndices>{{0}, {1, 2}});
  auto size = [&](int64_t value) { return OpFoldResult(b.getIndexAttr(value)); };
  return tensor::ExtractSliceOp::create(
      b, flat, SmallVector<OpFoldResult>{size(0), size(0)},
      SmallVector<OpFoldResult>{size(K), size(op.getColumns())},
      SmallVector<OpFoldResult>{size(1), size(1)});
}

Value decompose(kernel::ContractOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  auto type = cast<RankedTensorType>(op.getOutput().getType());
  int64_t rank = type.getRank();
  MLIRContext *context = op.getContext();
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  AffineExpr column = b.getAffineDimExpr(rank - 1);

  // The product, over (m…, n, k).
  SmallVector<AffineExpr> rows;
  for (int64_t i = 0; i + 1 < rank; ++i)
    rows.push_back(b.getAffineDimExpr(i));
  AffineExpr k = b.getAffineDimExpr(rank);
  auto map = [&](ArrayRef<AffineExpr> last) {
    SmallVector<AffineExpr> exprs(rows);
    exprs.append(last.begin(), last.end());
    return AffineMap::get(rank + 1, 0, exprs, context);
  };
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type.getElementType()));
  Value empty = tensor::EmptyOp::create(
      b, tensor::getMixedSizes(b, b.getLoc(), op.getOutput()),
      type.getElementType());
  Value filled = linalg::FillOp::create(b, zero, empty).getResult(0);
  SmallVector<utils::IteratorType> withK(iterators);
  withK.push_back(utils::IteratorType::reduction);
  Value product =
      linalg::GenericOp::create(
          b, filled.getType(), ValueRange{op.getInput(), unpack(b, op)}, filled,
          ArrayRef<AffineMap>{map(k), AffineMap::get(rank + 1, 0, {k, column}, context),
                              map(column)},
          withK,
          [](OpBuilder &ob, Location loc, ValueRange args) {
            Value mul = arith::MulFOp::create(ob, loc, args[0], args[1]);
            Value sum = arith::AddFOp::create(ob, loc, args[2], mul);
            linalg::YieldOp::create(ob, loc, sum);
          })
          .getResult(0);

  // The epilogue, over (m…, n).
  SmallVector<Value> inputs{product};
  SmallVector<AffineMap> maps{identity};
  for (Value extra : op.getExtras()) {
    auto shape = cast<RankedTensorType>(extra.getType()).getShape();
    if (shape.empty()) {
      maps.push_back(AffineMap::get(rank, 0, context));
    } else if (shape.size() == 1) {
      if (shape[0] != op.getColumns())
        extra = tensor::ExtractSliceOp::create(
            b, extra, SmallVector<OpFoldResult>{b.getIndexAttr(0)},
            SmallVector<OpFoldResult>{b.getIndexAttr(op.getColumns())},
            SmallVector<OpFoldResult>{b.getIndexAttr(1)});
      maps.push_back(AffineMap::get(rank, 0, column));
    } else {
      maps.push_back(identity);
    }
    inputs.push_back(extra);
  }
  maps.push_back(identity);
  return linalg::GenericOp::create(
             b, type, inputs, op.getOutput(), maps, iterators,
             [&](OpBuilder &ob, Location loc, ValueRange args) {
               Block &block = op.getEpilogue().front();
               IRMapping map;
               map.map(block.getArguments(), args);
               for (Operation &nested : block.without_terminator())
                 ob.clone(nested, map);
               linalg::YieldOp::create(
                   ob, loc,
                   map.lookupOrDefault(block.getTerminator()->getOperand(0)));
             })
      .getResult(0);
}

struct DecomposeContracts : seqc::impl::DecomposeContractsBase<DecomposeContracts> {
  void runOnOperation() override {
    SmallVector<kernel::ContractOp> contracts;
    getOperation()->walk([&](kernel::ContractOp op) {
      if (op.getNumResults())
        contracts.push_back(op);
    });
    for (kernel::ContractOp op : contracts) {
      op.getResult(0).replaceAllUsesWith(decompose(op));
      op.erase();
    }
  }
};
} // namespace

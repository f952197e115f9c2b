//===- SeqReorderAttention.cpp - (QKᵀ)V by associativity ------------------===//

#include "FunctionRelation.h"
#include "KernelNormaliser.h"
#include "WrittenScores.h"

#include "seqc/Rewrite/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/Support/Format.h"

namespace seqc {
#define GEN_PASS_DEF_SEQREORDERATTENTION
#include "seqc/Rewrite/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;

namespace {
struct SeqReorderAttention
    : seqc::impl::SeqReorderAttentionBase<SeqReorderAttention> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      SmallVector<seq::AttentionOp> layers;
      SmallVector<linalg::LinalgOp> products;
      function.walk([&](Operation *op) {
        if (auto layer = dyn_cast<seq::AttentionOp>(op))
          layers.push_back(layer);
        else if (auto product = dyn_cast<linalg::LinalgOp>(op))
          if (isContraction(product))
            products.push_back(product);
      });
      for (seq::AttentionOp op : layers)
        if (op.getNormaliser() == seq::Normaliser::kernel)
          reorder(function, op);
      DenseSet<Operation *> erased;
      for (linalg::LinalgOp op : products)
        if (!erased.contains(op))
          reorder(function, op, erased);
    }
  }

private:
  /// Whether the times of queries and keys are one: the same number, or sizes
  /// of values computed from each other.
  bool haveSameTimes(func::FuncOp function, Value query, unsigned queryDim,
                     Value key, unsigned keyDim) {
    int64_t times =
        cast<RankedTensorType>(query.getType()).getDimSize(queryDim);
    if (!ShapedType::isDynamic(times) &&
        times == cast<RankedTensorType>(key.getType()).getDimSize(keyDim))
      return true;
    SymbolTableCollection symbols;
    FunctionRelation relation(function, symbols);
    unsigned a = relation.pairsOf(query)[queryDim],
             b = relation.pairsOf(key)[keyDim];
    relation.finish();
    return relation.classOf(a) == relation.classOf(b);
  }

  static std::string inWords(double before, double after) {
    std::string text;
    llvm::raw_string_ostream(text)
        << llvm::format("%.3g", after) << " multiply-adds instead of "
        << llvm::format("%.3g", before) << " (an unknown size counts as "
        << ProductChain::kUnknownSize << ")";
    return text;
  }

  void reorder(func::FuncOp function, seq::AttentionOp op) {
    if (std::optional<StringRef> obstacle =
            KernelNormaliser::findObstacle(op)) {
      op.emitRemark("is not reordered: ") << *obstacle;
      return;
    }
    double before = KernelNormaliser::workInOrder(op),
           after = KernelNormaliser::workReordered(op);
    if (after >= before) {
      op.emitRemark("is not reordered: that would take ")
          << inWords(before, after);
      return;
    }
    op.emitRemark("keys meet values first: ") << inWords(before, after);
    bool sameTimes = haveSameTimes(function, op.getQuery(), 1, op.getKey(), 1);
    ImplicitLocOpBuilder b(op.getLoc(), op);
    op.replaceAllUsesWith(KernelNormaliser::build(b, op, sameTimes));
    op.erase();
  }

  static void refuse(linalg::LinalgOp product, const WrittenScores &scores) {
    InFlightDiagnostic remark = product->emitRemark("is not reordered");
    remark.attachNote(scores.obstacle->getLoc())
        << "this operation " << scores.reason;
  }

  void reorder(func::FuncOp function, linalg::LinalgOp product,
               DenseSet<Operation *> &erased) {
    WrittenScores scores = readScores(product);
    if (scores.sums.empty()) {
      if (scores.underMask)
        refuse(product, scores);
      return;
    }
    double before = scores.sums.front().chain.workOfFirst(), after = 0;
    for (const ScoreSum &sum : scores.sums) {
      before += sum.chain.workOfLast();
      after += sum.chain.workReordered();
    }
    if (after >= before)
      return;
    if (scores.obstacle) {
      refuse(product, scores);
      return;
    }
    product->emitRemark("what it is multiplied with meets one of its factors "
                        "first: ")
        << inWords(before, after);

    // A later sum may read an earlier one, as the product of weights over their
    // row sums does.
    for (const ScoreSum &earlier : scores.sums) {
      linalg::LinalgOp root = earlier.root;
      std::optional<ScoreSum> sum = readSum(product, root);
      if (!sum)
        continue;
      if (sum->causality) {
        auto dimOf = [](const Factor &factor, unsigned loop) -> unsigned {
          return std::distance(factor.loops.begin(),
                               llvm::find(factor.loops, loop));
        };
        const ProductChain &chain = sum->chain;
        sum->causality->sameTimes |= haveSameTimes(
            function, chain.query.value,
            dimOf(chain.query, sum->causality->queryTime), chain.key.value,
            dimOf(chain.key, sum->causality->keyTime));
      }
      ImplicitLocOpBuilder b(root.getLoc(), root);
      root->getResult(0).replaceAllUsesWith(sum->build(b));
      erased.insert(root);
      root->erase();
    }
    eraseUnread(product, erased);
  }

  /// Erases the scores, and what was computed from them on the way.
  static void eraseUnread(Operation *op, DenseSet<Operation *> &erased) {
    Value result = op->getResult(0);
    // The size of the scores is that of what they are written to or made of.
    auto styled = dyn_cast<DestinationStyleOpInterface>(op);
    Value like = styled ? styled.getDpsInits()[0] : op->getOperand(0);
    for (Operation *user : llvm::make_early_inc_range(result.getUsers()))
      if (auto dim = dyn_cast<tensor::DimOp>(user))
        if (isa<RankedTensorType>(like.getType()))
          dim.getSourceMutable().assign(like);
    SmallVector<Operation *> users(result.getUsers());
    for (Operation *user : users)
      if (!erased.contains(user) && getElementwiseLoops(user))
        eraseUnread(user, erased);
    if (isOpTriviallyDead(op)) {
      erased.insert(op);
      op->erase();
    }
  }
};
} // namespace

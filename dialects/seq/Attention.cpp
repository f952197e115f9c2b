//===- Attention.cpp - seq.attention --------------------------------------===//

#include "LayerUtils.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::seq;
using namespace mlir::seq::layer;

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

/// (C3) and (C5) for one operand whose sizes may be given as 1 instead.
static LogicalResult verifySizes(AttentionOp op, StringRef name, Value value,
                                 ArrayRef<StringRef> letters,
                                 ArrayRef<int64_t> expected, bool broadcasts) {
  auto type = cast<RankedTensorType>(value.getType());
  for (auto [letter, size, want] :
       llvm::zip_equal(letters, type.getShape(), expected)) {
    if (ShapedType::isDynamic(size)) {
      if (letter == "T" || letter == "S")
        continue;
      return op.emitOpError("C2: the size ")
             << letter << " of " << name << " must be known";
    }
    if (ShapedType::isDynamic(want) || size == want ||
        (broadcasts && size == 1))
      continue;
    InFlightDiagnostic error = op.emitOpError(broadcasts ? "C5: " : "C3: ")
                               << "the size " << letter << " of " << name
                               << " is " << size << ", expected " << want;
    if (broadcasts)
      error << " or 1";
    return error;
  }
  return success();
}

LogicalResult AttentionOp::verify() {
  if (failed(verifyShapes(*this, {{"query", getQuery(), "B T Hq D"},
                                  {"key", getKey(), "B S Hk D"},
                                  {"value", getValue(), "B S Hv Dv"},
                                  {"output", getOutput(), "B T Hq Dv"}})))
    return failure();
  ArrayRef<int64_t> query = getQuery().getType().getShape();
  ArrayRef<int64_t> key = getKey().getType().getShape();
  ArrayRef<int64_t> value = getValue().getType().getShape();
  int64_t times = ShapedType::isDynamic(key[1]) ? value[1] : key[1];
  if (Value mask = getKeyMask())
    if (failed(verifySizes(*this, "key_mask", mask, {"B", "S"},
                           {query[0], times}, /*broadcasts=*/false)))
      return failure();
  if (Value bias = getBias()) {
    if (getElementTypeOrSelf(bias.getType()) !=
        getQuery().getType().getElementType())
      return emitOpError("C1: bias has elements of type ")
             << getElementTypeOrSelf(bias.getType()) << ", expected "
             << getQuery().getType().getElementType() << " as in query";
    StringRef letters[] = {"B", "Hq", "T", "S"};
    int64_t sizes[] = {query[0], query[2], query[1], times};
    size_t rank = cast<RankedTensorType>(bias.getType()).getRank();
    if (failed(verifySizes(*this, "bias", bias,
                           ArrayRef(letters).take_back(rank),
                           ArrayRef(sizes).take_back(rank),
                           /*broadcasts=*/true)))
      return failure();
  }

  int64_t heads = query[2];
  if (heads == 0)
    return emitOpError("C4: query has no heads");
  for (auto [name, count] :
       {std::pair("key", key[2]), std::pair("value", value[2])}) {
    if (count == 0)
      return emitOpError("C4: ") << name << " has no heads";
    if (heads % count)
      return emitOpError("C4: the ") << count << " heads of " << name
                                     << " do not divide the query's " << heads;
  }
  if (getNormaliser() == Normaliser::kernel && getBias())
    return emitOpError("C6: the normaliser kernel takes no bias");
  return success();
}

//===----------------------------------------------------------------------===//
// Canonicalization
//===----------------------------------------------------------------------===//

namespace {
/// Drops a limit of a window that hides no key, as the causal one does for a
/// single query.
struct WidenWindow : OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AttentionOp op,
                                PatternRewriter &rewriter) const override {
    MaskAttr mask = op.getMask();
    if (mask.getPattern())
      return failure();
    int64_t queries = op.getQuery().getType().getDimSize(1);
    int64_t keys = op.getKey().getType().getDimSize(1);
    int64_t left = mask.getLeft(), right = mask.getRight();
    int64_t global = mask.getGlobal();
    // The first query is at S - T, the last at S - 1.
    if (!ShapedType::isDynamic(queries) && right >= queries - 1)
      right = MaskAttr::kUnbounded;
    if (!ShapedType::isDynamic(keys) && left >= keys - 1)
      left = MaskAttr::kUnbounded;
    // Then the exempt positions see and are seen anyway.
    if (left == MaskAttr::kUnbounded &&
        (right == MaskAttr::kUnbounded || mask.isCausal()))
      global = 0;
    MaskAttr wider = MaskAttr::get(op.getContext(), left, right, global);
    if (wider == mask)
      return failure();
    rewriter.modifyOpInPlace(op, [&] { op.setMaskAttr(wider); });
    return success();
  }
};

/// Drops a key mask that hides nothing.
struct DropKeyMask : OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AttentionOp op,
                                PatternRewriter &rewriter) const override {
    DenseElementsAttr constant;
    if (!op.getKeyMask() ||
        !matchPattern(op.getKeyMask(), m_Constant(&constant)) ||
        !constant.isSplat() || !constant.getSplatValue<bool>())
      return failure();
    rewriter.modifyOpInPlace(op, [&] { op.getKeyMaskMutable().clear(); });
    return success();
  }
};
} // namespace

void AttentionOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                              MLIRContext *context) {
  patterns.add<WidenWindow, DropKeyMask>(context);
}

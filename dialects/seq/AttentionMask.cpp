//===- AttentionMask.cpp - #seq.mask --------------------------------------===//

#include "seq/Seq.h"

#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace mlir::seq;

LogicalResult MaskAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               int64_t left, int64_t right, int64_t global,
                               int64_t block, DenseIntElementsAttr pattern) {
  if (left < kUnbounded || right < kUnbounded)
    return emitError() << "a window needs sizes of at least 0";
  if (global < 0)
    return emitError() << "there cannot be " << global << " global positions";
  for (int64_t size : {left, right, global, block})
    if (size > kMostSize)
      return emitError() << "a mask has sizes up to " << kMostSize << ", not "
                         << size << " (`*` is no limit of a window)";
  if (!pattern)
    return success();
  if (block < 1)
    return emitError() << "blocks need a size of at least 1, have " << block;
  auto type = dyn_cast<RankedTensorType>(pattern.getType());
  if (!type || type.getRank() != 2 || !type.getElementType().isInteger(1))
    return emitError() << "a pattern of blocks is a matrix of i1, not "
                       << pattern.getType();
  return success();
}

//===----------------------------------------------------------------------===//
// Spelling
//===----------------------------------------------------------------------===//

/// A size, or `*` for no limit.
static ParseResult parseLimit(AsmParser &parser, int64_t &limit) {
  if (succeeded(parser.parseOptionalStar())) {
    limit = MaskAttr::kUnbounded;
    return success();
  }
  SMLoc place = parser.getCurrentLocation();
  if (parser.parseInteger(limit))
    return failure();
  if (limit < 0)
    return parser.emitError(place, "a window needs sizes of at least 0");
  return success();
}

Attribute MaskAttr::parse(AsmParser &parser, Type) {
  int64_t left = kUnbounded, right = kUnbounded, global = 0, block = 0;
  DenseIntElementsAttr pattern;
  StringRef kind;
  if (parser.parseLess())
    return {};
  SMLoc place = parser.getCurrentLocation();
  if (parser.parseKeyword(&kind))
    return {};
  if (kind == "causal") {
    right = 0;
  } else if (kind == "window") {
    if (parser.parseLParen() || parseLimit(parser, left) ||
        parser.parseComma() || parseLimit(parser, right) ||
        parser.parseRParen())
      return {};
    if (succeeded(parser.parseOptionalKeyword("global")) &&
        (parser.parseLParen() || parser.parseInteger(global) ||
         parser.parseRParen()))
      return {};
  } else if (kind == "blocks") {
    if (parser.parseLParen() || parser.parseInteger(block) ||
        parser.parseComma() || parser.parseAttribute(pattern) ||
        parser.parseRParen())
      return {};
  } else if (kind != "full") {
    parser.emitError(place) << "unknown mask '" << kind
                            << "': expected full, causal, window or blocks";
    return {};
  }
  if (parser.parseGreater())
    return {};
  return parser.getChecked<MaskAttr>(parser.getContext(), left, right, global,
                                     block, pattern);
}

void MaskAttr::print(AsmPrinter &printer) const {
  auto limit = [&](int64_t value) {
    if (value == kUnbounded)
      printer << "*";
    else
      printer << value;
  };
  printer << "<";
  if (getPattern()) {
    printer << "blocks(" << getBlock() << ", " << getPattern() << ")";
  } else if (isFull() && getGlobal() == 0) {
    printer << "full";
  } else if (!hasLeft() && isCausal() && getGlobal() == 0) {
    printer << "causal";
  } else {
    printer << "window(";
    limit(getLeft());
    printer << ", ";
    limit(getRight());
    printer << ")";
    if (getGlobal())
      printer << " global(" << getGlobal() << ")";
  }
  printer << ">";
}

//===- AttentionMask.cpp - which keys a tile of attention sees ------------===//

#include "AttentionEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;
using namespace seqc;

Value AttentionEmitter::patternMemory(Builder &b) {
  auto type = cast<RankedTensorType>(mask.getPattern().getType());
  auto memory = MemRefType::get(type.getShape(), type.getElementType());
  auto module = op->getParentOfType<ModuleOp>();
  SymbolTable symbols(module);
  OpBuilder atModule = OpBuilder::atBlockBegin(module.getBody());
  auto global = memref::GlobalOp::create(
      atModule, op.getLoc(), "attention.pattern",
      atModule.getStringAttr("private"), memory, mask.getPattern(),
      /*constant=*/true, /*alignment=*/IntegerAttr());
  symbols.insert(global);
  return memref::GetGlobalOp::create(b, memory, global.getSymName());
}

VisibleKeys AttentionEmitter::visibleKeys(Builder &b, Value first, Value last,
                                          int64_t tile) {
  Value zero = index(b, 0);
  VisibleKeys keys{zero, zero, zero, zero, S};
  if (mask.getPattern())
    // Rows and columns beyond the pattern see nothing.
    keys.end = least(
        b, S,
        index(b, mask.getBlock() * mask.getPattern().getType().getShape()[1]));
  if (mask.hasLeft())
    keys.begin = least(b, most(b, add(b, first, -mask.getLeft()), zero), S);
  if (mask.hasRight())
    keys.end =
        most(b, least(b, add(b, last, mask.getRight() + 1), S), keys.begin);
  if (mask.getGlobal()) {
    if (!mask.isCausal()) {
      // A global query sees all keys.
      Value all = less(b, first, index(b, mask.getGlobal()));
      keys.begin = arith::SelectOp::create(b, all, zero, keys.begin);
      keys.end = arith::SelectOp::create(b, all, S, keys.end);
    }
    keys.exemptEnd = least(b, keys.begin, index(b, mask.getGlobal()));
    keys.exemptTiles = ceilDiv(b, keys.exemptEnd, tile);
  }
  keys.tiles =
      add(b, keys.exemptTiles, ceilDiv(b, sub(b, keys.end, keys.begin), tile));
  return keys;
}

std::pair<Value, Value> AttentionEmitter::keysOf(Builder &b,
                                                 const VisibleKeys &keys,
                                                 Value tile, int64_t size) {
  if (!mask.getGlobal()) {
    Value begin = add(b, keys.begin, mul(b, tile, size));
    return {begin, least(b, add(b, begin, size), keys.end)};
  }
  Value exempt = less(b, tile, keys.exemptTiles);
  Value inWindow =
      add(b, keys.begin, mul(b, sub(b, tile, keys.exemptTiles), size));
  Value begin =
      arith::SelectOp::create(b, exempt, mul(b, tile, size), inWindow);
  Value end = arith::SelectOp::create(b, exempt, keys.exemptEnd, keys.end);
  return {begin, least(b, add(b, begin, size), end)};
}

Value AttentionEmitter::isCut(Builder &b, const VisibleKeys &keys, Value tile,
                              Value first, Value last, Value begin, Value end) {
  auto orElse = [&](Value x, Value y) -> Value {
    return x ? arith::OrIOp::create(b, x, y).getResult() : y;
  };
  Value cut;
  if (mask.hasRight())
    cut = orElse(cut, less(b, add(b, first, mask.getRight() + 1), end));
  if (mask.hasLeft())
    cut = orElse(cut, less(b, begin, add(b, last, -mask.getLeft())));
  if (cut && mask.getGlobal())
    cut = arith::AndIOp::create(b, cut,
                                arith::CmpIOp::create(b,
                                                      arith::CmpIPredicate::sge,
                                                      tile, keys.exemptTiles));
  return cut ? cut : arith::ConstantOp::create(b, b.getBoolAttr(false));
}

Value AttentionEmitter::sees(Builder &b, Value position, Value key) {
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIntOp::create(b, b.getI32Type(), value);
  };
  auto atMost = [&](Value x, Value y) -> Value {
    if (isa<VectorType>(x.getType()) && !isa<VectorType>(y.getType()))
      y = broadcast(b, y);
    if (isa<VectorType>(y.getType()) && !isa<VectorType>(x.getType()))
      x = broadcast(b, x);
    return arith::CmpIOp::create(b, arith::CmpIPredicate::sle, x, y);
  };
  auto both = [&](Value x, Value y) -> Value {
    return x ? arith::AndIOp::create(b, x, y).getResult() : y;
  };
  Value seen;
  if (mask.hasLeft())
    seen = both(seen, atMost(position, add(b, key, constant(mask.getLeft()))));
  if (mask.hasRight())
    seen = both(seen, atMost(sub(b, key, constant(mask.getRight())), position));
  if (!mask.getGlobal())
    return seen;
  Value last = constant(mask.getGlobal() - 1);
  Value globalKey =
      arith::CmpIOp::create(b, arith::CmpIPredicate::sle, key, last);
  Value exempt =
      arith::OrIOp::create(b, broadcast(b, globalKey), atMost(position, last));
  if (mask.isCausal())
    exempt = both(exempt, atMost(key, position));
  return arith::OrIOp::create(b, seen, exempt);
}

Value AttentionEmitter::rowOf(Builder &b, Value position) {
  Value before = less(b, position, index(b, 0));
  Value row = arith::DivSIOp::create(b, position, index(b, mask.getBlock()));
  return arith::SelectOp::create(b, before, index(b, -1), row);
}

Value AttentionEmitter::shows(Builder &b, Value row, Value key) {
  auto shape = cast<MemRefType>(pattern.getType()).getShape();
  Value column = arith::DivUIOp::create(b, key, index(b, mask.getBlock()));
  Value inside =
      arith::AndIOp::create(b,
                            arith::CmpIOp::create(b, arith::CmpIPredicate::ult,
                                                  row, index(b, shape[0])),
                            arith::CmpIOp::create(b, arith::CmpIPredicate::ult,
                                                  column, index(b, shape[1])));
  // Where it is outside any cell will do.
  Value zero = index(b, 0);
  Value cell = memref::LoadOp::create(
      b, pattern,
      ValueRange{arith::SelectOp::create(b, inside, row, zero),
                 arith::SelectOp::create(b, inside, column, zero)});
  return arith::AndIOp::create(b, inside, cell);
}

std::pair<Value, Value> AttentionEmitter::showsAnyAll(Builder &b, Value first,
                                                      Value last, Value begin,
                                                      Value end) {
  int64_t size = mask.getBlock();
  Value none = arith::ConstantOp::create(b, b.getBoolAttr(false));
  Value all = arith::ConstantOp::create(b, b.getBoolAttr(true));
  SmallVector<Value> found =
      loop(b, rowOf(b, first), add(b, rowOf(b, last), 1), 1, {none, all},
           [&](Builder &b, Value row, ValueRange carried) {
             // One key of each block of keys that the tile meets.
             Value start =
                 mul(b, arith::DivUIOp::create(b, begin, index(b, size)), size);
             return loop(b, start, end, size, carried,
                         [&](Builder &b, Value key, ValueRange carried) {
                           Value shown = shows(b, row, key);
                           return SmallVector<Value>{
                               arith::OrIOp::create(b, carried[0], shown),
                               arith::AndIOp::create(b, carried[1], shown)};
                         });
           });
  return {found[0], found[1]};
}

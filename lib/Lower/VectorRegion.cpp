//===- VectorRegion.cpp - scalar regions on vectors ----------------------------------===//

#include "seqc/Lower/VectorRegion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

Value seqc::toLanes(ImplicitLocOpBuilder &builder, Value value, int64_t lanes) {
  if (isa<VectorType>(value.getType()))
    return value;
  auto type = VectorType::get({lanes}, value.getType());
  Attribute constant;
  if (matchPattern(value, m_Constant(&constant)))
    return arith::ConstantOp::create(builder,
                                     DenseElementsAttr::get(type, constant));
  return vector::BroadcastOp::create(builder, type, value);
}

void seqc::cloneOnLanes(ImplicitLocOpBuilder &builder, Operation &op,
                        IRMapping &map, int64_t lanes) {
  SmallVector<Value> operands;
  bool onVectors = false;
  for (Value operand : op.getOperands()) {
    operands.push_back(map.lookupOrDefault(operand));
    onVectors |= isa<VectorType>(operands.back().getType());
  }
  if (!onVectors) {
    builder.clone(op, map);
    return;
  }
  SmallVector<Type> types;
  for (Type type : op.getResultTypes())
    types.push_back(VectorType::get({lanes}, type));
  // A select may keep its scalar condition; every other operand becomes a vector.
  for (Value &operand : operands)
    operand = toLanes(builder, operand, lanes);
  OperationState state(op.getLoc(), op.getName(), operands, types,
                       op.getAttrs());
  Operation *clone = builder.create(state);
  map.map(op.getResults(), clone->getResults());
}

SmallVector<Value> seqc::cloneBlockOnLanes(ImplicitLocOpBuilder &builder,
                                           Block &block,
                                           ArrayRef<Value> arguments,
                                           int64_t lanes) {
  IRMapping map;
  map.map(block.getArguments(), arguments);
  for (Operation &op : block.without_terminator())
    cloneOnLanes(builder, op, map, lanes);
  SmallVector<Value> results;
  for (Value value : block.getTerminator()->getOperands())
    results.push_back(map.lookupOrDefault(value));
  return results;
}

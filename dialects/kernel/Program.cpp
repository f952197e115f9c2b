//===- Program.cpp - weight entries and results ----------------------------------===//

#include "kernel/Kernel.h"

using namespace mlir;
using namespace mlir::kernel;

//===----------------------------------------------------------------------===//
// kernel.entry
//===----------------------------------------------------------------------===//

int64_t EntryOp::getElementBytes(Type element) {
  if (element.isF16() || element.isBF16() || element.isF32() ||
      element.isF64() || element.isSignlessInteger(8) ||
      element.isSignlessInteger(32) || element.isSignlessInteger(64))
    return element.getIntOrFloatBitWidth() / 8;
  return element.isSignlessInteger(1) ? 1 : 0;
}

RankedTensorType EntryOp::getTensorType() {
  return cast<RankedTensorType>(getType());
}

int64_t EntryOp::getBytes() {
  RankedTensorType type = getTensorType();
  return type.getNumElements() * getElementBytes(type.getElementType());
}

std::string EntryOp::getFileName(int64_t index) {
  std::string number = std::to_string(getFirst() + index), name;
  StringRef rest = getSymName();
  for (size_t place; (place = rest.find("{}")) != StringRef::npos;
       rest = rest.drop_front(place + 2)) {
    name += rest.take_front(place);
    name += number;
  }
  return name + rest.str();
}

LogicalResult EntryOp::verify() {
  // (C1)
  auto type = dyn_cast<RankedTensorType>(getType());
  if (!type || !type.hasStaticShape() ||
      getElementBytes(type.getElementType()) == 0)
    return emitOpError("type must be a tensor of static shape with elements "
                       "that weight files have, is ")
           << getType();
  // (C2)
  int64_t count = getCount(), offset = getOffset(), stride = getStride();
  if (count < 1)
    return emitOpError("count must be at least 1, is ") << count;
  if (count > 1 && !getSymName().contains("{}"))
    return emitOpError("the name of ")
           << count << " tensors must hold {}";
  // (C3)
  for (int64_t bytes : {offset, stride})
    if (bytes < 0 || bytes % kAlignment)
      return emitOpError("offset and stride must be multiples of ")
             << kAlignment << " and not negative, are " << offset << " and "
             << stride;
  if (count > 1 && stride < getBytes())
    return emitOpError("a stride of ")
           << stride << " bytes is less than the tensor's " << getBytes();
  return success();
}

//===----------------------------------------------------------------------===//
// kernel.weight, kernel.store_entry
//===----------------------------------------------------------------------===//

static LogicalResult verifyEntry(Operation *op, FlatSymbolRefAttr name,
                                 ShapedType type,
                                 SymbolTableCollection &symbols) {
  auto entry = symbols.lookupNearestSymbolFrom<EntryOp>(op, name);
  if (!entry)
    return op->emitOpError("there is no entry ") << name;
  // The entry's own verifier may not have run yet.
  auto expected = dyn_cast<RankedTensorType>(entry.getType());
  if (!expected || !type.hasRank() || type.getShape() != expected.getShape() ||
      type.getElementType() != expected.getElementType())
    return op->emitOpError("entry ")
           << name << " is of type " << entry.getType() << ", not " << type;
  return success();
}

LogicalResult WeightOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyEntry(*this, getEntryAttr(), cast<ShapedType>(getType()),
                     symbols);
}

LogicalResult StoreEntryOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyEntry(*this, getEntryAttr(),
                     cast<ShapedType>(getValue().getType()), symbols);
}

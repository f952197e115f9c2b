//===- EntryPoints.cpp - public functions as the runtime calls them -------------------===//

#include "seqc/Lower/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

namespace seqc {
#define GEN_PASS_DEF_ENTRYPOINTS
#include "seqc/Lower/Passes.h.inc"
} // namespace seqc

using namespace mlir;

namespace {
constexpr llvm::StringLiteral kState = "seq.state", kName = "seq.name",
                              kSizes = "seq.sizes";

class EntryPoint {
public:
  explicit EntryPoint(func::FuncOp function)
      : function(function), context(function.getContext()) {}

  LogicalResult run();

private:
  LogicalResult sort();
  Attribute describe(Type type, DictionaryAttr attributes, StringAttr name);
  void replaceArguments();
  LogicalResult replaceResults(func::ReturnOp end);

  func::FuncOp function;
  MLIRContext *context;
  // In the order of the program's descriptor: positions of the function's own.
  SmallVector<unsigned> inputs, states, outputs;
  llvm::StringMap<unsigned> stateArguments; // name -> argument
  SmallVector<Attribute> inputTypes, stateTypes, outputTypes;
};

DictionaryAttr attributesOf(DictionaryAttr attributes, MLIRContext *context) {
  return attributes ? attributes : DictionaryAttr::get(context);
}

Attribute EntryPoint::describe(Type type, DictionaryAttr attributes,
                               StringAttr name) {
  Builder b(context);
  SmallVector<NamedAttribute> fields{
      b.getNamedAttr("name", name), b.getNamedAttr("type", TypeAttr::get(type))};
  if (auto sizes = attributes.getAs<DenseI64ArrayAttr>(kSizes))
    fields.push_back(b.getNamedAttr("symbols", sizes));
  for (StringRef key : {"limit", "most", "position"})
    if (Attribute value = attributes.get(("seq." + key).str()))
      fields.push_back(b.getNamedAttr(key, value));
  return b.getDictionaryAttr(fields);
}

/// Finds out what each argument and result is to a caller.
LogicalResult EntryPoint::sort() {
  Builder b(context);
  auto nameOf = [&](DictionaryAttr attributes, StringRef prefix, unsigned i) {
    auto name = attributes.getAs<StringAttr>(kName);
    return name ? name : b.getStringAttr(prefix + Twine(i));
  };
  auto checkType = [&](Type type, StringRef what, unsigned i) -> LogicalResult {
    if (auto memref = dyn_cast<MemRefType>(type);
        memref && memref.getLayout().isIdentity())
      return success();
    return function.emitError() << function.getName() << ": " << what << " "
                                << i << " is no dense tensor but " << type;
  };
  for (BlockArgument argument : function.getArguments()) {
    unsigned i = argument.getArgNumber();
    if (failed(checkType(argument.getType(), "argument", i)))
      return failure();
    DictionaryAttr attributes =
        attributesOf(function.getArgAttrDict(i), context);
    if (auto state = attributes.getAs<StringAttr>(kState)) {
      states.push_back(i);
      stateArguments[state] = i;
      stateTypes.push_back(describe(argument.getType(), attributes, state));
    } else {
      inputs.push_back(i);
      inputTypes.push_back(describe(argument.getType(), attributes,
                                    nameOf(attributes, "arg", i)));
    }
  }
  for (auto [i, type] : llvm::enumerate(function.getResultTypes())) {
    if (failed(checkType(type, "result", i)))
      return failure();
    DictionaryAttr attributes =
        attributesOf(function.getResultAttrDict(i), context);
    if (auto state = attributes.getAs<StringAttr>(kState)) {
      if (!stateArguments.count(state))
        return function.emitError() << function.getName() << ": result " << i
                                    << " is state " << state.getValue()
                                    << ", which no argument is";
      continue;
    }
    outputs.push_back(i);
    outputTypes.push_back(
        describe(type, attributes, nameOf(attributes, "result", i)));
  }
  return success();
}

/// The value that a chain of views begins with.
Value rootOf(Value value) {
  while (auto view = value.getDefiningOp<ViewLikeOpInterface>())
    value = view.getViewSource();
  return value;
}

LogicalResult EntryPoint::replaceResults(func::ReturnOp end) {
  ImplicitLocOpBuilder b(end.getLoc(), end);
  SmallVector<Value> values(end.getOperands());
  // Memory that is the caller's already cannot be given a second time.
  DenseSet<Value> given;
  auto sizesOf = [&](Value value) {
    SmallVector<Value> sizes;
    auto type = cast<MemRefType>(value.getType());
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      if (type.isDynamicDim(dim))
        sizes.push_back(memref::DimOp::create(b, value, dim));
    return sizes;
  };
  for (auto [number, position] : llvm::enumerate(outputs)) {
    Value value = values[position];
    auto alloc = value.getDefiningOp<memref::AllocOp>();
    if (alloc && alloc->getBlock() == end->getBlock() &&
        given.insert(value).second) {
      ImplicitLocOpBuilder at(alloc.getLoc(), alloc);
      Value result = kernel::ResultOp::create(
          at, alloc.getType(), number, alloc.getDynamicSizes());
      alloc.getResult().replaceAllUsesWith(result);
      alloc.erase();
      given.insert(result);
      for (Value &other : values)
        if (other == value)
          other = result;
      continue;
    }
    Value result = kernel::ResultOp::create(
        b, cast<MemRefType>(value.getType()), number, sizesOf(value));
    memref::CopyOp::create(b, value, result);
  }
  // States that change places go through a copy.
  SmallVector<std::pair<Value, Value>> moves; // from, to
  for (auto [i, value] : llvm::enumerate(values)) {
    DictionaryAttr attributes =
        attributesOf(function.getResultAttrDict(i), context);
    auto state = attributes.getAs<StringAttr>(kState);
    if (!state)
      continue;
    Value home = function.getArgument(stateArguments[state]);
    if (value == home)
      continue;
    if (isa<BlockArgument>(rootOf(value))) {
      Value copy = memref::AllocOp::create(
          b, MemRefType::get(cast<MemRefType>(value.getType()).getShape(),
                             getElementTypeOrSelf(value.getType())),
          sizesOf(value), b.getI64IntegerAttr(64));
      memref::CopyOp::create(b, value, copy);
      value = copy;
    }
    moves.push_back({value, home});
  }
  for (auto [from, to] : moves)
    memref::CopyOp::create(b, from, to);
  func::ReturnOp::create(b);
  end.erase();
  return success();
}

void EntryPoint::replaceArguments() {
  SmallVector<unsigned> order(inputs);
  order.append(states);
  Block &entry = function.front();
  ImplicitLocOpBuilder b(function.getLoc(), &entry, entry.begin());
  int64_t size = 0;
  for (auto [number, position] : llvm::enumerate(order)) {
    BlockArgument argument = function.getArgument(position);
    auto type = cast<MemRefType>(argument.getType());
    argument.replaceAllUsesWith(
        kernel::ArgumentOp::create(b, type, number, size).getResult());
    size += type.getNumDynamicDims();
  }
}

LogicalResult EntryPoint::run() {
  if (failed(sort()))
    return failure();
  auto end = dyn_cast<func::ReturnOp>(function.front().getTerminator());
  if (!end || !function.getBody().hasOneBlock())
    return function.emitError()
           << function.getName() << ": must have one block that returns";
  if (failed(replaceResults(end)))
    return failure();
  replaceArguments();
  Builder b(context);
  auto list = [&](ArrayRef<Attribute> types) { return b.getArrayAttr(types); };
  SmallVector<NamedAttribute> fields{
      b.getNamedAttr("inputs", list(inputTypes)),
      b.getNamedAttr("states", list(stateTypes)),
      b.getNamedAttr("outputs", list(outputTypes)),
      b.getNamedAttr("name", b.getStringAttr(function.getName()))};
  if (function->removeAttr("seq.causal"))
    fields.push_back(b.getNamedAttr("causal", b.getUnitAttr()));
  function->setAttr("seq.entry", b.getDictionaryAttr(fields));
  llvm::BitVector all(function.getNumArguments(), true),
      results(function.getNumResults(), true);
  if (failed(function.eraseArguments(all)) ||
      failed(function.eraseResults(results)))
    return failure();
  return success();
}

struct EntryPoints : seqc::impl::EntryPointsBase<EntryPoints> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function.isPublic() && !function.isExternal() &&
          failed(EntryPoint(function).run()))
        return signalPassFailure();
  }
};
} // namespace

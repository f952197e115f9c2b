//===- Model.cpp - the module that a family fills ------------------------===//

#include "Model.h"
#include "Text.h"

#include "seq/Seq.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace seqc;

Model::Model(ModuleOp module, const SourceWeights &weights, int64_t batch)
    : batch(batch),
      b(UnknownLoc::get(module.getContext()), module.getContext()),
      module(module), weights(weights) {
  b.setInsertionPointToEnd(module.getBody());
}

RankedTensorType Model::sequence(ArrayRef<int64_t> sizes) {
  SmallVector<int64_t> shape{batch, ShapedType::kDynamic};
  shape.append(sizes.begin(), sizes.end());
  return RankedTensorType::get(shape, b.getF32Type());
}

llvm::Error Model::takeError() {
  if (error.empty())
    return llvm::Error::success();
  return makeError(std::exchange(error, ""));
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// The name with `number` in the place of `{}`.
static std::string numbered(StringRef name, int64_t number) {
  auto [before, after] = name.split("{}");
  return (before + llvm::Twine(number) + after).str();
}

static std::optional<Type> floatType(DType dtype, Builder &b) {
  switch (dtype) {
  case DType::F32:
    return b.getF32Type();
  case DType::F16:
    return b.getF16Type();
  case DType::BF16:
    return b.getBF16Type();
  default:
    return std::nullopt;
  }
}

void Model::fail(StringRef tensor, const Twine &message) {
  if (error.empty())
    error = (weights.getPath() + ": tensor " + quote(tensor) + ": " + message)
                .str();
}

const SourceWeights::Tensor *Model::check(const std::string &name,
                                          ArrayRef<int64_t> shape) {
  used.insert(name);
  const SourceWeights::Tensor *tensor = weights.find(name);
  if (!tensor) {
    fail(name, "missing, expected shape " + formatShape(shape));
    return nullptr;
  }
  if (ArrayRef(tensor->shape) != shape) {
    fail(name, "expected shape " + formatShape(shape) + ", found " +
                   formatShape(tensor->shape));
    return nullptr;
  }
  if (!floatType(tensor->dtype, b)) {
    fail(name, "expected f32, f16 or bf16, found " + nameOf(tensor->dtype));
    return nullptr;
  }
  return tensor;
}

Value Model::weight(StringRef name, ArrayRef<int64_t> shape) {
  bool perLayer = range && name.contains("{}");
  LayerRange numbers = perLayer ? *range : LayerRange{0, 1};
  std::string first = perLayer ? numbered(name, numbers.first) : name.str();
  DType dtype = DType::F32;
  for (int64_t number = 0; number < numbers.count && error.empty(); ++number) {
    std::string each =
        perLayer ? numbered(name, numbers.first + number) : name.str();
    const SourceWeights::Tensor *tensor = check(each, shape);
    if (!tensor)
      break;
    if (number == 0)
      dtype = tensor->dtype;
    else if (tensor->dtype != dtype)
      fail(each, "expected " + nameOf(dtype) + " as for " + quote(first) +
                     ", found " + nameOf(tensor->dtype));
  }

  auto type = RankedTensorType::get(shape, *floatType(dtype, b));
  bool indexed = perLayer && index;
  Value value = seq::WeightOp::create(
      b, type, indexed ? name : StringRef(first), indexed ? index : Value());
  if (type.getElementType().isF32())
    return value;
  return arith::ExtFOp::create(b, type.clone(b.getF32Type()), value);
}

void Model::ignoreLayerWeights(StringRef name) {
  for (int64_t number = 0; hasWeight(numbered(name, number)); ++number)
    ignoreWeight(numbered(name, number));
}

std::vector<StringRef> Model::getUnusedWeights() const {
  std::vector<StringRef> names;
  for (const SourceWeights::Tensor &tensor : weights.getTensors())
    if (!used.contains(tensor.name))
      names.push_back(tensor.name);
  return names;
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

func::FuncOp Model::addFunction(StringRef name, ArrayRef<Type> inputs,
                                Body body) {
  auto function = func::FuncOp::create(b, name, b.getFunctionType(inputs, {}));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(function.addEntryBlock());
  Values results = body(function.getArguments());
  func::ReturnOp::create(b, results);
  function.setFunctionType(b.getFunctionType(inputs, TypeRange(results)));
  return function;
}

func::FuncOp Model::function(StringRef name, ArrayRef<Type> inputs, Body body) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(module.getBody());
  func::FuncOp function = addFunction(name, inputs, body);
  function.setPrivate();
  return function;
}

void Model::entryPoint(StringRef name, ArrayRef<Input> inputs,
                       ArrayRef<StringRef> results, Body body) {
  // In front of the private functions, in the order of the calls.
  OpBuilder::InsertionGuard guard(b);
  auto functions = module.getOps<func::FuncOp>();
  auto firstPrivate = llvm::find_if(
      functions, [](func::FuncOp function) { return function.isPrivate(); });
  if (firstPrivate != functions.end())
    b.setInsertionPoint(*firstPrivate);
  else
    b.setInsertionPointToEnd(module.getBody());
  SmallVector<Type> types;
  for (const Input &input : inputs)
    types.push_back(input.type);
  func::FuncOp function = addFunction(name, types, body);
  for (auto [number, input] : llvm::enumerate(inputs)) {
    function.setArgAttr(number, "seq.name", b.getStringAttr(input.name));
    if (input.limit)
      function.setArgAttr(number, "seq.limit",
                          b.getI64IntegerAttr(input.limit));
  }
  for (auto [number, result] : llvm::enumerate(results))
    function.setResultAttr(number, "seq.name", b.getStringAttr(result));
}

ValueRange Model::call(func::FuncOp callee, ValueRange arguments) {
  return func::CallOp::create(b, callee, arguments).getResults();
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

/// `part` [D, …] at the place [number · D, …] of `stack`.
static Value insertPart(ImplicitLocOpBuilder &b, Value part, Value stack,
                        OpFoldResult number) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, b.getLoc(), part);
  SmallVector<OpFoldResult> offsets(sizes.size(), b.getIndexAttr(0)),
      strides(sizes.size(), b.getIndexAttr(1));
  int64_t parts = cast<RankedTensorType>(part.getType()).getDimSize(0);
  if (std::optional<int64_t> constant = getConstantIntValue(number)) {
    offsets[0] = b.getIndexAttr(*constant * parts);
  } else {
    Value factor = arith::ConstantIndexOp::create(b, parts);
    offsets[0] =
        parts == 1
            ? number
            : OpFoldResult(arith::MulIOp::create(b, cast<Value>(number), factor)
                               .getResult());
  }
  return tensor::InsertSliceOp::create(b, part, stack, offsets, sizes, strides);
}

Value Model::layers(StringRef name, LayerRange layerRange, ValueRange inputs,
                    MutableArrayRef<Value> stacks, Body body) {
  // A single layer has its name and needs no number.
  bool loop = layerRange.count > 1;
  SmallVector<Type> types(inputs.getTypes());
  if (loop)
    types.push_back(b.getIndexType());
  func::FuncOp layer;
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(module.getBody());
    layer = addFunction(name, types, [&](ValueRange arguments) {
      range = layerRange;
      index = loop ? arguments.back() : Value();
      Values results = body(arguments.take_front(inputs.size()));
      range.reset();
      index = {};
      return results;
    });
    layer.setPrivate();
  }
  auto collect = [&](ValueRange results, ValueRange present,
                     OpFoldResult number) {
    Values next{results[0]};
    for (auto [part, stack] : llvm::zip_equal(results.drop_front(), present))
      next.push_back(insertPart(b, part, stack, number));
    return next;
  };

  Values results;
  if (!loop) {
    results =
        collect(call(layer, inputs), stacks, b.getIndexAttr(layerRange.first));
  } else {
    layer.setArgAttr(inputs.size(), "seq.count",
                     b.getIndexAttr(layerRange.count));
    if (layerRange.first)
      layer.setArgAttr(inputs.size(), "seq.first",
                       b.getIndexAttr(layerRange.first));
    auto constant = [&](int64_t value) {
      return arith::ConstantIndexOp::create(b, value);
    };
    Values carried{inputs[0]};
    carried.append(stacks.begin(), stacks.end());
    auto forOp = scf::ForOp::create(
        b, constant(layerRange.first),
        constant(layerRange.first + layerRange.count), constant(1), carried);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(forOp.getBody());
    ValueRange present = forOp.getRegionIterArgs();
    Value number = forOp.getInductionVar();
    Values arguments{present[0]};
    llvm::append_range(arguments, inputs.drop_front());
    arguments.push_back(number);
    scf::YieldOp::create(
        b, collect(call(layer, arguments), present.drop_front(), number));
    results = Values(forOp.getResults());
  }
  llvm::copy(ArrayRef(results).drop_front(), stacks.begin());
  return results[0];
}

//===- Model.cpp - the module that a family fills ------------------------===//

#include "Model.h"
#include "Text.h"

#include "seq/Seq.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace seqc;

Model::Model(ModuleOp module, const SourceWeights &weights, int64_t batch,
             std::optional<int64_t> exitLayer)
    : batch(batch),
      b(UnknownLoc::get(module.getContext()), module.getContext()),
      module(module), weights(weights), exitLayer(exitLayer) {
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
  bool perLayer = numbers && name.contains("{}");
  Numbers layers = perLayer ? *numbers : Numbers{0};
  std::string first = perLayer ? numbered(name, layers.front()) : name.str();
  DType dtype = DType::F32;
  for (int64_t number : layers) {
    if (!error.empty())
      break;
    std::string each = perLayer ? numbered(name, number) : name.str();
    const SourceWeights::Tensor *tensor = check(each, shape);
    if (!tensor)
      break;
    if (number == layers.front())
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

func::FuncOp Model::addLayer(StringRef name, Numbers layerNumbers,
                             ValueRange inputs, Body body) {
  int64_t count = layerNumbers.size(), first = layerNumbers.front();
  // A single layer has its name and needs no number.
  bool several = count > 1;
  bool gaps = layerNumbers.back() - first != count - 1;
  SmallVector<Type> types(inputs.getTypes());
  if (several)
    types.push_back(b.getIndexType());
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(module.getBody());
  func::FuncOp layer = addFunction(name, types, [&](ValueRange arguments) {
    index = several ? arguments.back() : Value();
    if (gaps) {
      auto type = RankedTensorType::get({count}, b.getIndexType());
      Value table = arith::ConstantOp::create(
          b, DenseElementsAttr::get(type, ArrayRef<int64_t>(layerNumbers)));
      index = tensor::ExtractOp::create(b, table, index);
    }
    numbers = layerNumbers;
    Values results = body(arguments.take_front(inputs.size()));
    numbers.reset();
    index = {};
    return results;
  });
  layer.setPrivate();
  if (several)
    layer.setArgAttr(inputs.size(), "seq.count", b.getIndexAttr(count));
  if (several && !gaps && first)
    layer.setArgAttr(inputs.size(), "seq.first", b.getIndexAttr(first));
  return layer;
}

void Model::dropLayer(StringRef name, Numbers layerNumbers, ValueRange inputs,
                      Body body) {
  addLayer(name, layerNumbers, inputs, body).erase();
}

Value Model::layers(StringRef name, LayerRange range, ValueRange inputs,
                    MutableArrayRef<Value> stacks, Body body) {
  int64_t end = limitCount(range.first + range.count);
  depth = std::max(depth, end);
  auto numbersFrom = [](int64_t first, int64_t end) {
    return Numbers(llvm::to_vector(llvm::seq(first, end)));
  };
  int64_t exit = std::max(range.first, countLayers(end));
  if (exit < end)
    dropLayer(name, numbersFrom(exit, end), inputs, body);
  if (exit == range.first)
    return inputs[0];
  range.count = exit - range.first;
  func::FuncOp layer =
      addLayer(name, numbersFrom(range.first, exit), inputs, body);
  auto collect = [&](ValueRange results, ValueRange present,
                     OpFoldResult number) {
    Values next{results[0]};
    for (auto [part, stack] : llvm::zip_equal(results.drop_front(), present))
      next.push_back(insertPart(b, part, stack, number));
    return next;
  };

  Values results;
  if (range.count == 1) {
    results = collect(call(layer, inputs), stacks, b.getIndexAttr(range.first));
  } else {
    Values carried{inputs[0]};
    carried.append(stacks.begin(), stacks.end());
    results =
        loop(range, carried, [&](Value number, ValueRange present) -> Values {
          Values arguments{present[0]};
          llvm::append_range(arguments, inputs.drop_front());
          arguments.push_back(number);
          return collect(call(layer, arguments), present.drop_front(), number);
        });
  }
  llvm::copy(ArrayRef(results).drop_front(), stacks.begin());
  return results[0];
}

Model::Values
Model::loop(LayerRange range, ValueRange carried,
            llvm::function_ref<Values(Value number, ValueRange)> body) {
  auto constant = [&](int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  };
  auto forOp = scf::ForOp::create(b, constant(range.first),
                                  constant(range.first + range.count),
                                  constant(1), carried);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(forOp.getBody());
  scf::YieldOp::create(
      b, body(forOp.getInductionVar(), forOp.getRegionIterArgs()));
  return Values(forOp.getResults());
}

Value Model::stack(ArrayRef<std::string> kinds, ValueRange inputs,
                   KindBody body) {
  depth = std::max(depth, int64_t(kinds.size()));
  int64_t exit = countLayers(kinds.size());
  llvm::MapVector<StringRef, Numbers> numbersOf, dropped;
  for (auto [number, kind] : llvm::enumerate(kinds))
    (int64_t(number) < exit ? numbersOf : dropped)[kind].push_back(number);
  kinds = kinds.take_front(exit);
  auto bodyOf = [&](StringRef kind) {
    return [&body, kind](ValueRange x) -> Values { return {body(kind, x)}; };
  };
  for (auto &[kind, layerNumbers] : dropped)
    dropLayer(kind, layerNumbers, inputs, bodyOf(kind));
  struct Kind {
    func::FuncOp function;
    bool several;
    int64_t next; // what its function calls the next layer
  };
  llvm::StringMap<Kind> functions;
  for (auto &[kind, layerNumbers] : numbersOf) {
    func::FuncOp function = addLayer(kind, layerNumbers, inputs, bodyOf(kind));
    bool gaps = layerNumbers.back() - layerNumbers.front() !=
                int64_t(layerNumbers.size()) - 1;
    functions[kind] = {function, layerNumbers.size() > 1,
                       gaps ? 0 : layerNumbers.front()};
  }

  Values carried(inputs);
  while (!kinds.empty()) {
    Kind &kind = functions.find(kinds.front())->second;
    auto isOther = [&](const std::string &name) {
      return name != kinds.front();
    };
    int64_t count = llvm::find_if(kinds, isOther) - kinds.begin();
    auto run = [&](Value x, Value number) {
      Values arguments(carried);
      arguments[0] = x;
      if (kind.several)
        arguments.push_back(number);
      return Values(call(kind.function, arguments));
    };
    if (count == 1) {
      Value number;
      if (kind.several)
        number = arith::ConstantIndexOp::create(b, kind.next);
      carried[0] = run(carried[0], number)[0];
    } else {
      carried[0] = loop({kind.next, count}, carried[0],
                        [&](Value number, ValueRange x) -> Values {
                          return run(x[0], number);
                        })[0];
    }
    kind.next += count;
    kinds = kinds.drop_front(count);
  }
  return carried[0];
}

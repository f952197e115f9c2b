//===- LayerUtils.cpp - how layers are stated in general operations
//-----------===//

#include "LayerUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::seq;

//===----------------------------------------------------------------------===//
// Time
//===----------------------------------------------------------------------===//

SmallVector<Value> layer::present(ArrayRef<Value> values) {
  return SmallVector<Value>(
      llvm::make_filter_range(values, [](Value v) { return v != nullptr; }));
}

Value layer::emptySequence(ImplicitLocOpBuilder &b, RankedTensorType type,
                           Value like) {
  SmallVector<Value> sizes;
  if (type.isDynamicDim(kTimeDim))
    sizes.push_back(tensor::DimOp::create(b, like, kTimeDim));
  return tensor::EmptyOp::create(b, type, sizes);
}

SmallVector<Value> layer::recurrence(ImplicitLocOpBuilder &b, bool reverse,
                                     ArrayRef<Value> inputs, ValueRange outputs,
                                     ValueRange states, StepFn step) {
  SmallVector<Value> sequences = present(inputs);
  auto op =
      RecurrenceOp::create(b, kTimeDim, reverse, sequences, outputs, states);
  Block &body = op.getBody().emplaceBlock();
  auto addSlices = [&](ValueRange sequences) {
    for (Value sequence : sequences)
      body.addArgument(
          op.getSliceType(cast<RankedTensorType>(sequence.getType())),
          sequence.getLoc());
  };
  addSlices(sequences);
  addSlices(outputs);
  for (Value state : states)
    body.addArgument(state.getType(), state.getLoc());

  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&body);
  SmallVector<Value> slices(op.getInputSlices());
  SmallVector<Value> stateArguments(op.getStateArguments());
  YieldOp::create(b, step(slices, stateArguments));
  return SmallVector<Value>(op.getResults());
}

//===----------------------------------------------------------------------===//
// Structured operations
//===----------------------------------------------------------------------===//

namespace {
/// "bi,gi->bg" for given operands: loops, maps and the result's type. The loops
/// of the result come first, in its order, then those that are summed.
struct EinsumSpec {
  EinsumSpec(MLIRContext *context, StringRef spec, ValueRange operands) {
    auto [lhs, result] = spec.split("->");
    SmallVector<StringRef> terms;
    lhs.split(terms, ',');
    terms.push_back(result);

    std::string letters = result.str();
    llvm::StringMap<int64_t> sizes;
    for (auto [term, operand] : llvm::zip(terms, operands)) {
      ArrayRef<int64_t> shape =
          cast<RankedTensorType>(operand.getType()).getShape();
      for (auto [index, letter] : llvm::enumerate(term)) {
        sizes[term.substr(index, 1)] = shape[index];
        if (letters.find(letter) == std::string::npos)
          letters += letter;
      }
    }

    for (StringRef term : terms) {
      SmallVector<unsigned> dims;
      for (char letter : term)
        dims.push_back(letters.find(letter));
      maps.push_back(
          AffineMap::getMultiDimMapWithTargets(letters.size(), dims, context));
    }
    iterators.assign(result.size(), utils::IteratorType::parallel);
    iterators.resize(letters.size(), utils::IteratorType::reduction);
    SmallVector<int64_t> shape;
    for (size_t index = 0; index < result.size(); ++index)
      shape.push_back(sizes.lookup(result.substr(index, 1)));
    type = RankedTensorType::get(
        shape, getElementTypeOrSelf(operands.front().getType()));
  }

  SmallVector<AffineMap> maps;
  SmallVector<utils::IteratorType> iterators;
  RankedTensorType type;
};
} // namespace

Value layer::einsum(ImplicitLocOpBuilder &b, StringRef spec,
                    ValueRange operands) {
  EinsumSpec loops(b.getContext(), spec, operands);
  Value zero = arith::ConstantOp::create(
      b, b.getFloatAttr(loops.type.getElementType(), 0.0));
  Value empty = tensor::EmptyOp::create(b, loops.type, ValueRange());
  Value init = linalg::FillOp::create(b, zero, empty).getResult(0);
  return linalg::GenericOp::create(
             b, loops.type, operands, init, loops.maps, loops.iterators,
             [](OpBuilder &builder, Location loc, ValueRange args) {
               ImplicitLocOpBuilder nested(loc, builder);
               Value product = args[0];
               for (Value factor : args.drop_front().drop_back())
                 product = arith::MulFOp::create(nested, product, factor);
               Value sum = arith::AddFOp::create(nested, args.back(), product);
               linalg::YieldOp::create(nested, sum);
             })
      .getResult(0);
}

Value layer::pointwise(
    ImplicitLocOpBuilder &b, StringRef spec, ValueRange operands,
    function_ref<Value(ImplicitLocOpBuilder &, ValueRange)> scalar) {
  EinsumSpec loops(b.getContext(), spec, operands);
  Value empty = tensor::EmptyOp::create(b, loops.type, ValueRange());
  return linalg::GenericOp::create(
             b, loops.type, operands, empty, loops.maps, loops.iterators,
             [&](OpBuilder &builder, Location loc, ValueRange args) {
               ImplicitLocOpBuilder nested(loc, builder);
               linalg::YieldOp::create(nested,
                                       scalar(nested, args.drop_back()));
             })
      .getResult(0);
}

Value layer::addBias(ImplicitLocOpBuilder &b, Value x, Value bias) {
  if (!bias)
    return x;
  return pointwise(b, "bc,c->bc", {x, bias},
                   [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                     return arith::AddFOp::create(b, v[0], v[1]);
                   });
}

Value layer::gate(ImplicitLocOpBuilder &b, Value matrix, int64_t index,
                  int64_t size) {
  int64_t rows = cast<RankedTensorType>(matrix.getType()).getDimSize(0);
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  return tensor::ExtractSliceOp::create(
      b, matrix, {zero, b.getIndexAttr(index * size)},
      {b.getIndexAttr(rows), b.getIndexAttr(size)}, {one, one});
}

//===----------------------------------------------------------------------===//
// Elementwise functions
//===----------------------------------------------------------------------===//

Value layer::splat(ImplicitLocOpBuilder &b, Value like, double value) {
  auto type = cast<RankedTensorType>(like.getType());
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(type,
                                b.getFloatAttr(type.getElementType(), value)));
}

Value layer::sigmoid(ImplicitLocOpBuilder &b, Value x) {
  Value one = splat(b, x, 1.0);
  Value exp = math::ExpOp::create(b, arith::NegFOp::create(b, x));
  return arith::DivFOp::create(b, one, arith::AddFOp::create(b, one, exp));
}

Value layer::silu(ImplicitLocOpBuilder &b, Value x) {
  return arith::MulFOp::create(b, x, sigmoid(b, x));
}

Value layer::softplus(ImplicitLocOpBuilder &b, Value x) {
  Value positive = arith::MaximumFOp::create(b, x, splat(b, x, 0.0));
  Value magnitude = math::AbsFOp::create(b, x);
  Value exp = math::ExpOp::create(b, arith::NegFOp::create(b, magnitude));
  return arith::AddFOp::create(b, positive, math::Log1pOp::create(b, exp));
}

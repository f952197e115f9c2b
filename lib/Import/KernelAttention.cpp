//===- KernelAttention.cpp - attention by feature maps --------------------===//

#include "KernelAttention.h"

#include "Layers.h"
#include "Structured.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

/// exp(v0 - v1)
static Value expOfDifference(ImplicitLocOpBuilder &b, ValueRange v) {
  return math::ExpOp::create(b, arith::SubFOp::create(b, v[0], v[1]));
}

/// 0 / 0 is 0: nothing was seen.
static Value divideOrZero(ImplicitLocOpBuilder &b, ValueRange v) {
  Value zero = constant(b, 0);
  Value none = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, v[1], zero);
  return arith::SelectOp::create(b, none, zero,
                                 arith::DivFOp::create(b, v[0], v[1]));
}

//===----------------------------------------------------------------------===//
// Feature maps
//===----------------------------------------------------------------------===//

Value layers::eluPlusOne(ImplicitLocOpBuilder &b, Value x) {
  return structured(
      b, "bthd->bthd", x, [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value zero = constant(b, 0);
        Value positive =
            arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, v[0], zero);
        Value line = arith::AddFOp::create(b, v[0], constant(b, 1));
        // Of the smaller of x and 0: no overflow where it is not taken.
        Value curve =
            math::ExpOp::create(b, arith::MinimumFOp::create(b, v[0], zero));
        return arith::SelectOp::create(b, positive, line, curve);
      });
}

Value layers::softmaxOfChannels(ImplicitLocOpBuilder &b, Value x) {
  Value most = maximum(b, "bthd->bth", x);
  Value powers = structured(b, "bthd,bth->bthd", {x, most}, expOfDifference);
  Value sums = structured(b, "bthd->bth", powers, addElements);
  return structured(b, "bthd,bth->bthd", {powers, sums},
                    [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                      return arith::DivFOp::create(b, v[0], v[1]);
                    });
}

Value layers::maximum(ImplicitLocOpBuilder &b, StringRef spec, Value x) {
  auto [term, result] = spec.split("->");
  std::string letters = result.str();
  for (char letter : term)
    if (!result.contains(letter))
      letters += letter;
  SmallVector<OpFoldResult> sizes(result.size());
  SmallVector<unsigned> dims;
  for (auto [dim, letter] : llvm::enumerate(term)) {
    size_t loop = letters.find(letter);
    dims.push_back(loop);
    if (loop < sizes.size())
      sizes[loop] = tensor::getMixedSize(b, b.getLoc(), x, dim);
  }
  unsigned rank = letters.size();
  SmallVector<AffineMap> maps{
      AffineMap::getMultiDimMapWithTargets(rank, dims, b.getContext()),
      b.getMultiDimIdentityMap(rank).getMajorSubMap(sizes.size())};
  SmallVector<utils::IteratorType> iterators(sizes.size(),
                                             utils::IteratorType::parallel);
  iterators.resize(rank, utils::IteratorType::reduction);
  Value init = tensor::EmptyOp::create(b, sizes, b.getF32Type());
  Value least = constant(b, -std::numeric_limits<double>::infinity());
  init = linalg::FillOp::create(b, least, init).getResult(0);
  return linalg::GenericOp::create(
             b, init.getType(), x, init, maps, iterators,
             [](OpBuilder &builder, Location loc, ValueRange v) {
               Value most = arith::MaximumFOp::create(builder, loc, v[0], v[1]);
               linalg::YieldOp::create(builder, loc, most);
             })
      .getResult(0);
}

Value layers::scaled(ImplicitLocOpBuilder &b, Value x, double factor) {
  std::string dims = StringRef("bthd").take_front(typeOf(x).getRank()).str();
  return structured(b, dims + "->" + dims, x,
                    [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                      return arith::MulFOp::create(b, v[0],
                                                   constant(b, factor));
                    });
}

//===----------------------------------------------------------------------===//
// Sums over times
//===----------------------------------------------------------------------===//

Value layers::kernelAttention(ImplicitLocOpBuilder &b, Value query, Value key,
                              Value value, bool causal, Value keyMask) {
  MLIRContext *context = b.getContext();
  auto mask = causal ? seq::MaskAttr::getCausal(context)
                     : seq::MaskAttr::getFull(context);
  return seq::AttentionOp::create(b, value.getType(), query, key, value,
                                  keyMask, /*bias=*/Value(), mask,
                                  seq::Normaliser::kernel, llvm::APFloat(1.0));
}

Value layers::causalProducts(ImplicitLocOpBuilder &b, Value query, Value key,
                             Value value, Value decay) {
  RankedTensorType keys = typeOf(key), values = typeOf(value);
  Value start = zeros(b, {keys.getDimSize(0), keys.getDimSize(2),
                          keys.getDimSize(3), values.getDimSize(3)});
  return seq::LinearAttentionOp::create(
             b, values, start.getType(), query, key, value, decay,
             /*beta=*/Value(), start,
             decay ? seq::UpdateRule::gated : seq::UpdateRule::linear,
             llvm::APFloat(1.0))
      .getOutput();
}

/// A recurrence over sequences like the first input, whose state is of their
/// slices' type and 0 at first. `next` gives the outputs, then the next state.
static ResultRange
recur(ImplicitLocOpBuilder &b, ValueRange inputs, int64_t outputs,
      llvm::function_ref<SmallVector<Value>(ValueRange slices, Value state)>
          next) {
  RankedTensorType type = typeOf(inputs[0]);
  SmallVector<int64_t> shape{type.getDimSize(0)};
  llvm::append_range(shape, type.getShape().drop_front(2));
  Value start = zeros(b, shape);
  Value empty = tensor::EmptyOp::create(
      b, tensor::getMixedSizes(b, b.getLoc(), inputs[0]), b.getF32Type());
  SmallVector<Value> slots(outputs, empty);
  auto recurrence = seq::RecurrenceOp::create(b, /*dim=*/1, /*reverse=*/false,
                                              inputs, slots, start);
  OpBuilder::InsertionGuard guard(b);
  Block &step = recurrence.getBody().emplaceBlock();
  for (Value input : inputs)
    step.addArgument(recurrence.getSliceType(typeOf(input)), b.getLoc());
  for (int64_t number = 0; number <= outputs; ++number)
    step.addArgument(start.getType(), b.getLoc());
  b.setInsertionPointToStart(&step);
  seq::YieldOp::create(b, next(step.getArguments().take_front(inputs.size()),
                               step.getArguments().back()));
  return recurrence.getResults();
}

Value layers::runningSum(ImplicitLocOpBuilder &b, Value x, Value decay) {
  SmallVector<Value> inputs{x};
  if (decay)
    inputs.push_back(decay);
  return recur(b, inputs, /*outputs=*/1, [&](ValueRange slices, Value state) {
    if (decay)
      state = structured(b, "bhk,bh->bhk", {state, slices[1]},
                         [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                           return arith::MulFOp::create(
                               b, v[0], math::ExpOp::create(b, v[1]));
                         });
    Value sum = arith::AddFOp::create(b, state, slices[0]);
    return SmallVector<Value>{sum, sum};
  })[0];
}

RunningMaximum layers::runningMaximum(ImplicitLocOpBuilder &b, Value x) {
  ResultRange results =
      recur(b, x, /*outputs=*/2, [&](ValueRange slices, Value state) {
        Value most = arith::MaximumFOp::create(b, state, slices[0]);
        Value decay = arith::SubFOp::create(b, state, most);
        return SmallVector<Value>{most, decay, most};
      });
  // It is at most 0 anyway, but here that can be seen.
  Value decay =
      structured(b, "bth->bth", results[1],
                 [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                   return arith::MinimumFOp::create(b, v[0], constant(b, 0));
                 });
  return {results[0], decay};
}

Value layers::efficientAttention(ImplicitLocOpBuilder &b, Value query,
                                 Value key, Value value, Value keyMask) {
  // A key that is not seen is -∞.
  if (keyMask)
    key = structured(b, "bthd,bt->bthd", {key, keyMask},
                     [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                       Value least = constant(
                           b, -std::numeric_limits<double>::infinity());
                       return arith::SelectOp::create(b, v[1], v[0], least);
                     });
  Value most = maximum(b, "bthd->bhd", key);
  // -∞ less -∞ would be NaN.
  Value finite = structured(
      b, "bhd->bhd", most, [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        return arith::MaximumFOp::create(
            b, v[0], constant(b, std::numeric_limits<float>::lowest()));
      });
  Value weights =
      structured(b, "bthd,bhd->bthd", {key, finite}, expOfDifference);
  Value sums = structured(b, "bthd->bhd", weights, addElements);
  Value context =
      structured(b, "bthd,bthe->bhde", {weights, value}, multiplyAdd);
  context = structured(b, "bhde,bhd->bhde", {context, sums}, divideOrZero);
  return structured(b, "bthd,bhde->bthe", {query, context}, multiplyAdd);
}

Value layers::dotOfChannels(ImplicitLocOpBuilder &b, Value x, Value y) {
  return structured(b, "bthd,bthd->bth", {x, y}, multiplyAdd);
}

Value layers::maskTimes(ImplicitLocOpBuilder &b, Value x, Value keyMask) {
  return structured(b, "bthd,bt->bthd", {x, keyMask},
                    [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                      return arith::SelectOp::create(b, v[1], v[0],
                                                     constant(b, 0));
                    });
}

Value layers::mergeHeads(ImplicitLocOpBuilder &b, Value x) {
  return tensor::CollapseShapeOp::create(
      b, x, ArrayRef<ReassociationIndices>{{0}, {1}, {2, 3}});
}

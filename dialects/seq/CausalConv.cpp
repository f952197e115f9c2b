//===- CausalConv.cpp - seq.causal_conv
//----------------------------------------===//

#include "LayerUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::seq;
using namespace mlir::seq::layer;

LogicalResult CausalConvOp::verify() {
  // Before C3, which would ask for -1 states.
  if (getWeight().getType().getDimSize(1) == 0)
    return emitOpError("C4: weight has no taps, W must be at least 1");
  return verifyShapes(*this, {{"input", getInput(), "B T C"},
                              {"weight", getWeight(), "C W"},
                              {"bias", getBias(), "C"},
                              {"initial_state", getInitialState(), "B W-1 C"},
                              {"output", getOutput(), "B T C"},
                              {"final_state", getFinalState(), "B W-1 C"}});
}

SmallVector<Value> CausalConvOp::getSequences() {
  return {getInput(), getOutput()};
}

SmallVector<CarriedState> CausalConvOp::getCarriedStates() {
  return {{"conv", &getInitialStateMutable(), cast<OpResult>(getFinalState())}};
}

/// The offsets, sizes and strides of element `index` of dimension `dim`.
static void sliceAt(OpBuilder &b, RankedTensorType type, int64_t dim,
                    int64_t index, SmallVector<OpFoldResult> &offsets,
                    SmallVector<OpFoldResult> &sizes,
                    SmallVector<OpFoldResult> &strides) {
  offsets.assign(type.getRank(), b.getIndexAttr(0));
  strides.assign(type.getRank(), b.getIndexAttr(1));
  sizes.clear();
  for (int64_t size : type.getShape())
    sizes.push_back(b.getIndexAttr(size));
  offsets[dim] = b.getIndexAttr(index);
  sizes[dim] = b.getIndexAttr(1);
}

/// Element `index` of dimension `dim`, without that dimension.
static Value extract(ImplicitLocOpBuilder &b, Value tensor, int64_t dim,
                     int64_t index) {
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<OpFoldResult> offsets, sizes, strides;
  sliceAt(b, type, dim, index, offsets, sizes, strides);
  SmallVector<int64_t> shape(type.getShape());
  shape.erase(shape.begin() + dim);
  return tensor::ExtractSliceOp::create(
      b, RankedTensorType::get(shape, type.getElementType()), tensor, offsets,
      sizes, strides);
}

FailureOr<SmallVector<Value>> CausalConvOp::generalize(OpBuilder &builder) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  int64_t taps = getWeight().getType().getDimSize(1);
  int64_t window = taps - 1;

  // One state for each past input: a step then moves values, not a window.
  SmallVector<Value> past, weights;
  for (int64_t index = 0; index < window; ++index)
    past.push_back(extract(b, getInitialState(), 1, index));
  for (int64_t index = 0; index < taps; ++index)
    weights.push_back(extract(b, getWeight(), 1, index));

  // For W = 2 and a bias: "bc,bc,c,c,c->bc" (past, present, two taps, bias).
  std::string spec;
  for (int64_t index = 0; index < taps; ++index)
    spec += "bc,";
  for (int64_t index = 0; index < taps; ++index)
    spec += "c,";
  if (getBias())
    spec += "c,";
  spec.back() = '-';
  spec += ">bc";

  Value output = emptySequence(b, getOutput().getType(), getInput());
  SmallVector<Value> results = recurrence(
      b, /*reverse=*/false, {getInput()}, output, past,
      [&](ValueRange inputs, ValueRange states) -> SmallVector<Value> {
        SmallVector<Value> window(states);
        window.push_back(inputs[0]);
        SmallVector<Value> operands(window);
        llvm::append_range(operands, weights);
        if (getBias())
          operands.push_back(getBias());
        Value y = pointwise(
            b, spec, operands,
            [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
              Value sum = getBias() ? v.back() : Value();
              for (int64_t tap = 0; tap < taps; ++tap) {
                Value term = arith::MulFOp::create(b, v[taps + tap], v[tap]);
                sum = sum ? arith::AddFOp::create(b, sum, term) : term;
              }
              return sum;
            });
        if (getActivation() == ConvActivation::silu)
          y = silu(b, y);
        SmallVector<Value> yielded{y};
        llvm::append_range(yielded, ArrayRef(window).drop_front());
        return yielded;
      });
  if (window == 0)
    return SmallVector<Value>{results[0], getInitialState()};

  auto stateType = getFinalState().getType();
  Value state = tensor::EmptyOp::create(b, stateType, ValueRange());
  for (int64_t index = 0; index < window; ++index) {
    SmallVector<OpFoldResult> offsets, sizes, strides;
    sliceAt(b, stateType, 1, index, offsets, sizes, strides);
    state = tensor::InsertSliceOp::create(b, results[1 + index], state, offsets,
                                          sizes, strides);
  }
  return SmallVector<Value>{results[0], state};
}

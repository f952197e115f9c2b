//===- Norms.cpp - normalisation over the channels ---------------------===//

#include "Layers.h"
#include "Structured.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

/// 1 / sqrt(sum / channels + epsilon), once a row and not once a channel.
static Value inverseDeviation(ImplicitLocOpBuilder &b, Value sums,
                              double channels, double epsilon) {
  std::string rows = StringRef("bth").take_front(typeOf(sums).getRank()).str();
  return structured(
      b, rows + "->" + rows, sums,
      [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value mean = arith::DivFOp::create(b, v[0], constant(b, channels));
        return math::RsqrtOp::create(
            b, arith::AddFOp::create(b, mean, constant(b, epsilon)));
      });
}
Value layers::layerNorm(ImplicitLocOpBuilder &b, Value x, Value weight,
                        Value bias, double epsilon) {
  std::string rows = rowsOf(x);
  double channels = typeOf(weight).getDimSize(0);
  Value sums = structured(b, rows + "c->" + rows, x, addElements);
  Value means =
      structured(b, rows + "->" + rows, sums,
                 [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                   return arith::DivFOp::create(b, v[0], constant(b, channels));
                 });
  // In two passes: the mean of squares less the square of the mean would lose
  // what they share.
  Value squares =
      structured(b, rows + "c," + rows + "->" + rows, {x, means},
                 [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                   Value centred = arith::SubFOp::create(b, v[0], v[1]);
                   return arith::AddFOp::create(
                       b, v[2], arith::MulFOp::create(b, centred, centred));
                 });
  Value scale = inverseDeviation(b, squares, channels, epsilon);
  return structured(b, rows + "c," + rows + "," + rows + ",c,c->" + rows + "c",
                    {x, means, scale, weight, bias},
                    [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                      Value centred = arith::SubFOp::create(b, v[0], v[1]);
                      Value normal = arith::MulFOp::create(b, centred, v[2]);
                      return arith::AddFOp::create(
                          b, arith::MulFOp::create(b, normal, v[3]), v[4]);
                    });
}

Value layers::rmsNorm(ImplicitLocOpBuilder &b, Value x, Value weight,
                      double epsilon) {
  std::string rows = rowsOf(x);
  double channels = typeOf(x).getShape().back();
  Value squares =
      structured(b, rows + "c->" + rows, x,
                 [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                   return arith::AddFOp::create(
                       b, v[1], arith::MulFOp::create(b, v[0], v[0]));
                 });
  Value scale = inverseDeviation(b, squares, channels, epsilon);
  if (!weight)
    return structured(b, rows + "c," + rows + "->" + rows + "c", {x, scale},
                      [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                        return arith::MulFOp::create(b, v[0], v[1]);
                      });
  return structured(b, rows + "c," + rows + ",c->" + rows + "c",
                    {x, scale, weight},
                    [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                      return arith::MulFOp::create(
                          b, arith::MulFOp::create(b, v[0], v[1]), v[2]);
                    });
}

Value layers::l2Norm(ImplicitLocOpBuilder &b, Value x, double epsilon) {
  std::string rows = rowsOf(x);
  Value squares =
      structured(b, rows + "c->" + rows, x,
                 [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                   return arith::AddFOp::create(
                       b, v[1], arith::MulFOp::create(b, v[0], v[0]));
                 });
  Value scale = inverseDeviation(b, squares, /*channels=*/1, epsilon);
  return structured(b, rows + "c," + rows + "->" + rows + "c", {x, scale},
                    [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                      return arith::MulFOp::create(b, v[0], v[1]);
                    });
}

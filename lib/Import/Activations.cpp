//===- Activations.cpp - activations of perceptrons --------------------===//

#include "Layers.h"
#include "Structured.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

SmallVector<StringRef> layers::activationNames(StringRef first) {
  SmallVector<StringRef> names{first};
  for (StringRef name :
       {"gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "silu", "swish"})
    if (name != first)
      names.push_back(name);
  return names;
}

/// The activation `name` of one element.
static Value activate(ImplicitLocOpBuilder &b, StringRef name, Value x) {
  auto times = [&](Value lhs, Value rhs) -> Value {
    return arith::MulFOp::create(b, lhs, rhs);
  };
  auto plus = [&](Value lhs, Value rhs) -> Value {
    return arith::AddFOp::create(b, lhs, rhs);
  };
  Value one = constant(b, 1);
  if (name == "relu")
    return arith::MaximumFOp::create(b, x, constant(b, 0));
  if (name == "silu" || name == "swish")
    return arith::DivFOp::create(
        b, x, plus(one, math::ExpOp::create(b, arith::NegFOp::create(b, x))));
  if (name == "sigmoid")
    return sigmoid(b, x);
  // Hendrycks and Gimpel, arXiv:1606.08415: x Φ(x), where Φ is the normal
  // distribution or what its authors approximate it by.
  Value twice;
  if (name == "gelu") {
    twice = math::ErfOp::create(b, times(x, constant(b, std::sqrt(0.5))));
  } else {
    Value cube = times(times(x, x), x);
    Value inner = plus(x, times(constant(b, 0.044715), cube));
    twice = math::TanhOp::create(
        b, times(constant(b, std::sqrt(2 * llvm::numbers::inv_pi)), inner));
  }
  return times(times(constant(b, 0.5), x), plus(one, twice));
}

Value layers::activation(ImplicitLocOpBuilder &b, StringRef name, Value x) {
  std::string dims = rowsOf(x) + "n";
  return structured(b, dims + "->" + dims, x,
                    [&](ImplicitLocOpBuilder &b, ValueRange v) {
                      return activate(b, name, v[0]);
                    });
}

Value layers::gated(ImplicitLocOpBuilder &b, StringRef name, Value gate,
                    Value x) {
  std::string dims = rowsOf(x) + "n";
  return structured(b, dims + "," + dims + "->" + dims, {gate, x},
                    [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                      return arith::MulFOp::create(b, activate(b, name, v[0]),
                                                   v[1]);
                    });
}

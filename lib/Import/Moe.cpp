//===- Moe.cpp - mixtures of experts --------------------------------------===//

#include "Moe.h"

#include "KernelAttention.h"
#include "Structured.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

/// The module has the tensors of each expert by name.
static constexpr int64_t kMostExperts = 4096;

void MixtureOfExperts::read(Config &config, StringRef count, int64_t byDefault,
                            int64_t chosenByDefault) {
  experts = config.size(count, byDefault);
  if (experts > kMostExperts)
    config.fail(count, "at most " + Twine(kMostExperts));
  chosen = config.size("num_experts_per_tok", chosenByDefault);
  if (chosen > experts)
    config.fail("num_experts_per_tok",
                "at most " + count + " = " + Twine(experts));
}

void MixtureOfExperts::checkProducts(Config &config, StringRef innerKey,
                                     int64_t C) const {
  config.checkProduct((innerKey + " * hidden_size").str(), {2, inner, C});
  config.checkProduct("experts * hidden_size", {experts, C});
}

Value MixtureOfExperts::shares(ImplicitLocOpBuilder &b, Value logits) const {
  // How many are preferred to an expert.
  Value ranks = structured(
      b, "bte,btf->bte", {logits, logits},
      [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value larger =
            arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, v[1], v[0]);
        Value equal =
            arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, v[1], v[0]);
        Value earlier = arith::CmpIOp::create(
            b, arith::CmpIPredicate::ult, linalg::IndexOp::create(b, 3),
            linalg::IndexOp::create(b, 2));
        Value before = arith::OrIOp::create(
            b, larger, arith::AndIOp::create(b, equal, earlier));
        Value one = arith::UIToFPOp::create(b, b.getF32Type(), before);
        return arith::AddFOp::create(b, v[2], one);
      });
  Value most = maximum(b, "bte->bt", logits);
  Value powers =
      structured(b, "bte,bt->bte", {logits, most},
                 [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                   return math::ExpOp::create(
                       b, arith::SubFOp::create(b, v[0], v[1]));
                 });
  Value few = structured(
      b, "bte,bte->bte", {powers, ranks},
      [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value first = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, v[1],
                                            constant(b, chosen));
        return arith::SelectOp::create(b, first, v[0], constant(b, 0));
      });
  Value sums =
      structured(b, "bte->bt", normalised ? few : powers, addElements);
  return structured(b, "bte,bt->bte", {few, sums},
                    [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                      return arith::DivFOp::create(b, v[0], v[1]);
                    });
}

Value MixtureOfExperts::mix(Tensors tensors, Value x) const {
  ImplicitLocOpBuilder &b = tensors.model.b;
  int64_t C = typeOf(x).getDimSize(2);
  Value all = shares(b, tensors.linear(router, x, experts, /*bias=*/false));
  Value sum;
  for (int64_t expert = 0; expert < experts; ++expert) {
    std::string prefix = ("experts." + Twine(expert) + ".").str();
    Value wide =
        gated(b, act, tensors.linear(prefix + gate, x, inner, /*bias=*/false),
              tensors.linear(prefix + up, x, inner, /*bias=*/false));
    Value y = tensors.linear(prefix + down, wide, C, /*bias=*/false);
    Value share = channels(b, all, expert, 1);
    share = tensor::CollapseShapeOp::create(
        b, share, ArrayRef<ReassociationIndices>{{0}, {1, 2}});
    if (!sum) {
      sum = structured(b, "btc,bt->btc", {y, share},
                       [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                         return arith::MulFOp::create(b, v[0], v[1]);
                       });
      continue;
    }
    sum = structured(b, "btc,bt,btc->btc", {y, share, sum}, multiplyAdd);
  }
  return sum;
}

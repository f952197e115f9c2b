//===- Moe.cpp - mixtures of experts --------------------------------------===//

#include "Moe.h"

#include "Structured.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

void MixtureOfExperts::read(Config &config, StringRef count, int64_t byDefault,
                            int64_t chosenByDefault) {
  experts = config.size(count, byDefault);
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
  // 1 / p_e = Σ_f exp(x_f - x_e), which needs no largest x.
  Value inverse =
      structured(b, "bte,btf->bte", {logits, logits},
                 [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                   Value power = math::ExpOp::create(
                       b, arith::SubFOp::create(b, v[1], v[0]));
                   return arith::AddFOp::create(b, v[2], power);
                 });
  // How many come before e.
  Value rank = structured(
      b, "bte,btf->bte", {logits, logits},
      [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value more =
            arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, v[1], v[0]);
        Value same =
            arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, v[1], v[0]);
        Value earlier = arith::CmpIOp::create(b, arith::CmpIPredicate::ult,
                                              linalg::IndexOp::create(b, 3),
                                              linalg::IndexOp::create(b, 2));
        Value before = arith::OrIOp::create(
            b, more, arith::AndIOp::create(b, same, earlier));
        Value one =
            arith::SelectOp::create(b, before, constant(b, 1), constant(b, 0));
        return arith::AddFOp::create(b, v[2], one);
      });
  Value few = structured(
      b, "bte,bte->bte", {inverse, rank},
      [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value first = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, v[1],
                                            constant(b, chosen));
        Value share = arith::DivFOp::create(b, constant(b, 1), v[0]);
        return arith::SelectOp::create(b, first, share, constant(b, 0));
      });
  if (!normalised)
    return few;
  Value sums = structured(b, "bte->bt", few, addElements);
  return structured(b, "bte,bt->bte", {few, sums},
                    [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                      return arith::DivFOp::create(b, v[0], v[1]);
                    });
}

Value MixtureOfExperts::mix(Tensors tensors, Value x) const {
  ImplicitLocOpBuilder &b = tensors.model.b;
  int64_t channels = typeOf(x).getDimSize(2);
  Value all = shares(b, tensors.linear(router, x, experts, /*bias=*/false));

  // Several experts make one perceptron, as long as what lies between its
  // products is not large.
  constexpr int64_t kMostChannels = 16384;
  int64_t most = std::max<int64_t>(kMostChannels / inner, 1);
  Value sum;
  int64_t present = tensors.model.limitCount(experts);
  for (int64_t first = 0; first < present; first += most) {
    int64_t count = std::min(most, present - first);
    auto join = [&](StringRef name, int64_t dim, int64_t rows,
                    int64_t columns) -> Value {
      SmallVector<Value> parts;
      for (int64_t expert = first; expert < first + count; ++expert)
        parts.push_back(
            tensors.weight("experts." + Twine(expert) + "." + name + ".weight",
                           {rows, columns}));
      return count == 1 ? parts[0] : tensor::ConcatOp::create(b, dim, parts);
    };
    Value hidden = gated(b, act, linear(b, x, join(gate, 0, inner, channels)),
                         linear(b, x, join(up, 0, inner, channels)));
    Value weighted = structured(
        b, "bthc,bth->bthc",
        {splitHeads(b, hidden, count), layers::channels(b, all, first, count)},
        [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
          return arith::MulFOp::create(b, v[0], v[1]);
        });
    Value y = linear(b, joinHeads(b, weighted), join(down, 1, channels, inner));
    sum = sum ? add(b, sum, y) : y;
  }
  return sum;
}

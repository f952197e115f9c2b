//===- LinearAttention.cpp - seq.linear_attention
//------------------------------===//

#include "LayerUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::seq;
using namespace mlir::seq::layer;

static bool hasDecay(UpdateRule rule) {
  return rule == UpdateRule::gated || rule == UpdateRule::gated_delta;
}

static bool hasBeta(UpdateRule rule) {
  return rule == UpdateRule::delta || rule == UpdateRule::gated_delta;
}

/// The number of heads of a sequence [B, T, H] or [B, T, H, D].
static int64_t headsOf(Value sequence) {
  return cast<RankedTensorType>(sequence.getType()).getDimSize(2);
}

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

LogicalResult LinearAttentionOp::verify() {
  bool perChannel = getDecay() && getDecay().getType().getRank() == 4;
  SmallVector<NamedShape> operands = {
      {"query", getQuery(), "B T Hq K"},
      {"key", getKey(), "B T Hk K"},
      {"value", getValue(), "B T Hv V"},
      {"decay", getDecay(), perChannel ? "B T Hd K" : "B T Hd"},
      {"beta", getBeta(), "B T Hb"}};
  SmallVector<NamedShape> shapes(operands);
  shapes.push_back({"initial_state", getInitialState(), "B H K V"});
  shapes.push_back({"output", getOutput(), "B T Ho V"});
  shapes.push_back({"final_state", getFinalState(), "B H K V"});
  if (failed(verifyShapes(*this, shapes)))
    return failure();

  int64_t heads = 0;
  for (const NamedShape &shape : operands) {
    if (!shape.value)
      continue;
    int64_t count = headsOf(shape.value);
    if (count == 0)
      return emitOpError("C4: ") << shape.name << " has no heads";
    heads = std::max(heads, count);
    for (const NamedShape &other : operands) {
      if (!other.value || headsOf(other.value) == 0)
        continue;
      int64_t more = std::max(count, headsOf(other.value));
      int64_t fewer = std::min(count, headsOf(other.value));
      if (more % fewer != 0)
        return emitOpError("C4: ")
               << shape.name << " has " << count << " heads and " << other.name
               << " " << headsOf(other.value) << ": neither divides the other";
    }
  }
  if (getInitialState().getType().getDimSize(1) != heads)
    return emitOpError("C5: the states have ")
           << getInitialState().getType().getDimSize(1) << " heads, expected "
           << heads;
  if (headsOf(getOutput()) != heads)
    return emitOpError("C5: output has ")
           << headsOf(getOutput()) << " heads, expected " << heads;
  StringRef rule = stringifyUpdateRule(getRule());
  if (hasDecay(getRule()) != static_cast<bool>(getDecay()))
    return emitOpError("C6: the rule ")
           << rule << (getDecay() ? " takes no decay" : " needs a decay");
  if (hasBeta(getRule()) != static_cast<bool>(getBeta()))
    return emitOpError("C7: the rule ")
           << rule << (getBeta() ? " takes no beta" : " needs a beta");
  return success();
}

SmallVector<Value> LinearAttentionOp::getSequences() {
  return present({getQuery(), getKey(), getValue(), getDecay(), getBeta(), getOutput()});
}

SmallVector<CarriedState> LinearAttentionOp::getCarriedStates() {
  return {{"kv", &getInitialStateMutable(), cast<OpResult>(getFinalState())}};
}

//===----------------------------------------------------------------------===//
// Heads
//===----------------------------------------------------------------------===//

namespace {
/// Head h as the digits of a number in mixed radix, such that each operand's
/// head is a prefix of them: counts 1, 2 and 8 give the digits [2, 4]; an
/// operand of 8 heads has both, one of 2 heads the first, one of 1 head none.
/// Sharing is then a matter of indexing maps that leave digits out.
class HeadDigits {
public:
  explicit HeadDigits(ArrayRef<Value> sequences) {
    SmallVector<int64_t> counts;
    for (Value sequence : sequences)
      if (sequence)
        counts.push_back(headsOf(sequence));
    llvm::sort(counts);
    int64_t product = 1;
    for (int64_t count : counts) {
      if (count != product)
        digits.push_back(count / product);
      product = count;
    }
    if (digits.empty())
      digits.push_back(1);
  }

  /// The letters of an operand's heads, for einsum: "", "h", "hi", …
  StringRef letters(Value sequence) const {
    return StringRef("hijlm").take_front(count(headsOf(sequence)));
  }

  /// Replaces the head dimension `dim` of `type` by its digits.
  RankedTensorType split(RankedTensorType type, int64_t dim) const {
    SmallVector<int64_t> shape(type.getShape());
    ArrayRef<int64_t> kept =
        ArrayRef(digits).take_front(count(type.getDimSize(dim)));
    shape.erase(shape.begin() + dim);
    shape.insert(shape.begin() + dim, kept.begin(), kept.end());
    return RankedTensorType::get(shape, type.getElementType());
  }

  /// `tensor` with the head dimension `dim` split.
  Value split(ImplicitLocOpBuilder &b, Value tensor, int64_t dim) const {
    auto type = cast<RankedTensorType>(tensor.getType());
    RankedTensorType result = split(type, dim);
    if (result.getRank() > type.getRank())
      return tensor::ExpandShapeOp::create(b, result, tensor,
                                           groups(type, dim));
    if (result.getRank() < type.getRank())
      return tensor::CollapseShapeOp::create(b, result, tensor,
                                             dropUnit(type, dim));
    return tensor;
  }

  /// The inverse of split for a tensor with all digits.
  Value merge(ImplicitLocOpBuilder &b, Value tensor, RankedTensorType type,
              int64_t dim) const {
    if (tensor.getType() == type)
      return tensor;
    return tensor::CollapseShapeOp::create(b, type, tensor, groups(type, dim));
  }

private:
  /// How many digits a count of heads has.
  size_t count(int64_t heads) const {
    size_t used = 0;
    for (int64_t product = 1; used < digits.size(); ++used) {
      product *= digits[used];
      if (product > heads)
        break;
    }
    return used;
  }

  SmallVector<ReassociationIndices> groups(RankedTensorType type,
                                           int64_t dim) const {
    SmallVector<ReassociationIndices> result;
    int64_t next = 0;
    for (int64_t index = 0; index < type.getRank(); ++index) {
      size_t size = index == dim ? count(type.getDimSize(dim)) : 1;
      result.emplace_back();
      while (size--)
        result.back().push_back(next++);
    }
    return result;
  }

  /// Joins the dimension `dim`, which has size 1, to the one before it.
  static SmallVector<ReassociationIndices> dropUnit(RankedTensorType type,
                                                    int64_t dim) {
    SmallVector<ReassociationIndices> result;
    for (int64_t index = 0; index < type.getRank(); ++index) {
      if (index != dim)
        result.emplace_back();
      result.back().push_back(index);
    }
    return result;
  }

  SmallVector<int64_t> digits;
};
} // namespace

//===----------------------------------------------------------------------===//
// Generalization
//===----------------------------------------------------------------------===//

FailureOr<SmallVector<Value>>
LinearAttentionOp::generalize(OpBuilder &builder) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  HeadDigits heads({getQuery(), getKey(), getValue(), getDecay(), getBeta()});

  SmallVector<Value> sequences;
  for (Value sequence : {Value(getQuery()), Value(getKey()), Value(getValue()),
                         Value(getDecay()), Value(getBeta())})
    sequences.push_back(sequence ? heads.split(b, sequence, 2) : Value());
  Value output =
      emptySequence(b, heads.split(getOutput().getType(), 2), getQuery());
  Value initial = heads.split(b, getInitialState(), 1);

  std::string h = heads.letters(getOutput()).str();
  std::string S = "b" + h + "kv", V = "b" + h + "v";
  std::string q = "b" + heads.letters(getQuery()).str() + "k";
  std::string k = "b" + heads.letters(getKey()).str() + "k";
  std::string v = "b" + heads.letters(getValue()).str() + "v";

  SmallVector<Value> results = recurrence(
      b, /*reverse=*/false, sequences, output, initial,
      [&](ValueRange inputs, ValueRange states) -> SmallVector<Value> {
        Value query = inputs[0], key = inputs[1], value = inputs[2];
        std::string valueSpec = v;
        Value state = states[0];
        if (getDecay()) {
          std::string g = "b" + heads.letters(getDecay()).str() +
                          (getDecay().getType().getRank() == 4 ? "k" : "");
          Value decay = math::ExpOp::create(b, inputs[3]);
          state = pointwise(b, S + "," + g + "->" + S, {state, decay},
                            [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                              return arith::MulFOp::create(b, v[0], v[1]);
                            });
        }
        if (getBeta()) {
          // The delta rule writes what the state does not hold yet.
          std::string beta = "b" + heads.letters(getBeta()).str();
          Value held = einsum(b, S + "," + k + "->" + V, {state, key});
          value = pointwise(b, v + "," + V + "," + beta + "->" + V,
                            {value, held, inputs.back()},
                            [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                              Value error =
                                  arith::SubFOp::create(b, v[0], v[1]);
                              return arith::MulFOp::create(b, v[2], error);
                            });
          valueSpec = V;
        }
        state = pointwise(b, S + "," + k + "," + valueSpec + "->" + S,
                          {state, key, value},
                          [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                            return arith::AddFOp::create(
                                b, v[0], arith::MulFOp::create(b, v[1], v[2]));
                          });
        Value y = einsum(b, S + "," + q + "->" + V, {state, query});
        double scale = getScale().convertToDouble();
        if (scale != 1.0)
          y = arith::MulFOp::create(b, y, splat(b, y, scale));
        return {y, state};
      });
  return SmallVector<Value>{
      heads.merge(b, results[0], getOutput().getType(), 2),
      heads.merge(b, results[1], getFinalState().getType(), 1)};
}

//===- Layers.cpp - the words of a model description ---------------------===//

#include "Layers.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace seqc;

//===----------------------------------------------------------------------===//
// Structured operations
//===----------------------------------------------------------------------===//

namespace {
using Scalar = llvm::function_ref<Value(ImplicitLocOpBuilder &, ValueRange)>;

/// A linalg.generic whose maps `spec` gives in the notation of Einstein sums,
/// one letter a dimension, as in "btk,nk->btn"; letters that the result has not
/// are reduced. `scalar` sees the operands' elements, then the destination's,
/// which is 0 at first where there is a reduction and else must not be read.
/// Elements of the result are f32 unless `element` says otherwise.
Value structured(ImplicitLocOpBuilder &b, StringRef spec, ValueRange operands,
                 Scalar scalar, Type element = {}) {
  auto [lhs, result] = spec.split("->");
  SmallVector<StringRef> terms;
  lhs.split(terms, ',');

  std::string letters = result.str();
  SmallVector<OpFoldResult> sizes(letters.size());
  for (auto [term, operand] : llvm::zip_equal(terms, operands))
    for (auto [dim, letter] : llvm::enumerate(term)) {
      size_t loop = letters.find(letter);
      if (loop == std::string::npos)
        letters += letter;
      else if (loop < sizes.size() && !sizes[loop])
        sizes[loop] = tensor::getMixedSize(b, b.getLoc(), operand, dim);
    }

  terms.push_back(result);
  SmallVector<AffineMap> maps;
  for (StringRef term : terms) {
    SmallVector<unsigned> dims;
    for (char letter : term)
      dims.push_back(letters.find(letter));
    maps.push_back(AffineMap::getMultiDimMapWithTargets(letters.size(), dims,
                                                        b.getContext()));
  }
  SmallVector<utils::IteratorType> iterators(result.size(),
                                             utils::IteratorType::parallel);
  iterators.resize(letters.size(), utils::IteratorType::reduction);

  Value init =
      tensor::EmptyOp::create(b, sizes, element ? element : b.getF32Type());
  if (letters.size() > result.size()) {
    Value zero = arith::ConstantOp::create(b, b.getF32FloatAttr(0));
    init = linalg::FillOp::create(b, zero, init).getResult(0);
  }
  return linalg::GenericOp::create(
             b, init.getType(), operands, init, maps, iterators,
             [&](OpBuilder &builder, Location loc, ValueRange elements) {
               ImplicitLocOpBuilder nested(loc, builder);
               linalg::YieldOp::create(nested, scalar(nested, elements));
             })
      .getResult(0);
}

RankedTensorType typeOf(Value x) { return cast<RankedTensorType>(x.getType()); }

/// One letter for each dimension of a tensor but the last: "bt" or "b".
std::string rowsOf(Value x) { return typeOf(x).getRank() == 3 ? "bt" : "b"; }

Value constant(ImplicitLocOpBuilder &b, double value) {
  return arith::ConstantOp::create(b, b.getF32FloatAttr(value));
}

Value addElements(ImplicitLocOpBuilder &b, ValueRange v) {
  return arith::AddFOp::create(b, v[0], v[1]);
}

Value multiplyAdd(ImplicitLocOpBuilder &b, ValueRange v) {
  return arith::AddFOp::create(b, v[2], arith::MulFOp::create(b, v[0], v[1]));
}

/// product + bias; the product where that is null.
Value addBias(ImplicitLocOpBuilder &b, Value product, Value bias) {
  if (!bias)
    return product;
  std::string rows = rowsOf(product);
  return structured(b, rows + "n,n->" + rows + "n", {product, bias},
                    addElements);
}

/// 1 / sqrt(sum / channels + epsilon), once a row and not once a channel.
Value inverseDeviation(ImplicitLocOpBuilder &b, Value sums, double channels,
                       double epsilon) {
  std::string rows(typeOf(sums).getRank() == 2 ? "bt" : "b");
  return structured(
      b, rows + "->" + rows, sums,
      [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value mean = arith::DivFOp::create(b, v[0], constant(b, channels));
        return math::RsqrtOp::create(
            b, arith::AddFOp::create(b, mean, constant(b, epsilon)));
      });
}
} // namespace

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

Value layers::linear(ImplicitLocOpBuilder &b, Value x, Value weight,
                     Value bias) {
  std::string rows = rowsOf(x);
  return addBias(
      b, structured(b, rows + "k,nk->" + rows + "n", {x, weight}, multiplyAdd),
      bias);
}

Value layers::conv1D(ImplicitLocOpBuilder &b, Value x, Value weight,
                     Value bias) {
  std::string rows = rowsOf(x);
  return addBias(
      b, structured(b, rows + "k,kn->" + rows + "n", {x, weight}, multiplyAdd),
      bias);
}

Value layers::add(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  return arith::AddFOp::create(b, lhs, rhs);
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
  double channels = typeOf(weight).getDimSize(0);
  Value squares =
      structured(b, rows + "c->" + rows, x,
                 [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                   return arith::AddFOp::create(
                       b, v[1], arith::MulFOp::create(b, v[0], v[0]));
                 });
  Value scale = inverseDeviation(b, squares, channels, epsilon);
  return structured(b, rows + "c," + rows + ",c->" + rows + "c",
                    {x, scale, weight},
                    [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                      return arith::MulFOp::create(
                          b, arith::MulFOp::create(b, v[0], v[1]), v[2]);
                    });
}

Value layers::embedding(ImplicitLocOpBuilder &b, Value ids, Value table) {
  auto tableType = typeOf(table);
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, b.getLoc(), ids);
  sizes.push_back(b.getIndexAttr(tableType.getDimSize(1)));
  Value init = tensor::EmptyOp::create(b, sizes, tableType.getElementType());
  unsigned rank = sizes.size();
  AffineMap all = b.getMultiDimIdentityMap(rank);
  SmallVector<AffineMap> maps{all.getMajorSubMap(rank - 1), all};
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             b, init.getType(), ids, init, maps, iterators,
             [&](OpBuilder &builder, Location loc, ValueRange elements) {
               ImplicitLocOpBuilder nested(loc, builder);
               Value row = arith::IndexCastOp::create(
                   nested, nested.getIndexType(), elements[0]);
               Value channel = linalg::IndexOp::create(nested, rank - 1);
               Value element = tensor::ExtractOp::create(
                   nested, table, ValueRange{row, channel});
               linalg::YieldOp::create(nested, element);
             })
      .getResult(0);
}

Value layers::channels(ImplicitLocOpBuilder &b, Value x, int64_t begin,
                       int64_t size) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, b.getLoc(), x);
  SmallVector<OpFoldResult> offsets(sizes.size(), b.getIndexAttr(0)),
      strides(sizes.size(), b.getIndexAttr(1));
  offsets.back() = b.getIndexAttr(begin);
  sizes.back() = b.getIndexAttr(size);
  return tensor::ExtractSliceOp::create(b, x, offsets, sizes, strides);
}

/// x [B, C] at a time of [B, T, C] for T > 0.
static Value atTime(ImplicitLocOpBuilder &b, Value x,
                    llvm::function_ref<OpFoldResult(Value times)> number) {
  RankedTensorType type = typeOf(x);
  Value times = tensor::DimOp::create(b, x, 1);
  Value zero = arith::ConstantIndexOp::create(b, 0);
  Value any = arith::CmpIOp::create(b, arith::CmpIPredicate::sgt, times, zero);
  cf::AssertOp::create(b, any, "expected at least one token");
  OpFoldResult start = b.getIndexAttr(0), step = b.getIndexAttr(1);
  auto atType = RankedTensorType::get({type.getDimSize(0), type.getDimSize(2)},
                                      type.getElementType());
  return tensor::ExtractSliceOp::create(
      b, atType, x, ArrayRef<OpFoldResult>{start, number(times), start},
      ArrayRef<OpFoldResult>{b.getIndexAttr(type.getDimSize(0)), step,
                             b.getIndexAttr(type.getDimSize(2))},
      ArrayRef<OpFoldResult>{step, step, step});
}

Value layers::lastTime(ImplicitLocOpBuilder &b, Value x) {
  return atTime(b, x, [&](Value times) -> OpFoldResult {
    Value one = arith::ConstantIndexOp::create(b, 1);
    return arith::SubIOp::create(b, times, one).getResult();
  });
}

Value layers::firstTime(ImplicitLocOpBuilder &b, Value x) {
  return atTime(b, x, [&](Value) { return b.getIndexAttr(0); });
}

Value layers::firstRows(ImplicitLocOpBuilder &b, Value table, Value x) {
  int64_t most = typeOf(table).getDimSize(0);
  Value times = tensor::DimOp::create(b, x, 1);
  Value limit = arith::ConstantIndexOp::create(b, most);
  Value fits =
      arith::CmpIOp::create(b, arith::CmpIPredicate::sle, times, limit);
  cf::AssertOp::create(b, fits,
                       "expected at most " + std::to_string(most) + " tokens");
  OpFoldResult start = b.getIndexAttr(0), step = b.getIndexAttr(1);
  return tensor::ExtractSliceOp::create(
      b, table, ArrayRef<OpFoldResult>{start, start},
      ArrayRef<OpFoldResult>{times,
                             b.getIndexAttr(typeOf(table).getDimSize(1))},
      ArrayRef<OpFoldResult>{step, step});
}

Value layers::addRows(ImplicitLocOpBuilder &b, Value x, Value rows) {
  return structured(b, "btc,tc->btc", {x, rows}, addElements);
}

Value layers::positions(ImplicitLocOpBuilder &b, Value x, int64_t most) {
  // A batch of one: sequences that run together are at one position.
  auto type = RankedTensorType::get({1, ShapedType::kDynamic}, b.getI64Type());
  auto state = RankedTensorType::get({1}, b.getI64Type());
  Value times = tensor::DimOp::create(b, x, 1);
  Value slots = tensor::EmptyOp::create(b, type, times);
  Value start = arith::ConstantOp::create(b, b.getZeroAttr(state));
  auto count = seq::RecurrenceOp::create(b, /*dim=*/1, /*reverse=*/false,
                                         ValueRange(), slots, start);
  {
    OpBuilder::InsertionGuard guard(b);
    Location loc = b.getLoc();
    Block &step = count.getBody().emplaceBlock();
    step.addArguments({state, state}, {loc, loc});
    b.setInsertionPointToStart(&step);
    Value position = step.getArgument(1);
    Value one = arith::ConstantOp::create(
        b, DenseElementsAttr::get(state, b.getI64IntegerAttr(1)));
    Value next = arith::AddIOp::create(b, position, one);
    seq::YieldOp::create(b, ValueRange{position, next});
  }
  if (most) {
    // Both ends: what a state holds may come from a file.
    Value zero = arith::ConstantIndexOp::create(b, 0);
    Value end = arith::IndexCastOp::create(
        b, b.getIndexType(),
        tensor::ExtractOp::create(b, count.getResult(1), zero));
    auto expect = [&](arith::CmpIPredicate predicate, Value limit,
                      const Twine &message) {
      Value holds = arith::CmpIOp::create(b, predicate, end, limit);
      cf::AssertOp::create(b, holds, message.str());
    };
    expect(arith::CmpIPredicate::sle, arith::ConstantIndexOp::create(b, most),
           "expected at most " + Twine(most) +
               " tokens: the model has no more positions");
    expect(arith::CmpIPredicate::sge, times,
           "the position in the state is negative");
  }
  return tensor::CollapseShapeOp::create(
      b, count.getResult(0), ArrayRef<ReassociationIndices>{{0, 1}});
}

Value layers::zeros(ImplicitLocOpBuilder &b, ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(shape, b.getF32Type());
  return arith::ConstantOp::create(b, b.getZeroAttr(type));
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

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

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

Value layers::splitHeads(ImplicitLocOpBuilder &b, Value x, int64_t heads) {
  RankedTensorType type = typeOf(x);
  int64_t size = type.getDimSize(2) / heads;
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, b.getLoc(), x);
  sizes[2] = b.getIndexAttr(heads);
  sizes.push_back(b.getIndexAttr(size));
  return tensor::ExpandShapeOp::create(
      b, type.clone({type.getDimSize(0), type.getDimSize(1), heads, size}), x,
      ArrayRef<ReassociationIndices>{{0}, {1}, {2, 3}}, sizes);
}

Value layers::attention(ImplicitLocOpBuilder &b, Value query, Value key,
                        Value value, seq::MaskAttr mask, double scale,
                        Value keyMask) {
  Value output = seq::AttentionOp::create(
      b, query.getType(), query, key, value, keyMask, /*bias=*/Value(), mask,
      seq::Normaliser::softmax, llvm::APFloat(scale));
  return tensor::CollapseShapeOp::create(
      b, output, ArrayRef<ReassociationIndices>{{0}, {1}, {2, 3}});
}

Value layers::isNonzero(ImplicitLocOpBuilder &b, Value x) {
  auto compare = [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(v[0].getType()));
    return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, v[0], zero);
  };
  return structured(b, "bt->bt", x, compare, b.getI1Type());
}

layers::Rotary layers::rotary(ImplicitLocOpBuilder &b, Value positions,
                              int64_t headSize, double theta) {
  // In f32, as the models were trained.
  SmallVector<float> frequencies;
  for (int64_t i = 0; i < headSize / 2; ++i)
    frequencies.push_back(
        1.0f / std::pow(float(theta), float(2 * i) / float(headSize)));
  auto type = RankedTensorType::get({headSize / 2}, b.getF32Type());
  Value table = arith::ConstantOp::create(
      b, DenseElementsAttr::get(type, ArrayRef<float>(frequencies)));
  Value angles = structured(b, "t,i->ti", {positions, table},
                            [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                              Value position = arith::SIToFPOp::create(
                                  b, b.getF32Type(), v[0]);
                              return arith::MulFOp::create(b, position, v[1]);
                            });
  return {math::CosOp::create(b, angles), math::SinOp::create(b, angles)};
}

Value layers::rotate(ImplicitLocOpBuilder &b, Value x, const Rotary &rotary) {
  int64_t half = typeOf(x).getDimSize(3) / 2;
  Value first = channels(b, x, 0, half), second = channels(b, x, half, half);
  auto turn = [&](Value one, Value other, auto combine) {
    return structured(b, "bthi,bthi,ti,ti->bthi",
                      {one, other, rotary.cos, rotary.sin},
                      [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                        return combine(b, arith::MulFOp::create(b, v[0], v[2]),
                                       arith::MulFOp::create(b, v[1], v[3]));
                      });
  };
  Value turned[] = {
      turn(first, second,
           [](ImplicitLocOpBuilder &b, Value lhs, Value rhs) -> Value {
             return arith::SubFOp::create(b, lhs, rhs);
           }),
      turn(second, first,
           [](ImplicitLocOpBuilder &b, Value lhs, Value rhs) -> Value {
             return arith::AddFOp::create(b, lhs, rhs);
           })};
  return tensor::ConcatOp::create(b, /*dim=*/3, ValueRange(turned));
}

//===- Seq2Seq.cpp - recurrent encoder and decoder -----------------------===//
//
// Sutskever et al., arXiv:1409.3215, and Cho et al., arXiv:1406.1078: the
// decoder starts from the last states of the encoder, layer by layer. With the
// global attention of Luong et al., arXiv:1508.04025, the decoder's output h_t
// becomes
//
//   a_t(s) = softmax_s(score(h_t, h̄_s)),  c_t = Σ_s a_t(s) h̄_s       (7)
//   score = h_tᵀ h̄_s (dot) or h_tᵀ W h̄_s (general)                   (8)
//   h̃_t = tanh(W_c [c_t; h_t])                                        (5)
//
// where h̄ is the output of the encoder. Layers are torch.nn.GRU or LSTM;
// docs/Models.md has the keys of the config, which are ours.
//
//===----------------------------------------------------------------------===//

#include "../Families.h"
#include "../Layers.h"
#include "../Structured.h"

#include "seq/Seq.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <limits>

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

namespace {
struct Seq2Seq {
  Seq2Seq(Config &config, Model &model);
  ModelFacts build();

  /// The output of all layers of one side and their final states, from the
  /// states [depth, B, H]; from zeros where there are none.
  Model::Values stack(StringRef side, Value ids, int64_t vocabulary,
                      ValueRange states);
  Model::Values cell(const std::string &side, int64_t layer, Value x,
                     ValueRange states);
  /// Hidden states of the decoder with what it attends to.
  Value attend(Value hidden, Value encoded);
  Value head(Value hidden);
  /// The tokens [B, limit] that are the likeliest one after the other.
  Value greedy(func::FuncOp decoder, ValueRange encoded);
  Value likeliest(Value logits);

  int64_t stateCount() const { return isLstm ? 2 : 1; }
  RankedTensorType idsType() {
    return RankedTensorType::get({model.batch, ShapedType::kDynamic},
                                 b.getI64Type());
  }
  RankedTensorType stateType() {
    return RankedTensorType::get({depth, model.batch, H}, b.getF32Type());
  }

  Model &model;
  ImplicitLocOpBuilder &b;
  int64_t source, target; // vocabularies
  int64_t E, H;           // channels of embeddings and states
  int64_t depth;
  int64_t start, end, limit; // of what is generated
  bool isLstm, bias;
  std::string attention;
};
} // namespace

Seq2Seq::Seq2Seq(Config &config, Model &model) : model(model), b(model.b) {
  source = config.size("vocab_size");
  target = config.size("decoder_vocab_size", source);
  H = config.size("hidden_size");
  E = config.size("embedding_size", H);
  depth = config.size("num_layers", 1);
  isLstm = config.choice("cell", {"gru", "lstm"}) == "lstm";
  bias = config.flag("bias", true);
  attention = config.choice("attention", {"none", "dot", "general"});
  start = config.has("decoder_start_token_id")
              ? config.sizeOrNone("decoder_start_token_id")
              : 0;
  end = config.size("eos_token_id");
  limit = config.size("max_length", 20);
  for (auto [key, token] : {std::pair("decoder_start_token_id", start),
                            std::pair("eos_token_id", end)})
    if (token >= target)
      config.fail(key, "less than decoder_vocab_size = " + Twine(target));
  if (start == end)
    config.fail("eos_token_id", "another than decoder_start_token_id");
  config.ignore({"dropout"});
  config.checkProduct("gates * hidden_size * embedding_size",
                      {4, H, std::max(E, H)});
  config.checkProduct("vocab_size * embedding_size",
                      {std::max(source, target), E});
  config.checkProduct("decoder_vocab_size * hidden_size", {target, H});
  config.checkProduct("num_layers * batch * hidden_size",
                      {depth, model.batch, H});
  config.checkProduct("batch * max_length", {model.batch, limit});
}

Model::Values Seq2Seq::cell(const std::string &side, int64_t layer, Value x,
                            ValueRange states) {
  int64_t rows = (isLstm ? 4 : 3) * H, columns = layer ? H : E;
  auto weight = [&](StringRef name, ArrayRef<int64_t> shape) {
    return model.weight((side + "." + name + "_l" + Twine(layer)).str(), shape);
  };
  Value w = weight("weight_ih", {rows, columns});
  Value r = weight("weight_hh", {rows, H});
  Value bw = bias ? weight("bias_ih", {rows}) : Value();
  Value br = bias ? weight("bias_hh", {rows}) : Value();
  Model::Values before(states);
  while (before.size() < size_t(stateCount()))
    before.push_back(zeros(b, {model.batch, H}));
  Value h = before[0];
  RankedTensorType type = model.sequence(H);
  if (!isLstm)
    return Model::Values(seq::GruOp::create(b, type, h.getType(), x, w, r, bw,
                                            br, h, /*reset_before=*/false,
                                            /*reverse=*/false)
                             .getResults());
  Value c = before[1];
  return Model::Values(seq::LstmOp::create(b, type, h.getType(), c.getType(), x,
                                           w, r, bw, br, /*projection=*/Value(),
                                           h, c, /*reverse=*/false)
                           .getResults());
}

Model::Values Seq2Seq::stack(StringRef side, Value ids, int64_t vocabulary,
                             ValueRange states) {
  std::string prefix = side.str();
  auto flat = RankedTensorType::get({model.batch, H}, b.getF32Type());
  auto index = [&](int64_t value) { return b.getIndexAttr(value); };
  SmallVector<OpFoldResult> strides(3, index(1)),
      sizes{index(1), index(model.batch), index(H)};
  auto place = [&](int64_t layer) {
    return SmallVector<OpFoldResult>{index(layer), index(0), index(0)};
  };

  Value x = embedding(
      b, ids, model.weight(prefix + ".embedding.weight", {vocabulary, E}));
  Model::Values finals;
  for (int64_t i = 0; i < stateCount(); ++i)
    finals.push_back(
        tensor::EmptyOp::create(b, stateType().getShape(), b.getF32Type()));
  // Each layer starts from a state of its own.
  for (int64_t layer = 0; layer < depth; ++layer) {
    Model::Values before;
    for (Value state : states)
      before.push_back(tensor::ExtractSliceOp::create(
          b, flat, state, place(layer), sizes, strides));
    Model::Values after = cell(prefix, layer, x, before);
    x = after[0];
    for (auto [state, all] : llvm::zip_equal(llvm::drop_begin(after), finals))
      all = tensor::InsertSliceOp::create(b, state, all, place(layer), sizes,
                                          strides);
  }
  Model::Values results{x};
  results.append(finals);
  return results;
}

Value Seq2Seq::attend(Value hidden, Value encoded) {
  // hᵀ W h̄ is the product of Wᵀ h and h̄.
  Value query = hidden;
  if (attention == "general")
    query = conv1D(b, hidden, model.weight("attention.weight", {H, H}), {});
  Value values = splitHeads(b, encoded, 1);
  Value context = layers::attention(b, splitHeads(b, query, 1), values, values,
                                    seq::MaskAttr::getFull(b.getContext()),
                                    /*scale=*/1);
  // W_c in two halves, so that nothing is copied side by side.
  Value combine = model.weight("combine.weight", {H, 2 * H});
  Value sum = add(b, linear(b, context, channels(b, combine, 0, H)),
                  linear(b, hidden, channels(b, combine, H, H)));
  return math::TanhOp::create(b, sum);
}

Value Seq2Seq::head(Value hidden) {
  return linear(b, hidden, model.weight("head.weight", {target, H}),
                model.weight("head.bias", {target}));
}

/// The first of the largest elements [B] of [B, V].
Value Seq2Seq::likeliest(Value logits) {
  Type i64 = b.getI64Type();
  Value lowest = constant(b, -std::numeric_limits<float>::infinity());
  Value slots = tensor::EmptyOp::create(b, ArrayRef<int64_t>{model.batch},
                                        b.getF32Type());
  Value init = linalg::FillOp::create(b, lowest, slots).getResult(0);
  AffineMap all = b.getMultiDimIdentityMap(2);
  Value most = linalg::GenericOp::create(
                   b, init.getType(), logits, init,
                   ArrayRef<AffineMap>{all, all.getMajorSubMap(1)},
                   ArrayRef{utils::IteratorType::parallel,
                            utils::IteratorType::reduction},
                   [](OpBuilder &builder, Location loc, ValueRange v) {
                     Value more =
                         arith::MaximumFOp::create(builder, loc, v[0], v[1]);
                     linalg::YieldOp::create(builder, loc, more);
                   })
                   .getResult(0);
  // The highest number from the end, so that there is one even among NaN.
  auto integer = [&](ImplicitLocOpBuilder &b, int64_t value) -> Value {
    return arith::ConstantOp::create(b, b.getI64IntegerAttr(value));
  };
  Value zero = integer(b, 0);
  Value integers =
      tensor::EmptyOp::create(b, ArrayRef<int64_t>{model.batch}, i64);
  Value none = linalg::FillOp::create(b, zero, integers).getResult(0);
  AffineMap row = all.getMajorSubMap(1);
  Value fromEnd =
      linalg::GenericOp::create(
          b, none.getType(), ValueRange{logits, most}, none,
          ArrayRef<AffineMap>{all, row, row},
          ArrayRef{utils::IteratorType::parallel,
                   utils::IteratorType::reduction},
          [&](OpBuilder &builder, Location loc, ValueRange v) {
            ImplicitLocOpBuilder b(loc, builder);
            Value number = arith::IndexCastOp::create(
                b, i64, linalg::IndexOp::create(b, 1));
            Value rest =
                arith::SubIOp::create(b, integer(b, target - 1), number);
            Value isMost =
                arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, v[0], v[1]);
            Value found =
                arith::SelectOp::create(b, isMost, rest, integer(b, 0));
            linalg::YieldOp::create(
                b, arith::MaxSIOp::create(b, found, v[2]).getResult());
          })
          .getResult(0);
  return structured(
      b, "b->b", fromEnd,
      [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        return arith::SubIOp::create(b, integer(b, target - 1), v[0]);
      },
      i64);
}

Value Seq2Seq::greedy(func::FuncOp decoder, ValueRange encoded) {
  Type i64 = b.getI64Type();
  auto oneToken = RankedTensorType::get({model.batch, 1}, i64);
  auto index = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, value);
  };
  Model::Values carried{
      tensor::EmptyOp::create(b, ArrayRef<int64_t>{model.batch, limit}, i64),
      arith::ConstantOp::create(
          b, DenseElementsAttr::get(oneToken, b.getI64IntegerAttr(start)))};
  llvm::append_range(carried, encoded.drop_front());
  auto loop = scf::ForOp::create(b, index(0), index(limit), index(1), carried);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  ValueRange present = loop.getRegionIterArgs();
  Model::Values arguments{
      tensor::CastOp::create(b, idsType(), present[1]).getResult()};
  llvm::append_range(arguments, present.drop_front(2));
  if (attention != "none")
    arguments.push_back(encoded[0]);
  ValueRange decoded = model.call(decoder, arguments);
  Value best = likeliest(head(lastTime(b, decoded[0])));
  Value token = structured(
      b, "b,bt->bt", {best, present[1]},
      [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value last = arith::ConstantOp::create(b, b.getI64IntegerAttr(end));
        Value over =
            arith::CmpIOp::create(b, arith::CmpIPredicate::eq, v[1], last);
        return arith::SelectOp::create(b, over, last, v[0]);
      },
      i64);
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  Model::Values next{
      tensor::InsertSliceOp::create(
          b, token, present[0],
          ArrayRef<OpFoldResult>{zero, loop.getInductionVar()},
          ArrayRef<OpFoldResult>{b.getIndexAttr(model.batch), one},
          ArrayRef<OpFoldResult>{one, one})
          .getResult(),
      token};
  llvm::append_range(next, decoded.drop_front());
  scf::YieldOp::create(b, next);
  return loop.getResult(0);
}

ModelFacts Seq2Seq::build() {
  // A file with fewer layers fails at the first tensor that is missing.
  auto last = [&] { return "decoder.weight_hh_l" + std::to_string(depth - 1); };
  if (!model.hasWeight(last())) {
    model.weight(last(), {(isLstm ? 4 : 3) * H, H});
    depth = 1;
  }
  func::FuncOp encoder =
      model.function("encoder", Type(idsType()), [&](ValueRange arguments) {
        return stack("encoder", arguments[0], source, {});
      });
  SmallVector<Type> types{idsType()};
  types.append(stateCount(), stateType());
  if (attention != "none")
    types.push_back(model.sequence(H));
  func::FuncOp decoder =
      model.function("decoder", types, [&](ValueRange arguments) {
        Model::Values results = stack("decoder", arguments[0], target,
                                      arguments.slice(1, stateCount()));
        if (attention != "none")
          results[0] = attend(results[0], arguments.back());
        return results;
      });

  Model::Input letters{"input_ids", idsType(), source};
  Model::Input tokens{"decoder_input_ids", idsType(), target};
  SmallVector<Model::Input> inputs{tokens, {"h_0", stateType()}};
  SmallVector<StringRef> finals{"h_n"};
  if (isLstm) {
    inputs.push_back({"c_0", stateType()});
    finals.push_back("c_n");
  }
  if (attention != "none")
    inputs.push_back({"encoder_hidden_states", model.sequence(H)});

  model.entryPoint("forward", {letters, tokens}, {"logits"},
                   [&](ValueRange arguments) -> Model::Values {
                     ValueRange encoded = model.call(encoder, arguments[0]);
                     Model::Values values{arguments[1]};
                     llvm::append_range(values, encoded.drop_front());
                     if (attention != "none")
                       values.push_back(encoded[0]);
                     return {head(model.call(decoder, values)[0])};
                   });
  SmallVector<StringRef> names{"encoder_last_hidden_state"};
  names.append(finals);
  model.entryPoint("encode", letters, names, [&](ValueRange arguments) {
    return Model::Values(model.call(encoder, arguments));
  });
  names[0] = "logits";
  model.entryPoint("decode", inputs, names, [&](ValueRange arguments) {
    Model::Values results(model.call(decoder, arguments));
    results[0] = head(results[0]);
    return results;
  });
  model.entryPoint("generate", letters, {"sequences"},
                   [&](ValueRange arguments) -> Model::Values {
                     return {greedy(decoder, model.call(encoder, arguments))};
                   });
  return ModelFacts();
}

static llvm::Expected<ModelFacts> buildSeq2Seq(Config &config, Model &model) {
  Seq2Seq seq2seq(config, model);
  if (llvm::Error error = config.takeError())
    return error;
  return seq2seq.build();
}

void seqc::registerSeq2Seq(Families &families) {
  families.push_back(
      {"seq2seq",
       "g2p-en (GRU); torch.nn.LSTM with the attention of Luong et al., "
       "arXiv:1508.04025",
       "cell, bias, num_layers, attention, decoder_start_token_id, "
       "eos_token_id, max_length",
       buildSeq2Seq});
}

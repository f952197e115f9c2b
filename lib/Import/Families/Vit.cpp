//===- Vit.cpp - vision transformer --------------------------------------===//
//
// Dosovitskiy et al., arXiv:2010.11929, as transformers' ViTModel, or
// ViTForImageClassification. In models with a head, tensors have the prefix
// "vit.".
//
//===----------------------------------------------------------------------===//

#include "../Encoder.h"
#include "../Structured.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

static constexpr EncoderNames kNames{
    "encoder.layer.{}.attention.attention.query",
    "encoder.layer.{}.attention.attention.key",
    "encoder.layer.{}.attention.attention.value",
    "encoder.layer.{}.attention.output.dense",
    "encoder.layer.{}.layernorm_before",
    "encoder.layer.{}.intermediate.dense",
    "encoder.layer.{}.output.dense",
    "encoder.layer.{}.layernorm_after"};

namespace {
struct Vit {
  Vit(Config &config, Model &model);

  Value embed(Value pixels);
  Value patches(Value pixels);
  Value pool(Value x);

  Model &model;
  ImplicitLocOpBuilder &b;
  Encoder encoder;
  bool classifies;
  int64_t colours, labels, pooled;
  int64_t height, width; // of an image
  int64_t P, Q;          // height and width of a patch
  int64_t rows, columns; // of patches
  std::string poolerAct;
};
} // namespace

/// A height and a width: one number, or a list of two.
static std::pair<int64_t, int64_t> readPair(Config &config, StringRef key,
                                            int64_t byDefault) {
  std::vector<int64_t> sizes = config.integers(key);
  if (sizes.empty())
    return {byDefault, byDefault};
  bool valid = sizes.size() <= 2 && llvm::all_of(sizes, [](int64_t size) {
                 return size >= 1 && size <= 65536;
               });
  if (!valid) {
    config.fail(key, "a size from 1 to 65536, or two");
    return {1, 1};
  }
  return {sizes.front(), sizes.back()};
}

Vit::Vit(Config &config, Model &model)
    : model(model), b(model.b),
      encoder(model, model.hasWeight("embeddings.cls_token") ? "" : "vit.",
              kNames),
      classifies(hasClassifier(config,
                               {"ViTModel", "", "ViTForImageClassification"})) {
  encoder.order = NormOrder::before;
  encoder.readSizes(config);
  encoder.bias = config.flag("qkv_bias", true);
  colours = config.size("num_channels", 3);
  std::tie(height, width) = readPair(config, "image_size", 224);
  std::tie(P, Q) = readPair(config, "patch_size", 16);
  rows = height / P;
  columns = width / Q;
  if (rows == 0 || columns == 0)
    config.fail("patch_size", "at most image_size");
  pooled = config.size("pooler_output_size", encoder.H);
  SmallVector<StringRef> names = activationNames("tanh");
  poolerAct = config.choice("pooler_act", names);
  labels = classifies ? config.labels() : 0;
  config.checkProduct("num_channels * image_size",
                      {model.batch, colours, height, width});
  config.checkProduct("patches * hidden_size",
                      {model.batch, rows * columns + 1, encoder.H});
  config.checkProduct("num_channels * patch_size * hidden_size",
                      {colours, P, Q, encoder.H});
  // Of heads that are not part of the model.
  config.ignore({"encoder_stride"});
  model.ignoreWeight(encoder.tensors.prefix + "embeddings.mask_token");
}

/// The patches [B, rows · columns, colours · P · Q] of images [B, colours,
/// height, width]. Pixels that fill no patch are left out.
Value Vit::patches(Value pixels) {
  int64_t batch = model.batch;
  auto zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  auto sizes = [&](ArrayRef<int64_t> sizes) {
    return getAsIndexOpFoldResult(b.getContext(), sizes);
  };
  Value whole = tensor::ExtractSliceOp::create(
      b, pixels, SmallVector<OpFoldResult>(4, zero),
      sizes({batch, colours, rows * P, columns * Q}),
      SmallVector<OpFoldResult>(4, one));
  auto split = RankedTensorType::get({batch, colours, rows, P, columns, Q},
                                     b.getF32Type());
  Value parts = tensor::ExpandShapeOp::create(
      b, split, whole,
      ArrayRef<ReassociationIndices>{{0}, {1}, {2, 3}, {4, 5}});
  Value together =
      structured(b, "bcypxq->byxcpq", parts,
                 [](ImplicitLocOpBuilder &, ValueRange v) { return v[0]; });
  return tensor::CollapseShapeOp::create(
      b, together, ArrayRef<ReassociationIndices>{{0}, {1, 2}, {3, 4, 5}});
}

/// The convolution of the paper's E over patches that do not overlap is a
/// linear layer of each patch; in front of them is a token of the class.
Value Vit::embed(Value pixels) {
  Tensors &tensors = encoder.tensors;
  int64_t H = encoder.H, count = rows * columns;
  StringRef projection = "embeddings.patch_embeddings.projection.";
  Value filters = tensor::CollapseShapeOp::create(
      b, tensors.weight(projection + "weight", {H, colours, P, Q}),
      ArrayRef<ReassociationIndices>{{0}, {1, 2, 3}});
  Value x = linear(b, patches(pixels), filters,
                   tensors.weight(projection + "bias", {H}));
  auto flat = [&](StringRef name, int64_t size) -> Value {
    return tensor::CollapseShapeOp::create(
        b, tensors.weight(name, {1, size, H}),
        ArrayRef<ReassociationIndices>{{0, 1}, {2}});
  };
  Value space = tensor::EmptyOp::create(b, {model.batch, 1, H}, b.getF32Type());
  Value token = linalg::BroadcastOp::create(b, flat("embeddings.cls_token", 1),
                                            space, ArrayRef<int64_t>{0})
                    ->getResult(0);
  Value all = tensor::ConcatOp::create(b, /*dim=*/1, ValueRange{token, x});
  return addRows(b, all, flat("embeddings.position_embeddings", count + 1));
}

Value Vit::pool(Value x) {
  x = encoder.tensors.linear("pooler.dense", firstTime(b, x), pooled);
  if (poolerAct == "tanh")
    return math::TanhOp::create(b, x);
  return activation(b, poolerAct, x);
}

static llvm::Expected<ModelFacts> buildVit(Config &config, Model &model) {
  Vit vit(config, model);
  if (llvm::Error error = config.takeError())
    return error;
  auto type = RankedTensorType::get(
      {model.batch, vit.colours, vit.height, vit.width}, model.b.getF32Type());
  Tensors &tensors = vit.encoder.tensors;
  auto pool = [&](Value x) { return vit.pool(x); };
  auto classify = [&](Value x) {
    return Tensors{model, ""}.linear("classifier", firstTime(model.b, x),
                                     vit.labels);
  };
  bool hasPooler = model.hasWeight(tensors.prefix + "pooler.dense.weight");
  return addEncoder(
      model, {{"pixel_values", type}},
      [&](ValueRange inputs) {
        Value x = vit.encoder.run(vit.embed(inputs[0]));
        return tensors.layerNorm("layernorm", x, vit.encoder.epsilon);
      },
      hasPooler ? MapValue(pool) : MapValue(),
      vit.classifies ? MapValue(classify) : MapValue());
}

void seqc::registerVit(Families &families) {
  families.push_back({"vit",
                      "transformers ViTModel, ViTForImageClassification; "
                      "Dosovitskiy et al., arXiv:2010.11929",
                      "image_size, patch_size, num_channels, hidden_act, "
                      "qkv_bias, pooler_act",
                      buildVit});
}

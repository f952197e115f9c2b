//===- Linformer.cpp - Linformer ------------------------------------------===//
//
// Wang et al., arXiv:2006.04768, equation (7): keys and values of all times are
// projected to k ones. As the package linformer has it in LinformerLM, whose
// keys and names of tensors these are; a shorter sequence takes the first rows
// of the projections.
//
//===----------------------------------------------------------------------===//

#include "../Families.h"
#include "../Layers.h"
#include "../Structured.h"

#include <cmath>

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

namespace {
/// Sizes with the letters of the paper, where it has one.
struct Linformer {
  Linformer(Config &config, Model &model);

  Value embed(Value ids);
  Value block(Value x);
  Value attend(Value x);
  Value perceptron(Value x);

  Value norm(const Twine &name, Value x) {
    return layerNorm(b, x, model.weight((name + ".weight").str(), {C}),
                     model.weight((name + ".bias").str(), {C}),
                     /*epsilon=*/1e-5);
  }
  Value project(const Twine &name, Value x, int64_t to, bool bias = true) {
    int64_t from = typeOf(x).getShape().back();
    Value matrix = model.weight((name + ".weight").str(), {to, from});
    return linear(b, x, matrix,
                  bias ? model.weight((name + ".bias").str(), {to}) : Value());
  }

  Model &model;
  ImplicitLocOpBuilder &b;
  int64_t V; // vocabulary
  int64_t C; // channels of the model
  int64_t D; // channels of a head
  int64_t n; // times at most
  int64_t k; // times after the projection
  int64_t heads, keyHeads, depth;
  bool shared; // values are the keys
};
} // namespace

Linformer::Linformer(Config &config, Model &model) : model(model), b(model.b) {
  V = config.size("num_tokens");
  C = config.size("dim");
  n = config.size("seq_len");
  depth = config.size("depth");
  k = config.size("k", 256);
  heads = config.size("heads", 8);
  if (C % heads != 0)
    config.fail("heads", "a divisor of dim = " + Twine(C));
  D = config.size("dim_head", std::max<int64_t>(C / heads, 1));
  keyHeads = config.flag("one_kv_head", false) ? 1 : heads;
  shared = config.flag("share_kv", false);
  if (config.flag("reversible", false))
    config.fail("reversible", "false");
  config.checkProduct("num_tokens * dim", {V, C});
  config.checkProduct("seq_len * dim", {n, C});
  config.checkProduct("seq_len * k", {n, k});
  config.checkProduct("dim * dim * 4", {C, C, 4});
  config.checkProduct("dim * heads * dim_head", {C, heads, D});
  config.checkProduct("batch * k * heads * dim_head",
                      {model.batch, k, heads, D});
  config.ignore({"dropout"});
}

Value Linformer::embed(Value ids) {
  Value words = embedding(b, ids, model.weight("token_emb.weight", {V, C}));
  Value rows = firstRows(b, model.weight("pos_emb.weight", {n, C}), ids);
  return addRows(b, words, rows);
}

Value Linformer::block(Value x) {
  x = add(b, attend(norm("linformer.net.layers.{}.0.norm", x)), x);
  return add(b, perceptron(norm("linformer.net.layers.{}.1.norm", x)), x);
}

/// softmax(Q (E K)ᵀ / √D) F V
Value Linformer::attend(Value x) {
  std::string name = "linformer.net.layers.{}.0.fn.";
  Value query = splitHeads(
      b, project(name + "to_q", x, heads * D, /*bias=*/false), heads);
  auto shorten = [&](StringRef matrix, StringRef projection) {
    Value all = project(name + matrix, x, keyHeads * D, /*bias=*/false);
    Value rows = firstRows(b, model.weight(name + projection.str(), {n, k}), x);
    return splitHeads(b, structured(b, "btd,tk->bkd", {all, rows}, multiplyAdd),
                      keyHeads);
  };
  Value key = shorten("to_k", "proj_k");
  Value value = shared ? key : shorten("to_v", "proj_v");
  Value y =
      attention(b, query, key, value, seq::MaskAttr::getFull(b.getContext()),
                1 / std::sqrt(double(D)));
  return project(name + "to_out", y, C);
}

Value Linformer::perceptron(Value x) {
  std::string name = "linformer.net.layers.{}.1.fn.";
  return project(name + "w2",
                 activation(b, "gelu", project(name + "w1", x, 4 * C)), C);
}

static llvm::Expected<ModelFacts> buildLinformer(Config &config, Model &model) {
  Linformer linformer(config, model);
  if (llvm::Error error = config.takeError())
    return error;
  auto type = RankedTensorType::get({model.batch, ShapedType::kDynamic},
                                    model.b.getI64Type());
  model.entryPoint("forward", {{"input_ids", type, linformer.V}}, {"logits"},
                   [&](ValueRange ids) -> Model::Values {
                     Value x = model.layers("layer", {0, linformer.depth},
                                            linformer.embed(ids[0]),
                                            [&](ValueRange x) -> Model::Values {
                                              return {linformer.block(x[0])};
                                            });
                     return {linformer.project("to_logits", x, linformer.V)};
                   });
  return ModelFacts();
}

void seqc::registerLinformer(Families &families) {
  families.push_back(
      {"linformer", "linformer LinformerLM; Wang et al., arXiv:2006.04768",
       "seq_len, k, dim_head, one_kv_head, share_kv", buildLinformer});
}

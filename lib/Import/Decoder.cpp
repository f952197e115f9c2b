//===- Decoder.cpp - the entry points of a decoder of tokens -------------===//

#include "Families.h"
#include "Layers.h"

using namespace mlir;
using namespace seqc;

static RankedTensorType getIdsType(Model &model) {
  return RankedTensorType::get({model.batch, ShapedType::kDynamic},
                               model.b.getI64Type());
}

ModelFacts seqc::addDecoder(Model &model, int64_t vocabulary, bool hasHead,
                            MapValue body, MapValue norm, MapValue head) {
  RankedTensorType idsType = getIdsType(model);
  func::FuncOp states = model.function(
      "body", Type(idsType),
      [&](ValueRange ids) -> Model::Values { return {body(ids[0])}; });
  Model::Input input{"input_ids", idsType, vocabulary};
  if (!hasHead) {
    model.entryPoint("forward", input, {"last_hidden_state"},
                     [&](ValueRange ids) -> Model::Values {
                       return {norm(model.call(states, ids)[0])};
                     });
    return ModelFacts();
  }
  model.entryPoint("forward", input, {"logits"},
                   [&](ValueRange ids) -> Model::Values {
                     return {head(norm(model.call(states, ids)[0]))};
                   });
  model.entryPoint("last", input, {"logits"},
                   [&](ValueRange ids) -> Model::Values {
                     Value x = model.call(states, ids)[0];
                     return {head(norm(layers::lastTime(model.b, x)))};
                   });
  return ModelFacts{vocabulary};
}

ModelFacts seqc::addDecoder(Config &config, Model &model, int64_t vocabulary,
                            Head ending, MapValue body, MapValue norm,
                            MapValue head) {
  if (ending != Head::classifier)
    return addDecoder(model, vocabulary, ending == Head::language, body, norm,
                      head);
  std::vector<int64_t> padding = config.integers("pad_token_id");
  int64_t labels = config.labels();
  Model::Input input{"input_ids", getIdsType(model), vocabulary};
  model.entryPoint(
      "forward", input, {"logits"}, [&](ValueRange ids) -> Model::Values {
        Value x = body(ids[0]);
        Value last = padding.empty() ? layers::lastTime(model.b, x)
                                     : layers::lastOther(model.b, x, ids[0],
                                                         padding.front());
        Value normal = norm(last);
        int64_t channels =
            cast<RankedTensorType>(normal.getType()).getDimSize(1);
        Value score = model.weight("score.weight", {labels, channels});
        return {layers::linear(model.b, normal, score)};
      });
  return ModelFacts();
}

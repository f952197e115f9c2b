//===- Decoder.cpp - the entry points of a decoder of tokens -------------===//

#include "Families.h"
#include "Layers.h"

using namespace mlir;
using namespace seqc;

ModelFacts seqc::addDecoder(Model &model, int64_t vocabulary, bool hasHead,
                            MapValue body, MapValue norm, MapValue head) {
  auto idsType = RankedTensorType::get({model.batch, ShapedType::kDynamic},
                                       model.b.getI64Type());
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

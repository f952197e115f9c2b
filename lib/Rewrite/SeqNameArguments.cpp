//===- SeqNameArguments.cpp - the signatures of a program -----------------===//

#include "FunctionRelation.h"
#include "SessionStates.h"

#include "seqc/Rewrite/Passes.h"

#include "llvm/ADT/StringMap.h"

namespace seqc {
#define GEN_PASS_DEF_SEQNAMEARGUMENTS
#include "seqc/Rewrite/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;

/// The highest rank in the interface of programs (runtime/Program.h).
static constexpr int64_t kMaxRank = 8;

namespace {
/// The arguments or the results of a function.
struct Side {
  StringRef word, defaultName;
  SmallVector<Value> values;
  function_ref<Attribute(unsigned, StringRef)> get;
  function_ref<void(unsigned, StringRef, Attribute)> set;
};

struct SeqNameArguments : seqc::impl::SeqNameArgumentsBase<SeqNameArguments> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTableCollection symbols;
    bool found = false;
    for (auto function : module.getOps<func::FuncOp>()) {
      if (!function.isPublic())
        continue;
      found = true;
      if (failed(complete(function, symbols)))
        return signalPassFailure();
    }
    if (!found) {
      module.emitError("nothing to compile: no public function");
      signalPassFailure();
    }
  }

  LogicalResult complete(func::FuncOp function,
                         SymbolTableCollection &symbols) {
    auto op = cast<FunctionOpInterface>(function.getOperation());
    if (op.getNumResults() == 0)
      return function.emitError("@")
             << function.getName()
             << " returns nothing; a program needs a result";
    auto getArgument = [&](unsigned i, StringRef key) {
      return op.getArgAttr(i, key);
    };
    auto setArgument = [&](unsigned i, StringRef key, Attribute value) {
      op.setArgAttr(i, key, value);
    };
    auto getResult = [&](unsigned i, StringRef key) {
      return op.getResultAttr(i, key);
    };
    auto setResult = [&](unsigned i, StringRef key, Attribute value) {
      op.setResultAttr(i, key, value);
    };
    Operation *end = function.getBody().front().getTerminator();
    Side arguments{"argument", "arg",
                   SmallVector<Value>(function.getArguments()), getArgument,
                   setArgument};
    Side results{"result", "result", SmallVector<Value>(end->getOperands()),
                 getResult, setResult};

    FunctionRelation relation(function, symbols);
    relation.finish();
    llvm::DenseMap<unsigned, int64_t> ids;
    for (Side *side : {&arguments, &results})
      if (failed(name(function, *side)))
        return failure();
    for (Side *side : {&arguments, &results})
      setSizes(*side, relation, ids);
    return success();
  }

  LogicalResult name(func::FuncOp function, Side &side) {
    llvm::StringMap<unsigned> numbers;
    for (auto [i, value] : llvm::enumerate(side.values)) {
      auto where = [&, i = i](InFlightDiagnostic diagnostic) {
        diagnostic << side.word << " #" << i;
        if (auto name = dyn_cast_or_null<StringAttr>(side.get(i, "seq.name")))
          diagnostic << " (" << name << ")";
        diagnostic << " of @" << function.getName();
        return diagnostic;
      };
      if (failed(checkType(value.getType(),
                           [&] { return where(function.emitError()); })))
        return failure();
      if (side.get(i, "seq.state"))
        continue;
      Attribute given = side.get(i, "seq.name");
      if (!given) {
        given = StringAttr::get(&getContext(), side.defaultName + Twine(i));
        side.set(i, "seq.name", given);
      }
      auto name = dyn_cast<StringAttr>(given);
      if (!name || name.empty() || name.getValue().contains('='))
        return where(function.emitError())
               << " has the name " << given
               << "; expected a string that is not empty and has no '='";
      auto [before, isNew] = numbers.try_emplace(name, i);
      if (!isNew)
        return where(function.emitError())
               << " has the name of " << side.word << " #" << before->second;
    }
    return success();
  }

  static LogicalResult checkType(Type type,
                                 function_ref<InFlightDiagnostic()> refuse) {
    if (type.isIntOrIndexOrFloat()) {
      Type number =
          type.isIndex() ? IntegerType::get(type.getContext(), 64) : type;
      return refuse() << " is a " << type << "; a program takes tensors only, "
                      << RankedTensorType::get({}, number)
                      << " for a single number";
    }
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor || tensor.getEncoding())
      return refuse() << " is a " << type
                      << "; a program takes ranked tensors only";
    if (tensor.getRank() > kMaxRank)
      return refuse() << " is a " << type << "; a program takes at most "
                      << kMaxRank << " dimensions";
    if (!isProgramElement(tensor.getElementType()))
      return refuse() << " is a " << type
                      << "; a program takes elements of f32, f64, f16, bf16, "
                         "i8, ui8, i32, i64 and i1";
    return success();
  }

  /// Gives dimensions that are known to be equal the same number.
  static void setSizes(Side &side, FunctionRelation &relation,
                       llvm::DenseMap<unsigned, int64_t> &ids) {
    for (auto [i, value] : llvm::enumerate(side.values)) {
      auto type = cast<RankedTensorType>(value.getType());
      if (type.hasStaticShape())
        continue;
      SmallVector<int64_t> sizes;
      for (auto [dim, pair] : llvm::enumerate(relation.pairsOf(value)))
        sizes.push_back(
            type.isDynamicDim(dim)
                ? ids.try_emplace(relation.classOf(pair), ids.size())
                      .first->second
                : -1);
      side.set(i, "seq.sizes",
               DenseI64ArrayAttr::get(type.getContext(), sizes));
    }
  }
};
} // namespace

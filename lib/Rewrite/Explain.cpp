//===- Explain.cpp - what the layers of a model cost ---------------------===//

#include "seqc/Rewrite/Explain.h"

#include "kernel/Kernel.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace seqc;

/// "1x1536x16", unknown sizes as n.
static std::string shapeOf(Value value) {
  auto type = cast<ShapedType>(value.getType());
  std::string text;
  llvm::raw_string_ostream out(text);
  llvm::interleave(
      type.getShape(), out,
      [&](int64_t size) {
        if (ShapedType::isDynamic(size))
          out << "n";
        else
          out << size;
      },
      "x");
  return text;
}

static std::string locationOf(Operation *op) {
  auto place = op->getLoc()->findInstanceOf<FileLineColLoc>();
  if (!place)
    return "";
  return (llvm::sys::path::filename(place.getFilename().getValue()) + ":" +
          Twine(place.getLine()))
      .str();
}

namespace {
class Explainer {
public:
  Explainer(Explanation &explanation) : explanation(explanation) {}
  void explain(func::FuncOp function);

private:
  LayerExplanation begin(Operation *op, llvm::StringRef kind,
                         std::string shape) {
    LayerExplanation layer;
    layer.function = name;
    layer.count = count;
    layer.location = locationOf(op);
    layer.kind = kind.str();
    layer.shape = std::move(shape);
    return layer;
  }
  void add(Operation *op, llvm::StringRef kind, std::string shape) {
    explanation.layers.push_back(begin(op, kind, std::move(shape)));
    explanation.layers.back().cost =
        getCost(ArrayRef<Operation *>(op), explanation.machine);
  }
  void add(seq::RecurrenceOp op);
  void addBlock(Block &block);

  Explanation &explanation;
  std::string name;
  int64_t count = 1;
  SmallVector<Operation *> others;
};
} // namespace

void Explainer::add(seq::RecurrenceOp op) {
  std::string shape = "state ";
  llvm::raw_string_ostream out(shape);
  llvm::interleave(
      op.getStates(), out, [&](Value state) { out << shapeOf(state); }, " + ");
  add(op, "recurrence", op.getStates().empty() ? "no state" : shape);
  FormChoice choice = chooseForm(op, explanation.machine);
  if (explanation.asked && mayHaveForms(op))
    choice.ranges = {{0, *explanation.asked}};
  explanation.layers.back().choice = std::move(choice);
}

void Explainer::addBlock(Block &block) {
  for (Operation &op : block) {
    llvm::TypeSwitch<Operation *>(&op)
        .Case([&](seq::RecurrenceOp recurrence) { add(recurrence); })
        .Case<kernel::AttentionOp, seq::AttentionOp>([&](auto attention) {
          add(attention, "attention",
              "queries " + shapeOf(attention.getQuery()) + ", keys " +
                  shapeOf(attention.getKey()));
        })
        .Case([&](seq::CachedAttentionOp attention) {
          add(attention, "attention",
              "queries " + shapeOf(attention.getQuery()) + ", cache " +
                  shapeOf(attention.getKeyCache()));
        })
        .Case([&](linalg::LinalgOp linalgOp) {
          if (linalg::isaContractionOpInterface(linalgOp))
            add(linalgOp, "product",
                shapeOf(linalgOp.getDpsInputOperand(0)->get()) + " by " +
                    shapeOf(linalgOp.getDpsInputOperand(1)->get()));
          else
            others.push_back(&op);
        })
        .Default([&](Operation *) {
          if (isa<scf::ForOp, scf::IfOp>(op)) {
            for (Region &region : op.getRegions())
              for (Block &inner : region)
                addBlock(inner);
          } else {
            others.push_back(&op);
          }
        });
  }
}

void Explainer::explain(func::FuncOp function) {
  name = function.getName().str();
  count = 1;
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (auto layers = function.getArgAttrOfType<IntegerAttr>(i, "seq.count"))
      count = layers.getInt();
  others.clear();
  for (Block &block : function.getBody())
    addBlock(block);
  Cost rest = getCost(others, explanation.machine);
  if (rest.bytes.isZero())
    return;
  LayerExplanation layer =
      begin(function, "elementwise", "all other operations");
  layer.cost = std::move(rest);
  explanation.layers.push_back(std::move(layer));
}

Explanation seqc::explainForms(ModuleOp module, const Machine &machine,
                               std::optional<Form> asked) {
  Explanation explanation{machine, {}, asked};
  for (auto function : module.getOps<func::FuncOp>())
    Explainer(explanation).explain(function);
  return explanation;
}

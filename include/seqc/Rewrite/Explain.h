//===- Explain.h - what the layers of a model cost, and why they get their form ===//

#ifndef SEQC_REWRITE_EXPLAIN_H
#define SEQC_REWRITE_EXPLAIN_H

#include "seqc/Rewrite/FormChoice.h"

#include "mlir/IR/BuiltinOps.h"

namespace seqc {

/// A recurrence, an attention, a product, or all other operations of a
/// function.
struct LayerExplanation {
  std::string function;
  int64_t count = 1;    ///< how often the function runs, if it is a layer's
  std::string location; ///< "model.mlir:12", or nothing
  std::string kind;     ///< "recurrence", "attention", "product", "elementwise"
  std::string shape;    ///< "state 1x64x64", "768 to 2304", …
  Cost cost;            ///< as it is, of one run
  std::optional<FormChoice> choice; ///< of recurrences
};

struct Explanation {
  Machine machine;
  std::vector<LayerExplanation> layers; ///< in the order of the functions
  std::optional<Form> asked; ///< for all recurrences, whatever it costs
};

/// The numbers of times that costs are printed for.
constexpr std::array<int64_t, 4> kSampleLengths = {1, 512, 4096, 65536};

/// Of a module as seq-select-form gets it. A form that is asked for must be one
/// that seq-select-form can apply.
Explanation explainForms(mlir::ModuleOp module, const Machine &machine,
                         std::optional<Form> asked = std::nullopt);

void printText(const Explanation &explanation, llvm::raw_ostream &out);
/// {"machine": …, "layers": [{"function", "count", "location", "kind", "shape",
/// "states", "forms": [{"form", "admissible", …}], "crossovers", "choice"}]};
/// seconds and bytes are numbers by n, and formulas in n.
void printJson(const Explanation &explanation, llvm::raw_ostream &out);

} // namespace seqc

#endif // SEQC_REWRITE_EXPLAIN_H

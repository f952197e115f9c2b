//===- Forms.cpp - the forms that were chosen, in words --------------------------------===//

#include "seqc/Analysis/Forms.h"

#include "kernel/Kernel.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

/// "1x1536x16", dynamic sizes as T.
static void printShape(llvm::raw_ostream &out, Type type) {
  llvm::interleave(
      cast<ShapedType>(type).getShape(), out,
      [&](int64_t size) {
        if (ShapedType::isDynamic(size))
          out << "T";
        else
          out << size;
      },
      "x");
}

static void describe(llvm::raw_ostream &out, kernel::RecurrenceOp op) {
  out << "recurrence, ";
  Value first = op.getOutputs().empty() ? op.getStates().front()
                                        : op.getOutputs().front();
  int64_t lanes = cast<ShapedType>(first.getType()).getShape().back();
  int64_t blocks = llvm::divideCeil(lanes, op.getWidth());
  if (op.getCoupled()) {
    out << "coupled: ";
  } else {
    out << "separable: ";
    for (int64_t units : op.getUnitSizes())
      if (units != 1)
        out << units << " x ";
  }
  out << blocks << " blocks of " << op.getWidth() << " lanes";
  if (op.getReverse())
    out << ", backwards";
  for (auto [number, state] : llvm::enumerate(op.getStates())) {
    out << (number ? " + " : ", state ");
    printShape(out, state.getType());
  }
}

static void describe(llvm::raw_ostream &out, kernel::ContractOp op) {
  out << "product, " << op.getDepth() << " to " << op.getColumns()
      << ": panels of " << op.getPanel();
  // The terminator alone is no epilogue.
  if (op.getEpilogue().front().getOperations().size() > 1)
    out << ", with epilogue";
}

static void describe(llvm::raw_ostream &out, kernel::AttentionOp op) {
  out << "attention in one pass over the keys, queries ";
  printShape(out, op.getQuery().getType());
  out << ", keys ";
  printShape(out, op.getKey().getType());
}

std::string seqc::describeForms(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream out(text);
  for (auto function : module.getOps<func::FuncOp>()) {
    std::string name = function.getName().str();
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      if (auto count = function.getArgAttrOfType<IntegerAttr>(i, "seq.count"))
        name += " (x" + std::to_string(count.getInt()) + ")";
    function.walk<WalkOrder::PreOrder>([&](Operation *op) {
      llvm::TypeSwitch<Operation *>(op)
          .Case<kernel::RecurrenceOp, kernel::ContractOp, kernel::AttentionOp>(
              [&](auto form) {
                out << name << ": ";
                describe(out, form);
                out << "\n";
              })
          .Case<scf::ForOp>([&](scf::ForOp loop) {
            if (loop->hasAttr(kernel::kSequential))
              out << name << ": recurrence, step by step on tensors\n";
          });
      // The regions of kernels are formulas.
      return isa<kernel::RecurrenceOp, kernel::ContractOp>(op)
                 ? WalkResult::skip()
                 : WalkResult::advance();
    });
  }
  return text;
}

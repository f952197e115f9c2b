//===- SeqInterfaces.td - operation interfaces -------------------*- tablegen -*-===//

#ifndef SEQ_INTERFACES_TD
#define SEQ_INTERFACES_TD

include "mlir/IR/OpBase.td"

def Seq_GeneralizableOpInterface : OpInterface<"GeneralizableOpInterface"> {
  let cppNamespace = "::mlir::seq";
  let description = [{
    A named layer that can be stated in general operations.
  }];
  let methods = [
    InterfaceMethod<
      [{
        Builds the same computation from `seq.recurrence`, `linalg`, `tensor`,
        `arith` and `math` at the builder's insertion point and returns one
        value for each result of the layer. The layer itself is left in place.
      }],
      "::mlir::FailureOr<::llvm::SmallVector<::mlir::Value>>", "generalize",
      (ins "::mlir::OpBuilder &":$builder)>
  ];
}

def Seq_TemporalOpInterface : OpInterface<"TemporalOpInterface"> {
  let cppNamespace = "::mlir::seq";
  let description = [{
    An operation that runs through time from states to states: sequences and
    initial states in, sequences and final states out. Its other operands are
    the same for all times.
  }];
  let methods = [
    InterfaceMethod<
      "The operands and results that are sequences.",
      "::llvm::SmallVector<::mlir::Value>", "getSequences">,
    InterfaceMethod<
      "The states, in the order of the operands.",
      "::llvm::SmallVector<::mlir::seq::CarriedState>", "getCarriedStates">,
    InterfaceMethod<
      "The dimension of every sequence that is time; 1 in a named layer.",
      "int64_t", "getTimeDim", (ins), "", "return 1;">,
    InterfaceMethod<
      "Whether it runs from the last time to the first.",
      "bool", "getReverse", (ins), "", "return false;">
  ];
}

#endif // SEQ_INTERFACES_TD

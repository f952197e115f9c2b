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

#endif // SEQ_INTERFACES_TD

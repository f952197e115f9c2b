//===- Passes.td - passes of lib/Lower ---------------------------*- tablegen -*-===//

include "mlir/Pass/PassBase.td"

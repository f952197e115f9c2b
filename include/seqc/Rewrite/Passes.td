//===- Passes.td - passes of lib/Rewrite -------------------------*- tablegen -*-===//

include "mlir/Pass/PassBase.td"

def SeqGeneralize : Pass<"seq-generalize"> {
  let summary = "replaces named layers by recurrences";
}

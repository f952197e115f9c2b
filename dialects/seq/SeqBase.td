//===- SeqBase.td - dialect definition ---------------------------*- tablegen -*-===//

#ifndef SEQ_BASE_TD
#define SEQ_BASE_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/BuiltinTypeInterfaces.td"

def Seq_Dialect : Dialect {
  let name = "seq";
  let cppNamespace = "::mlir::seq";
  let summary = "Sequence layers as recurrences";
  let description = [{
    Every layer of a sequence model is one recurrence: a state, a step that
    updates it and a readout,

    ```
    s_t = E_t ▸ s_{t-1} + f_t        y_t = readout(s_t, x_t)
    ```

    The dialect says *what* is computed and knows no target. It has two groups
    of operations:

    - general ones, the algebra: `seq.recurrence` and `seq.scan`;
    - named layers (`seq.lstm`, `seq.selective_scan`, …) with exact semantics,
      each of which `generalize`s into the general operations, as the named
      operations of `linalg` do.

    All else is upstream: `linalg`, `tensor`, `arith`, `math`.

    Layouts: sequences are `[B, T, C]` and `[B, T, H, D]`; states are `[B, C]`
    (RNN), `[B, H, K, V]` (matrix state), `[B, C, N]` (selective scan) and
    `[B, W-1, C]` (convolution window). Decay is handed over as log decay.

    Why named layers have no `bidirectional` mode: a bidirectional layer is two
    operations, one of them with `reverse`, and a concatenation. Rewrites then
    meet one case instead of three.
  }];
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::cf::ControlFlowDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"
  ];
}

class Seq_Op<string mnemonic, list<Trait> traits = []>
    : Op<Seq_Dialect, mnemonic, traits>;

#endif // SEQ_BASE_TD

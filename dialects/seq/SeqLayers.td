//===- SeqLayers.td - named layers -------------------------------*- tablegen -*-===//
// What all named layers have in common; the layers themselves are in
// SeqAttention.td, SeqRnn.td, SeqLinearAttention.td and SeqStateSpace.td.
//===----------------------------------------------------------------------===//

#ifndef SEQ_LAYERS_TD
#define SEQ_LAYERS_TD

include "seq/SeqBase.td"
include "seq/SeqInterfaces.td"
include "seq/SeqMask.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

/// A tensor of floats with one of the given ranks.
class Seq_FloatTensor<list<int> ranks> : Type<
    And<[RankedTensorOf<[AnyFloat]>.predicate, HasAnyRankOfPred<ranks>]>,
    !interleave(!foreach(rank, ranks, rank # "D"), "/") # " tensor of floats",
    "::mlir::RankedTensorType">;
def Seq_Float1D : Seq_FloatTensor<[1]>;
def Seq_Float2D : Seq_FloatTensor<[2]>;
def Seq_Float3D : Seq_FloatTensor<[3]>;
def Seq_Float4D : Seq_FloatTensor<[4]>;
def Seq_Float3D4D : Seq_FloatTensor<[3, 4]>;
def Seq_Float2D3D4D : Seq_FloatTensor<[2, 3, 4]>;

/// How many times there have been.
def Seq_Position : Type<
    And<[StaticShapeTensorOf<[I64]>.predicate, HasAnyRankOfPred<[1]>,
         CPred<"::llvm::cast<::mlir::ShapedType>($_self).getNumElements() == 1">]>,
    "tensor<1xi64>", "::mlir::RankedTensorType">,
    BuildableType<"::mlir::RankedTensorType::get({1}, $_builder.getI64Type())">;

/// A matrix of booleans.
def Seq_Bool2D : Type<
    And<[RankedTensorOf<[I1]>.predicate, HasAnyRankOfPred<[2]>]>,
    "2D tensor of booleans", "::mlir::RankedTensorType">;

/// The constraints (C1) to (C3) of every named layer are checked by
/// verifyShapes (LayerUtils.h); a layer's own ones start at (C4).
class Seq_NamedOp<string mnemonic, list<Trait> traits = []>
    : Seq_Op<mnemonic, traits # [Pure,
          DeclareOpInterfaceMethods<Seq_GeneralizableOpInterface>]> {
  let hasVerifier = 1;
}

/// A named layer with a state that it carries through time.
class Seq_LayerOp<string mnemonic, list<Trait> traits = []>
    : Seq_NamedOp<mnemonic, traits # [
          DeclareOpInterfaceMethods<Seq_TemporalOpInterface>]>;

include "seq/SeqAttention.td"
include "seq/SeqRnn.td"
include "seq/SeqLinearAttention.td"
include "seq/SeqStateSpace.td"

#endif // SEQ_LAYERS_TD

//===- Seq.td - the seq dialect --------------------------------*- tablegen -*-===//
// Umbrella of the dialect: include this one.
//===----------------------------------------------------------------------===//

#ifndef SEQ_TD
#define SEQ_TD

include "seq/SeqBase.td"
include "seq/SeqInterfaces.td"
include "seq/SeqGeneral.td"
include "seq/SeqLayers.td"

#endif // SEQ_TD

//===- Kernel.td - the kernel dialect ----------------------------*- tablegen -*-===//
// Umbrella of the dialect: include this one.
//===----------------------------------------------------------------------===//

#ifndef KERNEL_TD
#define KERNEL_TD

include "kernel/KernelBase.td"
include "kernel/KernelAttention.td"
include "kernel/KernelCompute.td"
include "kernel/KernelProgram.td"
include "kernel/KernelRuntime.td"

#endif // KERNEL_TD

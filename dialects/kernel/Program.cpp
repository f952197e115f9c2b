//===- Program.cpp - weight entries and results ----------------------------------===//

#include "kernel/Kernel.h"

using namespace mlir;
using namespace mlir::kernel;

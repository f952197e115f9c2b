//===- seq-opt.cpp - runs passes on .mlir files ----------------------------------===//

#include "seqc/Registration.h"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"

#ifdef SEQ_TEST_PASSES
#include "TestPasses.h"
#endif

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  seqc::registerDialects(registry);
  seqc::registerPasses();
#ifdef SEQ_TEST_PASSES
  seqc::test::registerTestPasses();
#endif
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "seq optimizer driver\n", registry));
}

//===- TestPasses.h - passes that only tests run ------------------------------------===//

#ifndef SEQ_TEST_TESTPASSES_H
#define SEQ_TEST_TESTPASSES_H

namespace seqc::test {
void registerTestDimensions();
void registerTestMutate();
void registerTestSerialTeam();
void registerTestStepTerms();

inline void registerTestPasses() {
  registerTestDimensions();
  registerTestMutate();
  registerTestSerialTeam();
  registerTestStepTerms();
}
} // namespace seqc::test

#endif // SEQ_TEST_TESTPASSES_H

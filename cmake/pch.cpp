// Carries the precompiled header; see SeqTargets.cmake.

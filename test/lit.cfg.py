# lit configuration. The tools of the build and of LLVM come first on PATH, so a
# RUN line names them plainly: seq-opt, seq-eval, seq-compile, FileCheck, not.
# There are no features: a test that cannot run everywhere does not belong here.

import os
import sys

import lit.formats

config.name = "seq"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "lib", "python", "unit"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = config.seq_test_exec_root

config.environment["PATH"] = os.pathsep.join(
    [config.seq_tools_dir, config.llvm_tools_dir, os.environ.get("PATH", "")]
)
config.substitutions.append(("%python", sys.executable))
config.substitutions.append(
    (
        "%c_runner_utils",
        os.path.join(config.llvm_tools_dir, "..", "lib", "libmlir_c_runner_utils.so"),
    )
)

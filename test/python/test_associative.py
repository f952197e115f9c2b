"""seq-eval --check-associative."""

import numpy as np
import pytest

import scans
import seqtools

SLICE, SEQUENCE = "tensor<3xf32>", "tensor<?x3xf32>"


def scan(body, keyword="associative"):
    return f"""
func.func @f(%x: {SEQUENCE}, %w: {SLICE}) -> {SEQUENCE} {{
  %y = seq.scan along 0 {keyword} ins(%x : {SEQUENCE}) {{
  ^combine(%a: {SLICE}, %b: {SLICE}):
{body}
    seq.yield %r : {SLICE}
  }}
  return %y : {SEQUENCE}
}}
"""


ASSOCIATIVE = {
    "sum": f"%r = arith.addf %a, %b : {SLICE}",
    "maximum": f"%r = arith.maximumf %a, %b : {SLICE}",
    "captured": f"%0 = arith.mulf %a, %w : {SLICE}\n    %r = arith.mulf %0, %b : {SLICE}",
    "log of sum": f"%0 = math.exp %a : {SLICE}\n    %1 = math.exp %b : {SLICE}\n    %2 = arith.addf %0, %1 : {SLICE}\n"
                  f"    %r = math.log %2 : {SLICE}",
}
OTHERS = {
    "difference": f"%r = arith.subf %a, %b : {SLICE}",
    "captured": f"%0 = arith.mulf %a, %w : {SLICE}\n    %r = arith.addf %0, %b : {SLICE}",
    "almost": f"%c = arith.constant dense<1.0001> : {SLICE}\n    %0 = arith.mulf %a, %b : {SLICE}\n"
              f"    %1 = arith.mulf %c, %b : {SLICE}\n    %r = arith.addf %0, %1 : {SLICE}",
}


def run(tmp_path, source, times, *options):
    file = tmp_path / "scan.mlir"
    file.write_text(source)
    inputs = {"arg0": np.ones((times, 3)), "arg1": np.array([0.5, 2.0, 3.0])}
    return seqtools.evaluate_file(file, "f", inputs, ["result0"], *options)


@pytest.mark.parametrize("name", ASSOCIATIVE)
def test_accepts(tmp_path, name):
    source = scan(ASSOCIATIVE[name])
    checked = run(tmp_path, source, 4, "--check-associative")
    np.testing.assert_array_equal(checked["result0"], run(tmp_path, source, 4)["result0"])


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("times", [0, 5])
def test_refuses(tmp_path, name, times):
    with pytest.raises(AssertionError, match=r"declared associative, but for random tuples .* member 0 is \S+ and"):
        run(tmp_path, scan(OTHERS[name]), times, "--check-associative")


def test_only_what_is_declared(tmp_path):
    run(tmp_path, scan(OTHERS["difference"], keyword=""), 3, "--check-associative")
    run(tmp_path, scan(OTHERS["difference"]), 3)


def test_pairs(tmp_path):
    source = scans.affine_scan((2, 5), 1, "associative")
    file = tmp_path / "scan.mlir"
    file.write_text(source)
    inputs = scans.scan_inputs(np.random.default_rng(0), (2, 5), 1, 3)
    names = {f"arg{index}": array for index, array in enumerate(inputs)}
    seqtools.evaluate_file(file, "f", names, ["result0"], "--check-associative")
    # A wrong sign in the combiner.
    file.write_text(source.replace("arith.addf %1, %b2", "arith.subf %1, %b2"))
    with pytest.raises(AssertionError, match="member 1 is"):
        seqtools.evaluate_file(file, "f", names, ["result0"], "--check-associative")

"""What every causal family is checked for: a test file lists models, and takes the tests of this
one that fit.

A model has `inputs(batch, times)`, its arrays by name; `outputs(inputs)`, what the public
implementation gives in f64 and in f32; `save(folder)`; `output`, the name of what it gives at all
times; and `vocabulary`, 0 where it is no language model."""

import numpy as np

import agreement
import seqlib
import seqtools

TIMES = [1, 2, 97]
PIECES = [(28, 1), (1, 28), (2, 0, 7, 20), (1,) * 29]


def library(name, model, build, *options):
    path = build(name, model.save, *options, library=True)
    return seqlib.Library(path, weights=f"{path}.weights", threads=2)


def agrees(name, model, build):
    program = library(name, model, build)
    for times in TIMES:
        inputs = model.inputs(1, times)
        double, single = model.outputs(inputs)
        agreement.agrees(program.run("forward", inputs)[model.output], double, single)
        if model.vocabulary:
            last = program.run("last", inputs)[model.output]
            agreement.agrees(last.reshape(1, -1), double[:, -1], single[:, -1])


def pieces(name, model, build):
    """Prefill and steps, whatever their sizes, agree as one call does."""
    program = library(name, model, build)
    inputs = model.inputs(1, 29)
    expected = model.outputs(inputs)
    for sizes in PIECES:
        state, start, parts = program.state(29), 0, []
        for size in sizes:
            piece = {key: array[:, start:start + size] for key, array in inputs.items()}
            parts.append(program.run("forward", piece, state)[model.output])
            start += size
        agreement.agrees(np.concatenate(parts, axis=1), *expected)


def evaluates(model, folder):
    """Before anything is rewritten, in f64."""
    (folder / "model").mkdir()
    model.save(folder / "model")
    inputs = model.inputs(1, 7)
    seqtools.run(seqtools.tool("seq-compile"), folder / "model", "--emit=seq", "-o", folder / "module.mlir")
    ours = seqtools.evaluate_file(folder / "module.mlir", "forward", inputs, [model.output],
                                  f"--weights={folder}/model")[model.output]
    assert agreement.distance(ours, model.outputs(inputs)[0]) < 1e-6


def batch(name, model, build):
    program = library(name, model, build, "--batch=3")
    inputs = model.inputs(3, 20)
    agreement.agrees(program.run("forward", inputs)[model.output], *model.outputs(inputs))


def greedy_tokens(name, model, build, new=24):
    """The tokens that the command `generate` continues with."""
    program = build(name, model.save)
    prompt = model.inputs(1, 5)["input_ids"]
    ids = prompt
    for _ in range(new):
        logits, _ = model.outputs({"input_ids": ids})
        ids = np.concatenate([ids, [[int(logits[0, -1].argmax())]]], axis=1)
    expected = ids[0, 5:].tolist()
    assert len(set(expected)) > 1
    assert program.generate(prompt[0].tolist(), new) == expected

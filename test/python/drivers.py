"""Functions that call others, as text: a form run in two pieces, or step by step."""

import re

CAPACITY = 16  # of caches
SIGNATURE = re.compile(r"func\.func (?:private )?@(\w+)\((.*?)\)(?: -> (.*?))?(?: attributes .*)? \{$", re.M)


# --- signatures -------------------------------------------------------------------

def split_types(text):
    """(type, attributes) of each argument or result of a printed list."""
    items = []
    for match in re.finditer(r"(tensor<[^<>]*>)( \{[^}]*\})?", text):
        items.append((match.group(1), match.group(2) or ""))
    return items


def signature(source, name):
    for match in SIGNATURE.finditer(source):
        if match.group(1) == name:
            return split_types(match.group(2)), split_types(match.group(3) or "")
    raise AssertionError(f"no @{name} in\n{source}")


def sizes_of(kind):
    return kind[len("tensor<"):-1].split("x")[:-1]


def element_of(kind):
    return kind[len("tensor<"):-1].split("x")[-1]


def zero_of(kind):
    return "0.0" if "f" in element_of(kind) else "false" if element_of(kind) == "i1" else "0"


def state_of(attributes):
    found = re.search(r'seq\.state = "(\w+)"', attributes)
    return found and found.group(1)


# --- drivers ----------------------------------------------------------------------

class Driver:
    """Text of a function that calls others."""

    def __init__(self):
        self.lines, self.count = [], 0

    def name(self):
        self.count += 1
        return f"%d{self.count}"

    def emit(self, text):
        name = self.name()
        self.lines.append(f"{name} = {text}")
        return name

    def constant(self, number):
        return self.emit(f"arith.constant {number} : index")

    def slice(self, source, kind, dim, offset, size, rank_reduced=False):
        sizes = sizes_of(kind)
        places = ["0"] * len(sizes)
        places[dim] = offset
        lengths = self.lengths(source, kind)
        lengths[dim] = size
        left = ["?" if length.startswith("%") else length for length in lengths]
        if rank_reduced:
            del left[dim]
        target = "tensor<" + "x".join([*left, element_of(kind)]) + ">"
        return self.emit(f"tensor.extract_slice {source}[{', '.join(places)}] [{', '.join(lengths)}] "
                         f"[{', '.join('1' * len(sizes))}] : {kind} to {target}"), target

    def lengths(self, source, kind):
        """The sizes of a value, where they are not in its type."""
        found = []
        for i, size in enumerate(sizes_of(kind)):
            found.append(self.emit(f"tensor.dim {source}, {self.constant(i)} : {kind}") if size == "?" else size)
        return found

    def call(self, function, values, kinds, results):
        outs = [self.name() for _ in results]
        self.lines.append(f"{', '.join(outs)} = func.call @{function}({', '.join(values)}) : "
                          f"({', '.join(kinds)}) -> ({', '.join(results)})")
        return outs


def splat(driver, kind, text, places=None):
    """A tensor of equal elements; unknown sizes are `places`."""
    if "?" not in kind:
        return driver.emit(f"arith.constant dense<{text}> : {kind}")
    element = element_of(kind)
    sizes = ", ".join(driver.constant(places) for size in sizes_of(kind) if size == "?")
    empty = driver.emit(f"tensor.empty({sizes}) : {kind}")
    number = driver.emit(f"arith.constant {text} : {element}")
    return driver.emit(f"linalg.fill ins({number} : {element}) outs({empty} : {kind}) -> {kind}")


def write(name, driver, arguments, kinds, values, results):
    head = ", ".join(f"{a}: {k}" for a, k in zip(arguments, kinds))
    return "\n".join([f"func.func @{name}({head}) -> ({', '.join(results)}) {{", *("  " + line for line in driver.lines),
                      f"  return {', '.join(values)} : {', '.join(results)}", "}"]) + "\n"


def dynamic(kind, dim):
    sizes = sizes_of(kind)
    sizes[dim] = "?"
    return "tensor<" + "x".join([*sizes, element_of(kind)]) + ">"


def drive_pieces(body, source, cut):
    """@f_driver: the first `cut` times, then the others with the states that the first call returned. Function
    states (seq.state) start as zeros, those of the body as its arguments."""
    arguments, results = signature(source, body.name)
    original = len(body.arguments)
    outputs, lasts = original_results(body)
    driver = Driver()
    names = [f"%p{i}" for i in range(original)]
    kinds = [kind for kind, _ in arguments]
    for argument, kind in zip(body.arguments, kinds):
        assert ("T" in argument.sizes) == ("?" in sizes_of(kind)), (argument, kind)
    time = body.along
    first = next(i for i, a in enumerate(body.arguments) if "T" in a.sizes)
    whole = driver.emit(f"tensor.dim {names[first]}, {driver.constant(body.arguments[first].sizes.index('T'))} : {kinds[first]}")
    # A cut beyond the end is the end.
    at = driver.emit(f"arith.minsi {driver.constant(cut)}, {whole} : index")
    rest = driver.emit(f"arith.subi {whole}, {at} : index")
    states = [splat(driver, kind, zero_of(kind)) for kind in kinds[original:]]
    values, outs = list(names), []
    for offset, size in ((driver.constant(0), at), (at, rest)):
        operands = []
        for i, (argument, kind) in enumerate(zip(body.arguments, kinds)):
            if "T" in argument.sizes:
                operands.append(driver.slice(names[i], kind, argument.sizes.index("T"), offset, size)[0])
            else:
                operands.append(values[i])
        found = driver.call(body.name, operands + states, kinds, [kind for kind, _ in results])
        outs.append(found)
        states = found[len(results) - len(states):] if states else []
        for number, result in lasts.items():
            values[number] = found[result]
    final = []
    for i in range(outputs):
        kind = results[i][0]
        final.append(driver.emit(f"tensor.concat dim({time}) {outs[0][i]}, {outs[1][i]} : ({kind}, {kind}) -> {kind}"))
    count = len(results) - len(arguments) + original
    final += outs[1][outputs:count]
    return write(f"{body.name}_driver", driver, names, kinds[:original], final, [kind for kind, _ in results[:count]])


def original_results(body):
    """The number of output sequences; for each argument that is a state, the result that is its last value."""
    states = [i for i, a in enumerate(body.arguments) if a.name in body.state_arguments]
    return body.outputs, {number: body.outputs + i for i, number in enumerate(states)}


def drive_steps(body, source):
    """@f_driver: T steps of @f_step."""
    arguments, results = signature(source, body.name + "_step")
    kinds = [kind for kind, _ in signature(body.source, body.name)[0]]
    finals = [kind for kind, _ in signature(body.source, body.name)[1]]
    outputs, lasts = original_results(body)
    driver = Driver()
    names = [f"%p{i}" for i in range(len(kinds))]
    time = body.along
    first = next(i for i, a in enumerate(body.arguments) if "T" in a.sizes)
    whole = driver.emit(f"tensor.dim {names[first]}, {driver.constant(body.arguments[first].sizes.index('T'))} : {kinds[first]}")
    carried = []  # (initial, type)
    for kind in finals[:outputs]:
        empty = driver.emit(f"tensor.empty({whole if '?' in sizes_of(kind) else ''}) : {kind}")
        carried.append((empty, kind))
    # States by name: arguments of @f, or constants.
    numbers = {state_of(text): i for i, (_, text) in enumerate(arguments) if state_of(text)}
    for state, i in numbers.items():
        kind, text = arguments[i]
        if i < len(kinds):
            carried.append((names[i], kind))
        else:
            initial = re.search(r"seq\.initial = ([^ ,}]+)", text)
            most = re.search(r"seq\.most = (\d+)", text)
            places = min(CAPACITY, int(most.group(1)) if most else CAPACITY)
            carried.append((splat(driver, kind, initial.group(1) if initial else zero_of(kind), places), kind))
    # Other results: those of the last step.
    others = [i for i in range(outputs, len(finals))]
    for i in others:
        start = next((names[a] for a, r in lasts.items() if r == i), None)
        carried.append((start or driver.emit(f"tensor.empty() : {finals[i]}"), finals[i]))
    iters = [driver.name() for _ in carried]
    loop = driver.name()
    zero, one = driver.constant(0), driver.constant(1)
    types = ", ".join(kind for _, kind in carried)
    driver.lines.append(f"{loop}:{len(carried)} = scf.for %t = {zero} to {whole} step {one} "
                        f"iter_args({', '.join(f'{i} = {v}' for i, (v, _) in zip(iters, carried))}) -> ({types}) {{")
    operands = []
    for i, (kind, text) in enumerate(arguments):
        if state_of(text):
            operands.append(iters[outputs + list(numbers).index(state_of(text))])
        elif kind != kinds[i]:
            operands.append(driver.slice(names[i], kinds[i], body.arguments[i].sizes.index("T"), "%t", "1", rank_reduced=True)[0])
        else:
            operands.append(names[i])
    found = driver.call(body.name + "_step", operands, [k for k, _ in arguments], [k for k, _ in results])
    yielded = []
    for i, kind in enumerate(finals[:outputs]):
        sizes = sizes_of(kind)
        offsets = ["%t" if d == time else "0" for d in range(len(sizes))]
        lengths = ["1" if d == time else size for d, size in enumerate(sizes)]
        yielded.append(driver.emit(f"tensor.insert_slice {found[i]} into {iters[i]}[{', '.join(offsets)}] [{', '.join(lengths)}] "
                                   f"[{', '.join('1' * len(sizes))}] : {results[i][0]} into {kind}"))
    last = {state_of(text): found[i] for i, (_, text) in enumerate(results) if state_of(text)}
    yielded += [last[state] for state in numbers]
    yielded += [found[i] for i in others]
    driver.lines += [f"scf.yield {', '.join(yielded)} : {types}", "}"]
    final = [f"{loop}#{i}" for i in range(outputs)] + [f"{loop}#{outputs + len(numbers) + i}" for i in range(len(others))]
    return write(f"{body.name}_driver", driver, names, kinds, final, finals)

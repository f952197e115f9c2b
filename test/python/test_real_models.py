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
    ours = g2p.program.run({"input_ids": np.array([ids])}, ["encoder_last_hidden_state", "h_n"], function="encode")
    agreement.agrees(ours["encoder_last_hidden_state"], double[0], single[0])
    agreement.agrees(ours["h_n"], double[1], single[1])


def predict(weights, ids):
    """Tokens of g2p_en.g2p.G2p.predict, the end included if it comes."""
    encoder, decoder = torch_gru(weights, "enc"), torch_gru(weights, "dec")
    _, h = encoder(torch.from_numpy(weights["enc_emb"][ids])[None])
    token, said = 2, []
    while len(said) < 20 and token != 3:
        y, h = decoder(torch.from_numpy(weights["dec_emb"][token])[None, None], h)
        token = int((weights["fc_w"] @ y[0, 0].detach().numpy() + weights["fc_b"]).argmax())
        said.append(token)
    return said


@pytest.mark.parametrize("word, phonemes", [
    ("compiler", "K AH0 M P IH1 L ER0"), ("activationist", "AE2 K T IH0 V EY1 SH AH0 N IH0 S T"), ("a", None),
    ("o'clock", None), ("pneumonoultramicroscopicsilicovolcanoconiosis", None)])
def test_g2p_pronounces(g2p, word, phonemes):
    ids = g2p.converter.token_ids(word)
    expected = predict(np.load(g2p.weights), ids)
    ours = g2p.program.run({"input_ids": np.array([ids])}, ["sequences"], function="generate")["sequences"][0].tolist()
    assert ours == expected + [3] * (20 - len(expected))
    assert phonemes in (None, g2p.converter.phonemes(ours))


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

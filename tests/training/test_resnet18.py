"""ResNet18: its layers, its names, and weights from a file that must be the right one."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from megc_live.errors import ModelError
from training.recognition.resnet18 import (
    PARAMETERS,
    PUBLISHED_SHA256,
    RANDOM,
    ResNet18,
    describe_start,
    load_weights,
)


def torchvision_names() -> list[str]:
    """The names in torchvision's file, written out from He et al., Table 1."""
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    names = ["conv1.weight", *(f"bn1.{n}" for n in norm)]
    for layer in (1, 2, 3, 4):
        for block in (0, 1):
            at = f"layer{layer}.{block}"
            for k in (1, 2):
                names += [f"{at}.conv{k}.weight", *(f"{at}.bn{k}.{n}" for n in norm)]
            if layer > 1 and block == 0:
                names += [f"{at}.downsample.0.weight", *(f"{at}.downsample.1.{n}" for n in norm)]
    return [*names, "fc.weight", "fc.bias"]


def saved(net: ResNet18, path: Path) -> tuple[Path, str]:
    torch.save(net.state_dict(), path)
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


class TestNetwork:
    def test_it_has_torchvisions_names_and_size(self) -> None:
        net = ResNet18()
        assert list(net.state_dict()) == torchvision_names()
        assert sum(p.numel() for p in net.parameters()) == PARAMETERS == 11_689_512

    def test_its_maps_are_those_of_the_table(self) -> None:
        x = torch.zeros(1, 3, 224, 224)
        net = ResNet18(None).eval()
        with torch.no_grad():
            assert net(x).shape == (1, 512, 7, 7)
            for stages, side in ((1, 28), (2, 14), (3, 7)):
                short = ResNet18(None, stages=stages).eval()
                assert short(x[..., :112, :112]).shape == (1, 64 * 2 ** (stages - 1), side, side)

    def test_a_block_adds_its_input(self) -> None:
        block = ResNet18(None, stages=1).layer1[0].eval()
        torch.nn.init.zeros_(block.conv2.weight)
        x = torch.rand(1, 64, 6, 6)
        assert torch.allclose(block(x), x, atol=1e-6)


class TestWeights:
    def test_weights_of_a_known_hash_are_taken(self, tmp_path: Path) -> None:
        torch.manual_seed(0)
        whole = ResNet18()
        path, sha256 = saved(whole, tmp_path / "resnet18.pth")
        short = ResNet18(None, stages=2, max_pool=False)
        short.start_from(load_weights(path, sha256.upper()))
        own = short.state_dict()
        assert all(torch.equal(value, whole.state_dict()[name]) for name, value in own.items())
        assert sha256 in describe_start(path, sha256) and "resnet18.pth" in describe_start(path, sha256)

    def test_another_hash_is_refused_before_anything_is_read(self, tmp_path: Path) -> None:
        path = tmp_path / "resnet18-f37072fd.pth"
        path.write_bytes(b"not weights")
        digest = hashlib.sha256(b"not weights").hexdigest()
        with pytest.raises(ModelError, match=f"{digest}, published by torchvision: .*f37072fd47"):
            load_weights(path)
        with pytest.raises(ModelError, match=f"{digest}, wanted: {'0' * 64}"):
            load_weights(path, "0" * 64)
        with pytest.raises(ModelError, match="published by torchvision"):
            describe_start(path)

    def test_the_published_hashes_begin_as_the_files_names_end(self) -> None:
        assert all(
            len(sha) == 64 and name.removeprefix("resnet18-").removesuffix(".pth") == sha[:8]
            for sha, name in PUBLISHED_SHA256.items()
        )

    def test_files_that_are_no_weights_are_refused(self, tmp_path: Path) -> None:
        broken = tmp_path / "broken.pth"
        broken.write_bytes(b"not weights")
        with pytest.raises(ModelError, match="cannot be read as weights"):
            load_weights(broken, hashlib.sha256(b"not weights").hexdigest())
        code = tmp_path / "code.pth"
        torch.save({"conv1.weight": Path("x")}, code)  # a class that only a full unpickling would make
        with pytest.raises(ModelError, match="cannot be read as weights"):
            load_weights(code, hashlib.sha256(code.read_bytes()).hexdigest())
        listed = tmp_path / "list.pth"
        torch.save([torch.zeros(1)], listed)
        with pytest.raises(ModelError, match="no tensors by name"):
            load_weights(listed, hashlib.sha256(listed.read_bytes()).hexdigest())
        with pytest.raises(ModelError, match="cannot read the weights"):
            load_weights(tmp_path / "missing.pth")
        other = tmp_path / "weights.bin"
        other.write_bytes(b"x")
        with pytest.raises(ModelError, match="no known kind"):
            load_weights(other, hashlib.sha256(b"x").hexdigest())

    def test_weights_of_another_network_are_refused(self, tmp_path: Path) -> None:
        weights = dict(ResNet18(None).state_dict())
        wrong = {**weights, "layer3.0.conv1.weight": torch.zeros(1)}
        with pytest.raises(ModelError, match=r"layer3\.0\.conv1\.weight is missing or of another shape"):
            ResNet18(None).start_from(wrong)
        del weights["bn1.bias"]
        with pytest.raises(ModelError, match=r"bn1\.bias is missing"):
            ResNet18(None).start_from(weights)

    def test_the_older_edition_without_counted_batches_fits(self) -> None:
        weights = {k: v for k, v in ResNet18().state_dict().items() if "num_batches" not in k}
        net = ResNet18(None)
        net.start_from(weights)
        assert torch.equal(net.conv1.weight, weights["conv1.weight"])

    def test_safetensors_are_read_where_that_library_is(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "resnet18.safetensors"
        path.write_bytes(b"tensors")
        sha256 = hashlib.sha256(b"tensors").hexdigest()
        monkeypatch.setitem(sys.modules, "safetensors", None)
        with pytest.raises(ModelError, match="library safetensors, which is not installed"):
            load_weights(path, sha256)
        library, reader = ModuleType("safetensors"), ModuleType("safetensors.torch")

        class SafetensorError(Exception): ...

        def load(data: bytes) -> dict[str, torch.Tensor]:
            if data != b"tensors":
                raise SafetensorError("header too large")
            return {"fc.bias": torch.ones(2)}

        library.SafetensorError, reader.load = SafetensorError, load
        monkeypatch.setitem(sys.modules, "safetensors", library)
        monkeypatch.setitem(sys.modules, "safetensors.torch", reader)
        assert torch.equal(load_weights(path, sha256)["fc.bias"], torch.ones(2))
        path.write_bytes(b"else")
        with pytest.raises(ModelError, match="cannot be read as weights: header too large"):
            load_weights(path, hashlib.sha256(b"else").hexdigest())

    def test_without_weights_it_says_so(self) -> None:
        assert describe_start(None) == RANDOM

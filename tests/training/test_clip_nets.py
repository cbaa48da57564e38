"""CapsuleNet and EMR: their layers, their parts against references, and whole fits on small clips."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from megc_live.errors import DatasetError, ModelError, SettingsError
from tests.training.face_clips import make_clips
from training.recognition import capsulenet, emr_net
from training.recognition.augment import HALVES, Augmentation
from training.recognition.base import METHODS, input_of, make_method, samples
from training.recognition.capsulenet import (
    CapsuleNet,
    CapsuleNetMethod,
    ClassCapsules,
    frame_counts,
    frames_near,
    margin_loss,
)
from training.recognition.clip_data import ClipData
from training.recognition.clip_nets import FittedClipNet
from training.recognition.emr import MacroClips, flow_picture
from training.recognition.emr_net import EmrNet, HeadLogits, halves, losses, reverse_gradient
from training.recognition.loso import leave_one_subject_out
from training.recognition.resnet18 import RANDOM
from training.recognition.state import State, load_state, save_state

F64 = NDArray[np.float64]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> ClipData:
    return make_clips(tmp_path_factory.mktemp("clips"), "smic", (0, 1, 2, 0, 1, 2), annotated=False)[0]


@pytest.fixture(scope="module")
def macro(tmp_path_factory: pytest.TempPathFactory) -> MacroClips:
    data, records = make_clips(
        tmp_path_factory.mktemp("macro"),
        "ck_plus",
        (0, 1, None),
        fps=30.0,
        amplitude=0.08,
        emotions=("sadness", "happy", "neutral"),
    )
    return MacroClips.of(data, records)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def small(name: str, **settings: Any) -> Any:
    least: dict[str, Any] = {"epochs": 1, "batch": 4}
    if name == "capsulenet":
        least |= {"size": 136, "extra": 1}
    else:
        least |= {"size": 64, "without_macro": "macro" not in settings}
    return make_method(name, **{**least, **settings})


class TestBothMethods:
    def test_the_registry_says_what_they_take(self) -> None:
        for name in ("capsulenet", "emr"):
            assert input_of(name) == "clips" and METHODS[name].capabilities["epochs"]

    @pytest.mark.parametrize("name", ["capsulenet", "emr"])
    def test_watching_does_not_change_a_fit_and_a_seed_repeats_it(self, name: str, clips: ClipData) -> None:
        method = small(name)
        first, held = clips.subset(clips.group != "smic/s0"), clips.subset(clips.group == "smic/s0")
        state = torch.get_rng_state()
        found = method.fit(first, 3).probabilities(samples(held))
        assert torch.equal(torch.get_rng_state(), state)
        assert found.shape == (2, 3) and np.allclose(found.sum(1), 1, atol=1e-5)
        seen = method.fit_watched(first, 3, samples(held))
        assert seen.shape == (1, 2, 3) and np.array_equal(seen[-1], found)

    @pytest.mark.parametrize("name", ["capsulenet", "emr"])
    def test_a_fitted_one_goes_to_files_and_back(self, name: str, clips: ClipData, tmp_path: Path) -> None:
        method = small(name, random_test=True)
        fitted = FittedClipNet(method.network().eval(), method, seed=5)
        again = load_state(save_state(tmp_path, name, method, fitted, {}))
        held = clips.subset(np.arange(2))
        assert np.array_equal(again.probabilities(held), fitted.probabilities(held))
        assert again.state().settings == fitted.state().settings
        other = "emr" if name == "capsulenet" else "capsulenet"
        for wrong in (State({}), State({}, {"seed": 1, "size": 1}), FittedClipNet.state(fitted)):
            with pytest.raises(ModelError, match="is not that of"):
                small(other).restore(wrong)

    def test_a_fit_with_macro_expressions_comes_back_without_its_domain_head(
        self, clips: ClipData, macro: MacroClips
    ) -> None:
        fitted = small("emr", macro=macro).fit(clips.subset(np.arange(3)), 0)
        state = fitted.state()
        assert not any(key.startswith("domain") for key in state.arrays)
        assert "layer4.1.conv2.weight" in {key.removeprefix("backbone.") for key in state.arrays}
        again = make_method("emr").restore(state)
        assert np.array_equal(again.probabilities(clips), fitted.probabilities(clips))

    @pytest.mark.parametrize("name", ["capsulenet", "emr"])
    def test_settings_are_told_and_wrong_ones_refused(self, name: str) -> None:
        described = small(name, epochs=2).describe()
        assert described["start"] == RANDOM and described["epochs"] == 2 and not described["random_test"]
        json.dumps(described)
        for wrong in ({"epochs": 0}, {"batch": 1}, {"size": 32}, {"rate": 0.0}, {"device": "no-such"}):
            with pytest.raises(SettingsError):
                small(name, **wrong)

    def test_every_subject_is_left_out_once(self, clips: ClipData) -> None:
        table = leave_one_subject_out(small("emr"), clips, (0,))
        assert sorted(table["clip"]) == sorted(clips.clip) and set(table["subject"]) == {"s0", "s1", "s2"}

    @pytest.mark.parametrize("random_test", [False, True])
    def test_pictures_are_judged_as_they_are_unless_asked(self, random_test: bool, clips: ClipData) -> None:
        method = small("emr", random_test=random_test)
        net = EmrNet(domain=False).eval()
        one, other = (FittedClipNet(net, method, seed).probabilities(clips) for seed in (0, 1))
        assert np.array_equal(one, other) != random_test


class TestAugmentation:
    HOW = Augmentation((64, 64), 48, degrees=10.0, mirror=True, jitter=0.2, normal=HALVES)

    def test_a_plain_picture_is_its_middle(self) -> None:
        picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
        middle = picture[8:56, 8:56].transpose(2, 0, 1) / np.float32(127.5) - 1
        assert np.allclose(self.HOW.plain(picture), middle, atol=1e-2)

    def test_resizing_keeps_places(self) -> None:
        ramp = np.repeat(np.arange(0, 256, 2, dtype=np.uint8)[None, :, None], 128, 0).repeat(3, 2)
        found = (self.HOW.plain(ramp)[0] + 1) * 127.5
        # Column 8 of 64 covers columns 16 and 17 of 128, that are 32 and 34.
        assert np.allclose(found[24], 33 + 4 * np.arange(48), atol=0.6)

    def test_capsulenets_slip_turns_and_no_more(self) -> None:
        method = CapsuleNetMethod(random_test=True)
        face = np.zeros((224, 224, 3), np.uint8)
        face[112:] = (90, 120, 150)
        found = [method.slip.random(face, np.random.default_rng(k)) for k in range(6)]
        plain = method.augmentation.plain(face)
        assert all(np.allclose(x[:, 180, 100:120], plain[:, 180, 100:120], atol=1e-3) for x in found)
        assert np.ptp([x[0, :, 10].mean() for x in found]) > 0.02
        assert CapsuleNetMethod().slip is None and not CapsuleNetMethod().describe()["random_test"]
        assert method.describe()["random_test"]

    def test_random_pictures_mirror_turn_and_vary_in_colour(self) -> None:
        half = np.zeros((64, 64, 3), np.uint8)
        half[:, :32] = (200, 100, 50)
        rng = np.random.default_rng(1)
        found = [self.HOW.random(half, rng) for _ in range(24)]
        left = [bool(x[0, :, 4].mean() > x[0, :, -4].mean()) for x in found]
        assert 4 < sum(left) < 20
        brightest = [float(x.max()) for x in found]
        assert np.ptp(brightest) > 0.2
        tilt = [float(x[0, 4].mean() - x[0, -4].mean()) for x in found]
        assert np.ptp(tilt) > 0.1


class TestCapsuleNet:
    def test_its_maps_and_size_are_those_of_the_table(self) -> None:
        net = CapsuleNet().eval()
        assert sum(p.numel() for p in net.parameters()) == capsulenet.PARAMETERS == 13_842_496
        x = torch.zeros(1, 3, 224, 224)
        with torch.no_grad():
            features = net.backbone(x)
            assert features.shape == (1, 256, 28, 28)
            assert net.conv(features).shape == (1, 256, 20, 20)
            assert net.primary(net.conv(features)).shape == (1, 256, 6, 6)
            assert net.capsules.weight.shape == (3, 1152, 16, 8)

    def test_routing_equals_a_plain_reference(self) -> None:
        torch.manual_seed(0)
        layer = ClassCapsules(7, 4, 3, 5)
        u = torch.randn(2, 7, 4)
        with torch.no_grad():
            layer.weight.mul_(100)  # large enough that routing matters
            found = layer(u).numpy()
        weight = layer.weight.detach().numpy().astype(np.float64)
        expected = np.stack([routed(weight, one) for one in u.numpy().astype(np.float64)])
        assert np.allclose(found, expected, atol=1e-5)
        assert not np.allclose(found, np.stack([routed(weight, one, 1) for one in u.numpy()]), atol=1e-2)
        assert (np.linalg.norm(found, axis=-1) < 1).all()

    def test_primary_capsules_take_eight_channels_of_one_place(self) -> None:
        net = CapsuleNet(136).eval()
        x = torch.rand(1, 3, 136, 136)
        with torch.no_grad():
            found = net.primary_capsules(x)
            raw = net.primary(torch.relu(net.conv(net.backbone(x))))[0, :, 0, 0]
        assert found.shape == (1, 32, 8)
        assert torch.allclose(found[0, 5] / found[0, 5].norm(), raw[40:48] / raw[40:48].norm(), atol=1e-5)

    def test_the_margin_loss_is_that_of_the_equation(self) -> None:
        lengths = torch.tensor([[0.9, 0.3, 0.0], [0.2, 0.995, 0.5]])
        expected = (0.09**2 + 0.5 * 0.29**2 + 0 + 0.5 * 0.19**2 + 0 + 0.5 * 0.49**2) / 2
        assert margin_loss(lengths, torch.tensor([0, 1])).item() == pytest.approx(expected, rel=1e-5)

    def test_classes_are_balanced_by_frames_as_published(self) -> None:
        label = np.repeat([0, 1, 2], [250, 109, 83])
        counts = frame_counts(label, 4)
        assert set(counts[label == 2]) == {5}
        assert counts[label == 1].sum() == 415 and set(counts[label == 1]) == {3, 4}
        assert counts[label == 0].sum() == 415 and set(counts[label == 0]) == {1, 2}
        assert frame_counts(np.array([0, 0, 0, 0, 0, 0, 1]), 1).tolist() == [1] * 6 + [2]

    def test_frames_next_to_the_apex_are_behind_the_onset(self) -> None:
        assert frames_near(2, 0, 9, 4) == [2, 1, 3, 4, 5]
        assert frames_near(9, 0, 9, 3) == [9, 8, 7, 6]

    def test_an_apex_that_is_not_annotated_is_found_by_the_rule(self, clips: ClipData) -> None:
        clip = clips.load(0)
        assert clip.apex_rule != "annotated"
        frames = clip.frames.copy()
        frames[4:] = np.roll(clip.frames[4:], 9, axis=2)  # from frame 4 on unlike the onset; settled at 5
        changed = replace(clip, frames=frames)
        assert np.array_equal(CapsuleNetMethod(extra=0)._near(changed)[0], frames[5])
        given = CapsuleNetMethod(extra=0, apex="given")._near(changed)[0]
        assert np.array_equal(given, frames[clip.apex])


def routed(weight: F64, u: F64, routings: int = 3) -> F64:
    """Procedure 1 of Sabour et al. 2017 for one sample, written out: (outputs, output_size)."""
    outputs, inputs = weight.shape[:2]
    b = np.zeros((outputs, inputs))
    for _ in range(routings):
        v = []
        c = np.exp(b) / np.exp(b).sum(0)
        for j in range(outputs):
            s = sum(c[j, i] * (weight[j, i] @ u[i]) for i in range(inputs))
            v.append((s @ s) / (1 + s @ s) * s / np.sqrt(s @ s))
        for j in range(outputs):
            for i in range(inputs):
                b[j, i] += (weight[j, i] @ u[i]) @ v[j]
    return np.array(v)


class TestEmrNet:
    def test_its_parts_and_size_are_those_of_the_table(self) -> None:
        net = EmrNet()
        assert sum(p.numel() for p in net.parameters()) == emr_net.PARAMETERS == 11_253_322
        assert sum(p.numel() for p in EmrNet(domain=False).parameters()) == 11_253_322 - 10_369
        rows = torch.arange(7.0).view(1, 1, 7, 1).expand(1, 512, 7, 7)
        top, bottom = halves(rows)
        assert set(top.flatten().tolist()) == {0, 1, 2} and set(bottom.flatten().tolist()) == {3, 4, 5, 6}

    def test_each_half_has_its_own_head_and_the_whole_sees_both(self) -> None:
        net = EmrNet(domain=False).eval()
        maps = torch.rand(1, 512, 7, 7)
        net.backbone.forward = lambda x: x  # the map itself
        with torch.no_grad():
            before = net.all_heads(maps, 0.0)
            changed = maps.clone()
            changed[:, :, 3:] += 1
            after = net.all_heads(changed, 0.0)
        assert torch.equal(before.top, after.top) and not torch.allclose(before.bottom, after.bottom)
        assert not torch.allclose(before.whole, after.whole)

    def test_the_gradient_really_comes_back_reversed(self) -> None:
        x = torch.tensor([1.0, -2.0], requires_grad=True)
        y = reverse_gradient(x, 0.25)
        assert torch.equal(y, x)
        (3 * y).sum().backward()
        assert torch.allclose(x.grad, torch.tensor([-0.75, -0.75]))

    def test_the_domain_head_learns_what_the_parts_unlearn(self) -> None:
        torch.manual_seed(0)
        net = EmrNet().eval()  # no dropout: the same loss forward and back
        both = torch.rand(8, 3, 64, 64)
        micro = torch.tensor([1.0, 0, 1, 0, 1, 0, 1, 0])

        def gradients(reversal: float) -> tuple[torch.Tensor, torch.Tensor]:
            net.zero_grad()
            found = net.all_heads(both, reversal)
            torch.nn.functional.binary_cross_entropy_with_logits(found.domain, micro).backward()
            return net.domain[0].weight.grad.clone(), net.top[0].weight.grad.clone()

        head, part = gradients(1.0)
        same_head, half_part = gradients(0.5)
        _, plain_part = gradients(-1.0)
        assert part.abs().max() > 0
        assert torch.allclose(head, same_head) and torch.allclose(half_part, part / 2, atol=1e-7)
        assert torch.allclose(part, -plain_part)

    def test_clips_without_a_class_count_for_the_domain_only(self) -> None:
        torch.manual_seed(1)
        logits = [torch.randn(3, 3) for _ in range(3)]
        found = HeadLogits(*logits, torch.tensor([0.3, -0.2, 1.0]))
        micro = torch.tensor([1.0, 0.0, 0.0])
        label = torch.tensor([2, 0, -1])
        cross = sum(torch.nn.functional.cross_entropy(x[:2], label[:2]) for x in logits)
        p = torch.sigmoid(found.domain)
        domain = -(torch.log(p[0]) + torch.log(1 - p[1]) + torch.log(1 - p[2])) / 3
        assert losses(found, label, micro).item() == pytest.approx((cross + domain).item(), rel=1e-5)
        none = losses(found, torch.tensor([-1, -1, -1]), micro)
        assert none.item() == pytest.approx(domain.item(), rel=1e-5)


class TestEmr:
    def test_without_macro_expressions_it_runs_only_when_asked(self, macro: MacroClips) -> None:
        for call in (lambda m: m.describe(), lambda m: m.fit(macro.data, 0)):
            with pytest.raises(SettingsError, match=r"CK\+ too, and got none.*without_macro=true"):
                call(make_method("emr"))
        with pytest.raises(SettingsError, match="setting to do without"):
            make_method("emr", macro=macro, without_macro=True)
        described = make_method("emr", without_macro=True).describe()
        assert "not the published method" in described["macro"]
        assert described["parameters"] == emr_net.PARAMETERS - 10_369

    def test_it_is_fitted_with_macro_expressions(self, clips: ClipData, macro: MacroClips) -> None:
        method = small("emr", macro=macro)
        assert method.describe()["parameters"] == emr_net.PARAMETERS
        assert method.describe()["macro"]["clips"] == {"negative": 1, "positive": 1, "surprise": 0}
        pictures, label, is_micro = method._samples(clips)
        assert pictures.shape == (9, 224, 224, 3)
        assert label.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, -1] and is_micro.tolist() == [1] * 6 + [0] * 3
        first, held = clips.subset(clips.group != "smic/s0"), clips.subset(clips.group == "smic/s0")
        with_macro = method.fit(first, 0).probabilities(samples(held))
        without = small("emr").fit(first, 0).probabilities(samples(held))
        assert with_macro.shape == (2, 3) and not np.allclose(with_macro, without)

    def test_sadness_is_negative_unless_the_slip_is_asked_for(self, macro: MacroClips) -> None:
        assert small("emr", macro=macro).macro.labels("negative").tolist() == [0, 1, -1]
        slip = small("emr", macro=macro, sadness="positive")
        assert slip.describe()["macro"]["sadness"] == "positive"
        assert slip.describe()["macro"]["clips"] == {"negative": 0, "positive": 2, "surprise": 0}
        with pytest.raises(SettingsError, match="sadness"):
            small("emr", macro=macro, sadness="happy")

    def test_emotions_must_be_known(self, macro: MacroClips) -> None:
        with pytest.raises(DatasetError, match="not among the records"):
            MacroClips.of(macro.data, [])

    def test_micro_is_magnified_and_macro_reduced(self, clips: ClipData, macro: MacroClips) -> None:
        clip, large = clips.load(0), macro.data.load(1)
        assert large.apex == 3
        for factor in (0.0, 10.0):
            plain = flow_picture(clip.frames[0], clip.frames[clip.apex])
            found = small("emr", magnification=factor)._micro_picture(clip)
            assert np.array_equal(plain, found) == (factor == 0)
        for reduce, at in ((True, 1), (False, 3)):
            found = small("emr", macro=macro, reduce=reduce)._macro_picture(large)
            assert np.array_equal(found, flow_picture(large.frames[0], large.frames[at]))

    @pytest.mark.parametrize("head_px", [0.0, 1.5])
    def test_the_flow_picture_shows_direction_length_and_saturation(self, head_px: float) -> None:
        onset = texture()
        y, x = np.mgrid[0:96, 0:96].astype(np.float32)
        bump = np.exp(-(((x - 48) / 12) ** 2 + ((y - 48) / 12) ** 2) / 2)
        for shift, hue in (((2, 0), 0), ((0, 2), 45), ((-2, 0), 90), ((0, -2), 135)):
            source = x - head_px - shift[0] * bump, y - shift[1] * bump  # the head moves to the right
            apex = cv2.remap(onset, *source, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
            hsv = cv2.cvtColor(flow_picture(onset, apex), cv2.COLOR_RGB2HSV)
            middle = hsv[42:54, 42:54].reshape(-1, 3).astype(float)
            turn = np.angle(np.exp(1j * np.radians(2 * (middle[:, 0] - hue))))
            assert abs(np.degrees(turn.mean())) < 25
            assert middle[:, 2].mean() > 180 and hsv[10:22, 10:22, 2].mean() < 70
            saturation = cv2.cvtColor(apex, cv2.COLOR_RGB2HSV)[42:54, 42:54, 1].mean()
            assert middle[:, 1].mean() == pytest.approx(saturation, abs=6)
            if head_px:
                left_in = cv2.cvtColor(flow_picture(onset, apex, head=False), cv2.COLOR_RGB2HSV)
                assert left_in[10:22, 10:22, 2].mean() > 1.5 * hsv[10:22, 10:22, 2].mean()

    def test_pictures_are_kept_beside_the_clips(self, clips: ClipData) -> None:
        done = []
        small("emr").prepare(clips, 1, lambda k, n, name: done.append((k, n)))
        assert done[-1] == (6, 6)
        small("capsulenet").prepare(clips, 1, lambda k, n, name: None)
        folder = clips.files[0].parent
        for kind in ("emr-micro", "near-apex"):
            assert len(list(folder.glob(f"*.{kind}-*.npz"))) >= 6


def texture() -> NDArray[np.uint8]:
    """A cloudy picture with a tint, (96, 96, 3)."""
    noise = np.random.default_rng(0).normal(size=(96, 96)).astype(np.float32)
    cloud = cv2.GaussianBlur(noise, (0, 0), 2)
    grey = np.interp(cloud, (cloud.min(), cloud.max()), (60, 200))
    return np.stack([grey + 40, grey, grey], -1).astype(np.uint8)

"""Training: it learns, resumes where it was, names what is wrong, and its files are safe."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from core.errors import (
    Cancelled,
    InvalidRequestError,
    NotEnoughMemoryError,
    OutputError,
    WeightsError,
)
from core.generators import Identity, Noise, Outputs, RenderPass
from core.progress import Step
from core.segmentation import (
    FeatureCache,
    LabelledFaces,
    Segmenter,
    SegmenterTraining,
    Trained,
    load_segmenter,
    save_segmenter,
    train_segmenter,
)
from core.segmentation import training as training_module
from core.segmentation.batches import Lesson
from core.segmentation.cleaning import Cleaning, clean
from core.segmentation.report import write_report
from core.segmentation.segmenter import stream
from core.segmentation.store import open_segmenter, segmenter_names
from core.weights import WeightStore
from studio.configs import read_config
from tests.segmentation_faces import CLASSES, labelled_faces, no_faces, quick_training
from tests.tiny_generator import tiny_generator

FACES = labelled_faces(6)
TRAIN, VALIDATION = FACES.take([0, 1, 2, 3]), FACES.take([4, 5])


def _train(checkpoint: Path | None = None, **changes: object) -> Trained:
    config = quick_training(**changes)
    return train_segmenter(
        tiny_generator(), CLASSES, TRAIN, VALIDATION, config, checkpoint=checkpoint, device="cpu"
    )


def _segmenter() -> Segmenter:
    trained = _train(epochs=1)
    return Segmenter(trained.head, "weave", CLASSES, tiny_generator().identity, {"seed": 0})


@pytest.mark.parametrize("model", ["weave", "config-1", "config-2a", "pixel-mlp"])
def test_training_finds_what_the_features_show(model: str) -> None:
    trained = _train(model=model, epochs=25, validate_every=25, learning_rate=0.01)
    assert trained.scores is not None and trained.scores.mean_f1() > 0.7
    assert trained.history[-1].loss < trained.history[0].loss
    assert trained.history[-1].f1.keys() == set(CLASSES.names)


@pytest.mark.parametrize("model", ["weave", "config-1", "config-2b", "pixel-mlp"])
def test_bf16_learns_the_same_within_its_digits(model: str) -> None:
    exact, rounded = (
        _train(model=model, epochs=6, validate_every=6, learning_rate=0.01, precision=precision)
        for precision in ("f32", "bf16")
    )
    assert rounded.history[0].loss != exact.history[0].loss
    assert rounded.history[-1].loss == pytest.approx(exact.history[-1].loss, rel=0.15)
    assert all(p.dtype == torch.float32 for p in rounded.head.parameters())


def test_checkpoints_from_before_there_was_a_precision_are_of_f32(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    _train(path, epochs=1)
    with safe_open(path, "pt") as opened:
        header = json.loads(opened.metadata()["faceloom"])
    del header["config"]["precision"]
    save_file(load_file(path), path, {"faceloom": json.dumps(header)})
    assert len(_train(path, epochs=1).history) == 1
    with pytest.raises(InvalidRequestError, match="training with other precision"):
        _train(path, epochs=1, precision="bf16")


@pytest.mark.parametrize("model", ["weave", "config-2a", "pixel-mlp"])
@pytest.mark.parametrize("mirror", [False, True])
def test_a_resumed_training_ends_where_it_would_have(
    tmp_path: Path, model: str, mirror: bool
) -> None:
    whole = _train(model=model, epochs=4, validate_every=2, mirror=mirror)
    seen = []

    def stop(step: Step) -> None:
        seen.append(step)
        if step.doing.startswith("training") and step.done == 6:  # within the third epoch
            raise Cancelled("enough")

    config = quick_training(model=model, epochs=4, validate_every=2, mirror=mirror)
    path = tmp_path / "checkpoint.safetensors"
    with pytest.raises(Cancelled, match="enough"):
        train_segmenter(
            tiny_generator(), CLASSES, TRAIN, VALIDATION, config, checkpoint=path, on_step=stop
        )
    resumed = _train(path, model=model, epochs=4, validate_every=2, mirror=mirror)
    assert [e.loss for e in resumed.history] == [e.loss for e in whole.history]
    assert resumed.best_epoch == whole.best_epoch
    for name, tensor in whole.head.state_dict().items():
        assert torch.equal(tensor, resumed.head.state_dict()[name]), name


def test_few_faces_come_several_times_in_an_epoch() -> None:
    steps = []

    def watch(step: Step) -> None:
        if step.doing.startswith("training"):
            steps.append(step)

    config = quick_training(epochs=2, batch_size=3, least_steps=5)
    for count in (1, 4):
        steps.clear()
        faces = TRAIN.take(range(count))
        trained = train_segmenter(
            tiny_generator(), CLASSES, faces, None, config, device="cpu", on_step=watch
        )
        assert [step.done for step in steps] == list(range(1, 11))
        assert all(epoch.loss > 0 for epoch in trained.history)


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    _train(path, epochs=1)
    before = path.read_bytes()
    with pytest.raises(InvalidRequestError, match="other epochs, seed"):
        _train(path, epochs=2, seed=1)
    with pytest.raises(InvalidRequestError, match="other data"):
        train_segmenter(
            tiny_generator(), CLASSES, VALIDATION, TRAIN, quick_training(epochs=1), checkpoint=path
        )
    assert path.read_bytes() == before


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    _train(path, epochs=1)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="truncated or not a safetensors file"):
        _train(path, epochs=1)


def test_equal_seeds_train_equal_heads_and_leave_the_callers_numbers_alone() -> None:
    state = torch.random.get_rng_state()
    first, second = _train(epochs=1), _train(epochs=1)
    assert torch.equal(torch.random.get_rng_state(), state)
    for name, tensor in first.head.state_dict().items():
        assert torch.equal(tensor, second.head.state_dict()[name]), name


def test_every_epoch_is_reported_with_a_head_that_predicts() -> None:
    seen: list[tuple[int, bool]] = []
    trained = train_segmenter(
        tiny_generator(),
        CLASSES,
        TRAIN,
        VALIDATION,
        quick_training(validate_every=2),
        on_epoch=lambda epoch, head: seen.append((epoch.number, head.training)),
    )
    assert seen == [(1, False), (2, False), (3, False)]
    assert [e.mean_f1 is None for e in trained.history] == [True, False, False]


def test_without_validation_the_last_epoch_is_taken() -> None:
    trained = train_segmenter(tiny_generator(), CLASSES, TRAIN, None, quick_training())
    assert trained.best_epoch == 3 and trained.scores is None


def test_a_class_without_a_pixel_is_named_and_training_goes_on() -> None:
    labels = np.where(TRAIN.labels == 9, 255, TRAIN.labels).astype(np.uint8)
    labels[3] = 255
    faces = LabelledFaces(TRAIN.ws, labels, TRAIN.names)
    trained = train_segmenter(
        tiny_generator(), CLASSES, faces, None, quick_training(loss="class-balanced", epochs=1)
    )
    assert trained.warnings == (
        "No training face shows hat: the segmenter will not find it.",
        "1 of 4 training faces have no labelled pixel.",
    )
    assert np.isfinite(trained.history[0].loss)


def _with(faces: LabelledFaces, **changes: np.ndarray) -> LabelledFaces:
    return LabelledFaces(
        changes.get("ws", faces.ws), changes.get("labels", faces.labels), faces.names
    )


@pytest.mark.parametrize(
    ("faces", "message"),
    [
        (no_faces(), "no labelled faces to learn from"),
        (_with(TRAIN, labels=np.full_like(TRAIN.labels, 255)), "No pixel of the training faces"),
        (_with(TRAIN, labels=np.full_like(TRAIN.labels, 5)), r"Face face 0: .*values \[5\]"),
        (_with(TRAIN, labels=TRAIN.labels[:, :30, :30]), "Masks of 30 px cannot be brought to 32"),
        (_with(TRAIN, ws=TRAIN.ws[:, :3]), r"ws of \[3, 16\], generator 'tiny' needs \[4, 16\]"),
    ],
)
def test_faces_that_do_not_fit_are_refused(faces: LabelledFaces, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        train_segmenter(tiny_generator(), CLASSES, faces, None, quick_training())


@pytest.mark.parametrize(
    "fault", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_out_of_memory_suggests_a_smaller_batch(
    monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(training_module.Batches, "loss", fail)
    with pytest.raises(NotEnoughMemoryError, match="Set batch_size below 2"):
        _train()
    with pytest.raises(NotEnoughMemoryError, match="Set a smaller size"):
        _train(batch_size=1)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("modle: weave", "unknown modle. Known: dataset, generator, model"),
        ("model: u-net", "model must be one of weave, config-1.*is 'u-net'"),
        ("loss: dice", "loss must be one of cross-entropy.*is 'dice'"),
        ("optimiser: lion", "optimiser must be one of adamw, adam, sgd, is 'lion'"),
        ("epochs: 0", r"epochs must be in 1\.\..*, is 0"),
        ("batch_size: big", "batch_size: Input should be a valid integer, is 'big'"),
        ("beta: 1.0", "beta must be in"),
        ("splits: {train: 0}", "train at least 1"),
        ("splits: {train: 3, testing: 1}", "splits must give train, validation, test"),
        ("splits: {train: 3, test: -1}", "splits must be 0 or more"),
    ],
)
def test_a_wrong_configuration_is_refused_by_its_key(
    tmp_path: Path, line: str, message: str
) -> None:
    (tmp_path / "s.yaml").write_text(line + "\n")
    with pytest.raises(InvalidRequestError, match=message):
        read_config(tmp_path / "s.yaml", SegmenterTraining)


def test_keys_left_out_take_the_recipe_of_the_model() -> None:
    own = SegmenterTraining(model="config-2b", epochs=7).resolved()
    assert (own.epochs, own.optimiser, own.schedule) == (7, "adam", "constant")
    assert SegmenterTraining(classes=[0, 3]).resolved().optimiser == "adamw"


def test_mirroring_twice_shows_the_face_as_it_was() -> None:
    labels = CLASSES.to_indices(TRAIN.labels)
    lesson = Lesson(lambda place: {}, labels, CLASSES.mirrored())
    once = lesson.seen(0, True)
    again = Lesson(lambda place: {}, once[None], CLASSES.mirrored()).seen(0, True)
    assert not np.array_equal(once, labels[0]) and np.array_equal(again, labels[0])


def test_windows_prefer_rare_classes() -> None:
    labels = np.zeros((1, 32, 32), np.uint8)
    labels[0, 28:30, 28:30] = 3
    faces = LabelledFaces(TRAIN.ws[:1], CLASSES.to_ids(labels), ("a",))
    shares = {}
    for rare in (0.0, 1.0):
        config = quick_training(rare=rare, windows=200, window=8).resolved()
        work = training_module._Work(
            tiny_generator(), CLASSES, faces, None, config, None, "cpu", lambda step: None
        )
        corners = work.batches._corners(0, False, 8, 1, np.random.RandomState(0))
        shares[rare] = np.mean([y <= 28 < y + 8 and x <= 28 < x + 8 for y, x in corners])
    assert shares[1.0] > 0.35 > 0.2 > shares[0.0]


def test_a_stored_segmenter_predicts_the_same(tmp_path: Path) -> None:
    segmenter = _segmenter()
    save_segmenter(tmp_path / "s.safetensors", segmenter)
    loaded = load_segmenter(tmp_path / "s.safetensors", tiny_generator().identity)
    maps = FeatureCache(tiny_generator()).get(FACES.ws[0])
    features = {r: m[None] for r, m in maps.items()}
    assert np.array_equal(loaded.predict(features), segmenter.predict(features))
    assert (loaded.model, loaded.classes, loaded.facts) == ("weave", CLASSES, {"seed": 0})
    assert set(np.unique(loaded.predict(features))) <= set(CLASSES.ids)


def test_image_and_mask_come_from_one_pass() -> None:
    segmenter, generator = _segmenter(), tiny_generator()
    runtime = segmenter.open(generator, with_uncertainty=True, precision="f32")
    (made,) = stream(runtime, FACES.ws[:1])
    maps = FeatureCache(generator).get(FACES.ws[0])
    expected = segmenter.predict({r: m[None] for r, m in maps.items()})[0]
    assert made.image.shape == (32, 32, 3) and made.labels.dtype == np.uint8
    assert np.mean(made.labels != expected) < 0.01
    assert made.uncertainty is not None and made.uncertainty.max() > made.uncertainty.min()


def test_masks_without_a_segmenter_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="'tiny' has no segmenter here"):
        RenderPass(tiny_generator(), Outputs(labels=True))


def test_a_segmenter_of_other_weights_is_refused(tmp_path: Path) -> None:
    segmenter, other = _segmenter(), tiny_generator(seed=1)
    with pytest.raises(WeightsError, match=r"trained on generator 'tiny'.*not on 'tiny'"):
        segmenter.open(other)
    save_segmenter(tmp_path / "s.safetensors", segmenter)
    with pytest.raises(WeightsError, match=r"weights 000000000000\), not on 'else'"):
        load_segmenter(tmp_path / "s.safetensors", Identity("else", "ab" * 32))


def _header(change: Callable[[dict], object]) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        with safe_open(path, framework="pt") as file:
            header = json.loads(file.metadata()["faceloom"])
        change(header)
        save_file(load_file(path), path, metadata={"faceloom": json.dumps(header)})

    return spoil


def _drop(path: Path) -> None:
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    tensors.pop("classify.bias")
    save_file(tensors, path, metadata=metadata)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "truncated"),
        (lambda path: path.write_bytes(b"\x80\x04pickle"), "truncated"),
        (_drop, "missing classify.bias"),
        (_header(lambda h: h.update(kind="readouts")), "holds no segmenter"),
        (_header(lambda h: h["config"].update(model="u-net")), "no head 'u-net'"),
        (_header(lambda h: h["config"].update(size=10**9)), "sizes that are no sizes"),
        (_header(lambda h: h["config"].update(channels={"8": 10**9})), "more channels"),
        (_header(lambda h: h["config"].update(channels={"8": 16})), "does not fit"),
        (_header(lambda h: h["config"].pop("classes")), "does not know"),
        (_header(lambda h: h["config"].update(classes=3)), "does not know"),
    ],
)
def test_a_spoilt_file_is_refused(
    tmp_path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    path = tmp_path / "s.safetensors"
    save_segmenter(path, _segmenter())
    spoil(path)
    with pytest.raises(WeightsError, match=message):
        load_segmenter(path)


def test_features_are_made_once_and_a_broken_file_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    generator = tiny_generator()
    first = FeatureCache(generator, folder=tmp_path).get(FACES.ws[0])
    (stored,) = tmp_path.glob("*.safetensors")
    again = FeatureCache(generator, folder=tmp_path).get(FACES.ws[0])
    assert not caplog.records and all(torch.equal(first[r], again[r]) for r in first)
    stored.write_bytes(stored.read_bytes()[:50])
    mended = FeatureCache(generator, folder=tmp_path).get(FACES.ws[0])
    assert "are damaged" in caplog.text and torch.equal(mended[32], first[32])
    assert len(stored.read_bytes()) > 50


def test_budgets_drop_what_was_used_longest_ago(tmp_path: Path) -> None:
    cache = FeatureCache(tiny_generator(), [32], folder=tmp_path, memory_budget=70_000)
    first = cache.get(FACES.ws[0])  # 32 KiB each
    cache.get(FACES.ws[1])
    assert cache.get(FACES.ws[0]) is first
    cache.get(FACES.ws[2])
    assert cache.get(FACES.ws[0]) is first and len(cache._kept) == 2
    cache.disk_budget = 70_000
    cache.get(FACES.ws[3])
    assert len(list(tmp_path.iterdir())) == 2


def test_a_full_disk_only_costs_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OutputError("The disk is full")

    monkeypatch.setattr("core.segmentation.features.whole_file", full)
    cache = FeatureCache(tiny_generator(), folder=tmp_path)
    assert cache.get(FACES.ws[0])[4].shape == (16, 4, 4)
    assert "not kept on disk: The disk is full" in caplog.text


def test_features_tell_faces_noise_and_generators_apart() -> None:
    cache, other = FeatureCache(tiny_generator()), FeatureCache(tiny_generator(seed=1))
    off, fixed = cache.get(FACES.ws[0]), cache.get(FACES.ws[0], str(Noise("fixed", 1)))
    assert not torch.equal(off[32], fixed[32])
    assert not torch.equal(off[32], other.get(FACES.ws[0])[32])
    with pytest.raises(InvalidRequestError, match="random noise differ each time"):
        cache.get(FACES.ws[0], "random")


def test_a_report_shows_the_worst_face_first(tmp_path: Path) -> None:
    truth = CLASSES.to_indices(FACES.labels[:2])
    predicted = truth.copy()
    predicted[1, :16] = 0
    images = np.zeros((2, 32, 32, 3), np.uint8)
    scores = write_report(tmp_path, ["<good>", "bad"], images, truth, predicted, CLASSES)
    content = json.loads((tmp_path / "report.json").read_text())
    assert [face["name"] for face in content["faces"]] == ["bad", "<good>"]
    assert content["mean_f1"] == round(100 * scores.mean_f1(), 2) < 100
    page = (tmp_path / "index.html").read_text()
    assert "&lt;good&gt;" in page and "http" not in page
    assert all((tmp_path / face["picture"]).is_file() for face in content["faces"])


def test_a_report_without_faces_is_refused(tmp_path: Path) -> None:
    empty = np.zeros((0, 4, 4), np.uint8)
    with pytest.raises(InvalidRequestError, match="at least one; got 0"):
        write_report(tmp_path, [], np.zeros((0, 4, 4, 3), np.uint8), empty, empty, CLASSES)
    assert list(tmp_path.iterdir()) == []


def test_cleaning_fills_specks_and_holes_and_sorts_sides() -> None:
    labels = np.zeros((12, 24), np.uint8)
    labels[2:10, 2:8], labels[2:10, 14:22] = 1, 2
    labels[4:6, 4:6] = 3  # a hole of 4 px
    labels[11, 11] = 3  # a speck
    cleaned = clean(labels, CLASSES, Cleaning(specks=2, holes=5))
    expected = np.zeros_like(labels)
    expected[2:10, 2:8], expected[2:10, 14:22] = 1, 2
    assert np.array_equal(cleaned, expected)
    expected[11, 21:23] = 1  # on the other side
    sorted_out = clean(expected, CLASSES, Cleaning(sides=True))
    assert sorted_out[11, 21:23].tolist() == [2, 2] and (sorted_out == 1).sum() == 48
    assert labels[11, 11] == 3 and not Cleaning()


def test_segmenters_are_opened_by_name_path_or_default(tmp_path: Path) -> None:
    segmenter = _segmenter()
    save_segmenter(tmp_path / "own.safetensors", segmenter)
    sha256 = tiny_generator().identity.sha256
    entries = (
        f"tiny: {{kind: generator, file: t.safetensors, sha256: '{sha256}', made_by: me, "
        "licence: mine, source: {file: t}}\n"
    )
    (tmp_path / "local.yaml").write_text(entries)
    store = WeightStore(tmp_path)
    assert segmenter_names(store, "tiny") == []
    with pytest.raises(InvalidRequestError, match="no segmenter for generator 'tiny'"):
        open_segmenter(store, "tiny")
    opened = open_segmenter(store, "tiny", str(tmp_path / "own.safetensors"))
    assert opened.classes == CLASSES
    with pytest.raises(InvalidRequestError, match="'tiny' is a generator, not a segmenter"):
        open_segmenter(store, "tiny", "tiny")
    wrong = (
        "mine: {kind: segmenter, file: own.safetensors, sha256: '00', made_by: me, "
        "licence: mine, generator: tiny, source: {file: t}}\n"
    )
    (tmp_path / "local.yaml").write_text(entries + wrong)
    with pytest.raises(WeightsError, match=r"own\.safetensors has changed since"):
        open_segmenter(store, "tiny")

"""Photos brought into FFHQ's frame, from the network that sees faces to the command."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from core.errors import WeightsError
from core.generators import Generator, Noise, Outputs, RenderPass, open_runtime
from core.images import read_png_facts
from core.inversion.alignment import align
from core.inversion.faces import NoFaceError, PhotoFace, PhotoFaces, open_photo_faces
from core.inversion.frame import Frame
from core.inversion.mesh import FaceMesh
from core.inversion.resampling import put_back
from core.sampling import latents_from_seeds
from core.weights import WeightStore
from tests.launching import run_here

SEEDS = range(300, 320)
WHOLE = Frame(512, 512, 1024, 0)  # of a generated face: by construction FFHQ's
CANVAS = (1400, 1900)  # px, height and width


@pytest.fixture(scope="module")
def photo_faces() -> PhotoFaces:
    """With the registered mesh, fetched where it is missing. In CI that must succeed."""
    try:
        return open_photo_faces(WeightStore())
    except WeightsError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def generated(generator: Generator) -> list[np.ndarray]:
    """Faces uint8 [1024, 1024, 3]."""
    latents = latents_from_seeds(generator, tuple(SEEDS), psi=0.8, noise=Noise())
    runtime = open_runtime(RenderPass(generator, Outputs(image_size=1024)), device="cpu")
    return [made["image"] for made in runtime.stream(latents.ws, Noise())]


@pytest.fixture
def astronaut() -> np.ndarray:
    """A photo in the public domain (NASA), 512 px a side, with one face."""
    return skimage.data.astronaut()


def pasted(face: np.ndarray, at: Frame) -> np.ndarray:
    """A grey photo that shows a generated face there."""
    return put_back(np.full((*CANVAS, 3), 120, np.uint8), face, at)


def error_of(face: PhotoFace, truth: Frame) -> float:
    """Mean distance of the eyes and mouth from where they belong, px of 1024."""
    marks = face.mesh.marks
    apart = face.frame.to_picture(marks, 1024) - truth.to_picture(marks, 1024)
    return float(np.hypot(*apart.T).mean())


def test_generated_faces_come_back_into_their_own_frame(photo_faces, generated):
    draw = np.random.default_rng(0)
    errors = []
    for place, made in enumerate(generated):
        lean = draw.uniform(-180, 180) if place % 10 == 0 else draw.uniform(-25, 25)
        truth = Frame(draw.uniform(600, 1300), 700, draw.uniform(350, 850), lean)
        (face,) = photo_faces.find(pasted(made, truth))
        errors.append(error_of(face, truth))
    # Dark glasses and turned heads, which FFHQ has too, are the worst: 20 px and more.
    assert np.mean(errors) < 9 and np.median(errors) < 8 and np.max(errors) < 35, errors


def test_a_generated_face_is_hardly_moved_and_looks_the_same(photo_faces, generated):
    errors, differences = [], []
    for made in generated[:8]:
        (face,) = photo_faces.find(made)
        errors.append(error_of(face, WHOLE))
        aligned = align(made, face.frame, 1024).picture
        middle = slice(200, 824)
        differences.append(
            np.abs(aligned[middle, middle].astype(int) - made[middle, middle]).mean()
        )
    assert np.mean(errors) < 9
    assert np.mean(differences) < 15, differences  # grey levels; 10.6 when written


def test_a_real_face_stands_as_in_ffhq(photo_faces, astronaut):
    (face,) = photo_faces.find(astronaut)
    eyes, mouth = (
        face.frame.to_picture(points, 1024) for points in (face.mesh.eyes, face.mesh.mouth)
    )
    assert face.certainty > 0.99 and face.box == pytest.approx((178, 67, 272, 174), abs=8)
    assert np.abs(eyes[:, 1] - 487).max() < 10 and np.abs(eyes[:, 0] - [385, 639]).max() < 12
    assert abs(mouth[:, 1].mean() - 720) < 25 and abs(mouth[:, 0].mean() - 512) < 12


def test_small_dark_grey_turned_and_cut_off_faces_are_found_too(photo_faces, astronaut):
    (whole,) = photo_faces.find(astronaut)
    ways = {
        "small": np.asarray(Image.fromarray(astronaut).resize((128, 128))),
        "dark": (astronaut * 0.3).astype(np.uint8),
        "grey": astronaut.mean(2, keepdims=True).repeat(3, 2).astype(np.uint8),
        "upside down": np.ascontiguousarray(astronaut[::-1, ::-1]),
        "cut off": np.ascontiguousarray(astronaut[60:230, 170:300]),
    }
    sides = {way: photo_faces.find(photo)[0].frame.side for way, photo in ways.items()}
    sides["small"] *= 4
    assert sides == pytest.approx(dict.fromkeys(ways, whole.frame.side), rel=0.06)
    cut_off = align(ways["cut off"], photo_faces.find(ways["cut off"])[0].frame, 512)
    assert 0.3 < cut_off.padding < 0.5


def test_several_faces_come_largest_first(photo_faces, astronaut):
    photo = np.full((512, 1000, 3), 90, np.uint8)
    photo[100:356, 20:276] = np.asarray(Image.fromarray(astronaut).resize((256, 256)))
    photo[:, 400:912] = astronaut
    large, small = photo_faces.find(photo)
    assert large.frame.side == pytest.approx(2 * small.frame.side, rel=0.05)
    assert large.box[0] > 500 > small.box[2]


def test_without_a_face_it_says_so(photo_faces):
    with pytest.raises(NoFaceError, match=r"No face was found in a cat.*from the front"):
        photo_faces.find(skimage.data.chelsea(), "a cat")


def test_a_file_that_is_no_mesh_is_refused(tmp_path):
    (tmp_path / "mesh.tflite").write_bytes(b"no network")
    with pytest.raises(WeightsError, match=r"not MediaPipe's face mesh.*weights get mesh"):
        FaceMesh(tmp_path / "mesh.tflite")


@pytest.fixture
def photos(tmp_path: Path, astronaut: np.ndarray) -> Path:
    """A folder: one.jpg and two.png with one and two faces, cat.png, broken.jpg."""
    Image.fromarray(astronaut).save(tmp_path / "one.jpg", quality=95)
    smaller = np.full_like(astronaut, 90)
    smaller[:300, :300] = np.asarray(Image.fromarray(astronaut).resize((300, 300)))
    both = np.hstack([astronaut, smaller])
    Image.fromarray(both).save(tmp_path / "two.png")
    Image.fromarray(skimage.data.chelsea()).save(tmp_path / "cat.png")
    (tmp_path / "broken.jpg").write_bytes((tmp_path / "one.jpg").read_bytes()[:9000])
    return tmp_path


@pytest.mark.usefixtures("photo_faces")
class TestCommand:
    def test_it_writes_pictures_and_tells_the_maps(self, photos):
        out = photos / "out"
        asked = ("align", photos / "one.jpg", photos / "two.png", "--out", out, "--size", 256)
        figures = run_here(*asked, "--json").figures
        one, two = figures["aligned"]
        assert figures["count"] == 2 and len(one["faces"]) == 1 and len(two["faces"]) == 2
        frame = Frame(**one["frame"])
        assert np.allclose(one["to_photo"], frame.matrix(256))
        assert np.allclose(one["to_picture"], frame.inverse_matrix(256))
        with Image.open(out / "one.png") as picture:
            assert picture.size == (256, 256)
        facts = read_png_facts(out / "one.png")
        assert {name: float(value) for name, value in facts.items()} == one["frame"]
        told = run_here(*asked).out
        assert "choose another of the 2 with --face" in told and "one.png: face 1 of 1" in told

    def test_a_person_picks_the_face_and_corrects_it_by_hand(self, photos):
        asked = ("align", photos / "two.png", "--out", photos / "out", "--json")
        first = Frame(**run_here(*asked).figures["aligned"][0]["frame"])
        other = Frame(**run_here(*asked, "--face", 2).figures["aligned"][0]["frame"])
        assert other.side < 0.7 * first.side
        by_hand = ("--shift", 0.1, 0, "--turn", -10, "--zoom", 2)
        changed = Frame(**run_here(*asked, *by_hand).figures["aligned"][0]["frame"])
        assert changed.side == pytest.approx(first.side / 2)
        assert changed.angle == pytest.approx(first.angle + 10)
        missing = run_here(*asked, "--face", 3)
        assert missing.code == 2 and "shows 2 face(s)" in missing.complaint

    def test_what_cannot_be_aligned_is_named_and_the_rest_is_made(self, photos):
        names = ("cat.png", "one.jpg", "broken.jpg")
        ended = run_here("align", *(photos / name for name in names), "--out", photos / "out")
        assert ended.code == 1 and "2 of 3 photos could not be aligned" in ended.complaint
        assert "No face was found in cat.png" in ended.complaint
        assert "broken.jpg is damaged" in ended.complaint
        assert [path.name for path in (photos / "out").iterdir()] == ["one.png"]
        alone = run_here("align", photos / "cat.png", "--out", photos / "out")
        assert alone.code == 1 and alone.complaint.startswith("Error: No face was found in cat")

    def test_photos_are_never_overwritten(self, photos):
        before = (photos / "two.png").read_bytes()
        ended = run_here("align", photos / "two.png", "--out", photos)
        assert ended.code == 2 and "would be overwritten" in ended.complaint
        assert (photos / "two.png").read_bytes() == before
        (photos / "more").mkdir()
        Image.open(photos / "one.jpg").save(photos / "more" / "one.png")
        both = (photos / "one.jpg", photos / "more" / "one.png")
        run_here("align", *both, "--out", photos / "out", "--size", 256)
        made = sorted(path.name for path in (photos / "out").iterdir())
        assert made == ["one-2.png", "one.png"]

    @pytest.mark.parametrize(
        "options", [("--size", 128), ("--face", 0), ("--zoom", 9), ("--shift", 2, 0)]
    )
    def test_wrong_use_is_told_before_anything_is_done(self, photos, options):
        ended = run_here("align", photos / "one.jpg", "--out", photos / "out", *options)
        assert ended.code == 2 and "is not in the range" in ended.complaint
        assert not (photos / "out").exists()

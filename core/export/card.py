"""The dataset card: README.md with the header that Hugging Face reads, written from the facts.

Sections follow the hub's template for data sets (huggingface_hub, datasetcard_template.md).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from core.export.contact import SHEET
from core.export.formats.format import Format
from core.export.histograms import FOLDER as HISTOGRAMS
from core.export.marks import DIGITAL_SOURCE_TYPE
from core.export.sample import DatasetFacts
from core.export.statistics import AGE_GROUPS, GENDERS
from core.files import write_whole
from core.images import SOFTWARE

FILE = "README.md"
RARE = 0.05  # share of faces below which the card warns of a group
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_AGES_OF_LIFE = (
    ("Children, under 15 years", 0, 15),
    ("Young adults, 15 to 29", 15, 30),
    ("Adults, 30 to 59", 30, 60),
    ("Old people, from 60 on", 60, 200),
)


def write_card(
    folder: Path, facts: DatasetFacts, formats: Sequence[Format], statistics: Mapping[str, Any]
) -> Path:
    """Write README.md. statistics: as `statistics_of` gives them."""
    whole = statistics["all"]
    drawn = sorted((folder / HISTOGRAMS).glob("*.png"))
    parts = [
        f"---\n{yaml.safe_dump(_header(facts, formats), sort_keys=False, width=100)}---",
        f"# {facts.name}",
        about(facts),
        f"![Some of the faces, each with its mask]({SHEET})",
        _making(facts),
        _contents(facts, formats),
        _classes(facts, whole),
        _statistics(facts, statistics),
        *(f"![{path.stem}]({HISTOGRAMS}/{path.name})" for path in drawn),
        _uses(facts),
        _biases(whole),
        _privacy(facts),
        _licences(facts),
    ]
    write_whole(folder / FILE, ("\n\n".join(parts) + "\n").encode())
    return folder / FILE


def about(facts: DatasetFacts) -> str:
    """What the dataset is, in two sentences."""
    return (
        f"{facts.count:,} synthetic faces of {facts.size} x {facts.size} px, each with a class for "
        f"every pixel ({len(facts.classes)} classes), made by a neural network with {SOFTWARE}. "
        f"{_shown(facts)}"
    )


def _shown(facts: DatasetFacts) -> str:
    """Whom. The recipe says where people were not drawn."""
    if facts.recipe.get("base"):
        return "They were made from latents of one face, which may be a real person's."
    if facts.recipe.get("project"):
        return (
            "No generated picture shows a real person; painted ones without a seed may have been "
            "made from a photo of one."
        )
    return "No picture shows a real person."


def licence_url(facts: DatasetFacts) -> str:
    """Where the terms stand: of a licence with an identifier, its page; else the card."""
    return "README.md" if facts.licence == "other" else f"https://spdx.org/licenses/{facts.licence}"


def _header(facts: DatasetFacts, formats: Sequence[Format]) -> dict[str, Any]:
    loadable = [known for known in formats if known.hub_files()]
    configs = [  # of one format only: the hub reads one kind of files in a repository
        {
            "config_name": "default",
            "data_files": [
                {"split": split, "path": f"{known.folder.name}/{pattern}"}
                for split, pattern in known.hub_files().items()
            ],
        }
        for known in loadable[:1]
    ]
    size = next((told for most, told in _SIZES if facts.count < most), "n>1M")
    licence = {"license": facts.licence.lower()}
    if facts.licence == "other":
        licence |= {"license_name": "see-card", "license_link": "README.md"}
    return {
        "pretty_name": facts.name,
        **licence,
        "task_categories": ["image-segmentation"],
        "tags": ["synthetic", "faces", "face-parsing", "gan"],
        "size_categories": [size],
        "annotations_creators": _creators(facts),
        "source_datasets": ["original"],
        **({"configs": configs} if configs else {}),
    }


def _creators(facts: DatasetFacts) -> list[str]:
    """As dataset hosts call those who labelled."""
    found = ["machine-generated"] if len(facts.painted) < facts.count else []
    return [*found, "expert-generated"] if facts.painted else found


def _making(facts: DatasetFacts) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in facts.versions.items())
    recipe = yaml.safe_dump(_plain(facts.recipe), sort_keys=False, allow_unicode=True, width=100)
    return (
        f"## How it was made\n\n{_masks(facts)}"
        f"The recipe below, with these weights and versions{_and_masks(facts)}, makes the same "
        "faces again; "
        "`metadata.jsonl` has the seed of each.\n\n"
        + _table(
            ("part", "weights", "sha256", "terms"),
            [
                (known.role, known.name, f"`{known.sha256[:16]}`", known.licence)
                for known in facts.weights
            ],
        )
        + (f"\n\nVersions: {versions}." if versions else "")
        + f"\n\n```yaml\n{recipe}```"
    )


def _and_masks(facts: DatasetFacts) -> str:
    return " and the masks of that time" if facts.painted else ""


def _masks(facts: DatasetFacts) -> str:
    """Who labelled the faces."""
    painted = len(facts.painted)
    told = "A generator draws faces from random numbers. "
    if painted < facts.count:
        told += (
            "A label branch that reads the generator's own feature maps gives every pixel its "
            "class. No person painted or checked these masks. "
        )
    if not painted:
        return told
    painters = Counter(face.painter for face in facts.painted)
    reviewed = sum(bool(face.reviewer) for face in facts.painted)
    people = ", ".join(f"{_text(name)} ({n:,})" for name, n in sorted(painters.items()))
    which = "All masks" if painted == facts.count else f"The masks of {painted:,} other faces"
    return (
        f"{told}{which} were painted by people in the project "
        f"'{_text(facts.painted[0].project)}': {people}; a review accepted {reviewed:,} of them. "
        "`source` and `painted_by` of each face say which and by whom. "
    )


def _contents(facts: DatasetFacts, formats: Sequence[Format]) -> str:
    rows = [
        (
            f"`{known.folder.name}/`",
            known.title,
            ", ".join(f"{group.holds} `{group.pattern}`" for group in known.groups()),
        )
        for known in formats
        if known.groups()
    ]
    split_rows = [(split, f"{count:,}") for split, count in facts.splits.items()]
    return (
        "## Contents\n\n"
        + _table(("split", "faces"), split_rows)
        + "\n\nAn identity is in one split only.\n\n"
        + _table(("folder", "format", "files"), rows)
        + "\n\n`metadata.jsonl`: a line a face: name, split, seed, what was asked and measured, "
        "quality, pixels of each class, sha256 of the raw pixels of image and mask. "
        "`label_scheme.yaml`: the classes. `statistics.json`: all figures below. "
        "`SHA256SUMS`: of every file."
    )


def _classes(facts: DatasetFacts, whole: Mapping[str, Any]) -> str:
    rows = []
    for label in facts.classes:
        found = whole["classes"][label.name]
        rows.append(
            (
                str(label.id),
                label.name,
                "#{:02x}{:02x}{:02x}".format(*label.rgb),
                f"{100 * found['pixel_share']:.3g} %",
                f"{100 * found['face_share']:.3g} %",
            )
        )
    table = _table(("id", "class", "colour", "pixels", "faces with a pixel of it"), rows)
    agreed = "\n".join(f"- {subject}: {text}" for subject, text in facts.conventions.items())
    return f"## Classes\n\nPixels of value 255 are not labelled.\n\n{table}\n\n{agreed}".rstrip()


def _statistics(facts: DatasetFacts, statistics: Mapping[str, Any]) -> str:
    whole = statistics["all"]
    told = {known.name: known for known in facts.attributes}
    rows = []
    for name, found in whole["attributes"].items():
        miss = whole["asked"].get(name)
        rows.append(
            (
                told[name].title or name,
                told[name].unit,
                str(found["count"]),
                f"{found['mean']:.4g}",
                f"{found['std']:.3g}",
                f"{found['low']:.4g} to {found['high']:.4g}",
                f"{miss['mean_absolute_error']:.3g} ({miss['count']})" if miss else "",
            )
        )
    head = ("measured", "unit", "faces", "mean", "std", "range", "mean miss of what was asked")
    text = f"## Statistics\n\n{whole['faces']:,} faces of {whole['identities']:,} identities."
    return f"{text}\n\n{_table(head, rows)}" if rows else text


def _uses(facts: DatasetFacts) -> str:
    return (
        "## Intended use, and limits\n\n"
        "Meant for training and testing of face parsing, for pre-training and for studies of "
        "augmentation, within the terms of the weights. Not meant for recognising or verifying "
        "people, for judging persons by their looks, for passing synthetic faces off as real "
        "ones, or as the only test of a system that real people depend on.\n\n"
        f"{_errors(facts)}"
        "- Ages, genders and traits are estimates from the pictures, with the estimators' errors "
        "and biases; nobody has an age here, and 'gender' is how a network trained on two values "
        "reads a face.\n"
        "- Pictures have a generator's faults: odd backgrounds, ears, jewellery, teeth.\n"
        "- Faces are as varied as the generator's training pictures, not as humankind."
    )


def _errors(facts: DatasetFacts) -> str:
    told = ""
    if len(facts.painted) < facts.count:
        told += (
            "- Masks are a network's labels: they have its errors, most at hair ends, ornaments, "
            "glasses and the border of ear and hair.\n"
        )
    if facts.painted:
        told += "- Painted masks have their painters' errors; what nobody could tell is 255.\n"
    return told


def _biases(whole: Mapping[str, Any]) -> str:
    ages = [sum(counts) for counts in zip(*whole["ages"].values(), strict=True)]
    by_age = {
        name: sum(
            count
            for group, count in zip(AGE_GROUPS, ages, strict=True)
            if low <= int(group.split("-")[0].rstrip("+")) < high
        )
        for name, low, high in _AGES_OF_LIFE
    }
    genders = {f"Read as {name}": whole["genders"][name] for name in GENDERS}
    tones = {f"Skin measured as {name}": n for name, n in whole["skin_tones"].items()}
    told = [line for counts in (genders, by_age, tones) for line in _shares(counts)]
    rare = [
        f"{name} ({100 * found['face_share']:.2g} %)"
        for name, found in whole["classes"].items()
        if found["face_share"] < RARE
    ]
    if rare:
        told.append(f"Classes in fewer than {100 * RARE:g} % of faces: {', '.join(rare)}.")
    if not told:
        told = ["No ages, genders or traits were measured."]
    lines = "\n".join(f"- {line}" for line in told)
    if any(tones.values()):
        lines += (
            "\n\nSkin is measured in the picture, by the individual typology angle, so the light "
            "of the scene counts too."
        )
    return f"## Measured biases\n\n{lines}"


def _shares(counts: Mapping[str, int]) -> list[str]:
    """A line for each group; none where nothing was counted."""
    total = sum(counts.values())
    return [
        f"{name}: {100 * count / total:.3g} % of faces"
        f"{', too few to learn much from' if count < RARE * total else ''}."
        for name, count in counts.items()
        if total
    ]


def _privacy(facts: DatasetFacts) -> str:
    marked = (
        f"Every picture says that it is synthetic: in its text, its EXIF and, as IPTC's "
        f"DigitalSourceType, in its XMP ({DIGITAL_SOURCE_TYPE}). Leave the mark in copies."
        if facts.is_marked
        else "The pictures do not carry a mark that they are synthetic: it was switched off."
    )
    if facts.recipe.get("base"):
        return (
            "## Privacy and marking\n\n"
            "All pictures are of one person, made from latents that may have been found from a "
            "photograph of that person. Do not publish them without that person's consent. "
            f"{marked}"
        )
    return (
        "## Privacy and marking\n\n"
        "No photograph is part of the dataset. The generator learned from photographs of people, "
        f"and may draw a face that resembles one of them. {marked}"
    )


def _licences(facts: DatasetFacts) -> str:
    terms = "\n".join(
        f"- {known.role} {known.name}: {_text(known.licence)}"
        f"{f' (from {_text(known.source)})' if known.source else ''}"
        for known in facts.weights
    )
    return (
        "## Licence\n\nPictures and masks are made with these weights, whose terms may bind what "
        f"is made with them; read them before you publish or sell:\n\n{terms}"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(_text(cell) for cell in cells)} |"

    return "\n".join([line(head), line(["---"] * len(head)), *(line(row) for row in rows)])


def _text(cell: str) -> str:
    """Without what Markdown takes for a column or a tag; code stays as it is."""
    return cell.replace("|", "/") if "`" in cell else cell.replace("|", "/").replace("<", "&lt;")


def _plain(content: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """Without Python's own types, which YAML would name."""
    return json.loads(json.dumps(content))
